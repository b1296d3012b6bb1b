"""Closed shifts are kept, revised by number when late data arrives, and sum up to the whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.periods import current, period_window, pieces
from analytics.record import decode, encode
from analytics.revision import Reason
from analytics.scene import Rules, Unit, analyse
from analytics.shift_results import ShiftResults
from analytics.time_model import TimeModel
from plant.assets import Scene
from plant.batch import Batch
from plant.calendar import Period, ShiftCalendar, ShiftPattern, Span
from plant.clock import SECOND, VirtualClock, from_iso
from plant.tags import Role
from plant.text import Text
from tests.analytics.memory import MemoryHistorian
from tests.analytics.signals import samples
from tests.analytics.test_scene import MACHINE, device, scene

HOUR = 3600
RULES = Rules(model=TimeModel(micro_stop=60 * SECOND, start_up=30 * SECOND))
EVERYDAY = frozenset(range(7))


def pattern(name: str, start: int, stop: int, *breaks: tuple[time, time]) -> ShiftPattern:
    named = Text(name, name)
    return ShiftPattern(id=name, name=named, start=time(start), stop=time(stop), weekdays=EVERYDAY, breaks=breaks)


THREE = (
    pattern("early", 6, 14, (time(10), time(10, 30))),
    pattern("late", 14, 22),
    pattern("night", 22, 6, (time(1, 30), time(3, 15))),
)
BERLIN = ShiftCalendar(zone="Europe/Berlin", patterns=THREE)
# The nights in which the clocks go forward, back, and not at all.
DAYS = (date(2026, 3, 28), date(2026, 10, 24), date(2026, 6, 10))


@contextmanager
def kept(clock: VirtualClock) -> Iterator[ShiftResults]:
    with tempfile.TemporaryDirectory() as folder:
        results = ShiftResults(Path(folder) / "shifts.db", clock=clock)
        try:
            yield results
        finally:
            results.close()


def work(plant: Scene, start: int, rows: list[tuple[int, int]]) -> list[Batch]:
    """A sample of state and counters of each machine every few minutes, from rows of (minute, state)."""
    batches = []
    for machine in plant.devices:
        at = [(start / SECOND + minute * 60, state, n) for n, (minute, state) in enumerate(sorted(rows))]
        batches += [
            samples([(t, state) for t, state, _ in at], path=f"{machine.path}/state"),
            samples([(t + 1, n * 3 % 41) for t, _, n in at], path=f"{machine.path}/good-count"),
            samples([(t + 2, n // 4) for t, _, n in at], path=f"{machine.path}/reject-count"),
        ]
    return batches


def summed(units: tuple[Unit, ...]) -> list[tuple[object, ...]]:
    return [
        (u.scope, u.sums, u.waterfall, u.reliability, u.output and (u.output.produced, u.output.good)) for u in units
    ]


rows = st.lists(st.tuples(st.integers(-300, 1500), st.sampled_from((6, 6, 6, 9, 4, 12, 2))), max_size=40, unique=True)


@given(rows, rows, st.sampled_from(DAYS), st.integers(0, 26 * 60), st.sampled_from((0.0, 1200.0)))
@settings(deadline=None, max_examples=40)
def test_kept_shifts_and_the_running_one_sum_to_a_recomputation_from_raw(first, late, day, minutes, stale) -> None:
    plant = scene(device("press", *MACHINE, cycle={"": 7.0}, stale_after=stale), device("pack", *MACHINE))
    window = period_window(BERLIN, day, Period.DAY)
    clock = VirtualClock(window[0] + minutes * 60 * SECOND + 1)
    historian = MemoryHistorian(*work(plant, window[0], first))

    def check(results: ShiftResults) -> None:
        found = results.period(plant, historian, window, calendar=BERLIN, rules=RULES)
        seen = (window[0], min(window[1], clock.now()))
        whole = analyse(plant, historian, seen, calendar=BERLIN, rules=RULES, now=clock.now())
        assert (found.windows[0][0], found.windows[-1][1]) == seen
        assert summed(found.units) == summed(whole.units)

    with kept(clock) as results:
        check(results)
        for batch in work(plant, window[0], late):
            with results.noting(batch):
                historian.write(batch)
        check(results)
        clock.set(clock.now() + 9 * HOUR * SECOND)
        check(results)


def closed_shift(*roles: Role) -> tuple[Scene, MemoryHistorian, Span, VirtualClock]:
    plant = scene(device("press", *MACHINE, *roles, cycle={"": 7.0}))
    window = period_window(BERLIN, date(2026, 6, 10), Period.DAY)[0]
    shift = (window, window + 8 * HOUR * SECOND)
    historian = MemoryHistorian(*work(plant, window, [(n, 6) for n in range(-60, 600, 5)]))
    return plant, historian, shift, VirtualClock(shift[1] + HOUR * SECOND)


def stop_at(plant: Scene, moment: int) -> Batch:
    return samples([(moment / SECOND, 9)], path=f"{plant.devices[0].path}/state")


def test_a_closed_shift_is_read_from_the_store_once(tmp_path: Path) -> None:
    plant, historian, shift, clock = closed_shift()
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    first = results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    reads = historian.reads
    assert results.of(plant, historian, shift, calendar=BERLIN, rules=RULES) is first
    results.close()
    again = ShiftResults(tmp_path / "shifts.db", clock=clock)
    kept = again.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    again.close()
    assert historian.reads == reads
    assert (kept.revision.number, kept.revision.reason) == (1, Reason.CLOSED)
    assert [i.payload() for i in kept.analysis.indicators()] == [i.payload() for i in first.analysis.indicators()]


def test_late_data_makes_a_numbered_revision_and_the_one_before_stays(tmp_path: Path) -> None:
    plant, historian, shift, clock = closed_shift()
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    before = results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    late = Batch.concat([stop_at(plant, shift[0] + n * HOUR * SECOND + SECOND) for n in (1, 2, 3)])
    with results.noting(late):
        historian.write(late)
    after = results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    assert (after.revision.number, after.revision.reason, after.revision.late) == (2, Reason.LATE_DATA, 3)
    assert after.analysis.units[0].sums != before.analysis.units[0].sums
    assert [r.number for r in results.revisions(plant, shift)] == [1, 2]
    results.close()


def test_what_was_noted_before_a_crash_is_still_in_doubt_after_it(tmp_path: Path) -> None:
    plant, historian, shift, clock = closed_shift()
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    late = stop_at(plant, shift[0] + HOUR * SECOND + SECOND)
    noting = results.noting(late)
    noting.__enter__()  # and never left: the process is gone once the samples are stored
    historian.write(late)
    results.close()
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    assert results.of(plant, historian, shift, calendar=BERLIN, rules=RULES).revision.number == 2
    results.close()


def test_a_duplicate_is_no_revision_and_neither_is_live_data(tmp_path: Path) -> None:
    plant, historian, shift, clock = closed_shift()
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    for batch in (historian.history([plant.tags[0].path], *shift), stop_at(plant, clock.now())):
        with results.noting(batch):
            historian.write(batch)
    assert results.of(plant, historian, shift, calendar=BERLIN, rules=RULES).revision.number == 1
    results.close()


def test_other_rules_or_ideal_cycles_are_another_result_not_a_revision(tmp_path: Path) -> None:
    plant, historian, shift, clock = closed_shift()
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    slower = scene(device("press", *MACHINE, cycle={"": 9.0}))
    strict = replace(RULES, model=TimeModel(micro_stop=10 * SECOND))
    found = [
        results.of(p, historian, shift, calendar=BERLIN, rules=rules)
        for p, rules in ((plant, RULES), (slower, RULES), (plant, strict))
    ]
    results.close()
    assert [result.revision.number for result in found] == [1, 1, 1]
    assert found[0].analysis.units[0].sums != found[1].analysis.units[0].sums


def test_a_shift_that_can_still_change_is_not_kept(tmp_path: Path) -> None:
    plant, historian, shift, _ = closed_shift()
    results = ShiftResults(tmp_path / "shifts.db", clock=VirtualClock(shift[1] + 59 * SECOND))
    with pytest.raises(ValueError, match="not closed"):
        results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    results.close()


def test_a_record_is_read_back_as_it_was_with_columns_and_great_numbers() -> None:
    plant, historian, shift, _ = closed_shift(Role.ENERGY, Role.LATENCY)
    press = plant.devices[0].path
    historian.write(samples([(shift[0] / SECOND + n, 3.25 * n) for n in range(50)], path=f"{press}/latency"))
    historian.write(samples([(shift[0] / SECOND + n, 7.5 * n) for n in range(50)], path=f"{press}/energy"))
    analysis = analyse(plant, historian, shift, calendar=BERLIN, rules=RULES)
    again = replace(analysis, units=decode(encode(analysis.units)))
    assert [i.payload() for i in again.indicators()] == [i.payload() for i in analysis.indicators()]
    assert encode(again.units) == encode(analysis.units)
    assert again.units[0].sums.counts.ideal_good == analysis.units[0].sums.counts.ideal_good > 2**53


@pytest.mark.parametrize("blob", [b"", b"nothing", encode(())[:-3]])
def test_what_is_no_record_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="not the record"):
        decode(blob)


def test_a_day_of_production_runs_over_midnight_and_the_missing_hour() -> None:
    start, stop = period_window(BERLIN, date(2026, 3, 28), Period.DAY)
    assert (start, stop) == (from_iso("2026-03-28T06:00:00+01:00"), from_iso("2026-03-29T06:00:00+02:00"))
    assert [(b - a) / SECOND / HOUR for a, b in pieces(BERLIN, (start, stop))] == [8, 8, 7]
    assert current(BERLIN, from_iso("2026-03-29T03:30:00+02:00"), Period.DAY) == (start, stop)
    week = period_window(BERLIN, date(2026, 3, 28), Period.WEEK)
    assert week == (from_iso("2026-03-23T06:00:00+01:00"), from_iso("2026-03-30T06:00:00+02:00"))
    month = period_window(BERLIN, date(2026, 3, 28), Period.MONTH)
    assert month == (from_iso("2026-03-01T06:00:00+01:00"), from_iso("2026-04-01T06:00:00+02:00"))


def test_a_day_without_shifts_runs_from_midnight_to_the_next_shift() -> None:
    weekdays = ShiftCalendar(zone="UTC", patterns=(replace(THREE[0], weekdays=frozenset(range(5))),))
    saturday = period_window(weekdays, date(2026, 6, 13), Period.DAY)
    assert saturday == (from_iso("2026-06-13T00:00:00Z"), from_iso("2026-06-14T00:00:00Z"))
