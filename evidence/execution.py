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

from configs.catalogue import AcceptanceCatalogue
from configs.configuration import Configuration
from evidence.assess import Arm, assess
from evidence.campaign import Campaign, Cancelled, Stage, Status, clause_of
from evidence.dossier import Dossier, Run
from evidence.package import Report, Side, recorded, write
from evidence.payload import Plain
from evidence.plan import Arm as ArmPlan
from evidence.plan import Plan, SimulatedArm
from evidence.sensitivity import Judged, Vary
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
    plan, exclusions, records = campaign.plan.plan, campaign.exclusions, campaign.records
    status = Status(stage=Stage.RUNNING, began=clock.now(), process=os.getpid())

    def tell(share: float, step: Text) -> None:
        nonlocal status
        if share - status.share >= 0.002 or step != status.step:
            status = replace(status, share=share, step=step)
            campaign.note(status)
            progress(status)

    def first(share: float, step: Text) -> None:
        tell(share if vary is None else share * _ITSELF, step)

    def then(share: float, step: Text) -> None:
        tell(0.92 * (_ITSELF + (1 - _ITSELF) * share), step)

    work = campaign.folder / "work"
    try:
        catalogue, clause = clause_of(catalogues, plan)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        first(0.0, Text("准备", "preparing"))
        sides = _record(plan, work, record, first)
        first(0.8, Text("复制样本", "copying samples"))
        copies = recorded(configuration, plan.scene, sides, work) if plan.scene is not None else {}
        for side in sides.values():
            side.historian.close()
        judging = Text("计算指标", "computing figures")
        found = assess(
            plan, clause, copies, exclusions, records, progress=lambda done: first(0.82 + 0.1 * done, judging)
        )
        judged = Judged(clause=clause, verdict=found.finding.verdict, exclusions=exclusions, records=records, work=work)
        dossier = Dossier(
            revisions=campaign.revisions,
            catalogue=catalogue,
            clause=clause,
            sides=copies,
            assessment=found,
            run=Run(began=status.began, ended=clock.now()),
            zone=configuration.site.zone,
            exclusions=exclusions,
            records=records,
            annotations=tuple(annotations),
            sensitivity=vary(judged, then) if vary is not None else None,
        )
        tell(0.93, Text("编写报告与证据包", "writing reports and the package"))
        write(dossier, configuration, campaign.package, samples=work, signer=signer, report=report, authority=authority)
    except BaseException as error:
        stage = Stage.CANCELLED if isinstance(error, (Cancelled, KeyboardInterrupt)) else Stage.FAILED
        campaign.note(replace(status, stage=stage, error=str(error) or type(error).__name__, ended=clock.now()))
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    verdict = found.finding.verdict.value
    campaign.note(replace(status, stage=Stage.DONE, share=1.0, step=Text(), ended=clock.now(), verdict=verdict))
    return dossier


def _record(plan: Plan, work: Path, record: Record, tell: Callable[[float, Text], None]) -> dict[Arm, Side]:
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


def _part_of(tell: Callable[[float, Text], None], step: Text, first: float, length: float, done: float) -> None:
    tell(first + length * done, step)


_ITSELF = 0.2
"""Of the time a campaign takes whose assumptions are varied, the share that is shown for the campaign itself."""
_STEPS = {
    (Arm.BASELINE, True): Text("仿真基线侧", "simulating the baseline"),
    (Arm.IMPROVED, True): Text("仿真改造侧", "simulating the improved side"),
    (Arm.BASELINE, False): Text("读取基线侧记录", "reading the baseline's recording"),
    (Arm.IMPROVED, False): Text("读取改造侧记录", "reading the improved side's recording"),
}
