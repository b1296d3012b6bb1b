"""A small plant of third-party programs, the configuration that reads it, and our own processes."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.peers.influxd import CONFIG
from tests.peers.processes import Program, free_port, wait_for_port

COUNTER = "rig/plant/line/sensor/count"
TOPIC = "plant/count"
TOKEN = "the-token-of-the-rig"

SITE = "type: site\nid: rig\nname: Rig\nzone: Asia/Shanghai\n"


def scene(sources: str, devices: str) -> str:
    return f"""
type: scene
id: plant
name: Plant
sources:
{sources}
lines:
  - id: line
    name: Line
    devices:
{devices}
"""


def mqtt_source(port: int) -> str:
    return f"  - {{id: broker, type: mqtt, host: 127.0.0.1, port: {port}, client_id: rig-edge, keepalive: 5}}"


SENSOR = """
      - id: sensor
        name: Sensor
        source: broker
        tags:
          - id: count
            kind: counter
            stale_after: 3s
            address: {topic: plant/count, pointer: /n, time: /t, time_unit: ns}
"""


def configuration(folder: Path, **documents: str) -> Path:
    """Write a configuration folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


class Ours:
    """One of our processes; started again with the same arguments after it was killed."""

    def __init__(self, *arguments: str | Path, ready: str) -> None:
        self._arguments = [sys.executable, "-m", "provenline", *map(str, arguments)]
        self._ready = ready
        self.program: Program | None = None

    def start(self, *, wait: bool = True) -> None:
        self.program = Program(self._arguments, env={"RIG_TOKEN": TOKEN})
        if wait:
            self.program.ready(self._ready)

    def kill(self) -> None:
        assert self.program
        self.program.kill()

    def stop(self) -> int:
        assert self.program
        return self.program.stop()


@contextmanager
def ours(*arguments: str | Path, ready: str) -> Iterator[Ours]:
    """Run one of our processes for the length of a `with` block, whatever happens to it inside."""
    process = Ours(*arguments, ready=ready)
    process.start()
    try:
        yield process
    except BaseException:
        said = process.program.lines[-60:] if process.program else []
        sys.stdout.write("\n".join([f"--- {arguments[0]} said:", *said, ""]))
        raise
    finally:
        if process.program and process.program.running():
            process.program.stop()


@dataclass
class Publisher:
    """Publishes 0, 1, 2, … with QoS 1 and remembers which of them the broker acknowledged."""

    port: int
    rate: float = 100.0
    acknowledged: set[int] = field(default_factory=set)
    paused: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._in_flight: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name="publisher")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="rig-publisher", clean_session=False)
        client.reconnect_delay_set(0.2, 1)
        client.on_publish = lambda _c, _u, mid, *_: self._published(mid)
        client.connect_async("127.0.0.1", self.port)
        client.loop_start()
        while not self._stop.wait(1 / self.rate):
            if self.paused.is_set() or not client.is_connected():
                continue
            number = next(self._numbers)
            payload = f'{{"n": {number}, "t": {time.time_ns()}}}'
            message = client.publish(TOPIC, payload, qos=1)
            self._in_flight[message.mid] = number
        deadline = time.monotonic() + 5
        while self._in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        client.disconnect()
        client.loop_stop()

    def _published(self, mid: int) -> None:
        # The acknowledgement may be here before `publish` has told the number.
        while mid not in self._in_flight:
            time.sleep(0.0005)
        self.acknowledged.add(self._in_flight.pop(mid))


class InfluxServer:
    """An InfluxDB 1.x that can be killed and comes back on its port with its data."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.http, self._rpc = folder, free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.program: Program | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def start(self) -> None:
        config = self._folder / "influxdb.conf"
        config.write_text(CONFIG.format(folder=self._folder, http=self.http, rpc=self._rpc, auth="false"))
        self.program = Program(["influxd", "-config", config])
        wait_for_port(self.http)
        request = urllib.request.Request(f"{self.url}/query", b"q=CREATE+DATABASE+provenline")
        urllib.request.urlopen(request, timeout=60).close()

    def kill(self) -> None:
        assert self.program
        self.program.kill()

    def stall(self) -> None:
        assert self.program
        self.program.stall()

    def resume(self) -> None:
        if self.program and self.program.running():
            self.program.resume()


def once(values: Sequence[int], acknowledged: set[int]) -> None:
    """Assert that everything acknowledged is there, once."""
    missing = sorted(acknowledged - set(values))
    assert not missing, f"{len(missing)} acknowledged samples are missing, e.g. {missing[:10]}"
    assert len(values) == len(set(values)), "some samples are there twice"
