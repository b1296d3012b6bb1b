"""A guarded OPC UA server, judged by a client of others and by our collector: nothing is said in clear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaStatusCodeError

from collectors.opcua.trust import shown_by
from configs.base import Secret
from configs.configuration import Configuration
from configs.guard import GuardConfig
from configs.sources import OpcuaMode
from plant.errors import ConfigError, Disconnected
from simulators.faces.endpoint import Endpoint, PortPolicy
from simulators.faces.layout import OpcuaLayout, Variable
from simulators.faces.opcua import serve_opcua
from simulators.faces.opcua_guard import Guard, read_guard
from simulators.kernel.floor import Floor
from simulators.virtual import build
from tests.collectors.opcua_peer import Identity, make_identity, point, source
from tests.peers.processes import HERE as PEERS
from tests.peers.processes import node

USER, PASSWORD = "maintenance", "only-for-this-test"
LAYOUT = OpcuaLayout("press", (Variable("Press.State", "press.state"),))
BOTH = (OpcuaMode.SIGN, OpcuaMode.SIGN_AND_ENCRYPT)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_identity(folder, name, uri=f"urn:test:{name}") for name in ("press", "collector")}


@pytest.fixture
def guard(keys: dict[str, Identity], tmp_path: Path) -> Guard:
    return guarded(keys, tmp_path, modes=(OpcuaMode.SIGN_AND_ENCRYPT,))


def guarded(keys: dict[str, Identity], folder: Path, *, modes: tuple[OpcuaMode, ...]) -> Guard:
    (folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    config = GuardConfig(
        certificate=keys["press"].certificate, key=keys["press"].key, modes=modes, users={USER: Secret(file="password")}
    )
    return read_guard("guard", config.located(folder))


async def served(guard: Guard) -> AsyncIterator[str]:
    floor = Floor(start=1_772_000_000_000_000_000, seed=1)
    floor.signals.add("press.state", 6)
    listen = Endpoint("opc.tcp", "127.0.0.1", 0)
    async with serve_opcua(LAYOUT, floor.signals, listen=listen, ports=PortPolicy.ANY, guard=guard) as face:
        yield face.endpoint.url


@pytest.fixture
async def endpoint(guard: Guard) -> AsyncIterator[str]:
    async for url in served(guard):
        yield url


async def read_one(endpoint: str, keys: dict[str, Identity], folder: Path, **changes: object) -> object:
    (folder / "mine").write_text(str(changes.pop("password", PASSWORD)), encoding="utf-8")
    own = {"policy": "basic256sha256", "certificate": keys["collector"].certificate, "key": keys["collector"].key}
    user = {"user": changes.pop("user", USER), "password": {"file": str(folder / "mine")}}
    security = own | {"server_certificate": keys["press"].certificate} | changes
    kept = {name: value for name, value in security.items() if value is not None}
    async with source(endpoint, point("State"), security=kept, **user).open() as batches, asyncio.timeout(60):
        return next((await anext(batches)).samples()).value


async def test_our_collector_reads_it_encrypted_with_user_and_password(
    endpoint: str, keys: dict[str, Identity], tmp_path: Path
) -> None:
    assert await read_one(endpoint, keys, tmp_path) == 6


async def test_a_fingerprint_that_somebody_compared_is_as_good_as_the_certificate(
    endpoint: str, keys: dict[str, Identity], tmp_path: Path
) -> None:
    shown = await shown_by(endpoint, 10)
    for written in (shown.fingerprint, shown.name):
        assert await read_one(endpoint, keys, tmp_path, server_certificate=None, fingerprint=written) == 6


async def test_another_fingerprint_is_refused_and_the_one_shown_is_told(
    endpoint: str, keys: dict[str, Identity], tmp_path: Path
) -> None:
    shown = await shown_by(endpoint, 10)
    with pytest.raises(ConfigError, match="another certificate") as caught:
        await read_one(endpoint, keys, tmp_path, server_certificate=None, fingerprint="AB:" * 31 + "CD")
    assert shown.fingerprint in str(caught.value)


@pytest.mark.parametrize("changes", [{"password": "guessed"}, {"user": "nobody"}, {"mode": "sign"}])
async def test_who_has_not_the_password_or_asks_for_less_is_refused(
    endpoint: str, keys: dict[str, Identity], tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises((ConfigError, Disconnected)):
        await read_one(endpoint, keys, tmp_path, **changes)


@pytest.mark.parametrize("user", [None, USER])
async def test_on_a_channel_in_clear_nobody_gets_a_session(
    endpoint: str, user: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library opens such a channel, for that is how clients ask for endpoints."""
    client = Client(endpoint)
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        offered = await client.get_endpoints()
        assert {one.SecurityMode for one in offered} == {ua.MessageSecurityMode.SignAndEncrypt}
        monkeypatch.setattr(Client, "find_endpoint", staticmethod(lambda *_: offered[0]))  # one that does not care
        await client.create_session()
        with pytest.raises(UaStatusCodeError):
            await client.activate_session(user, PASSWORD if user else None)
    finally:
        client.disconnect_socket()


async def test_a_client_of_others_gets_in_with_the_password_and_not_without(
    keys: dict[str, Identity], tmp_path: Path
) -> None:
    secured = {"mode": "SignAndEncrypt", "user": USER, "password": PASSWORD, "pki": str(tmp_path / "pki")}
    async for url in served(guarded(keys, tmp_path, modes=BOTH)):
        code, printed = await ask_node(url, secured)
        assert code == 0
        answer = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
        assert (answer["uri"], answer["read"]["ns=2;s=Press.State"]["value"]) == ("urn:test:press", 6)
        code, _ = await ask_node(url, secured | {"mode": "Sign", "password": "guessed"})
        assert code != 0


async def ask_node(endpoint: str, secured: dict[str, str]) -> tuple[int | None, str]:
    options = json.dumps({"endpoint": endpoint, "nodes": ["ns=2;s=Press.State"], "secured": secured})
    child = await asyncio.create_subprocess_exec(
        node(), str(PEERS / "opcua_client.mjs"), options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        out, _ = await child.communicate()
    return child.returncode, out.decode()


def test_a_guard_whose_files_are_none_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"guards\.press.*cannot be guarded"):
        read_guard("simulation.guards.press", GuardConfig(certificate="no.pem", key="no.pem").located(tmp_path))


def test_only_an_opcua_face_that_is_served_can_be_guarded(pack: Configuration) -> None:
    scene = pack.scenes["first-light"]
    assert scene.simulation is not None
    guards = {"plc": GuardConfig(certificate="a.pem", key="b.pem")}
    guarded = scene.model_copy(update={"simulation": scene.simulation.model_copy(update={"guards": guards})})
    with pytest.raises(ConfigError, match=r"guards\.plc.*only an OPC UA face"):
        build(guarded, start=0)
