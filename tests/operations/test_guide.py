"""The guide for whoever runs a centre: every command in it is run, in order, and does what it is there for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collectors.opcua_peer import Server, make_identity
from tests.operations.machine import Machine
from tests.peers.processes import free_port

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "docs" / name for name in ("operations.md", "operations.zh-CN.md")]
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INSTALL = "# install\n"


def blocks(guide: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(guide.read_text(encoding="utf-8"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """An OPC UA server of another make with a certificate of its own."""
    own = make_identity(tmp_path, "server", uri="urn:peer:press")
    peer = Server(tmp_path / "pki", certificate=own.certificate, key=own.key)
    peer.start()
    yield peer
    peer.kill()


@pytest.fixture
def machine(tmp_path: Path, server: Server) -> Iterator[Machine]:
    ports = {"8443": str(free_port()), ":4840": f":{server.port}", "port: 5020": f"port: {free_port()}"}
    made = Machine(tmp_path / "machine", ROOT, {**ports, "0.0.0.0": "127.0.0.1"})
    try:
        yield made
    finally:
        made.shut_down()


@pytest.mark.needs("openssl", "curl")
@pytest.mark.timeout(600)
def test_a_fresh_administrator_comes_from_install_to_upgrade(machine: Machine) -> None:
    said: dict[str, str] = {}
    for language, body in blocks(GUIDES[0]):
        if language == "yaml":
            file, _, text = body.partition("\n")
            machine.write(file.removeprefix("# "), text)
            continue
        if body.startswith(INSTALL):
            continue  # see the test below
        for line in filter(None, body.splitlines()):
            said[line] = machine.run(line)
            if "user token add" in line:
                machine.exchange("TOKEN", re.search(r"^pl_\S+$", said[line], re.MULTILINE)[0])
            if line.endswith("trust press-ua --config /etc/provenline"):
                machine.exchange("FINGERPRINT", re.search(r"(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}", said[line])[0])

    def told(part: str) -> str:
        return next(text for line, text in said.items() if part in line)

    assert "/welcome#" in told("journalctl")
    assert "li" in told("user list")
    assert "trusted" in told("opcua list")
    assert "+ yard/weather" in told("provenline reload")
    assert "= hall/press-ua" in told("provenline reload")
    assert "unbroken" in told("restore /var/lib")
    assert 'provenline_source_connected{scene="hall",source="press-ua"}' in told("/metrics")
    archives = sorted((machine.folder / "var/lib/provenline-backup").glob("*.tar"))
    assert [a.name for a in archives if not a.name.startswith("centre-")] == ["before-upgrade.tar", "first.tar"]
    assert len(archives) == 3


def test_the_install_is_what_the_gate_itself_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = [body for language, body in blocks(GUIDES[0]) if language == "sh" and body.startswith(INSTALL)]
    assert len(installs) == 2
    for body in installs:
        for line in body.splitlines():
            _, pip, arguments = line.partition("-m pip install ")
            if pip:
                assert f"install --quiet {arguments.removesuffix('.')}".strip() in makefile


def test_both_languages_tell_the_same_commands_and_settings() -> None:
    english, chinese = map(blocks, GUIDES)
    assert english == chinese
