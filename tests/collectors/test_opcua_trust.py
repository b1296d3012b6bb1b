"""Trust in OPC UA servers: nothing is said to one that nobody accepted, and a person can accept it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collectors.opcua.trust import MOST_REJECTED, Shown, TrustList
from configs.loader import load
from plant.errors import ConfigError, Rejected
from provenline import screen
from provenline.main import app
from tests.collectors.opcua_peer import Identity, Server, make_identity, point, source

SCENE = """
type: scene
id: line
name: Line
sources:
  - {{id: press-ua, type: opcua, endpoint: "{endpoint}",
      security: {{policy: basic256sha256, certificate: {certificate}, key: {key}, trust_list: trust}}}}
lines:
  - id: one
    name: One
    devices:
      - id: press
        name: Press
        source: press-ua
        tags: [{{id: speed, kind: analog, address: {{node: "ns=1;s=State"}}}}]
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("client"), "client", uri="urn:test:collector")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = make_identity(tmp_path_factory.mktemp("server"), "server", uri="urn:peer:press")
    peer = Server(tmp_path_factory.mktemp("pki"), certificate=own.certificate, key=own.key)
    peer.start()
    yield peer
    peer.kill()


async def read_one(server: Server, client: Identity, folder: Path) -> object:
    security = {"policy": "basic256sha256", "certificate": client.certificate, "key": client.key}
    settings = security | {"trust_list": str(folder)}
    async with source(server.endpoint, point("State"), security=settings).open() as batches, asyncio.timeout(60):
        return next((await anext(batches)).samples()).value


async def test_an_unknown_server_is_not_talked_to_and_its_fingerprint_and_the_way_on_are_told(
    server: Server, client: Identity, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="is not trusted") as caught:
        await read_one(server, client, tmp_path)
    (waiting,) = TrustList(tmp_path).rejected()
    name = source(server.endpoint).name
    assert f"provenline opcua trust {name} {waiting.fingerprint}" in str(caught.value)


async def test_an_accepted_server_is_read_and_one_no_longer_accepted_is_not(
    server: Server, client: Identity, tmp_path: Path
) -> None:
    known = TrustList(tmp_path)
    with pytest.raises(ConfigError):
        await read_one(server, client, tmp_path)
    known.trust(known.rejected()[0])
    assert await read_one(server, client, tmp_path) == 6
    known.reject(known.trusted()[0])
    with pytest.raises(ConfigError, match="is not trusted"):
        await read_one(server, client, tmp_path)


async def test_a_trusted_file_with_other_content_trusts_nobody(
    server: Server, client: Identity, tmp_path: Path
) -> None:
    known = TrustList(tmp_path)
    with pytest.raises(ConfigError):
        await read_one(server, client, tmp_path)
    file = known.trust(known.rejected()[0])
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ConfigError, match="is not trusted"):
        await read_one(server, client, tmp_path)


def test_a_server_that_always_shows_another_certificate_fills_no_disk(tmp_path: Path, client: Identity) -> None:
    from cryptography import x509

    shown = Shown(x509.load_pem_x509_certificate(Path(client.certificate).read_bytes()))
    waiting = tmp_path / "rejected"
    waiting.mkdir()
    for number in range(MOST_REJECTED + 20):
        (waiting / f"{number:064}.der").write_bytes(b"")
    TrustList(tmp_path).reject(shown)
    assert len(list(waiting.iterdir())) == MOST_REJECTED


def test_what_is_no_certificate_is_said() -> None:
    with pytest.raises(Rejected, match="no certificate"):
        Shown.of(b"nothing")


def test_a_policy_needs_a_pinned_server_or_a_trust_list_and_not_both(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("type: site\nid: cq\nname: x\n")
    (tmp_path / "key").write_text("")
    scene = SCENE.format(endpoint="opc.tcp://h:1", certificate="key", key="key")
    for change in ("", "trust_list: trust, server_certificate: key"):
        (tmp_path / "scene.yaml").write_text(scene.replace("trust_list: trust", change))
        with pytest.raises(ConfigError, match="server_certificate"):
            load(tmp_path)


def run(*arguments: str, exit_code: int = 0) -> str:
    found = CliRunner().invoke(app, ["opcua", *arguments])
    assert found.exit_code == exit_code, found.output
    return re.sub(r"\s+", " ", found.output)


def test_the_commands_show_trust_and_reject_a_server(server: Server, client: Identity, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("type: site\nid: cq\nname: x\n")
    scene = SCENE.format(endpoint=server.endpoint, certificate=client.certificate, key=client.key)
    (tmp_path / "scene.yaml").write_text(scene)
    config = ("--config", str(tmp_path))
    fingerprint = re.findall(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", run("trust", "press-ua", *config))[0]
    run("trust", "press-ua", "00" * 32, *config, exit_code=1)
    assert TrustList(tmp_path / "trust").trusted() == []
    run("trust", "press-ua", fingerprint, *config)
    assert f"✓ trusted {fingerprint}" in run("list", *config)
    run("reject", "line/press-ua", fingerprint, *config)
    assert f"✗ rejected {fingerprint}" in run("list", *config)
    run("reject", "line/press-ua", fingerprint, *config, exit_code=1)
    run("trust", "nobody", *config, exit_code=1)


def test_a_fingerprint_is_written_as_it_is_although_parts_of_it_name_pictures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen.out.print("0A:AB:CD:B:A", soft_wrap=True)
    assert capsys.readouterr().out == "0A:AB:CD:B:A\n"
