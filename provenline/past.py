"""The past of a simulated line: what it would have done in the hours before it was switched on.

A demonstration that starts in the middle of a shift would have no shift to show. So the same
model, from the same seed, is run in virtual time up to the present and its samples are
stored at their own times, marked as simulated like all the rest. What is already stored is
kept, and only the gap behind it is filled.

The model runs in a process of its own, so that the page stays quick meanwhile; it sends
batches through its standard output, each led by its length.
"""

from __future__ import annotations

import asyncio
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.configuration import Configuration
from configs.loader import load
from historian.port import Historian
from plant.batch import Batch
from plant.calendar import Span
from plant.clock import SECOND
from plant.errors import ProvenlineError
from provenline.choice import Choice

HOURS = 8.0
_SHORTEST = 60 * SECOND
_AT_ONCE = 50_000
_AHEAD = 60 * 86_400 * SECOND
_LENGTH = struct.Struct("<I")

Gaps = dict[str, Span]
"""Scene id to the stretch of its recent past that is not stored."""


def gaps(configuration: Configuration, historian: Historian, *, until: int) -> Gaps:
    """Return what of the last `HOURS` before `until` (ns UTC) is missing, by simulated scene. Blocks.

    Ask before live samples arrive: whatever is newest then is where the gap begins.
    """
    found = {}
    for scene in sorted(configuration.site.scenes, key=lambda scene: len(scene.tags)):  # quick ones first
        paths = [tag.path for b in configuration.bindings if b.scene == scene.id for tag, _ in b.points]
        start = _known_until(historian, paths, until)
        if scene.simulated and until - start >= _SHORTEST:
            found[scene.id] = (start, until)
    return found


@dataclass(frozen=True, slots=True)
class Model:
    """What the past is computed from: a configuration folder, a network profile, a seed."""

    folder: Path
    profile: str | None = None
    seed: int | None = None

    def arguments(self, scene: str, span: Span) -> list[str]:
        """Return the model of one scene's gap as arguments of a command line, for `main`."""
        seed = "" if self.seed is None else str(self.seed)
        return [str(self.folder), scene, str(span[0]), str(span[1]), seed, self.profile or ""]


async def fill(model: Model, historian: Historian, missing: Gaps) -> int:
    """Store what the simulated scenes of a configuration did in their gaps; return how many samples.

    Raises ProvenlineError when the model's process fails.
    """
    return sum([await _fill_one(model, historian, scene, span) for scene, span in missing.items()])


async def _fill_one(model: Model, historian: Historian, scene: str, span: Span) -> int:
    arguments = model.arguments(scene, span)
    child = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", __name__, *arguments), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    total = 0
    try:
        assert child.stdout
        while head := await child.stdout.read(_LENGTH.size):
            blob = await child.stdout.readexactly(_LENGTH.unpack(head)[0])
            batch = Batch.from_bytes(blob)
            await asyncio.to_thread(historian.write, batch)
            total += len(batch)
        if await child.wait():
            raise ProvenlineError(f"the past of {scene!r} could not be computed (exit code {child.returncode})")
    finally:
        if child.returncode is None:
            child.kill()
            # Not `wait()`: it waits for the pipe's end, which a reader that paused with a full buffer never sees.
            await child.communicate()
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


def main() -> None:
    """Run one scene's model over a gap and write its batches; the other half of `fill`."""
    from simulators.virtual import fast  # noqa: PLC0415 - the half that stores has no model

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # when nobody reads any more, there is nothing left to do
    folder, scene, start, stop, seed, profile = sys.argv[1:]
    configuration = Choice((scene,), profile or None).of(load(Path(folder)))
    batches = fast(
        configuration.scenes[scene],
        configuration.bindings,
        seed=int(seed) if seed else None,
        start=int(start),
        stop=int(stop),
        planned=planned(configuration, scene, int(start)),
    )
    for batch in _gathered(batches):
        blob = batch.to_bytes()
        sys.stdout.buffer.write(_LENGTH.pack(len(blob)) + blob)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
