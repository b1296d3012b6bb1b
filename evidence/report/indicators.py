"""What a report says of one indicator: figures, sides, records, formulas, charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analytics.acceptance import Finding
from analytics.acceptance.finding import Side
from analytics.acceptance.vocabulary import RECORDS
from analytics.indicator import Formula
from analytics.measures.measurement import Measurement
from configs.catalogue import Statistic
from evidence.assess import Arm
from evidence.dossier import Dossier
from evidence.handed import formulas_of, in_force, kind_of
from evidence.payload import Plain
from evidence.report import charts
from evidence.report.numbers import bound_text, estimate_text, interval_text, moment, number
from evidence.report.words import ARMS, KINDS, VERDICTS, Words
from plant.units import symbol


def finding(dossier: Dossier, found: Finding, w: Words, drawn: dict[str, str]) -> Plain:
    """Return what a report says of one indicator; its charts (SVG) go into `drawn` by file name."""
    measured = {arm: by[found.indicator] for arm, by in dossier.assessment.measurements.items()}
    if found.baseline is None:
        measured.pop(Arm.BASELINE, None)
    names = {arm: w.of(ARMS[arm]) for arm in measured}
    return {
        "id": found.indicator,
        "name": w.of(found.name),
        "bound": bound_text(found, w.language),
        "estimate": estimate_text(found, w.language),
        "interval": interval_text(found, w.language),
        "confidence": f"{found.confidence:.0%}",
        "verdict": w.of(VERDICTS[found.verdict]),
        "verdict_id": found.verdict.value,
        "kind": w.of(KINDS[found.kind]),
        "statistic": f"{found.statistic.value} v{found.version}",
        "extra": [*_extra(found, w), *_handed_in(dossier, found, w)],
        "formulas": [_formula(one, w) for one in _used(found, measured)],
        "sides": [
            _side(w.of(ARMS[arm]), side, found, w)
            for arm, side in ((Arm.BASELINE, found.baseline), (Arm.IMPROVED, found.improved))
            if side is not None
        ],
        "notes": [w.of(note) for note in found.notes],
        # A record is a figure by itself: there is nothing to be seen in a picture of it.
        "charts": [] if found.measure == RECORDS else _charts(found, measured, names, w, drawn),
    }


def _extra(found: Finding, w: Words) -> list[list[str]]:
    rows = []
    if found.points is not None:
        rows.append([w("points"), f"{100 * found.points:+.2f}"])
    if found.effect is not None:
        rows.append([w("effect"), f"{found.effect:.2f} ({found.effect_kind})"])
    if found.mix is not None:
        standardised = "–" if found.mix.standardised is None else f"{found.mix.standardised:.2%}"
        words = w("mix-text", crude=f"{found.mix.crude:.2%}", standardised=standardised)
        rows.append([w("mix"), f"{words}; {w('trap')}" if found.mix.trap else words])
    return rows


def _handed_in(dossier: Dossier, found: Finding, w: Words) -> list[list[str]]:
    """Return the records an indicator rests on: what, from which document, handed in by whom and when."""
    config = next(one for one in dossier.clause.indicators if one.id == found.indicator)
    kind = kind_of(config)
    rows = []
    for arm in Arm if kind is not None else ():
        for one in in_force(dossier.records, arm, kind or ""):
            amount = number(one.number) if one.of == 1 else f"{number(one.number)} / {number(one.of)}"
            when = f"{moment(one.window.start, dossier.zone)} – {moment(one.window.stop, dossier.zone)}"
            who = f"{one.author}, {moment(one.at, dossier.zone)}"
            rows.append([w("handed-in"), f"{w.of(ARMS[arm])}: {amount}; {when}; {one.source}; {who}"])
    return rows


def _used(found: Finding, measured: Mapping[Arm, Sequence[Measurement]]) -> list[Formula]:
    """Return the formulas that were really computed by; of a measure that knows several, only those."""
    used = {one.indicator.formula for many in measured.values() for one in many}
    known = formulas_of(found.measure)
    return [one for one in known if one.id in used] or list(known)


def _formula(formula: Formula, w: Words) -> list[str]:
    return [
        f"{formula.id} v{formula.version}",
        w.of(formula.name),
        formula.expression,
        formula.unit,
        w.of(formula.source),
    ]


def _side(name: str, side: Side, found: Finding, w: Words) -> list[str]:
    unit = formulas_of(found.measure)[0].unit
    return [
        name,
        number(side.value) + (f" {symbol(unit, w.language)}" if unit not in ("1", "") else ""),
        str(side.windows),
        number(side.samples),
        "–" if side.coverage is None else f"{side.coverage:.1%}",
        f"{side.quality_share:.1%}",
        f"{side.late:.1%}",
        "–" if side.clock_error is None else f"{side.clock_error * 1000:.3g} ms",
        _source(side, found, w),
    ]


def _source(side: Side, found: Finding, w: Words) -> str:
    if found.measure == RECORDS:
        return w("handed-in")
    return w("simulated-side") if side.simulated else w("recorded-side")


def _charts(
    found: Finding,
    measured: Mapping[Arm, Sequence[Measurement]],
    names: Mapping[Arm, str],
    w: Words,
    drawn: dict[str, str],
) -> list[list[str]]:
    made = []
    bound = w("bound-line", bound=bound_text(found, w.language))

    def add(kind: str, title: str, svg: str) -> None:
        name = f"{found.indicator}-{kind}.svg"
        drawn[name] = svg
        made.append([name, title])

    if found.statistic is Statistic.PERCENTILE:
        sides = [(names[arm], np.concatenate([one.sample for one in many])) for arm, many in measured.items() if many]
        share = float(_percentile(found, measured)) / 100
        unit = symbol(found.unit, w.language)
        add("cdf", w("cdf"), charts.cdf(sides, unit=unit, bound=found.bound, percentile=share, words=bound))
    if any(one.indicator.value is not None for many in measured.values() for one in many):
        sides_by_window = [(names[arm], [one.indicator.value for one in many]) for arm, many in measured.items()]
        unit = next(one.indicator.unit for many in measured.values() for one in many)
        shown = "" if unit == "1" else symbol(unit, w.language)
        add("windows", w("figure"), charts.windows(sides_by_window, unit=shown))
    if found.interval is not None and found.estimate is not None:
        drawing = charts.interval(
            found.estimate,
            found.interval,
            bound=found.bound,
            unit="%" if found.unit == "1" else symbol(found.unit, w.language),
            words=bound,
        )
        add("interval", w("against"), drawing)
    return made


def _percentile(found: Finding, measured: Mapping[Arm, Sequence[Measurement]]) -> str:
    for many in measured.values():
        for one in many:
            name = one.indicator.formula
            if name.startswith("latency-p"):
                return name.removeprefix("latency-p").replace("-", ".", 1)
    return "99" if found.statistic is Statistic.PERCENTILE else "50"
