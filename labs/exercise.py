"""Finding hidden faults: what was claimed, held against what really was broken.

    began ───── first claim about it ───── claim of cause and place
          detect                  diagnose         (both counted from the begin)

A fault's share of the points goes by 30 % each for the right cause and the right place, and by
20 % each for the time to detect and to diagnose: all of it within the time the rules name,
nothing from twice that on. Naming the device where one of its signals is meant is half the
place. A claim that says a wrong cause, or a place where nothing is broken, is false and costs a
tenth of all points; a claim without a cause says "something is wrong here" and is false only
where nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labs.course import DiagnosisDocument
from labs.observation import Claim, TrueFault
from plant.text import Text

CAUSE, PLACE, DETECT, DIAGNOSE = 0.3, 0.3, 0.2, 0.2
FALSE_CLAIM = 0.1
"""Share of all points that each false claim costs."""
NEARLY = 0.5
"""What the device is worth where one of its signals is meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one fault was found. `detected`, `diagnosed`: seconds from its begin, None where it was not.

    `place`: 1 for the right one, `NEARLY` for its device, 0 for none.
    """

    fault: TrueFault
    detected: float | None
    diagnosed: float | None
    cause: bool
    place: float

    def share(self, rules: DiagnosisDocument) -> float:
        """Return what it earns, 0 to 1."""
        return (
            CAUSE * self.cause
            + PLACE * self.place
            + DETECT * _speed(self.detected, rules.detect)
            + DIAGNOSE * _speed(self.diagnosed, rules.diagnose)
        )


@dataclass(frozen=True, slots=True)
class Score:
    """What came of an exercise. `false`: claims of what was not so."""

    points: float
    of: int
    findings: tuple[Finding, ...]
    false: tuple[Claim, ...]

    @property
    def plain(self) -> dict[str, object]:
        """The score as it is kept and sent; times in seconds."""
        findings = [
            {"detected": one.detected, "diagnosed": one.diagnosed, "cause": one.cause, "place": one.place}
            for one in self.findings
        ]
        return {"points": self.points, "of": self.of, "false": len(self.false), "findings": findings}

    @property
    def why(self) -> Text:
        """Say how it came about, without telling what is broken."""
        if not self.findings:
            return Text("没有发生故障。", "Nothing was broken.")
        whole = sum(1 for one in self.findings if one.diagnosed is not None)
        seen = sum(1 for one in self.findings if one.detected is not None)
        count, wrong = len(self.findings), len(self.false)
        return Text(
            f"共{count}个故障：发现{seen}个，诊断正确{whole}个；误报{wrong}次。",
            f"Of {count} faults, {seen} detected and {whole} diagnosed; {wrong} false claims.",
        )


def score(
    faults: Sequence[TrueFault], claims: Sequence[Claim], rules: DiagnosisDocument, *, begun: float = 0.0
) -> Score:
    """Hold claims against faults. `begun`: when whoever claims could first look, s since 1970 UTC.

    Nothing is earned where nothing was broken.
    """
    ordered = sorted(claims, key=lambda claim: claim.made)
    findings = tuple(_finding(fault, ordered, begun) for fault in faults)
    false = tuple(claim for claim in ordered if not any(_true(claim, fault) for fault in faults))
    earned = sum(finding.share(rules) for finding in findings) / len(findings) if findings else 0.0
    points = rules.points * max(0.0, min(1.0, earned - FALSE_CLAIM * len(false)))
    return Score(round(points, 2), rules.points, findings, false)


def _finding(fault: TrueFault, claims: Sequence[Claim], begun: float) -> Finding:
    about = [claim for claim in claims if _true(claim, fault)]
    right = [claim for claim in about if claim.cause == fault.kind]
    whole = [claim for claim in right if _place(claim.place, fault.target) == 1]
    since = max(fault.started, begun)
    return Finding(
        fault=fault,
        detected=max(0.0, about[0].made - since) if about else None,
        diagnosed=max(0.0, whole[0].made - since) if whole else None,
        cause=bool(right),
        place=max((_place(claim.place, fault.target) for claim in about), default=0.0),
    )


def _true(claim: Claim, fault: TrueFault) -> bool:
    """Say whether a claim is about this fault and says nothing wrong of it."""
    return claim.made >= fault.started and claim.cause in ("", fault.kind) and _place(claim.place, fault.target) > 0


def _place(claimed: str, target: str) -> float:
    if claimed == target:
        return 1.0
    return NEARLY if claimed and claimed == target.partition(".")[0] else 0.0


def _speed(taken: float | None, allowed: float) -> float:
    return 0.0 if taken is None else max(0.0, min(1.0, 2.0 - taken / allowed))
