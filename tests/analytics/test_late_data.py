"""What others write late into a store that is not ours alone is noticed, and becomes a numbered revision."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from analytics.late_data import look
from analytics.revision import Reason
from analytics.shift_results import ShiftResults
from configs.schema import CentreDocument, InfluxConfig
from dashboard_api import late_data
from historian.influxdb import InfluxHistorian, Server
from plant.batch import Batch
from plant.calendar import Span
from plant.clock import SECOND, VirtualClock
from plant.errors import Unavailable
from tests.analytics.memory import MemoryHistorian
from tests.analytics.test_shift_results import BERLIN, HOUR, RULES, closed_shift, stop_at
from tests.peers.influxd import influxd


class Shared(MemoryHistorian):
    """A store that others write to as well."""

    away = False

    def counts(self, paths: Sequence[str], start: int, stop: int) -> dict[str, int]:
        if self.away:
            raise Unavailable("out of reach")
        found = self.history(paths, start, stop)
        return {path: len(found.of(path)) for path in paths}


def late(plant, shift: Span) -> Batch:
    return Batch.concat([stop_at(plant, shift[0] + n * HOUR * SECOND + SECOND) for n in (1, 2, 3)])


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[..., ShiftResults]]:
    opened: list[ShiftResults] = []

    def open_(clock: VirtualClock) -> ShiftResults:
        opened.append(ShiftResults(tmp_path / "shifts.db", clock=clock))
        return opened[-1]

    yield open_
    for results in opened:
        results.close()


def test_a_shift_that_nothing_came_for_is_looked_at_once_and_never_revised(kept) -> None:
    plant, memory, shift, clock = closed_shift()
    store, results = Shared(memory.history([t.path for t in plant.tags], 0, 2**62)), kept(clock)
    results.of(plant, store, shift, calendar=BERLIN, rules=RULES)
    assert look(plant, results, store, since=0) == [shift]
    assert results.of(plant, store, shift, calendar=BERLIN, rules=RULES).revision.number == 1
    assert look(plant, results, store, since=0) == []
    assert look(plant, results, store, since=shift[1] + HOUR * SECOND) == []


def test_what_came_between_the_computation_and_the_first_count_is_not_missed(kept) -> None:
    plant, memory, shift, clock = closed_shift()
    store, results = Shared(memory.history([t.path for t in plant.tags], 0, 2**62)), kept(clock)
    results.of(plant, store, shift, calendar=BERLIN, rules=RULES)
    store.write(late(plant, shift))
    look(plant, results, store, since=0)
    assert results.of(plant, store, shift, calendar=BERLIN, rules=RULES).revision.number == 2


def test_a_late_sample_puts_the_shifts_after_it_in_doubt_too(kept) -> None:
    plant, memory, shift, clock = closed_shift()
    store, results = Shared(memory.history([t.path for t in plant.tags], 0, 2**62)), kept(clock)
    edge = shift[1] - 120 * SECOND  # between two samples, so that what came before is in force
    shift, following = (shift[0], edge), (edge, shift[1])
    for window in (shift, following):
        results.of(plant, store, window, calendar=BERLIN, rules=RULES)
    look(plant, results, store, since=0)
    for window in (shift, following):
        results.of(plant, store, window, calendar=BERLIN, rules=RULES)
    store.write(stop_at(plant, edge - SECOND))
    assert look(plant, results, store, since=0) == [shift]
    after = [results.of(plant, store, window, calendar=BERLIN, rules=RULES) for window in (shift, following)]
    assert [(one.revision.number, one.revision.late) for one in after] == [(2, 1), (2, 0)]


@pytest.mark.needs("influxd")
def test_what_another_program_writes_into_influxdb_becomes_a_revision(kept, tmp_path: Path) -> None:
    plant, memory, shift, clock = closed_shift()
    with influxd(tmp_path / "influxd") as server:
        there = Server(url=server.url, version=1)
        with closing(InfluxHistorian(there)) as store, closing(InfluxHistorian(there)) as somebody:
            store.write(memory.history([t.path for t in plant.tags], 0, 2**62))
            results = kept(clock)
            first = results.of(plant, store, shift, calendar=BERLIN, rules=RULES)
            look(plant, results, store, since=0)
            assert results.of(plant, store, shift, calendar=BERLIN, rules=RULES).revision == first.revision
            somebody.write(late(plant, shift))
            assert look(plant, results, store, since=0) == [shift]
            after = results.of(plant, store, shift, calendar=BERLIN, rules=RULES)
    assert (after.revision.number, after.revision.reason, after.revision.late) == (2, Reason.LATE_DATA, 3)
    assert after.analysis.units[0].sums != first.analysis.units[0].sums


async def test_a_centre_looks_as_often_as_configured_and_outlives_a_store_that_is_away(kept, caplog) -> None:
    caplog.set_level(logging.CRITICAL)
    plant, memory, shift, clock = closed_shift()
    store, results = Shared(memory.history([t.path for t in plant.tags], 0, 2**62)), kept(clock)
    results.of(plant, store, shift, calendar=BERLIN, rules=RULES)
    settings = CentreDocument(
        type="centre", historian=InfluxConfig(type="influxdb", url="http://127.0.0.1:8086", check_late=60)
    )
    centre = SimpleNamespace(
        configuration=SimpleNamespace(centre=settings), historian=store, results=results, clock=clock, scenes=(plant,)
    )
    store.away = True
    async with late_data.watching(centre):
        await clock.advance(61)
        store.away = False
        store.write(late(plant, shift))
        async with asyncio.timeout(60):
            while results.of(plant, store, shift, calendar=BERLIN, rules=RULES).revision.number == 1:
                await clock.advance(60)
                await asyncio.sleep(0.01)  # the counting thread


async def test_a_store_of_our_own_is_not_counted(kept) -> None:
    centre = SimpleNamespace(
        configuration=SimpleNamespace(centre=CentreDocument(type="centre")), historian=Shared(Batch.empty())
    )
    before = asyncio.all_tasks()
    async with late_data.watching(centre):
        assert asyncio.all_tasks() == before
