"""Shifts of a scene in virtual time, through the edge's rules, into a store of their own.

    model ──▶ what collectors would get ──▶ edge: deadband, range, silence ──▶ INTO/historian
      └─────────────────────────────────────────────────────────────────────▶ INTO/truth.parquet
                                                                               INTO/run.json

Shift follows shift as the scene's calendar has them. Between them the plant lives on: nothing
is planned, machines stand by, counters and stocks stay what they are; what is collected then
is left out of the store, but for a few minutes on either side of a shift, which figures look
at to see what was in force and how long a stop lasted. Shifts that touch are one stretch.

Everything is written beside `into` and moved there when it is complete, so a run that was
cancelled or died never looks like one that was not.
"""

from __future__ import annotations

import itertools
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from configs.configuration import Configuration
from configs.network_profile import network_profile
from configs.schema import SceneDocument
from historian.embedded import EmbeddedHistorian
from plant.assets import Scene
from plant.batch import Batch
from plant.calendar import Shift, ShiftCalendar, Span, union
from plant.clock import SECOND, VirtualClock, from_iso, iso
from plant.errors import ProvenlineError
from provenline import __version__
from provenline.virtual_edge import VirtualEdge
from simulators.faults import PlannedFault
from simulators.plantmodel import Parameter
from simulators.truth import Truth
from simulators.virtual import fast

FIRST_DAY = from_iso("2026-01-05T00:00:00+00:00")
"""Where runs start when nobody says otherwise, a Monday: so that one seed gives one run on any day."""

MARGIN = 300 * SECOND
"""What is stored before and after shifts."""

_CHUNK = 300.0
_AT_ONCE = 200_000
_FARTHEST = 1000 * 86_400 * SECOND
_SETTLED = 3 * 86_400 * SECOND

Progress = Callable[[float], None]
"""Is told the share of a run that is done, 0 to 1, several times a simulated hour."""


class Cancelled(ProvenlineError):
    """A run was called off; nothing of it is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FastRun:
    """A complete run. `windows`: its shifts, ns UTC, in order. `samples`: what the edge delivered."""

    folder: Path
    scene: Scene
    calendar: ShiftCalendar
    windows: tuple[Span, ...]
    samples: int

    def historian(self) -> EmbeddedHistorian:
        """Open the run's store; the caller closes it. Raises Unavailable while another has it open."""
        return EmbeddedHistorian(self.folder / "historian", seal_every=None)

    @property
    def truth(self) -> Path:
        """The model's own record, for graders and tests only."""
        return self.folder / "truth.parquet"


def fast_forward(
    configuration: Configuration,
    scene_id: str,
    *,
    shifts: int,
    into: Path,
    profile: str | None = None,
    seed: int | None = None,
    parameters: Mapping[str, Parameter] | None = None,
    start: int | None = None,
    faults: Sequence[PlannedFault] = (),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FastRun:
    """Run `shifts` shifts of a scene, the first that begins at or after `start`; blocks for seconds to minutes.

    `profile` (name of a network profile), `seed` and `parameters` replace the scene's own;
    `faults` count their `at` from the first shift's begin. `cancelled` is asked several times
    a simulated hour, from the calling thread. Raises ConfigError for what the model cannot
    be, Cancelled, and ProvenlineError when `into` is taken or the calendar has no such shifts.
    """
    scene = configured(configuration, scene_id, profile=profile, seed=seed, parameters=parameters)
    chosen = _shifts(configuration.calendar(scene_id), FIRST_DAY if start is None else start, shifts)
    run = _Run(configuration, scene, chosen, tuple(faults))
    began = time.monotonic()
    with _arriving(into) as folder:
        truth = Truth()
        samples = _store(run.batches(truth, progress, cancelled), folder / "historian", until=run.span[1])
        truth.write(folder / "truth.parquet")
        (folder / "run.json").write_text(json.dumps(run.described(samples, time.monotonic() - began), indent=2))
    tree = configuration.site.scene(scene_id)
    assert tree is not None
    return FastRun(
        folder=into,
        scene=tree,
        calendar=configuration.calendar(scene_id),
        windows=tuple((shift.start, shift.stop) for shift in chosen),
        samples=samples,
    )


def configured(
    configuration: Configuration,
    scene_id: str,
    *,
    profile: str | None = None,
    seed: int | None = None,
    parameters: Mapping[str, Parameter] | None = None,
) -> SceneDocument:
    """Return a scene with its simulation altered. Raises ProvenlineError when there is none to alter."""
    scene = configuration.scenes.get(scene_id)
    if scene is None:
        raise ProvenlineError(f"no scene {scene_id!r}; there are: {', '.join(configuration.scenes)}")
    simulation = scene.simulation
    if simulation is None:
        raise ProvenlineError(f"scene {scene_id!r} has no simulation")
    if profile is not None and simulation.profile is None:
        raise ProvenlineError(f"scene {scene_id!r} uses no network profile, so it cannot run under {profile!r}")
    changes: dict[str, object] = {"parameters": {**simulation.parameters, **(parameters or {})}}
    changes |= {"profile": profile} if profile is not None else {}
    changes |= {"seed": seed} if seed is not None else {}
    return scene.model_copy(update={"simulation": simulation.model_copy(update=changes)})


@dataclass(frozen=True, slots=True)
class _Run:
    """What is run: a scene as configured, over shifts in order."""

    configuration: Configuration
    scene: SceneDocument
    shifts: tuple[Shift, ...]
    faults: tuple[PlannedFault, ...]

    @property
    def span(self) -> Span:
        """From when to when the model runs."""
        return self.shifts[0].start - MARGIN, max(shift.stop for shift in self.shifts) + MARGIN

    def batches(self, truth: Truth, progress: Progress | None, cancelled: Callable[[], bool]) -> Iterator[Batch]:
        """Yield what an edge would have delivered of the shifts and around them. Raises Cancelled."""
        start, stop = self.span
        simulation = self.scene.simulation
        assert simulation is not None
        bindings = [b for b in self.configuration.bindings if b.scene == self.scene.id]
        edge = VirtualEdge([b for b in bindings if b.source.id in simulation.faces.values()], start)
        kept = union((shift.start - MARGIN, shift.stop + MARGIN) for shift in self.shifts)
        name = simulation.profile
        collected = fast(
            self.scene,
            bindings,
            start=start,
            stop=stop,
            network=None if name is None else self.configuration.networks.get(name) or network_profile(name),
            planned=self.configuration.calendar(self.scene.id).plan(start, stop).busy,
            faults=[replace(f, at=(f.at or 0.0) + MARGIN / SECOND) for f in self.faults],
            chunk=_CHUNK,
            truth=truth,
        )
        for number, batch in enumerate(collected, start=1):
            until = min(start + round(number * _CHUNK * SECOND), stop)
            yield _within(edge.pass_on(batch, until), kept)
            if progress is not None:
                progress((until - start) / (stop - start))
            if cancelled():
                raise Cancelled(f"the run of {self.scene.id!r} was called off")

    def described(self, samples: int, seconds: float) -> dict[str, object]:
        """Return what somebody needs in order to run it again, and how it went."""
        simulation = self.scene.simulation
        assert simulation is not None
        start, stop = self.span
        return {
            "simulated": True,
            "scene": self.scene.id,
            "model": simulation.model,
            "profile": simulation.profile,
            "seed": simulation.seed,
            "parameters": simulation.parameters,
            "faults": [asdict(fault) for fault in self.faults],
            "shifts": [
                {"id": s.id, "date": s.date.isoformat(), "start": iso(s.start), "stop": iso(s.stop)}
                for s in self.shifts
            ],
            "samples": samples,
            "seconds": round(seconds, 3),
            "speed": round((stop - start) / SECOND / seconds, 1),
            "versions": {
                "provenline": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "simpy")},
            },
        }


def _shifts(calendar: ShiftCalendar, start: int, wanted: int) -> tuple[Shift, ...]:
    ahead = 7 * 86_400 * SECOND
    while ahead <= _FARTHEST:
        found = [s for s in calendar.shifts(start, start + ahead) if s.start >= start]
        if len(found) >= wanted:
            return tuple(found[:wanted])
        ahead *= 2
    raise ProvenlineError(f"the scene's calendar has no {wanted} shifts from {iso(start)} on")


def _within(batch: Batch, spans: Sequence[Span]) -> Batch:
    edges = np.array(list(itertools.chain(*spans)), np.int64)
    inside = np.searchsorted(edges, batch.received, side="right") % 2 == 1
    return batch if inside.all() else batch.take(inside)


def _store(batches: Iterator[Batch], folder: Path, *, until: int) -> int:
    """Write batches into a new embedded historian, sealed and in order; return how many samples."""
    # As if days had passed since: then whole days are put in order, whenever the run takes place.
    historian = EmbeddedHistorian(folder, clock=VirtualClock(until + _SETTLED), seal_every=None, grace=0.0)
    try:
        samples = 0
        for batch in gathered(batches):
            historian.write(batch)
            historian.seal()  # at once, so that the log's file stays small
            samples += len(batch)
        historian.tidy()
    finally:
        historian.close()
    return samples


def gathered(batches: Iterator[Batch], at_least: int = _AT_ONCE) -> Iterator[Batch]:
    """Yield batches joined to at least `at_least` samples: a commit costs the same for few as for many."""
    waiting: list[Batch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= at_least:
            yield Batch.concat(waiting)
            waiting = []
    if any(map(len, waiting)):
        yield Batch.concat(waiting)


@contextmanager
def _arriving(into: Path) -> Iterator[Path]:
    """Give a folder beside `into` that becomes `into` when the context is left without an error."""
    into = into.absolute()
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise ProvenlineError(f"{into} is there already; name a folder that is new or empty")
    into.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{into.name}.", suffix=".partial", dir=into.parent))
    try:
        yield folder
        folder.chmod(0o755)
        folder.rename(into)  # onto nothing, or onto an empty folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
