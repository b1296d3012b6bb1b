"""Where samples have made room for buckets, no figure is made of what is left, and the reason is given."""

from __future__ import annotations

from pathlib import Path

from analytics.indicator import Status
from analytics.scene import analyse
from analytics.shift_results import ShiftResults
from historian.port import Hole
from plant.batch import Batch
from plant.clock import SECOND
from tests.analytics.memory import MemoryHistorian
from tests.analytics.test_shift_results import BERLIN, HOUR, RULES, closed_shift, stop_at


class Thinning(MemoryHistorian):
    """Lets go of what lies in a span, of every tag or of some, without anything in its place."""

    def __init__(self, *batches: Batch) -> None:
        super().__init__(*batches)
        self.holes: list[Hole] = []

    def thin(self, start: int, stop: int, *, only: str = "") -> None:
        batch = self._batch
        of_row = [only in batch.names[tag] for tag in batch.tag.tolist()]
        gone = (batch.time >= start) & (batch.time < stop) & of_row
        self.holes += [Hole(name, start, stop) for name in batch.names if only in name]
        self._batch = batch.take(~gone)

    def thinned(self, paths, start: int, stop: int) -> tuple[Hole, ...]:
        return tuple(hole for hole in self.holes if hole.path in paths and hole.start < stop and hole.stop > start)


def staged():
    plant, historian, shift, clock = closed_shift()
    return plant, Thinning(historian._batch), shift, clock


def test_a_window_without_its_samples_has_no_figures_and_says_why():
    plant, historian, shift, _ = staged()
    whole = analyse(plant, historian, shift, calendar=BERLIN, rules=RULES)
    assert any(one.value is not None for one in whole.indicators())
    historian.thin(shift[0] - HOUR * SECOND, shift[0] + HOUR * SECOND)
    found = analyse(plant, historian, shift, calendar=BERLIN, rules=RULES).indicators()
    assert found
    assert [one.key for one in found if one.status is Status.OK] == []
    short = [one for one in found if one.status is Status.INSUFFICIENT_DATA]
    assert all("no longer kept" in one.note.en and "不再保留" in one.note.zh for one in short)


def test_a_scene_of_which_one_machine_was_thinned_names_the_others_own_reasons():
    plant, historian, shift, _ = staged()
    machine = plant.devices[0]
    historian.thin(*shift, only=f"{machine.path}/")
    found = analyse(plant, historian, shift, calendar=BERLIN, rules=RULES)
    assert set(found.thinned) >= {machine.path, plant.path, plant.lines[0].path}
    assert all(device.path not in found.thinned for device in plant.devices[1:])


def test_a_window_beside_a_hole_is_not_touched_by_it():
    plant, historian, shift, _ = staged()
    before = analyse(plant, historian, shift, calendar=BERLIN, rules=RULES).indicators()
    historian.thin(shift[0] - 24 * HOUR * SECOND, shift[0] - HOUR * SECOND)
    after = analyse(plant, historian, shift, calendar=BERLIN, rules=RULES).indicators()
    assert [one.payload() for one in after] == [one.payload() for one in before]


def test_what_was_kept_of_a_shift_stays_when_its_samples_go_and_late_ones_come(tmp_path: Path):
    plant, historian, shift, clock = staged()
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    first = results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    historian.thin(*shift)
    late = stop_at(plant, shift[0] + HOUR * SECOND)
    with results.noting(late):
        historian.write(late)
    again = results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
    assert again.revision == first.revision
    assert again.analysis.indicators() == first.analysis.indicators()
    results.close()


def test_a_shift_that_was_never_computed_is_not_kept_as_empty(tmp_path: Path):
    plant, historian, shift, clock = staged()
    historian.thin(*shift)
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    for _ in range(2):
        found = results.of(plant, historian, shift, calendar=BERLIN, rules=RULES)
        assert found.revision.number == 0
        assert any("no longer kept" in one.note.en for one in found.analysis.indicators())
    assert results.revisions(plant, shift) == []
    results.close()
