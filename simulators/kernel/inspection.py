"""An inspection station: sees defects, with errors of both kinds, and sends parts to rework.

Whether a part is defective is the truth; what the station reports is what it saw. The share
of misjudged parts is therefore something analytics has to find out, not a setting.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.kernel.crew import Crew
from simulators.kernel.draws import Draw
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.parts import Buffer, Part, Verdict
from simulators.kernel.station import Station, StationPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """How well defects are seen.

    `misses`: probability that a defective part passes, by kind, "" = any other kind.
    `false_alarms`: probability that a good part is rejected.
    `repairable`: share of first-time rejects worth reworking; `bench`: seconds that takes;
    `cures`: probability that it removes the defect.
    """

    misses: dict[str, float]
    false_alarms: float
    repairable: float
    bench: Draw
    cures: float = 0.95


class Inspection(Station):
    """A station that judges. Further signals: `.part`, `.verdict`, `.defect`, `.confidence`, `.result`.

    `.result` counts the results and is set last: it is the moment a result is published.
    """

    def __init__(
        self, floor: Floor, name: str, plan: StationPlan, eyes: Eyes, *, inlet: Buffer, outlet: Buffer, crew: Crew
    ) -> None:
        self.eyes = eyes
        self.in_rework = 0
        self._sight = floor.rng(name, "eyes")
        super().__init__(floor, name, plan, inlet=inlet, outlet=outlet, crew=crew)
        signals = floor.signals
        self._shown_part = signals.add(f"{name}.part", "")
        self._shown_verdict = signals.add(f"{name}.verdict", "")
        self._shown_defect = signals.add(f"{name}.defect", "")
        self._shown_confidence = signals.add(f"{name}.confidence", 0.0, digits=3)
        self._shown_result = signals.add(f"{name}.result", 0)

    def _judge(self, part: Part) -> Verdict:
        sight, eyes = self._sight, self.eyes
        if part.defect:
            misses = eyes.misses.get(part.defect, eyes.misses.get("", 0.0))
            seen = part.defect if sight.random() >= misses else ""
        else:
            seen = "unclear" if sight.random() < eyes.false_alarms else ""
        if not seen:
            verdict = Verdict.GOOD
        elif part.reworked == 0 and sight.random() < eyes.repairable:
            verdict = Verdict.REWORK
        else:
            verdict = Verdict.SCRAP
        self._shown_part.set(part.id)
        self._shown_verdict.set(str(verdict))
        self._shown_defect.set(seen)
        right = bool(seen) == bool(part.defect)
        self._shown_confidence.set(float(sight.beta(40, 2) if right else sight.beta(12, 6)))
        return verdict

    def _count(self, part: Part, verdict: Verdict) -> None:
        super()._count(part, verdict)
        self._shown_result.set(sum(self.counts.values()))
        if verdict is Verdict.REWORK:
            self.in_rework += 1
            self.floor.env.process(self._rework(part))

    def _rework(self, part: Part) -> Steps:
        yield from self.crew.attend(self.name, "rework", self.eyes.bench.draw(self._sight))
        part.reworked += 1
        if self._sight.random() < self.eyes.cures:
            part.defect = ""
        yield self.inlet.put(part)
        self.in_rework -= 1
