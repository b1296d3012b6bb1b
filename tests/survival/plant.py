"""The rig: a publisher that numbers its samples, a broker, an edge, a centre, a store that can be asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

from historian.embedded import EmbeddedReader
from historian.influxdb import InfluxHistorian
from historian.influxdb import Server as InfluxAddress
from historian.port import Historian
from plant.clock import SECOND
from plant.errors import ProvenlineError
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import free_port
from tests.survival.devices import Device, ModbusDevice, OpcuaDevice
from tests.survival.ground import ROOT, Disk, Link, disk, link
from tests.survival.service import Service
from tests.system.rig import COUNTER, SENSOR, SITE, InfluxServer, Publisher, configuration, scene

PATIENCE = 180.0
RATE = 25.0  # samples a second: far below what a machine takes that does ten other things
_SLACK = 60 * SECOND
_DISK = 96  # MB each
_SOURCE = "  - {{id: broker, type: mqtt, host: {host}, port: {port}, client_id: rig-edge, keepalive: 5}}"
_COUNTING = SENSOR.replace("source: broker", "source: device").replace(
    "{topic: plant/count, pointer: /n, time: /t, time_unit: ns}", "{address}"
)
_BROKER = ("allow_anonymous true", "autosave_interval 1", "autosave_on_changes true")


class Numbers:
    """0, 1, 2, …, and how many there were."""

    def __init__(self) -> None:
        self.given = 0

    def __next__(self) -> int:
        self.given += 1
        return self.given - 1


class Numbering(Publisher):
    """A publisher that tells how many samples it has offered."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._numbers = Numbers()

    @property
    def offered(self) -> int:
        return self._numbers.given


@dataclass(frozen=True, slots=True)
class Marked:
    """Where a fault begins: when, the next number to be published, and how much each process had said."""

    time: int
    number: int
    edge: int
    centre: int


@dataclass
class Plant:
    """A running rig. Without root there are neither disks nor a link."""

    folder: Path
    publisher: Numbering | Device
    broker: Mosquitto | None
    edge: Service
    centre: Service
    ask: Callable[[], Historian]
    influx: InfluxServer | None = None
    link: Link | None = None
    edge_disk: Disk | None = None
    centre_disk: Disk | None = None

    device: Device | None = None
    port: int = 0

    @property
    def address(self) -> str:
        """Where the centre answers."""
        return f"http://{self.link.near if self.link else '127.0.0.1'}:{self.port}"

    @property
    def outbox(self) -> Path:
        return self.folder / "edge" / "edge" / "outbox.sqlite"

    @property
    def historian(self) -> Path:
        return self.folder / "centre" / "historian"

    def mark(self) -> Marked:
        return Marked(time.time_ns(), self.publisher.offered, len(self.edge.lines), len(self.centre.lines))

    def stored(self, since: int) -> Counter[int]:
        """Return how often each number sampled since then is in the store."""
        store = self.ask()
        try:
            # A device is told a number a moment before it is known to have been.
            batch = store.history([COUNTER], since - _SLACK if self.device else since, 2**62)
        finally:
            store.close()
        # A lost source leaves a sample without a number: a mark, not a count.
        found = [s for s in batch.samples() if s.value == s.value]
        if not isinstance(self.device, OpcuaDevice):
            return Counter(int(s.value) for s in found)
        # A server holds 0 when it starts, and a number that stays is confirmed at later times: one sample each time.
        stored: Counter[int] = Counter()
        for (number, _), times in Counter((int(s.value), s.time) for s in found).items():
            if number:
                stored[number] = max(stored[number], times)
        return stored

    def newest(self) -> int:
        """Return the number of the newest stored sample, -1 when there is none or the store cannot tell."""
        try:
            store = self.ask()
        except ProvenlineError:
            return -1
        try:
            numbers = [int(s.value) for s in store.latest([COUNTER]).samples() if s.value == s.value]
        except ProvenlineError:
            return -1
        finally:
            store.close()
        return max(numbers, default=-1)

    def wait_live(self, number: int) -> float:
        """Wait until a sample numbered `number` or later is the newest stored; return how long that took, or inf."""
        began = time.monotonic()
        while self.newest() < number:
            if time.monotonic() - began > PATIENCE:
                return inf
            time.sleep(0.1)
        return time.monotonic() - began

    def said(self) -> str:
        """What edge and centre said last."""
        parts = ["--- edge", *self.edge.lines[-30:], "--- centre", *self.centre.lines[-30:]]
        return "\n".join(parts)


@contextmanager
def running(folder: Path, *, influxdb: bool = False) -> Iterator[Plant]:
    """Run a rig for the length of a `with` block; `influxdb`: its centre keeps samples in one."""
    with ExitStack() as stack:
        wire = stack.enter_context(link()) if ROOT else None
        disks = [stack.enter_context(disk(folder / name, _DISK)) for name in ("edge", "centre")] if ROOT else [None] * 2
        address, port, far_port = wire.near if wire else "127.0.0.1", free_port(), free_port()
        broker = Mosquitto(folder, (*_BROKER, *([f"listener {far_port} {wire.near}"] if wire else ())))
        broker.start()
        stack.callback(broker.stop)
        influx = InfluxServer(folder / "influx") if influxdb else None
        if influx:
            influx.start()
            stack.callback(influx.kill)
        documents = configuration(
            folder / "configuration",
            site=SITE,
            scene=scene(_SOURCE.format(host=address, port=far_port if wire else broker.port), SENSOR),
            centre=f"type: centre\nhost: {address}\nport: {port}\ninsecure: true\n"
            f"historian: {_historian(influx)}\nwrite_tokens: [{{env: RIG_TOKEN}}]\n",
            edge=f"type: edge\nuplink: {{url: 'http://{address}:{port}', token: {{env: RIG_TOKEN}}, timeout: 3s}}\n",
        )
        centre = Service("serve", documents, "--data", folder / "centre", clock=folder / "centre.clock")
        within = wire.within if wire else ()
        edge = Service("edge", documents, "--data", folder / "edge", clock=folder / "edge.clock", within=within)
        for service in (centre, edge):
            stack.callback(service.end)
            service.start()
        centre.ready("centre ready")
        edge.ready("source connected")
        ask = _asking(folder, influx)
        publisher = stack.enter_context(Numbering(broker.port, rate=RATE))
        plant = Plant(folder, publisher, broker, edge, centre, ask, influx, wire, *disks, port=port)
        plant.wait_live(10)
        yield plant


@contextmanager
def running_device(folder: Path, device: OpcuaDevice | ModbusDevice) -> Iterator[Plant]:
    """Run a rig that reads a device, not a broker, for the length of a `with` block."""
    with ExitStack() as stack:
        stack.callback(device.close)
        device.start()
        port = free_port()
        documents = configuration(
            folder / "configuration",
            site=SITE,
            scene=scene(device.source, _COUNTING.format(address=device.address)),
            centre=f"type: centre\nport: {port}\nhistorian: {_historian(None)}\nwrite_tokens: [{{env: RIG_TOKEN}}]\n",
            edge=f"type: edge\nuplink: {{url: 'http://127.0.0.1:{port}', token: {{env: RIG_TOKEN}}, timeout: 3s}}\n",
        )
        centre = Service("serve", documents, "--data", folder / "centre", clock=folder / "centre.clock")
        edge = Service("edge", documents, "--data", folder / "edge", clock=folder / "edge.clock")
        for service in (centre, edge):
            stack.callback(service.end)
            service.start()
        centre.ready("centre ready")
        edge.ready("source connected")
        if isinstance(device, OpcuaDevice):
            device.subscribed = lambda: _subscribed(edge.lines)
        plant = Plant(folder, device, None, edge, centre, _asking(folder, None), device=device, port=port)
        plant.wait_live(10)
        yield plant


def _subscribed(lines: Sequence[str]) -> bool:
    """Say whether the last that was heard of the source is that it is connected."""
    last = next((line for line in reversed(lines) if "source connected" in line or "source lost" in line), "")
    return "source connected" in last


def _historian(influx: InfluxServer | None) -> str:
    if influx is None:
        return "{type: embedded, seal_every: 1s}"
    return f"{{type: influxdb, version: 1, url: '{influx.url}', timeout: 3s}}"


def _asking(folder: Path, influx: InfluxServer | None) -> Callable[[], Historian]:
    if influx is None:
        return lambda: EmbeddedReader(folder / "centre" / "historian")
    return lambda: InfluxHistorian(InfluxAddress(url=influx.url, version=1))
