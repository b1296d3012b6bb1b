"""The Modbus source against a modbus-serial device it did not come with."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from collectors.modbus import ModbusSource
from plant.batch import Batch, Origin
from plant.clock import SystemClock
from plant.errors import ConfigError, Disconnected
from plant.quality import Quality, Severity, severity
from tests.collectors.conformance import SourceConformance
from tests.collectors.modbus_rig import SLEEP, Device, ModbusRig, config, device, first, gather, point


def source(it: Device, points, **options) -> ModbusSource:
    return ModbusSource(config(it.port, **options), points, clock=SystemClock())


def rows(batches: list[Batch], signal: str) -> list:
    return [s for batch in batches for s in batch.samples() if s.path.endswith("/" + signal)]


class TestConformance(SourceConformance):
    @pytest.fixture
    def rig(self) -> Iterator[ModbusRig]:
        with device() as it:
            yield ModbusRig(it)


async def test_values_of_all_four_tables_arrive_in_one_batch() -> None:
    with device() as it:
        it.write(3, 100, 0xFFFE, 0x42F6, 0xE979, 0x4142, 0x4320, 0x8001)
        it.switch(3, 7, True)
        points = [
            point("int", 100, unit=3, format="int16"),
            point("float", 101, unit=3, format="float32"),
            point("name", 103, unit=3, format="string", length=2),
            point("bit", 105, unit=3, format="bit", bit=15),
            point("scaled", 100, unit=3, format="uint16", scale=0.5, offset=1.0),
            point("input", 100, unit=3, table="input", format="int16"),
            point("coil", 7, unit=3, table="coil"),
            point("discrete", 6, unit=3, table="discrete"),
        ]
        samples = {s.path.rpartition("/")[2]: s for s in await first(source(it, points))}
    assert {name: s.value for name, s in samples.items()} == {
        "int": -2,
        "float": pytest.approx(123.456, rel=1e-6),
        "name": "ABC",
        "bit": True,
        "scaled": 0xFFFE / 2 + 1,
        "input": -2,
        "coil": True,
        "discrete": False,
    }
    assert all(s.quality == Quality.GOOD and s.origin == Origin.DEVICE for s in samples.values())


async def test_neighbouring_registers_cost_one_request() -> None:
    with device(log=True) as it:
        await first(source(it, [point(f"r{n}", n) for n in range(0, 250, 2)], period=10.0))
        assert it.seen("read") == ["read 3 1 0 125", "read 3 1 126 123"]


async def test_a_dead_unit_reads_bad_once_and_does_not_slow_the_living_one() -> None:
    batches: list[Batch] = []
    with device(silent=[2], log=True) as it:
        points = [point("alive", 0, unit=1), point("dead", 0, unit=2)]
        async with asyncio.timeout(90), source(it, points, timeout=1.0, pause=100.0).open() as stream:
            while len(rows(batches, "alive")) < 30:
                batches.append(await anext(stream))
        asked = Counter(line.split()[2] for line in it.seen("read"))
    dead, alive = rows(batches, "dead"), rows(batches, "alive")
    assert [s.quality for s in dead] == [Quality.BAD_NO_COMMUNICATION]
    assert all(s.quality == Quality.GOOD for s in alive)
    # Asked every round, the dead unit would hold up each of thirty for a second.
    assert asked["2"] < 5 < asked["1"]


async def test_a_unit_that_falls_silent_reads_bad_and_comes_back() -> None:
    with device() as it:
        it.write(2, 0, 5)
        plc = source(it, [point("a", 0, unit=1), point("b", 0, unit=2)], timeout=0.2, pause=0.5)
        told: list[tuple[int, float]] = []
        async with asyncio.timeout(60), plc.open() as batches:
            async for batch in batches:
                for s in (s for s in batch.samples() if s.path.endswith("/b")):
                    told.append((s.quality, s.value))
                    if len(told) == 1:
                        await asyncio.to_thread(it.switch, 2, SLEEP, True)
                    if s.quality == Quality.BAD_NO_COMMUNICATION:
                        await asyncio.to_thread(it.switch, 2, SLEEP, False)
                        await asyncio.to_thread(it.write, 2, 0, 6)
                if told and told[-1] == (Quality.GOOD, 6):
                    break
        qualities = [quality for quality, _ in told]
        assert qualities.count(Quality.BAD_NO_COMMUNICATION) == 1
        assert qualities[0] == qualities[-1] == Quality.GOOD


async def test_when_every_unit_is_silent_the_link_is_given_up() -> None:
    with device(silent=[1, 2]) as it:
        plc = source(it, [point("a", 0, unit=1), point("b", 0, unit=2)], timeout=0.2)
        with pytest.raises(Disconnected, match="nobody answers"):
            await gather(plc, 90.0)


@pytest.mark.parametrize(
    ("code", "quality"),
    [
        (1, Quality.BAD_NOT_READABLE),
        (4, Quality.BAD_DEVICE_FAILURE),
        (6, Quality.BAD_NO_DATA),
        (11, Quality.BAD_NO_COMMUNICATION),
        (99, Quality.BAD_COMMUNICATION_ERROR),
    ],
)
async def test_an_exception_code_becomes_a_quality_told_once(code: int, quality: Quality) -> None:
    with device(refuse={"1/0": code}) as it:
        plc = source(it, [point("refused", 0), point("fine", 0, unit=2)], pause=0.2)
        batches = await gather(plc, 1.0)
    assert [s.quality for s in rows(batches, "refused")] == [quality]
    assert len(rows(batches, "fine")) > 3


async def test_a_gateway_whose_units_are_all_gone_is_not_a_lost_link() -> None:
    with device(refuse={"1/0": 11}) as it:
        batches = await gather(source(it, [point("a", 0)], pause=0.2), 1.0)
    assert [s.quality for s in rows(batches, "a")] == [Quality.BAD_NO_COMMUNICATION]


async def test_one_wrong_register_is_found_and_its_neighbours_are_read_in_two_blocks() -> None:
    with device(refuse={"1/37": 2}, log=True) as it:
        plc = source(it, [point(f"r{n}", n) for n in range(100)], period=0.3)
        batches = await gather(plc, 1.5)
        counts = {n: len(rows(batches, f"r{n}")) for n in range(100)}
        last = it.seen("read")[-2:]
    assert [s.quality for s in rows(batches, "r37")] == [Quality.BAD_NODE_UNKNOWN]
    assert plc.tally.bad_points == {
        "cq/lab/line/plc/r37": "unit 1 holding 37-37: illegal data address (exception code 2)"
    }
    assert all(count >= 2 for n, count in counts.items() if n != 37)
    assert sorted(last) == ["read 3 1 0 37", "read 3 1 38 62"]


async def test_a_hole_that_must_not_be_read_over_is_left_out() -> None:
    with device(refuse={f"1/{n}": 2 for n in range(3, 8)}, log=True) as it:
        plc = source(it, [point("a", 2), point("b", 8)], period=0.2)
        batches = await gather(plc, 0.8)
    assert plc.tally.bad_points == {}
    assert {s.quality for name in "ab" for s in rows(batches, name)} == {Quality.GOOD}


async def test_a_device_that_takes_only_small_requests_is_read_in_small_ones() -> None:
    with device(most=20) as it:
        plc = source(it, [point(f"r{n}", n) for n in range(100)], period=0.3)
        batches = await gather(plc, 1.5)
    assert plc.tally.bad_points == {}
    assert all(len(rows(batches, f"r{n}")) >= 2 for n in range(100))


async def test_samples_of_a_device_that_calls_itself_a_simulator_are_marked() -> None:
    with device(vendor={"1": "provenline simulator 0.1", "2": "Acme"}) as it:
        points = [point("sim", 0, unit=1), point("real", 0, unit=2), point("declared", 1, unit=2, simulated=True)]
        origins = {s.path.rpartition("/")[2]: s.origin for s in await first(source(it, points), rounds=2)}
    assert origins == {"sim": Origin.SIMULATED, "real": Origin.DEVICE, "declared": Origin.SIMULATED}


async def test_a_late_reader_gets_no_burst_and_the_gap_is_counted() -> None:
    with device() as it:
        plc = source(it, [point("a", 0)], period=0.1)
        async with asyncio.timeout(60), plc.open() as batches:
            await anext(batches)
            await asyncio.sleep(0.55)
            began = time.monotonic()
            for _ in range(3):
                await anext(batches)
    assert time.monotonic() - began > 0.12
    assert plc.tally.gaps >= 1


def test_what_cannot_be_read_over_the_link_is_a_config_error_that_names_the_tags() -> None:
    wide = point("name", 0, format="string", length=60)
    with pytest.raises(ConfigError) as caught:
        ModbusSource(
            config(1, block=50, link="rtu-over-tcp"), [wide, point("b", 0, unit=0), point("c", 1)], clock=SystemClock()
        )
    assert len(caught.value.faults) == 2
    assert "plc/name" in str(caught.value)
    assert "broadcast" in str(caught.value)


async def test_a_float_that_is_no_number_is_bad() -> None:
    with device() as it:
        it.write(1, 0, *struct.unpack(">HH", struct.pack(">f", float("nan"))))
        [sample] = await first(source(it, [point("wire", 0, format="float32")]))
    assert sample.quality == Quality.BAD_SENSOR_FAILURE
    assert severity(sample.quality) is Severity.BAD
