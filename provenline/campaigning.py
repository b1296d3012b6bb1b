"""Carrying campaigns out: where each side's samples come from, and many campaigns at once.

A simulated side is run in virtual time; a recorded one is read from the centre's store, beside
whoever is writing to it. Everything else is `evidence.campaign`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from analytics.annotation_log import written
from configs.configuration import Configuration
from evidence.assess import Arm
from evidence.campaign import Campaign, Status
from evidence.execution import Record, carry_out
from evidence.package import Report, Side
from evidence.plan import Arm as ArmPlan
from evidence.plan import Plan, RecordedArm, SimulatedArm
from evidence.signing import Signer
from evidence.timestamp import Authority
from historian.embedded import EmbeddedReader
from plant.clock import Clock, SystemClock, iso
from plant.errors import ProvenlineError
from provenline.assumptions import simulated_sides, varied
from provenline.fast_forward import fast_forward


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What campaigns are carried out with. `store`: the folder of the centre's samples, None where there is none.

    `sensitivity`: whether every assumption of the model is varied as well.
    """

    configuration: Configuration
    signer: Signer
    store: Path | None = None
    clock: Clock = SystemClock()
    report: Report | None = None
    authority: Authority | None = None
    sensitivity: bool = False

    def carry_out(self, campaign: Campaign, progress: Callable[[Status], None] = lambda _: None) -> None:
        """Carry a campaign out to its package. Raises ProvenlineError, and whatever `progress` raises."""
        plan = campaign.plan.plan
        if self.sensitivity:
            simulated_sides(plan)  # before anything is recorded
        carry_out(
            campaign,
            self.configuration,
            self.configuration.catalogues,
            record=self._recorder(plan),
            signer=self.signer,
            clock=self.clock,
            report=self.report,
            authority=self.authority,
            annotations=self._annotations(plan),
            vary=partial(varied, self.configuration, plan) if self.sensitivity else None,
            progress=progress,
        )

    def _annotations(self, plan: Plan) -> list[dict[str, str]]:
        """Return what people wrote about stops in the recorded windows, corrected entries too."""
        if self.store is None or plan.scene is None:
            return []
        scene = f"{self.configuration.site.id}/{plan.scene}"
        sides = [side for side in (plan.baseline, plan.improved) if isinstance(side, RecordedArm)]
        found = [
            one
            for side in sides
            for window in side.windows
            for one in written(self.store.parent / "annotations.db", scene, (window.start, window.stop)).log
        ]
        return [
            {
                "scope": one.scope,
                "start": iso(one.span[0]),
                "stop": iso(one.span[1]),
                "reason": one.reason,
                "comment": one.comment,
                "author": one.author,
                "made": iso(one.made),
            }
            for one in dict.fromkeys(found)
        ]

    def _recorder(self, plan: Plan) -> Record:
        def record(arm: Arm, planned: ArmPlan, work: Path, progress: Callable[[float], None]) -> Side:
            if isinstance(planned, SimulatedArm) and plan.scene is not None:
                return self._simulated(plan.scene, planned, work / arm.value, progress)
            assert isinstance(planned, RecordedArm)
            return self._recorded(planned)

        return record

    def _simulated(self, scene: str, planned: SimulatedArm, into: Path, progress: Callable[[float], None]) -> Side:
        run = fast_forward(
            self.configuration,
            scene,
            shifts=planned.shifts,
            into=into,
            profile=planned.profile,
            seed=planned.seed,
            parameters=planned.parameters,
            progress=progress,
        )
        return Side(historian=run.historian(), windows=run.windows)

    def _recorded(self, planned: RecordedArm) -> Side:
        if self.store is None:
            raise ProvenlineError("this plan asks for recorded windows; name the data folder of the centre with --data")
        windows = sorted((one.start, one.stop) for one in planned.windows)
        if windows[-1][1] > self.clock.now():
            raise ProvenlineError("a window of the plan has not ended yet")
        return Side(historian=EmbeddedReader(self.store), windows=windows)
