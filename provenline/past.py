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


Gaps = dict[str, Span]
"""Scene id to the stretch of its recent past that is not stored."""


def gaps(configuration: Configuration, historian: Historian, *, until: int) -> Gaps:
    """Return what of the last `HOURS` before `until` (ns UTC) is missing, by simulated scene. Blocks.

    Ask before live samples arrive: whatever is newest then is where the gap begins.
    """
    found = {}
    for scene in configuration.scenes.values():
        paths = [tag.path for b in configuration.bindings if b.scene == scene.id for tag, _ in b.points]
        start = _known_until(historian, paths, until)
        if scene.simulation is not None and until - start >= _SHORTEST:
            found[scene.id] = (start, until)
    return found


def fill(configuration: Configuration, historian: Historian, missing: Gaps, *, seed: int | None) -> int:
    """Store what the simulated scenes did in their gaps; return how many samples.

    Blocks for seconds; run it in a worker thread.
    """
    from simulators.running import fast  # noqa: PLC0415 - takes seconds to import, and only this needs it

    total = 0
    for scene_id, (start, stop) in missing.items():
        bindings = [binding for binding in configuration.bindings if binding.scene == scene_id]
        scene, plan = configuration.scenes[scene_id], planned(configuration, scene_id, start)
        for batch in _gathered(fast(scene, bindings, seed=seed, start=start, stop=stop, planned=plan)):
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
