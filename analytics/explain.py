"""How an indicator came about, step by step, in the reader's language.

Formula, inputs with their origin, the formula with the numbers put in, the result, how much
is known, and the source of the definition. The same steps are shown by the API, the command
line and the reports. `written` is the one place that decides how a figure is rounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analytics.annotations import ExplainedStop
from analytics.expression import Term
from analytics.formulas import FORMULAS, PERCENTILES, symbol
from analytics.indicator import Flag, Formula, Indicator, Quantity, Shown, Status
from analytics.losses import LOSS_NAMES, Loss
from plant.clock import SECOND, iso
from plant.text import Text
from plant.units import symbol as unit_symbol

MOST_STOPS = 50
"""Intervals that one derivation lists; the shorter ones are summed up."""

_OF_TIME = frozenset(("UT", "APT", "AUPT", "AUBT", "ADET", "ADOT", "AUST", "TBF", "TTR"))
"""Inputs that say how long a unit did what, which its stops decide."""


class StepKind(StrEnum):
    """What one step of a derivation shows."""

    FORMULA = "formula"
    INPUT = "input"
    INTERVAL = "interval"
    SUBSTITUTION = "substitution"
    RESULT = "result"
    UNCERTAINTY = "uncertainty"
    COVERAGE = "coverage"
    NOTE = "note"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation: `label` is what it is about, `text` what it says."""

    kind: StepKind
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """How an indicator came about, ready to be read in one language."""

    title: str
    scope: str
    window: str
    steps: tuple[Step, ...]


def explain(indicator: Indicator, language: str = "zh", *, stops: Sequence[ExplainedStop] = ()) -> Derivation:
    """Derive an indicator step by step: formula, inputs with their origin, substitution, result, coverage.

    `stops`: those of the indicator's scope; they are listed, the longest `MOST_STOPS` of them,
    where the figure was computed from time.
    """
    formula = FORMULAS[indicator.formula]
    listed = stops if _OF_TIME & indicator.inputs.keys() else ()
    return Derivation(
        title=indicator.name.of(language),
        scope=indicator.scope,
        window=" … ".join(iso(moment) for moment in indicator.window),
        steps=tuple(_steps(indicator, formula, language, listed)),
    )


def written(value: float, unit: str, shown: Shown, language: str) -> str:
    """Write a value for people: the one place that decides how figures are rounded."""
    if math.isinf(value):
        return "∞"
    if shown is Shown.PERCENT:
        return f"{value:.2%}".replace("%", " %")
    number = f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.6g}"
    return f"{number} {unit_symbol(unit, language)}".rstrip()


def _steps(indicator: Indicator, formula: Formula, language: str, stops: Sequence[ExplainedStop]) -> Iterable[Step]:
    yield Step(StepKind.FORMULA, _say(language, "公式", "Formula"), formula.expression)
    for name, quantity in indicator.inputs.items():
        origin = quantity.origin.of(language)
        text = _amount(quantity, language) + (f" — {origin}" if origin else "")
        yield Step(StepKind.INPUT, f"{name} ({symbol(name).name.of(language)})", text)
    yield from _stopped(stops, language)
    if indicator.status is Status.OK and indicator.formula not in _PERCENTILE_IDS:
        yield Step(
            StepKind.SUBSTITUTION, _say(language, "代入", "Substituted"), _substituted(formula, indicator.inputs)
        )
    yield Step(StepKind.RESULT, indicator.name.of(language), _result(indicator, language))
    if indicator.uncertainty is not None:
        low, high = (written(edge, indicator.unit, indicator.shown, language) for edge in indicator.uncertainty)
        yield Step(StepKind.UNCERTAINTY, _say(language, "可能范围", "Can lie within"), f"{low} … {high}")
    if indicator.coverage is not None:
        text = (
            f"{indicator.coverage:.2%}, {_say(language, '其中质量良好', 'of which good')} {indicator.quality_share:.2%}"
        )
        yield Step(StepKind.COVERAGE, _say(language, "数据覆盖率", "Coverage"), text)
    for flag in indicator.flags:
        yield Step(StepKind.NOTE, _say(language, "提示", "Note"), FLAG_TEXTS[flag].of(language))
    if indicator.status is Status.UNBOUNDED:
        yield Step(StepKind.NOTE, _say(language, "无界", "Unbounded"), _lost(indicator.inputs).of(language))
    if indicator.note.of(language):
        yield Step(StepKind.NOTE, _say(language, "说明", "Note"), indicator.note.of(language))
    if indicator.simulated:
        yield Step(StepKind.NOTE, _say(language, "数据来源", "Data"), _say(language, "仿真数据", "simulated data"))
    yield Step(
        StepKind.SOURCE,
        _say(language, "依据", "Source"),
        f"{formula.source.of(language)} [{indicator.formula} v{indicator.version}]",
    )


def _stopped(stops: Sequence[ExplainedStop], language: str) -> Iterable[Step]:
    longest = sorted(stops, key=lambda stop: -stop.planned)[:MOST_STOPS]
    for stop in sorted(longest, key=lambda stop: stop.span):
        said = f" — {stop.reason}" if stop.reason else ""
        label = LOSS_NAMES[Loss(stop.loss)].of(language)
        period = " … ".join(iso(moment) for moment in stop.span)
        yield Step(StepKind.INTERVAL, label, f"{period}: {stop.planned / SECOND:,.6g} s{said}")
    if len(stops) > len(longest):
        rest = sum(stop.planned for stop in stops) - sum(stop.planned for stop in longest)
        label = _say(language, f"另有 {len(stops) - len(longest)} 次", f"{len(stops) - len(longest)} more")
        yield Step(StepKind.INTERVAL, label, f"{rest / SECOND:,.6g} s")


_PERCENTILE_IDS = frozenset(formula.id for formula in PERCENTILES.values())

FLAG_TEXTS: Mapping[Flag, Text] = {
    Flag.EFFECTIVENESS_ABOVE_ONE: Text(
        "性能效率超过 100 %：请核对理想节拍或计数。",
        "Effectiveness is above 100 %: check the ideal cycle and the counters.",
    ),
    Flag.PARTLY_UNKNOWN: Text(
        "部分计划时间无数据，分子与分母均已扣除。",
        "Part of the planned time is unknown; it is left out of both sides.",
    ),
    Flag.UNCOUNTED_PARTS: Text(
        "部分产出发生在无数据或非计划时间内，未计入。",
        "Some parts were made at unknown or unplanned times; they are left out.",
    ),
    Flag.METER_RESET: Text(
        "计数器在该时段内重新开始，之前瞬间的计数可能丢失。",
        "A counter started anew; what it counted just before may be lost.",
    ),
}


def _substituted(formula: Formula, inputs: Mapping[str, Quantity]) -> str:
    def number(match: re.Match[str]) -> str:
        quantity = inputs.get(match[0])
        return match[0] if quantity is None or quantity.value is None else _plain(quantity.value)

    return re.sub(r"[A-Za-z_][A-Za-z_0-9]*", number, formula.expression)


def _plain(value: Term) -> str:
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    shown = [f"{item:.10g}" for item in value[:12]]
    return ", ".join(shown) + (f", … ({len(value)})" if len(value) > len(shown) else "")


def _amount(quantity: Quantity, language: str) -> str:
    if quantity.value is None:
        return "?"
    return f"{_plain(quantity.value)} {unit_symbol(quantity.unit, language)}".rstrip()


def _result(indicator: Indicator, language: str) -> str:
    if indicator.value is None:
        return STATUS_TEXTS[indicator.status].of(language)
    value = written(indicator.value, indicator.unit, indicator.shown, language)
    return f"{value} ({STATUS_TEXTS[Status.UNBOUNDED].of(language)})" if math.isinf(indicator.value) else value


def _lost(inputs: Mapping[str, Quantity]) -> Text:
    # Why a percentile has no bound, with the numbers where the figure has them.
    rank, lost, sent = (inputs[name].value if name in inputs else None for name in ("RANK", "LOST", "N"))
    if not (isinstance(rank, float) and isinstance(lost, float) and isinstance(sent, float)):
        return Text(
            "该百分位落在丢失的包中，时延没有上限。", "The percentile lies among the lost packets; no delay bounds it."
        )
    return Text(
        f"{sent:.0f} 个包中丢失 {lost:.0f} 个，第 {rank:.0f} 名已在其中：丢失视为无穷大，所以没有上限。",
        f"Of {sent:.0f} packets {lost:.0f} were lost, and rank {rank:.0f} is one of them: "
        "a lost packet counts as infinitely late, so there is no bound.",
    )


STATUS_TEXTS: Mapping[Status, Text] = {
    Status.OK: Text("正常", "ok"),
    Status.INSUFFICIENT_DATA: Text("数据不足", "insufficient data"),
    Status.NO_PLAN: Text("无计划", "nothing planned"),
    Status.UNBOUNDED: Text("无界（丢包过多）", "unbounded (too many packets lost)"),
}


def _say(language: str, zh: str, en: str) -> str:
    return Text(zh, en).of(language)
