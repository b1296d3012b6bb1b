"""Carrying a campaign out: record both sides, assess, vary what is assumed, write the package.

What it comes to is in the campaign's folder all the while; a failure leaves a status that says so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from analytics.acceptance import Verdict
from configs.catalogue import AcceptanceCatalogue, ClauseConfig
from configs.configuration import Configuration
from evidence.assess import Arm, Assessment, Recorded, assess
from evidence.campaign import Campaign, Cancelled, Stage, Status, clause_of
from evidence.dossier import Dossier, Run
from evidence.package import Report, Side, recorded, write
from evidence.payload import Plain
from evidence.plan import Arm as ArmPlan
from evidence.plan import Plan, SimulatedArm
from evidence.sensitivity import Judged, Tell, Vary
from evidence.signing import Signer
from evidence.timestamp import Authority
from plant.clock import Clock
from plant.text import Text

Record = Callable[[Arm, ArmPlan, Path, Callable[[float], None]], Side]
"""Makes one side's samples: simulates them into a folder, or finds them in a store."""


def carry_out(
    campaign: Campaign,
    configuration: Configuration,
    catalogues: Mapping[str, AcceptanceCatalogue],
    *,
    record: Record,
    signer: Signer,
    clock: Clock,
    report: Report | None = None,
    authority: Authority | None = None,
    annotations: Sequence[Mapping[str, Plain]] = (),
    vary: Vary | None = None,
    progress: Callable[[Status], None] = lambda _: None,
) -> Dossier:
    """Record both sides, assess them, and write the package; says all the while how far it is.

    `vary`: tries the verdict against its assumptions, which takes far longer than the campaign itself.
    A cancellation is whatever `progress` raises; then, as after any failure, the status says so and what
    was recorded is gone. Raises ProvenlineError.
    """
    course = _Course(campaign, clock, progress)
    itself = course.tell if vary is None else _part(course.tell, 0.0, _ITSELF)
    varied = _part(course.tell, 0.92 * _ITSELF, 0.92 * (1 - _ITSELF))
    work = campaign.folder / "work"
    try:
        catalogue, clause = clause_of(catalogues, course.plan)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        copies = _recorded(course, configuration, work, record, itself)
        found = _assessed(course, clause, copies, itself)
        dossier = Dossier(
            revisions=campaign.revisions,
            catalogue=catalogue,
            clause=clause,
            sides=copies,
            assessment=found,
            run=Run(began=course.status.began, ended=clock.now()),
            zone=configuration.site.zone,
            exclusions=course.exclusions,
            records=course.records,
            annotations=tuple(annotations),
            sensitivity=vary(course.judged(clause, found, work), varied) if vary is not None else None,
        )
        course.tell(0.93, Text("编写报告与证据包", "writing reports and the package"))
        write(dossier, configuration, campaign.package, samples=work, signer=signer, report=report, authority=authority)
    except BaseException as error:
        course.broke_off(error)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    course.done(found.finding.verdict)
    return dossier


class _Course:
    """What is carried out, and how far it is. What a campaign is judged by is read once, before it begins."""

    def __init__(self, campaign: Campaign, clock: Clock, progress: Callable[[Status], None]) -> None:
        self.plan, self.exclusions, self.records = campaign.plan.plan, campaign.exclusions, campaign.records
        self.status = Status(stage=Stage.RUNNING, began=clock.now(), process=os.getpid())
        self._campaign, self._clock, self._progress = campaign, clock, progress

    def tell(self, share: float, step: Text) -> None:
        """Say how far it is, where that is worth saying."""
        if share - self.status.share >= 0.002 or step != self.status.step:
            self.status = replace(self.status, share=share, step=step)
            self._campaign.note(self.status)
            self._progress(self.status)

    def judged(self, clause: ClauseConfig, found: Assessment, work: Path) -> Judged:
        """Return what its variations are to be held against."""
        verdict = found.finding.verdict
        return Judged(clause=clause, verdict=verdict, exclusions=self.exclusions, records=self.records, work=work)

    def broke_off(self, error: BaseException) -> None:
        """Say that nothing came of it, and why."""
        stage = Stage.CANCELLED if isinstance(error, (Cancelled, KeyboardInterrupt)) else Stage.FAILED
        self._ended(replace(self.status, stage=stage, error=str(error) or type(error).__name__))

    def done(self, verdict: Verdict) -> None:
        """Say what came of it."""
        self._ended(replace(self.status, stage=Stage.DONE, share=1.0, step=Text(), verdict=verdict.value))

    def _ended(self, status: Status) -> None:
        self._campaign.note(replace(status, ended=self._clock.now()))


def _recorded(
    course: _Course, configuration: Configuration, work: Path, record: Record, tell: Tell
) -> dict[Arm, Recorded]:
    tell(0.0, Text("准备", "preparing"))
    sides = _record(course.plan, work, record, tell)
    tell(0.8, Text("复制样本", "copying samples"))
    copies = recorded(configuration, course.plan.scene, sides, work) if course.plan.scene is not None else {}
    for side in sides.values():
        side.historian.close()
    return copies


def _assessed(course: _Course, clause: ClauseConfig, copies: Mapping[Arm, Recorded], tell: Tell) -> Assessment:
    step = Text("计算指标", "computing figures")
    progress = partial(_part_of, tell, step, 0.82, 0.1)
    return assess(course.plan, clause, copies, course.exclusions, course.records, progress=progress)


def _part(tell: Tell, first: float, length: float) -> Tell:
    """Return what tells of a part of the way as of the whole."""
    return lambda share, step: tell(first + length * share, step)


def _record(plan: Plan, work: Path, record: Record, tell: Tell) -> dict[Arm, Side]:
    arms = {Arm.BASELINE: plan.baseline, Arm.IMPROVED: plan.improved}
    wanted = {arm: planned for arm, planned in arms.items() if planned is not None}
    sides = {}
    for number, (arm, planned) in enumerate(wanted.items()):
        simulated = isinstance(planned, SimulatedArm)
        step = _STEPS[arm, simulated]
        each = 0.8 / len(wanted)
        tell(number * each, step)
        sides[arm] = record(arm, planned, work, partial(_part_of, tell, step, number * each, each))
    return sides


def _part_of(tell: Tell, step: Text, first: float, length: float, done: float) -> None:
    tell(first + length * done, step)


_ITSELF = 0.2
"""Of the time a campaign takes whose assumptions are varied, the share that is shown for the campaign itself."""
_STEPS = {
    (Arm.BASELINE, True): Text("仿真基线侧", "simulating the baseline"),
    (Arm.IMPROVED, True): Text("仿真改造侧", "simulating the improved side"),
    (Arm.BASELINE, False): Text("读取基线侧记录", "reading the baseline's recording"),
    (Arm.IMPROVED, False): Text("读取改造侧记录", "reading the improved side's recording"),
}
