"""Thirty sandboxes at once: start time, processor time, memory, and whether one disturbs the others.

    python -m bench.sandboxes [--count 30] [--seconds 20]

Each is a whole installation with a simulated line of its own: Modbus, MQTT and OPC UA servers, an
edge that reads them, a store and an application. They are opened one after the other, as a class
arrives, and left alone for a while; then one gets a configuration in which nothing is right, one
broker is flooded, and one fills its share of the disk.

- *start*: until it is ready with two hours of past; the first also pays for the fork server
- *processor*: seconds of processor time a second, of all sandboxes together
- *memory*: private to each sandbox, and shared by all of them (proportional set sizes)
- *age*: how old the newest value of a steady tag is when a neighbour's live feed tells it
- *gap*: the longest time between two samples of a neighbour's polled tag, which is polled every 0.5 s

Processor time depends least on who else is busy on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
from websockets.asyncio.client import unix_connect

from labs.course import Check, LabDocument, LabKey, LineDocument, Said, StepDocument
from labs.library import Lab
from labs.observation import Submission
from provenline.sandbox.limits import Limits
from provenline.sandbox.room import Room
from provenline.sandbox.rooms import Rooms, sandboxes

TAG = "cq/first-light/line-1/conveyor/speed"
SCENE = """\
type: scene
id: first-light
name: line
sources:
  - {type: modbus, id: plc, link: {type: tcp, host: sandbox, port: 502}, period: 500ms}
  - {type: mqtt, id: broker, host: sandbox, version: "3.1.1", client_id: bench}
  - {type: opcua, id: press, endpoint: "opc.tcp://sandbox"}
lines:
  - id: line-1
    name: line
    devices:
      - id: conveyor
        name: conveyor
        source: plc
        tags:
          - {id: speed, kind: analog, unit: m/s, address: {register: 2, format: int16, scale: 0.001}}
          - {id: temperature, kind: analog, unit: Cel, address: {register: 3, format: int16, scale: 0.1}}
      - id: vision
        name: vision
        source: broker
        tags:
          - {id: power, kind: analog, unit: kW, address: {topic: cell/vision/status, pointer: /power, time: /ts}}
      - id: press
        name: press
        source: press
        tags:
          - {id: force, kind: analog, unit: kN, address: {path: "2:Press/2:Process/2:Force"}}
          - {id: power, kind: analog, unit: kW, address: {node: "ns=2;s=Press.Energy.ActivePower"}}
"""
WRONG = SCENE.replace("register: 2", "register: 9000").replace("Process/2:Force", "No/2:Such").replace("/power", "/no")
_TICK = os.sysconf("SC_CLK_TCK")


def lab() -> Lab:
    """Return a lab on a light line with two hours of past."""
    said = Said(zh="x", en="x")
    step = StepDocument(id="one", checks=(Check(id="one", points=1, passes="True", why=said),))
    line = LineDocument(scene="first-light", past=7200.0)
    document = LabDocument(id="bench", name=said, goals=(said,), minutes=1, text="bench", line=line, steps=(step,))
    return Lab(LabKey("bench", "bench"), document, Path("/nonexistent"), {"scene.yaml": SCENE})


@dataclass(frozen=True, slots=True)
class Use:
    """What processes have used: processor seconds so far; MB private to each, and shared by all."""

    processor: float
    private: float
    shared: float


def use(rooms: Sequence[Room]) -> Use:
    """Return what the processes of sandboxes use now."""
    processor, private, proportional = 0.0, [], []
    for room in rooms:
        place = Path(f"/proc/{room.process}")
        fields = (place / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        processor += (int(fields[11]) + int(fields[12])) / _TICK
        lines = (place / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
        private.append(sizes["Private_Clean"] + sizes["Private_Dirty"])
        proportional.append(sizes["Pss"])
    return Use(processor, statistics.mean(private), sum(proportional) - sum(private))


async def ages(room: Room, seconds: float) -> list[float]:
    """Return how old a steady tag's newest value was in each frame of the live feed, s."""
    found = []
    address = "ws://sandbox/api/v1/live?scene=first-light"
    async with unix_connect(str(room.socket), address, compression=None, max_size=None) as live:
        until = time.monotonic() + seconds
        paths: list[str] = []
        while time.monotonic() < until:
            frame = json.loads(await live.recv())
            paths = frame.get("paths", paths)
            found += [(frame["now"] - row[4]) / 1000 for row in frame["rows"] if paths[row[0]] == TAG]
    return found


async def gap(room: Room, seconds: float) -> float:
    """Return the samples that a polled tag lacks of what its period allows in the last seconds, as a share."""
    count = await room.value(f"tag('conveyor/speed').count({seconds / 60})", Submission())
    return max(0.0, 1.0 - float(count) / (seconds / 0.5))


async def watched(rooms: Sequence[Room], seconds: float) -> str:
    """Watch neighbours for a while and say how they do."""
    before, began = use(rooms), time.monotonic()
    found = await asyncio.gather(*(ages(room, seconds) for room in rooms[:5]))
    lacking = await asyncio.gather(*(gap(room, seconds) for room in rooms[:5]))
    after, passed = use(rooms), time.monotonic() - began
    every = np.array([age for each in found for age in each] or [np.nan])
    return (
        f"age of values in frames: median {np.median(every):.2f} s, 99 % {np.percentile(every, 99):.2f} s,"
        f" worst {every.max():.2f} s; samples lacking: worst {max(lacking):.1%};"
        f" processor {(after.processor - before.processor) / passed:.2f} s/s;"
        f" private {after.private:.0f} MB each, shared {after.shared:.0f} MB"
    )


def flood(port: int, seconds: float) -> int:
    """Publish to a broker as fast as it goes; return how many messages it was given."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        client.publish("cell/vision/status", b'{"power": 1.0, "x": "' + b"x" * 500 + b'"}')
        sent += 1
        if sent % 200 == 0:
            time.sleep(0.01)
    client.loop_stop()
    client.disconnect()
    return sent


def listening(process: int) -> list[int]:
    """Return the loopback ports that a process listens on."""
    own = set()
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            own.add(str(link.readlink()))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]


def broker_of(process: int) -> int:
    """Return the port at which a process answers as an MQTT broker."""
    for port in listening(process):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect_timeout = 1.0
        with suppress(OSError):
            client.connect("127.0.0.1", port, keepalive=5)
            until = time.monotonic() + 1.0
            while time.monotonic() < until and not client.is_connected():
                client.loop(0.1)
            if client.is_connected():
                client.disconnect()
                return port
    raise RuntimeError("no broker answers")


async def open_all(rooms: Rooms, count: int) -> list[Room]:
    """Open sandboxes as a class arrives, all at once, and say how long it took."""
    began, cost = time.monotonic(), os.times()
    first = await rooms.open(lab(), "trainee-0", seed=0)
    alone = time.monotonic() - began
    began = time.monotonic()
    times: list[float] = []

    async def one(number: int) -> Room:
        room = await rooms.open(lab(), f"trainee-{number}", seed=number)
        times.append(time.monotonic() - began)
        return room

    rest = await asyncio.gather(*(one(number) for number in range(1, count)))
    del cost
    opened = [first, *rest]
    broken = [room.reason for room in opened if room.state.value != "ready"]
    if broken:
        raise RuntimeError(broken[0])
    per = use(opened).processor / count
    print(
        f"start: the first, with the fork server, {alone:.1f} s; then {count - 1} asked for at once:"
        f" median {statistics.median(times):.1f} s, all after {max(times):.1f} s;"
        f" {per:.2f} s of processor time each"
    )
    return opened


async def main(count: int, seconds: float) -> None:
    print(f"machine: {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with sandboxes(Path(folder) / "sandboxes", most=count) as rooms:
            opened = await open_all(rooms, count)
            print(f"load {os.getloadavg()[0]:.1f}")
            print(f"left alone: {await watched(opened, seconds)}")
            neighbours, broken, flooded, greedy = opened[:-3], *opened[-3:]
            faults = await broken.apply({"scene.yaml": "type: scene\n"})
            await broken.apply({"scene.yaml": WRONG})
            print(f"one broken configuration ({len(faults)} faults named; then one that reads nothing):")
            print(f"  neighbours: {await watched(neighbours, seconds)}")
            assert flooded.process is not None
            port = await asyncio.to_thread(broker_of, flooded.process)
            flooding = asyncio.create_task(asyncio.to_thread(flood, port, seconds + 4))
            said = await watched(neighbours, seconds)
            print(f"one broker flooded ({await flooding} messages):\n  neighbours: {said}")
            greedy.order = replace(greedy.order, limits=Limits(disk=1_000_000))
            await rooms.reset(greedy.id)
            said = await watched(neighbours, seconds)
            print(f"one disk quota full ({greedy.state.value}: {greedy.reason}):\n  neighbours: {said}")
            bad = [room.reason for room in neighbours if room.state.value != "ready"]
            print(f"neighbours still ready: {len(neighbours) - len(bad)} of {len(neighbours)} {bad or ''}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20.0)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.count, chosen.seconds))
