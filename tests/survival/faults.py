"""The faults: what is done to whom, and what the product says to it."""

from __future__ import annotations

import http.client
import resource
import sqlite3
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from historian.embedded.reader import DATABASE
from tests.survival import damage
from tests.survival.plant import Plant
from tests.survival.suffering import Fault, Rig
from tests.system.rig import TOKEN, TOPIC

HOUR = 3_600.0
AWAY, BACK = ("edge", "centre does not take data"), ("edge", "centre takes data again")
LOST, FOUND = ("edge", "source lost"), ("edge", "source connected")


# ------------------------------------------------------------------------------ processes
def _kill(*names: str) -> Callable[[Plant, float], None]:
    def strike(plant: Plant, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name in names:
                getattr(plant, name).kill()
            time.sleep(min(1.0, seconds / 2))

    return strike


def _stall(name: str) -> Callable[[Plant, float], None]:
    def strike(plant: Plant, seconds: float) -> None:
        getattr(plant, name).stall()
        time.sleep(seconds)
        getattr(plant, name).resume()

    return strike


# ---------------------------------------------------------------------------------- disks
def _fill(name: str) -> Callable[[Plant, float], None]:
    """Room that a write-ahead log has already is taken from it first: else it would last for minutes."""

    def strike(plant: Plant, seconds: float) -> None:
        disk = getattr(plant, f"{name}_disk")
        with closing(sqlite3.connect(plant.outbox if name == "edge" else plant.historian / DATABASE)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        disk.fill()
        time.sleep(seconds)
        disk.empty()

    return strike


def _read_only(name: str) -> Callable[[Plant, float], None]:
    """The disk comes back read-only after a crash, and is writable again some time later."""

    def strike(plant: Plant, seconds: float) -> None:
        service, disk = getattr(plant, name), getattr(plant, f"{name}_disk")
        service.down()
        before = len(service.lines)
        disk.read_only()
        service.start()
        service.ready("ead-only", since=before)
        time.sleep(seconds)
        service.down()
        disk.writable()
        service.start()

    return strike


# --------------------------------------------------------------------------------- clocks
def _jump(name: str, seconds_off: float) -> Callable[[Plant, float], None]:
    def strike(plant: Plant, seconds: float) -> None:
        getattr(plant, name).jump(seconds_off)
        time.sleep(seconds)
        getattr(plant, name).jump(0)

    return strike


# -------------------------------------------------------------------------------- network
def _half_open(plant: Plant, seconds: float) -> None:
    assert plant.link
    plant.link.cut()
    time.sleep(seconds)
    plant.link.mend()


def _lose(share: float) -> Callable[[Plant, float], None]:
    def strike(plant: Plant, seconds: float) -> None:
        assert plant.link
        plant.link.lose(share)
        time.sleep(seconds)
        plant.link.mend()

    return strike


# ----------------------------------------------------------------------------- neighbours
def _broker_down(plant: Plant, seconds: float) -> None:
    # What the broker acknowledged but did not write down is the broker's to lose, so it has a moment to write.
    assert plant.broker
    plant.publisher.paused.set()
    time.sleep(2.5)
    plant.broker.kill()
    time.sleep(seconds)
    plant.broker.start()
    plant.publisher.paused.clear()


def _device_down(plant: Plant, seconds: float) -> None:
    # What a server was told and has not sent yet dies with it, so it has a moment to send.
    assert plant.device
    time.sleep(5)
    plant.device.paused.set()
    time.sleep(2.5)
    before = len(plant.edge.lines)
    plant.device.kill()
    plant.edge.ready("source lost", since=before)
    time.sleep(seconds)
    plant.device.start()
    plant.device.paused.clear()


def _influxdb_down(plant: Plant, seconds: float) -> None:
    assert plant.influx
    plant.influx.kill()
    time.sleep(seconds)
    plant.influx.start()


def _influxdb_stalls(plant: Plant, seconds: float) -> None:
    assert plant.influx
    plant.influx.stall()
    time.sleep(seconds)
    plant.influx.resume()


# ------------------------------------------------------------------------------- shortages
def _no_files(name: str, other: str) -> Callable[[Plant, float], None]:
    """Nothing can be opened any more; the other side is killed, so that something has to be."""

    def strike(plant: Plant, seconds: float) -> None:
        service = getattr(plant, name)
        service.limit(resource.RLIMIT_NOFILE, 8)
        getattr(plant, other).kill()
        time.sleep(seconds)
        service.limit(resource.RLIMIT_NOFILE, None)

    return strike


def _no_memory(name: str, burden: Callable[[Plant], None]) -> Callable[[Plant, float], None]:
    """The address space may not grow by another page, and somebody sends something large."""

    def strike(plant: Plant, seconds: float) -> None:
        service = getattr(plant, name)
        pages = int(Path(f"/proc/{service.pid}/statm").read_text().split()[0])
        service.limit(resource.RLIMIT_AS, pages * resource.getpagesize())
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            burden(plant)
            time.sleep(seconds / 4)
        service.limit(resource.RLIMIT_AS, None)

    return strike


def _large_message(plant: Plant) -> None:
    assert plant.broker
    plant.broker.publish(TOPIC, "x" * 4_000_000)


def _large_write(plant: Plant) -> None:
    lines = b"m,device=d v=1 1\n" * 200_000
    request = urllib.request.Request(f"{plant.address}/api/v2/write", lines, {"Authorization": f"Token {TOKEN}"})
    # Whatever it answers, if it does: what counts is what becomes of the samples.
    with suppress(OSError, http.client.HTTPException):
        urllib.request.urlopen(request, timeout=10).close()


# -------------------------------------------------------------------------------- damage
def _outbox_page(plant: Plant, seconds: float) -> frozenset[int]:
    plant.centre.down()
    time.sleep(seconds)
    plant.edge.down()
    destroyed = damage.page_of_log(plant.outbox)
    plant.edge.start()
    plant.centre.start()
    return destroyed


def _store_page(plant: Plant, seconds: float) -> frozenset[int]:
    time.sleep(seconds)
    plant.centre.down()
    destroyed = damage.page_of_log(plant.historian / DATABASE)
    plant.centre.start()
    return destroyed


def _segment(plant: Plant, seconds: float) -> frozenset[int]:
    time.sleep(seconds)
    plant.centre.down()
    destroyed = damage.segment(plant.historian)
    plant.centre.start()
    return destroyed


FAULTS: tuple[Fault, ...] = (
    Fault("edge killed, again and again (kill -9)", "边缘进程反复被杀（kill -9）", _kill("edge"), (FOUND,)),
    Fault("centre killed, again and again (kill -9)", "中心进程反复被杀（kill -9）", _kill("centre"), (AWAY, BACK)),
    Fault("both killed, again and again (kill -9)", "两者反复被杀（kill -9）", _kill("edge", "centre"), (FOUND,)),
    Fault(
        "edge stopped (SIGSTOP, SIGCONT)",
        "边缘进程被挂起（SIGSTOP、SIGCONT）",
        _stall("edge"),
        (("edge", "stood still"),),
        5,
    ),
    Fault("centre stopped (SIGSTOP, SIGCONT)", "中心进程被挂起（SIGSTOP、SIGCONT）", _stall("centre"), (AWAY, BACK), 5),
    Fault("edge's disk full", "边缘磁盘写满", _fill("edge"), (("edge", "outbox cannot use its disk"),), root=True),
    Fault("centre's disk full", "中心磁盘写满", _fill("centre"), (AWAY, BACK), root=True),
    Fault(
        "edge's disk read-only after a crash",
        "边缘磁盘崩溃后变为只读",
        _read_only("edge"),
        (("edge", "ead-only"),),
        2,
        root=True,
    ),
    Fault(
        "centre's disk read-only after a crash",
        "中心磁盘崩溃后变为只读",
        _read_only("centre"),
        (("centre", "ead-only"),),
        2,
        root=True,
    ),
    Fault(
        "edge's clock an hour ahead, and back",
        "边缘时钟快一小时后恢复",
        _jump("edge", HOUR),
        (("edge", "wall clock jumped"),),
        6,
    ),
    Fault(
        "edge's clock an hour behind, and back",
        "边缘时钟慢一小时后恢复",
        _jump("edge", -HOUR),
        (("edge", "wall clock jumped"),),
        6,
    ),
    Fault(
        "centre's clock an hour ahead, and back",
        "中心时钟快一小时后恢复",
        _jump("centre", HOUR),
        (("centre", "wall clock jumped"),),
        6,
    ),
    Fault(
        "centre's clock an hour behind, and back",
        "中心时钟慢一小时后恢复",
        _jump("centre", -HOUR),
        (("centre", "wall clock jumped"),),
        6,
    ),
    Fault("MQTT broker down", "MQTT 代理停机", _broker_down, (LOST, FOUND), long=30),
    Fault(
        "link half open: nothing passes, nobody is told",
        "链路半开：报文全丢且无告知",
        _half_open,
        (AWAY, BACK),
        8,
        60,
        root=True,
    ),
    Fault("1 % of all packets lost", "1 % 随机丢包", _lose(0.01), root=True),
    Fault("10 % of all packets lost", "10 % 随机丢包", _lose(0.10), short=4, root=True),
    Fault("edge cannot open files", "边缘文件描述符耗尽", _no_files("edge", "centre"), (AWAY, BACK)),
    Fault("centre cannot open files", "中心文件描述符耗尽", _no_files("centre", "edge"), (FOUND,)),
    Fault("edge gets no more memory", "边缘内存受限", _no_memory("edge", _large_message)),
    Fault("centre gets no more memory", "中心内存受限", _no_memory("centre", _large_write)),
    Fault("a page of the outbox overwritten", "发件箱一页被破坏", _outbox_page, (("edge", "damaged"),), 3),
    Fault("a page of the store's log overwritten", "存储日志一页被破坏", _store_page, (("centre", "damaged"),)),
    Fault("a segment of the store overwritten", "存储的一个段文件被破坏", _segment, (("centre", "damaged"),)),
    Fault("OPC UA server down", "OPC UA 服务器停机", _device_down, (LOST, FOUND), 3, 60, Rig.OPCUA),
    Fault("Modbus device down", "Modbus 设备停机", _device_down, (LOST, FOUND), 3, 60, Rig.MODBUS),
    Fault("InfluxDB down", "InfluxDB 停机", _influxdb_down, (AWAY, BACK), 3, 30, Rig.INFLUXDB),
    Fault(
        "InfluxDB stopped (SIGSTOP, SIGCONT)",
        "InfluxDB 被挂起（SIGSTOP、SIGCONT）",
        _influxdb_stalls,
        (AWAY, BACK),
        5,
        rig=Rig.INFLUXDB,
    ),
)
