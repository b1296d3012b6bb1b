"""A node-opcua server under a test's control, and certificates made on the fly."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collectors.opcua import OpcuaSource
from collectors.source import DeadLetters, Point, discard
from configs.sources import OpcuaAddress
from configs.sources import OpcuaSource as Config
from plant.batch import Batch, Sample
from plant.clock import Clock, SystemClock
from plant.tags import Kind, Tag
from tests.collectors.conformance import PATIENCE
from tests.peers.processes import HERE, Program, free_port, node

DEVICE = "site/scene/line/press"
BURST_PAUSE = 70
"""Milliseconds between changes of a burst; node-opcua makes one of those closer than 50 ms."""


class Server:
    """The server of `opcua_server.mjs`; it keeps its ports and its keys when started again."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.port, self._control = free_port(), free_port()
        self._options = {"port": self.port, "control": self._control, "pki": str(folder), **options}
        self._program: Program | None = None

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        if self._program is None or not self._program.running():
            self._program = Program([node(), HERE / "opcua_server.mjs", json.dumps(self._options)], cwd=HERE)
            self._program.ready("READY")

    def kill(self) -> None:
        if self._program is not None:
            self._program.kill()

    def stall(self) -> None:
        assert self._program
        self._program.stall()

    def resume(self) -> None:
        if self._program is not None and self._program.running():
            self._program.resume()

    async def tell(self, command: str, **body: object) -> object:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._control}/{command}", json.dumps(body).encode(), method="POST"
        )

        def send() -> bytes:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read()

        return json.loads(await asyncio.to_thread(send))

    async def set(self, name: str, value: object, **more: object) -> None:
        await self.tell("set", name=name, value=value, **more)


def point(signal: str, *, simulated: bool = False, **address: object) -> Point[OpcuaAddress]:
    """A point whose address is, unless told otherwise, the press's variable of the same name."""
    if "node" not in address and "path" not in address:
        address["node"] = f"ns=2;s=Press.{signal}"
    tag = Tag(path=f"{DEVICE}/{signal}", kind=Kind.ANALOG, simulated=simulated)
    return Point(tag, OpcuaAddress(**address))


def source(
    endpoint: str,
    *points: Point[OpcuaAddress],
    clock: Clock | None = None,
    dead_letters: DeadLetters = discard,
    **settings: object,
) -> OpcuaSource:
    config = Config(type="opcua", id="press", endpoint=endpoint, **{"publishing": 0.05, "sampling": 0.02, **settings})
    return OpcuaSource(config, points, clock=clock or SystemClock(), dead_letters=dead_letters)


async def gather(batches: AsyncIterator[Batch], *signals: str, count: int = 1) -> dict[str, list[Sample]]:
    """Read until every signal has `count` samples."""
    seen: dict[str, list[Sample]] = {signal: [] for signal in signals}
    async with asyncio.timeout(PATIENCE):
        while any(len(samples) < count for samples in seen.values()):
            for sample in (await anext(batches)).samples():
                seen.setdefault(sample.path.rpartition("/")[2], []).append(sample)
    return seen


async def read_on(batches: AsyncIterator[Batch]) -> None:
    """Read until the source ends, which is to raise."""
    async with asyncio.timeout(PATIENCE):
        async for _ in batches:
            pass


async def first(batches: AsyncIterator[Batch], *signals: str) -> dict[str, Sample]:
    return {signal: samples[0] for signal, samples in (await gather(batches, *signals)).items()}


@dataclass(frozen=True)
class Identity:
    certificate: str
    key: str


def make_identity(folder: Path, name: str, *, uri: str | None, days: tuple[int, int] = (-1, 30)) -> Identity:
    """Write a self-signed certificate and its key as PEM files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(True, True, True, True, False, False, False, False, False),
            critical=True,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
    )
    if uri is not None:
        names = [x509.UniformResourceIdentifier(uri), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Identity(str(paths[0]), str(paths[1]))
