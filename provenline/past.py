"""The past of a simulated line: what it would have done in the hours before it was switched on.

A demonstration that starts in the middle of a shift would have no shift to show. So the same
model, from the same seed, is run in virtual time up to the present and its samples are
stored at their own times, marked as simulated like all the rest. What is already stored is
kept, and only the gap behind it is filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from configs.configuration import Configuration
from historian.port import Historian
from plant.batch import Batch
from plant.calendar import Span
from plant.clock import SECOND

HOURS = 8.0
_SHORTEST = 60 * SECOND
_AT_ONCE = 50_000
_AHEAD = 60 * 86_400 * SECOND


def fill(configuration: Configuration, historian: Historian, *, until: int, seed: int | None) -> int:
    """Store the last `HOURS` of every simulated scene up to `until` (ns UTC); return how many samples.

    Blocks for seconds; run it in a worker thread.
    """
    from simulators.running import fast  # noqa: PLC0415 - takes seconds to import, and only this needs it

    total = 0
    for scene in configuration.scenes.values():
        if scene.simulation is None:
            continue
        bindings = [binding for binding in configuration.bindings if binding.scene == scene.id]
        start = _known_until(historian, [tag.path for b in bindings for tag, _ in b.points], until)
        if until - start < _SHORTEST:
            continue
        plan = planned(configuration, scene.id, start)
        for batch in _gathered(fast(scene, bindings, seed=seed, start=start, stop=until, planned=plan)):
            historian.write(batch)
            total += len(batch)
    return total


def planned(configuration: Configuration, scene_id: str, start: int) -> tuple[Span, ...] | None:
    """Return a scene's planned time for the two months after `start`; None = always."""
    calendar = configuration.calendar(scene_id)
    return None if calendar.empty else calendar.plan(start, start + _AHEAD).busy


def _known_until(historian: Historian, paths: Sequence[str], until: int) -> int:
    earliest = until - round(HOURS * 3600) * SECOND
    newest = historian.before(paths, until)
    return max(earliest, int(newest.time.max()) + 1) if len(newest) else earliest


def _gathered(batches: Iterator[Batch]) -> Iterator[Batch]:
    waiting: list[Batch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= _AT_ONCE:
            yield Batch.concat(waiting)
            waiting = []
    if waiting:
        yield Batch.concat(waiting)
