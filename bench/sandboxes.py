"""Thirty sandboxes at once: start time, processor time, memory, and whether one disturbs the others.

    python -m bench.sandboxes [--count 30] [--seconds 20] [--write]

Each is a whole installation with a simulated line of its own: Modbus, MQTT and OPC UA servers, an
edge that reads them, a store and an application. They are opened one after the other, as a class
arrives, and left alone for a while; then one gets a configuration in which nothing is right, one
broker is flooded, and one fills its share of the disk.

- *start*: until it is ready with two hours of past; the first also pays for the fork server
- *processor*: seconds of processor time a second, of all sandboxes together
- *memory*: private to each sandbox, and shared by all of them (proportional set sizes)
- *age*: how old the newest value of a steady tag is when a neighbour's live feed tells it
- *samples lacking*: of what the period of a neighbour's polled tag allows, the worst of five neighbours

Processor time depends least on who else is busy on the machine. `--write` puts the table into docs/sandboxes.md and
its Chinese twin.
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
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from websockets.asyncio.client import unix_connect

from bench.tables import DOCS, Conditions, filled
from labs.course import Check, LabDocument, LabKey, LineDocument, Said, StepDocument
from labs.library import Lab
from labs.observation import Submission
from provenline.sandbox.limits import Limits
from provenline.sandbox.room import Room
from provenline.sandbox.rooms import Rooms, sandboxes

PAGES = {"en": DOCS / "sandboxes.md", "zh": DOCS / "sandboxes.zh-CN.md"}
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


@dataclass(frozen=True, slots=True)
class Watched:
    """How neighbours did for a while. Ages in s; `lacking`: worst share of samples; `processor`: s/s; sizes in MB."""

    median: float
    nearly_all: float
    worst: float
    lacking: float
    processor: float
    private: float
    shared: float

    @property
    def cells(self) -> list[str]:
        """The figures as a row of a table."""
        ages = f"{self.median:.2f}", f"{self.nearly_all:.2f}", f"{self.worst:.2f}"
        return [*ages, f"{self.lacking:.1%}", f"{self.processor:.2f}", f"{self.private:.0f}", f"{self.shared:.0f}"]


async def watched(rooms: Sequence[Room], seconds: float) -> Watched:
    """Watch neighbours for a while and say how they do."""
    before, began = use(rooms), time.monotonic()
    found = await asyncio.gather(*(ages(room, seconds) for room in rooms[:5]))
    lacking = await asyncio.gather(*(gap(room, seconds) for room in rooms[:5]))
    after, passed = use(rooms), time.monotonic() - began
    every = np.array([age for each in found for age in each] or [np.nan])
    return Watched(
        median=float(np.median(every)),
        nearly_all=float(np.percentile(every, 99)),
        worst=float(every.max()),
        lacking=max(lacking),
        processor=(after.processor - before.processor) / passed,
        private=after.private,
        shared=after.shared,
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


@dataclass(frozen=True, slots=True)
class Opened:
    """How long opening took, s: the first one with the fork server; of the others the median and the last; CPU each."""

    first: float
    median: float
    last: float
    processor: float


async def open_all(rooms: Rooms, count: int) -> tuple[list[Room], Opened]:
    """Open sandboxes as a class arrives, all at once. Raises RuntimeError when one breaks."""
    began = time.monotonic()
    first = await rooms.open(lab(), "trainee-0", seed=0)
    alone = time.monotonic() - began
    began = time.monotonic()
    times: list[float] = []

    async def one(number: int) -> Room:
        room = await rooms.open(lab(), f"trainee-{number}", seed=number)
        times.append(time.monotonic() - began)
        return room

    opened = [first, *await asyncio.gather(*(one(number) for number in range(1, count)))]
    broken = [room.reason for room in opened if room.state.value != "ready"]
    if broken:
        raise RuntimeError(broken[0])
    return opened, Opened(alone, statistics.median(times), max(times), use(opened).processor / count)


@dataclass(frozen=True, slots=True)
class Found:
    """All that was measured. `rows`: by what happened; `flooded`: messages; `ready`: neighbours that still were."""

    count: int
    conditions: Conditions
    opened: Opened
    rows: dict[str, Watched]
    flooded: int
    ready: int

    def said(self, language: str) -> str:
        """Return it as a passage of a page."""
        words = _WORDS[language]
        head = ["", *words["columns"]]
        lines = [head, ["---"] * len(head), *([words[name], *row.cells] for name, row in self.rows.items())]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        opened = words["opened"].format(self=self, one=self.opened)
        end = words["end"].format(self=self, neighbours=self.count - _MISBEHAVING)
        return f"{opened}\n\n{table}\n\n{end} {self.conditions.said(language)}"


_MISBEHAVING = 3
_WORDS: dict[str, Any] = {
    "en": {
        "columns": [
            "age, median (s)",
            "99 %",
            "worst",
            "samples lacking",
            "processor (s/s)",
            "private (MB)",
            "shared (MB)",
        ],
        "alone": "left alone",
        "broken": "one configuration in which nothing is right",
        "flooded": "one broker flooded",
        "full": "one disk quota full",
        "opened": "{self.count} at once. The first, with the process all are forked from, is ready after"
        " {one.first:.1f} s; the others, asked for at once, after {one.median:.1f} s (median)"
        " and {one.last:.1f} s (the last one); {one.processor:.1f} s of processor time each.",
        "end": "{self.flooded} messages flooded the broker; {self.ready} of {neighbours} neighbours still ready.",
    },
    "zh": {
        "columns": ["龄期中位数（s）", "99 %", "最差", "缺样本", "处理器（s/s）", "独占（MB）", "共享（MB）"],
        "alone": "空闲",
        "broken": "一个配置全错",
        "flooded": "一个代理被灌入报文",
        "full": "一个写满磁盘配额",
        "opened": "同时{self.count}个。第一个（含派生母进程）{one.first:.1f} s后就绪；其余同时申请，"
        "中位数{one.median:.1f} s、最后一个{one.last:.1f} s；每个用处理器{one.processor:.1f} s。",
        "end": "灌入{self.flooded}条报文；结束时{neighbours}个邻居中{self.ready}个就绪。",
    },
}


async def measured(count: int, seconds: float) -> Found:
    """Open sandboxes, leave them alone, then misbehave in three. Raises RuntimeError when one does not start."""
    conditions = Conditions.now()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with sandboxes(Path(folder) / "sandboxes", most=count) as rooms:
            every, opened = await open_all(rooms, count)
            rows = {"alone": await watched(every, seconds)}
            neighbours, (broken, flooded, greedy) = every[:-_MISBEHAVING], every[-_MISBEHAVING:]
            await broken.apply({"scene.yaml": WRONG})
            rows["broken"] = await watched(neighbours, seconds)
            assert flooded.process is not None
            port = await asyncio.to_thread(broker_of, flooded.process)
            flooding = asyncio.create_task(asyncio.to_thread(flood, port, seconds + 4))
            rows["flooded"] = await watched(neighbours, seconds)
            messages = await flooding
            greedy.order = replace(greedy.order, limits=Limits(disk=1_000_000))
            await rooms.reset(greedy.id)
            rows["full"] = await watched(neighbours, seconds)
            if greedy.state.value != "broken":
                raise RuntimeError("a sandbox went on beyond its share of the disk")
            ready = sum(room.state.value == "ready" for room in neighbours)
    return Found(count, conditions, opened, rows, messages, ready)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20.0, help="for which neighbours are watched each time")
    parser.add_argument("--write", action="store_true", help="put the table into docs/sandboxes.md and its twin")
    chosen = parser.parse_args()
    found = asyncio.run(measured(chosen.count, chosen.seconds))
    print(found.said("en"), flush=True)
    for language, page in PAGES.items() if chosen.write else ():
        page.write_text(filled(page.read_text(encoding="utf-8"), "sandboxes", found.said(language)), encoding="utf-8")


if __name__ == "__main__":
    main()
