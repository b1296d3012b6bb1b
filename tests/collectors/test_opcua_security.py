"""Secured endpoints, users and certificates, against node-opcua with keys made for the test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.server.server import Server as PlainServer

from plant.errors import ConfigError, Disconnected
from tests.collectors.opcua_peer import Identity, Server, make_identity, point, source
from tests.peers.processes import free_port

USER, PASSWORD = "operator", "only-for-this-test"
CLIENT_URI = "urn:test:collector"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder = tmp_path_factory.mktemp("keys")
    return {
        "server": make_identity(folder, "server", uri="urn:peer:press"),
        "client": make_identity(folder, "client", uri=CLIENT_URI),
        "user": make_identity(folder, "user", uri="urn:test:user"),
        "stranger": make_identity(folder, "stranger", uri="urn:peer:press"),
        "nameless": make_identity(folder, "nameless", uri=None),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, Identity]) -> Iterator[Server]:
    peer = Server(
        tmp_path_factory.mktemp("pki"),
        certificate=keys["server"].certificate,
        key=keys["server"].key,
        users={USER: PASSWORD},
    )
    peer.start()
    yield peer
    peer.kill()


def security(keys: dict[str, Identity], *, client: str = "client", server: str = "server", mode: str = "sign") -> dict:
    return {
        "policy": "basic256sha256",
        "mode": mode,
        "certificate": keys[client].certificate,
        "key": keys[client].key,
        "server_certificate": keys[server].certificate,
    }


async def read_one(endpoint: str, **settings: object) -> object:
    async with source(endpoint, point("State"), **settings).open() as batches:
        async with asyncio.timeout(60):
            return next((await anext(batches)).samples()).value


@pytest.mark.parametrize("mode", ["sign", "sign-and-encrypt"])
async def test_values_come_over_a_secured_channel(server: Server, keys: dict[str, Identity], mode: str) -> None:
    assert await read_one(server.endpoint, security=security(keys, mode=mode)) == 6


async def test_certificates_may_be_in_der(server: Server, keys: dict[str, Identity], tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = x509.load_pem_x509_certificate(Path(keys["server"].certificate).read_bytes())
    pinned = tmp_path / "server.der"
    pinned.write_bytes(pem.public_bytes(Encoding.DER))
    settings = security(keys) | {"server_certificate": str(pinned)}
    assert await read_one(server.endpoint, security=settings) == 6


@pytest.mark.parametrize("secured", [True, False])
async def test_a_user_is_known_by_name_and_password(
    server: Server, keys: dict[str, Identity], monkeypatch: pytest.MonkeyPatch, secured: bool
) -> None:
    monkeypatch.setenv("OPCUA_PASSWORD", PASSWORD)
    settings = {"security": security(keys, mode="sign-and-encrypt")} if secured else {}
    assert await read_one(server.endpoint, user=USER, password={"env": "OPCUA_PASSWORD"}, **settings) == 6


async def test_a_wrong_password_is_for_a_person_to_mend(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPCUA_PASSWORD", "wrong")
    with pytest.raises(ConfigError, match="refuses the connection") as caught:
        await read_one(server.endpoint, user=USER, password={"env": "OPCUA_PASSWORD"})
    assert "wrong" not in str(caught.value)


async def test_a_user_is_known_by_certificate(server: Server, keys: dict[str, Identity]) -> None:
    user = {"user_certificate": keys["user"].certificate, "user_key": keys["user"].key}
    assert await read_one(server.endpoint, security=security(keys, mode="sign-and-encrypt"), **user) == 6


async def test_a_server_with_another_certificate_is_not_talked_to(server: Server, keys: dict[str, Identity]) -> None:
    with pytest.raises((ConfigError, Disconnected)):
        await read_one(server.endpoint, security=security(keys, server="stranger"), timeout=2.0)


async def test_a_pinned_certificate_that_has_expired_is_refused(keys: dict[str, Identity], tmp_path: Path) -> None:
    expired = make_identity(tmp_path, "expired", uri="urn:peer:press", days=(-30, -1))
    peer = Server(tmp_path, certificate=expired.certificate, key=expired.key)
    peer.start()
    try:
        settings = security(keys) | {"server_certificate": expired.certificate}
        with pytest.raises(ConfigError, match="BadCertificateTimeInvalid"):
            await read_one(peer.endpoint, security=settings)
    finally:
        peer.kill()


async def test_a_certificate_made_for_another_application_is_refused(keys: dict[str, Identity], tmp_path: Path) -> None:
    peer = Server(tmp_path, uri="urn:peer:oven", certificate=keys["server"].certificate, key=keys["server"].key)
    peer.start()
    try:
        with pytest.raises(ConfigError, match="BadCertificateUriInvalid"):
            await read_one(peer.endpoint, security=security(keys))
    finally:
        peer.kill()


async def test_a_server_that_does_not_trust_us_is_for_a_person_to_mend(
    keys: dict[str, Identity], tmp_path: Path
) -> None:
    peer = Server(tmp_path, certificate=keys["server"].certificate, key=keys["server"].key, trust=False)
    peer.start()
    try:
        with pytest.raises(ConfigError, match="refuses the connection"):
            await read_one(peer.endpoint, security=security(keys))
    finally:
        peer.kill()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("certificate", "/nowhere/client.pem", "cannot be read"),
        ("key", __file__, "not a private key"),
        ("server_certificate", __file__, "not a certificate"),
    ],
)
async def test_a_file_that_cannot_be_used_is_named(
    keys: dict[str, Identity], setting: str, value: str, words: str
) -> None:
    settings = security(keys) | {setting: value}
    with pytest.raises(ConfigError, match=words) as caught:
        await read_one("opc.tcp://127.0.0.1:9", security=settings)
    assert value in str(caught.value)
    assert f"security.{setting}" in str(caught.value)


async def test_a_client_certificate_without_an_application_uri_is_refused_before_connecting(
    keys: dict[str, Identity],
) -> None:
    with pytest.raises(ConfigError, match="no URI"):
        await read_one("opc.tcp://127.0.0.1:9", security=security(keys, client="nameless"))


async def test_a_password_is_never_sent_in_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPCUA_PASSWORD", PASSWORD)
    seen: list[str | None] = []

    class Users:
        def get_user(self, iserver, username=None, password=None, certificate=None) -> None:
            seen.append(password)

    plain = PlainServer(user_manager=Users())
    await plain.init()
    plain.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}")
    plain.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with plain:
        with pytest.raises(ConfigError, match="clear text"):
            await read_one(plain.endpoint.geturl(), user=USER, password={"env": "OPCUA_PASSWORD"})
    assert not seen
