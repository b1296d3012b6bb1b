"""Many campaigns at once: each in a process of its own, all of them shown while they run."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from configs.configuration import Configuration
from configs.loader import load
from evidence.campaign import Campaign, Campaigns, Cancelled, Stage, Status
from evidence.planning import clause_for, simulated_plan
from evidence.signing import Signer
from evidence.timestamp import Authority
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from provenline.campaigning import Means
from provenline.screen import err


@dataclass(frozen=True, slots=True)
class Job:
    """One campaign to carry out, as another process is told of it."""

    folder: Path
    configuration: Path
    data: Path
    sm2: bool = False
    sensitivity: bool = False
    authority: Authority | None = None

    def __call__(self) -> None:
        """Carry it out."""
        from evidence.report import report  # noqa: PLC0415 - typesetting is loaded where it is used

        keys = self.data / "keys"
        means = Means(
            configuration=load(self.configuration),
            signer=Signer.load(keys / "evidence.pem", sm2=keys / "evidence-sm2.key" if self.sm2 else None),
            store=self.data / "historian" if (self.data / "historian").is_dir() else None,
            report=report,
            sensitivity=self.sensitivity,
            authority=self.authority,
        )
        means.carry_out(Campaign(self.folder), _unless_orphaned)


def _unless_orphaned(_: Status) -> None:
    """Raise Cancelled when the process that asked for this is gone: nobody waits for the result any more."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        raise Cancelled("the process that started this campaign is gone")


def planned(
    configuration: Configuration,
    into: Path,
    scenes: list[str],
    shifts: int,
    seed: int,
    author: str,
    folder: Path,
    *,
    sm2: bool,
) -> Iterator[Job]:
    """Plan a campaign for every scene, or for those named. Raises ProvenlineError before any is made."""
    store = Campaigns(into / "campaigns")
    unknown = sorted(set(scenes) - configuration.scenes.keys())
    if unknown:
        raise ProvenlineError(f"there is no scene {unknown[0]!r}; there are: {', '.join(configuration.scenes)}")
    asked = {clause.scene for catalogue in configuration.catalogues.values() for clause in catalogue.clauses}
    who = author or os.environ.get("USER") or "unnamed"
    wanted = [
        simulated_plan(
            configuration.scenes[scene],
            *clause_for(configuration.catalogues, scene),
            shifts=shifts,
            seed=seed,
            author=who,
        )
        for scene in scenes or [name for name in configuration.scenes if name in asked]
    ]
    for one in wanted:  # only when all can be planned
        yield Job(store.create(one, clock=SystemClock()).folder, folder, into, sm2=sm2)


def carried_out(jobs: list[Job], workers: int) -> list[Campaign]:
    """Run jobs in processes of their own, showing how far each is; a fault of one stops none of the others."""
    watched = [Campaign(job.folder) for job in jobs]
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[step]}"), TimeElapsedColumn())
    context = multiprocessing.get_context("spawn")
    with (
        Progress(*columns, console=err) as progress,
        ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool,
    ):
        bars = {one.id: progress.add_task(one.id, total=1.0, step="waiting", start=False) for one in watched}
        running = {one.id: pool.submit(job) for one, job in zip(watched, jobs, strict=True)}
        _until_done(progress, watched, bars, running)
    for one in watched:
        error = running[one.id].exception()
        if error is not None and one.status.stage in (Stage.PLANNED, Stage.RUNNING):
            # It ended before it could say so itself.
            one.note(replace(one.status, stage=Stage.FAILED, error=str(error) or type(error).__name__))
    return watched


def _until_done(
    progress: Progress, watched: list[Campaign], bars: dict[str, TaskID], running: dict[str, Future[None]]
) -> None:
    while left := [future for future in running.values() if not future.done()]:
        _show(progress, watched, bars, running)
        try:
            left[0].exception(timeout=0.5)
        except TimeoutError:
            continue
    _show(progress, watched, bars, running)


def _show(
    progress: Progress, watched: list[Campaign], bars: dict[str, TaskID], running: dict[str, Future[None]]
) -> None:
    for one in watched:
        state = one.status
        if state.began:
            progress.start_task(bars[one.id])
        step = said(state) if running[one.id].done() or state.stage is not Stage.RUNNING else state.step.of("en")
        progress.update(bars[one.id], completed=state.share, step=step)
        if running[one.id].done():
            progress.stop_task(bars[one.id])


def summarise(finished: list[Campaign], into: Path) -> None:
    """Put every package, and one summary of all, into a folder."""
    rows = []
    for one in finished:
        state = one.status
        package = into / f"{one.id}.zip"
        if one.package.exists():
            package.unlink(missing_ok=True)
            os.link(one.package, package)
        rows.append(
            {
                "campaign": one.id,
                "scene": one.plan.plan.scene,
                "clause": one.plan.plan.clause,
                "stage": state.stage.value,
                "verdict": state.verdict or None,
                "error": state.error or None,
                "seconds": round((state.ended - state.began) / 1e9, 1),
                "package": package.name if package.exists() else None,
                "simulated": True,
            }
        )
    (into / "summary.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def said(state: Status) -> str:
    """Say where a campaign stands."""
    return f"running {state.share:.0%}" if state.stage is Stage.RUNNING else state.stage.value
