"""Block planning and turn taking: properties, no I/O."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.modbus.plan import blocks, halves, limit_of, next_tick, rejoined
from collectors.modbus.turns import Turns
from collectors.modbus.unit import Silence
from configs.sources import ModbusAddress, ModbusFormat, ModbusTable
from plant.clock import VirtualClock
from plant.quality import Quality

REGISTERS = [ModbusFormat.INT16, ModbusFormat.UINT32, ModbusFormat.FLOAT64]


@st.composite
def an_address(draw) -> ModbusAddress:
    table = draw(st.sampled_from(ModbusTable))
    bits = table in (ModbusTable.COIL, ModbusTable.DISCRETE)
    return ModbusAddress(
        unit=draw(st.integers(1, 2)),
        table=table,
        register=draw(st.integers(0, 400) | st.integers(65_000, 65_532)),
        format=ModbusFormat.BIT if bits else draw(st.sampled_from(REGISTERS)),
    )


addresses = st.lists(an_address(), max_size=60)
limits, gaps = st.integers(4, 125), st.integers(0, 124)


@given(addresses, limits, gaps)
def test_every_address_lies_whole_in_exactly_one_block(wanted, limit, gap) -> None:
    plan = blocks(wanted, limit=limit, gap=gap)
    assert sorted(index for block in plan for index in block.wanted) == list(range(len(wanted)))
    for block in plan:
        for index in block.wanted:
            address = wanted[index]
            assert (address.unit, address.table) == (block.unit, block.table)
            assert block.start <= address.register_
            assert address.register_ + address.width <= block.start + block.count


@given(addresses, limits, gaps)
def test_no_block_is_longer_than_the_limit_nor_reads_over_a_wider_gap(wanted, limit, gap) -> None:
    for block in blocks(wanted, limit=limit, gap=gap):
        assert 1 <= block.count <= limit_of(block.table, limit)
        stop = block.start
        for cell in block.cells:
            assert cell.start <= stop + limit_of(block.table, gap)
            stop = max(stop, cell.stop)
        assert stop == block.start + block.count


@given(addresses, limits, gaps)
def test_two_blocks_that_could_be_one_are_one(wanted, limit, gap) -> None:
    for left, right in pairwise(blocks(wanted, limit=limit, gap=gap)):
        if (left.unit, left.table) == (right.unit, right.table):
            apart = right.start - (left.start + left.count) > limit_of(left.table, gap)
            first = right.cells[0].stop - left.start > limit_of(left.table, limit)
            assert apart or first


@given(addresses, limits, gaps)
def test_cutting_loses_nothing_and_always_ends_at_single_cells(wanted, limit, gap) -> None:
    parts, single = list(blocks(wanted, limit=limit, gap=gap)), []
    while parts:
        part = parts.pop()
        if len(part.cells) == 1:
            single.append(part)
        else:
            left, right = halves(part)
            assert left.cells + right.cells == part.cells
            parts += [left, right]
    assert sorted(index for part in single for index in part.wanted) == list(range(len(wanted)))
    for block in rejoined(single, limit=limit):
        covered = {n for cell in block.cells for n in range(cell.start, cell.stop)}
        assert covered == set(range(block.start, block.start + block.count))


def test_a_block_is_cut_at_its_widest_gap() -> None:
    [block] = blocks([ModbusAddress(register=r) for r in (0, 1, 2, 8, 9, 12)], limit=125, gap=8)
    left, right = halves(block)
    assert (left.start, left.count, right.start, right.count) == (0, 3, 8, 5)


def test_a_value_wider_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        blocks([ModbusAddress(register=0, format="float64")], limit=3, gap=0)


@given(st.lists(st.floats(0, 5), max_size=50), st.floats(0.01, 2))
def test_ticks_stay_on_the_grid_ahead_of_time_and_never_repeat(durations, period) -> None:
    now, tick = 0.0, 0
    for spent in durations:
        before, now = tick, now + spent
        tick = next_tick(tick, elapsed=now, period=period)
        assert tick > before
        assert tick == before + 1 or tick * period <= now + period * 1.001
        assert tick * period >= now * (1 - 1e-9)  # what passed meanwhile is not made up for
        now = max(now, tick * period)


class _Unit:
    def __init__(self, *, silent: bool) -> None:
        self.dead = silent
        self.silence: Silence | None = None
        self.asked: list[float] = []


async def _run(units: list[_Unit], *, pause: float, rounds: int, timeout: float = 1.0) -> None:
    clock = VirtualClock()
    turns = Turns(units, pause=pause, clock=clock)
    for _ in range(rounds):
        for unit in turns.round():
            unit.asked.append(clock.monotonic())
            if unit.dead:
                await clock.advance(timeout)
            unit.silence = Silence(Quality.BAD_NO_COMMUNICATION, "") if unit.dead else None
            turns.settle(unit)
        await clock.advance(0.5)


async def test_many_dead_units_share_one_timeout_a_pause() -> None:
    dead, living = [_Unit(silent=True) for _ in range(10)], _Unit(silent=False)
    await _run([*dead, living], pause=5.0, rounds=200)
    began = living.asked[0]
    span = living.asked[-1] - began
    probes = sorted(t for unit in dead for t in unit.asked[1:])
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(probes))
    assert all(len(unit.asked) > 1 for unit in dead)
    # The line is taken by dead units for at most 1 s in 6.
    assert len(living.asked) > span / 0.5 * 0.8


async def test_without_a_pause_silent_units_are_asked_once_a_round() -> None:
    dead, living = _Unit(silent=True), _Unit(silent=False)
    await _run([dead, living], pause=0.0, rounds=10)
    assert len(dead.asked) == len(living.asked) == 10


async def test_when_one_comes_back_the_other_silent_ones_are_asked_at_once() -> None:
    clock, units = VirtualClock(), [_Unit(silent=True) for _ in range(3)]
    turns = Turns(units, pause=5.0, clock=clock)
    for unit, later in zip(turns.round(), (0.0, 3.0, 1.0), strict=True):
        await clock.advance(later)
        unit.silence = Silence(Quality.BAD_NO_COMMUNICATION, "")
        turns.settle(unit)
    assert turns.all_silent
    assert list(turns.round()) == []
    await clock.advance(5.0)
    back = []
    for unit in turns.round():
        unit.silence = None
        back.append(unit)
        turns.settle(unit)
    assert back == units
    assert not turns.all_silent
