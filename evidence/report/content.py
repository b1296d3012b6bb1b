"""What a report says, in one language: texts, tables and charts, made from a dossier alone."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.losses import LOSS_NAMES, Loss, Waterfall
from analytics.measures.measurement import Measured
from analytics.scene import analyse, roll_up
from evidence import dossier as contents
from evidence.assess import Arm
from evidence.dossier import Dossier
from evidence.payload import Plain
from evidence.plan import RecordedArm, SimulatedArm
from evidence.report import charts
from evidence.report.assumptions import assumptions
from evidence.report.indicators import finding
from evidence.report.numbers import moment
from evidence.report.words import ARMS, VERDICTS, Words
from plant.calendar import Span


def content(dossier: Dossier, language: str) -> tuple[Plain, dict[str, str]]:
    """Return a report's texts and tables, and its charts (SVG) by file name."""
    w = Words(language)
    drawn: dict[str, str] = {}
    plan = dossier.plan.plan
    zone = dossier.zone
    findings = [finding(dossier, one, w, drawn) for one in dossier.assessment.finding.findings]
    return {
        "language": language,
        "words": {key: w(key) for key in _PLAIN_WORDS},
        "title": w("title"),
        "name": w.of(plan.name.text),
        "simulated": w("simulated") if dossier.simulated else "",
        "mark": w("simulated-short") if dossier.simulated else w("recorded" if dossier.sides else "handed-in"),
        "verdict": w.of(VERDICTS[dossier.assessment.finding.verdict]),
        "verdict_id": dossier.assessment.finding.verdict.value,
        "facts": [
            [w("clause"), f"{dossier.clause.number} {w.of(dossier.clause.name.text)}"],
            [w("document"), f"{dossier.catalogue.document.number} {w.of(dossier.catalogue.document.title.text)}"],
            *([w("scene"), w.of(side.measured.scene.name)] for side in list(dossier.sides.values())[-1:]),
            [w("author"), plan.author],
            [w("frozen"), moment(dossier.plan.at, zone)],
            [w("revision"), str(dossier.plan.revision)],
            [w("hash"), dossier.plan.hash],
        ],
        "findings": findings,
        "plan": _plan(dossier, w),
        "changes": [
            [str(one.revision), moment(one.at, zone), one.reason, one.hash[:16]] for one in dossier.revisions[1:]
        ],
        "timeline": _timeline(dossier, w, drawn, zone),
        "exclusions": [
            [
                f"{moment(one.window.start, zone)} – {moment(one.window.stop, zone)}",
                one.rule,
                one.reason,
                f"{one.author}, {moment(one.at, zone)}",
            ]
            for one in dossier.exclusions
        ],
        "losses": _losses(dossier, w, drawn),
        "completeness": _completeness(dossier, w),
        "sensitivity": assumptions(dossier, w),
        "software": [f"{name} {version}" for name, version in contents.software()["versions"].items()],
        "command": f"provenline evidence verify {plan.id}-r{dossier.plan.revision}.zip",
    }, drawn


_PLAIN_WORDS = (
    "summary",
    "indicator",
    "bound",
    "estimate",
    "interval",
    "verdict",
    "kind",
    "side",
    "value",
    "windows",
    "samples",
    "coverage",
    "good",
    "late",
    "clock",
    "source",
    "formula",
    "notes",
    "plan",
    "changes",
    "timeline",
    "exclusions",
    "none",
    "losses",
    "completeness",
    "tags",
    "silent",
    "bad",
    "sensitivity",
    "sensitivity-text",
    "verify",
    "verify-text",
    "software",
    "parameter",
    "low",
    "high",
    "start",
    "stop",
    "window",
    "rule",
    "reason",
    "entered",
)


def _plan(dossier: Dossier, w: Words) -> list[list[str]]:
    plan = dossier.plan.plan
    rows = []
    for arm, side in ((Arm.BASELINE, plan.baseline), (Arm.IMPROVED, plan.improved)):
        if isinstance(side, RecordedArm):
            before = sum(one.start < dossier.plan.at for one in side.windows)
            words = w("rec-arm", windows=len(side.windows), before=before)
        elif isinstance(side, SimulatedArm):
            parameters = ", ".join(f"{name} = {value}" for name, value in side.parameters.items())
            words = w(
                "sim-arm",
                profile=side.profile,
                shifts=side.shifts,
                seed=side.seed,
                parameters=f", {parameters}" if parameters else "",
            )
        else:
            words = w("none")
        rows.append([w.of(ARMS[arm]), words])
    rows += [
        [w("confidence"), f"{plan.confidence:.0%}"],
        [w("resamples"), f"{plan.resamples} (seed {plan.seed})"],
        [w("rules"), "; ".join(w.of(rule.text.text) for rule in plan.exclusion_rules) or w("none")],
    ]
    return rows


def _timeline(dossier: Dossier, w: Words, drawn: dict[str, str], zone: str) -> str:
    found = dossier.assessment
    spans = [span for by in (found.windows, found.excluded) for many in by.values() for span in many]
    if not spans:
        return ""
    rows = []
    for arm in found.windows:
        if not found.windows[arm] and not found.excluded[arm]:
            continue
        first, last = _ends([*found.windows[arm], *found.excluded[arm]])
        length = last - first
        marked = [(span, True) for span in found.windows[arm]] + [(span, False) for span in found.excluded[arm]]
        placed = [((a - first) / length, (b - first) / length, counted) for (a, b), counted in sorted(marked)]
        rows.append((w.of(ARMS[arm]), placed))
    first, last = _ends(spans)
    drawn["timeline.svg"] = charts.timeline(rows, ends=(moment(first, zone), moment(last, zone)))
    return "timeline.svg"


def _ends(spans: Sequence[Span]) -> Span:
    return min(a for a, _ in spans), max(b for _, b in spans)


def _losses(dossier: Dossier, w: Words, drawn: dict[str, str]) -> str:
    """Draw the scene's losses on both sides; nothing where its devices report no states."""
    sides = []
    for arm, side in dossier.sides.items():
        total = _waterfall(side.measured, dossier.assessment.windows[arm])
        if total is not None and total.planned:
            sides.append((w.of(ARMS[arm]), total))
    if not sides:
        return ""
    names = [w("planned"), *(w.of(LOSS_NAMES[loss]) for loss in Loss), w("valuable")]
    rows = [(name, _shares(total)) for name, total in sides]
    drawn["losses.svg"] = charts.waterfall(names, rows)
    return "losses.svg"


def _waterfall(measured: Measured, windows: Sequence[Span]) -> Waterfall | None:
    if not windows:
        return None
    about = (measured.scene, measured.historian)
    analyses = [analyse(*about, one, calendar=measured.calendar, rules=measured.rules) for one in windows]
    unit = roll_up(analyses).unit(measured.scene.path)
    return unit.waterfall if unit else None


def _shares(total: Waterfall) -> list[float]:
    lost = list(total.losses.values())
    planned = sum(lost) * total.planned / max(total.planned - total.valuable, 1) if total.planned else 1.0
    return [1.0, *(seconds / planned for seconds in lost), total.valuable / total.planned]


def _completeness(dossier: Dossier, w: Words) -> list[list[str]]:
    rows = []
    for arm, said in contents.completeness(dossier.sides).items():
        samples = said["samples"] or 1
        rows.append(
            [
                w.of(ARMS[Arm(arm)]),
                str(said["tags"]),
                str(len(said["tags_without_samples"])),
                f"{said['samples']:,}",
                f"{said['quality']['good'] / samples:.2%}",
                f"{said['quality']['bad'] / samples:.2%}",
            ]
        )
    return rows
