"""The catalogue: every formula that any figure of this project is computed by.

`FORMULAS` is the only list there is. Tile, API, report and labs look names, units and
sources up here, and `explain` derives any indicator from it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from analytics.expression import Term
from analytics.indicator import Flag, Formula, Indicator, Quantity, Shown, Status
from analytics.iso22400 import KPIS, SYMBOLS, Symbol
from plant.calendar import Span
from plant.clock import SECOND, iso
from plant.text import Text

_COMMON = "common practice"

BEYOND_ISO: tuple[Formula, ...] = (
    Formula("teep", Text("设备完全有效生产率 TEEP", "Total effective equipment performance (TEEP)"),
            "IGT / (PBT - UT) × PBT / CT", source=f"{_COMMON}: OEE × utilization"),
    Formula("ooe", Text("整体运营效率 OOE", "Overall operations effectiveness (OOE)"),
            "IGT / (PBT - UT) × PBT / POT", source=f"{_COMMON}: good output against planned operation time"),
    Formula("utilization", Text("计划利用率", "Utilization"), "PBT / CT",
            source=f"{_COMMON}: planned time of calendar time"),
    Formula("defect-rate", Text("不良率", "Defect rate"), "SQ / PQ", source="ISO 22400-2, KPI 16 (scrap ratio)"),
    Formula("output", Text("产出", "Output"), "PQ", "{part}", "count of all parts", Shown.NUMBER),
    Formula("good-output", Text("合格产出", "Good output"), "GQ", "{part}", "count of good parts", Shown.NUMBER),
    Formula("mtbf-by-failures",
            Text("平均故障间隔 MTBF（按故障数）", "Mean operating time between failures (by failures)"),
            "sum(TBF) / FE", "s", f"{_COMMON}; IEC 60050-192", Shown.NUMBER),
    Formula("mttr-by-failures", Text("平均修复时间 MTTR（按故障数）", "Mean time to restoration (by failures)"),
            "sum(TTR) / FE", "s", f"{_COMMON}; IEC 60050-192", Shown.NUMBER),
    Formula("inherent-availability", Text("固有可用度", "Inherent availability"), "MTBF / (MTBF + MTTR)",
            source="IEC 60050-192, steady state"),
    Formula("rolled-throughput-yield", Text("滚动直通率 RTY", "Rolled throughput yield (RTY)"), "product(FPY)",
            source="Six Sigma; product of first pass yields"),
    Formula("energy", Text("能耗", "Energy"), "EN", "kW.h", "difference of a cumulative meter", Shown.NUMBER),
    Formula("energy-per-good-piece", Text("单件能耗", "Energy per good piece"), "EN / GQ", "kW.h/{part}",
            "specific energy consumption, GB/T 2589", Shown.NUMBER),
    Formula("loss-ratio", Text("丢包率", "Packet loss"), "LOST / N", source="RFC 7680; RFC 6673 for round trips"),
)  # fmt: skip

_PERCENTILE_SOURCE = "RFC 2330 §11.3 (nearest rank), lost packets as infinite delay (RFC 7679)"
PERCENTILES: tuple[Formula, ...] = tuple(
    Formula(
        f"latency-p{text.replace('.', '-')}",
        Text(f"时延 P{text}", f"Latency P{text}"),
        f"smallest delay that at least {text} % of all packets do not exceed",
        "ms",
        _PERCENTILE_SOURCE,
        Shown.NUMBER,
    )
    for text in ("50", "90", "95", "99", "99.9", "99.99", "99.999")
)

FORMULAS: Mapping[str, Formula] = {formula.id: formula for formula in (*KPIS, *BEYOND_ISO, *PERCENTILES)}

_EXTRA_SYMBOLS: dict[str, Symbol] = {
    "MTBF": Symbol(Text("平均故障间隔", "mean operating time between failures"), "s"),
    "MTTR": Symbol(Text("平均修复时间", "mean time to restoration"), "s"),
    "FPY": Symbol(Text("各工序一次合格率", "first pass yields of the steps"), "1"),
    "EN": Symbol(Text("电能", "electric energy"), "kW.h"),
    "LOST": Symbol(Text("丢失的包", "packets lost"), "{packet}"),
    "N": Symbol(Text("发出的包", "packets sent"), "{packet}"),
    "RANK": Symbol(Text("名次", "rank"), "1"),
}


class StepKind(StrEnum):
    """What one step of a derivation shows."""

    FORMULA = "formula"
    INPUT = "input"
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


def symbol(name: str) -> Symbol:
    """Return what a symbol means; one that no catalogue has stands for itself."""
    return SYMBOLS.get(name) or _EXTRA_SYMBOLS.get(name) or Symbol(Text(name, name), "1")


def quantities(values: Mapping[str, Term | None], origins: Mapping[str, Text] | None = None) -> dict[str, Quantity]:
    """Return values as quantities in the units of the symbol table, with their origins where known."""
    known = origins or {}
    return {name: Quantity(value, symbol(name).unit, known.get(name, Text())) for name, value in values.items()}


def explain(indicator: Indicator, language: str = "zh") -> Derivation:
    """Derive an indicator step by step: formula, inputs with their origin, substitution, result, coverage."""
    formula = FORMULAS[indicator.formula]
    return Derivation(
        title=indicator.name.of(language),
        scope=indicator.scope,
        window=_window(indicator.window),
        steps=tuple(_steps(indicator, formula, language)),
    )


def written(value: float, unit: str, shown: Shown) -> str:
    """Write a value for people: the one place that decides how figures are rounded."""
    if math.isinf(value):
        return "∞"
    if shown is Shown.PERCENT:
        return f"{value:.2%}".replace("%", " %")
    number = f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.6g}"
    return number if unit == "1" else f"{number} {unit}"


def _steps(indicator: Indicator, formula: Formula, language: str) -> Iterable[Step]:
    yield Step(StepKind.FORMULA, _say(language, "公式", "Formula"), formula.expression)
    for name, quantity in indicator.inputs.items():
        origin = quantity.origin.of(language)
        text = _amount(quantity) + (f" — {origin}" if origin else "")
        yield Step(StepKind.INPUT, f"{name} ({symbol(name).name.of(language)})", text)
    if indicator.status is Status.OK and indicator.formula not in _PERCENTILE_IDS:
        yield Step(
            StepKind.SUBSTITUTION, _say(language, "代入", "Substituted"), _substituted(formula, indicator.inputs)
        )
    yield Step(StepKind.RESULT, indicator.name.of(language), _result(indicator, language))
    if indicator.uncertainty is not None:
        low, high = (written(edge, indicator.unit, indicator.shown) for edge in indicator.uncertainty)
        yield Step(StepKind.UNCERTAINTY, _say(language, "可能范围", "Can lie within"), f"{low} … {high}")
    if indicator.coverage is not None:
        text = (
            f"{indicator.coverage:.2%}, {_say(language, '其中质量良好', 'of which good')} {indicator.quality_share:.2%}"
        )
        yield Step(StepKind.COVERAGE, _say(language, "数据覆盖率", "Coverage"), text)
    for flag in indicator.flags:
        yield Step(StepKind.NOTE, _say(language, "提示", "Note"), FLAG_TEXTS[flag].of(language))
    if indicator.note.of(language):
        yield Step(StepKind.NOTE, _say(language, "说明", "Note"), indicator.note.of(language))
    if indicator.simulated:
        yield Step(StepKind.NOTE, _say(language, "数据来源", "Data"), _say(language, "仿真数据", "simulated data"))
    yield Step(
        StepKind.SOURCE,
        _say(language, "依据", "Source"),
        f"{formula.source} [{indicator.formula} v{indicator.version}]",
    )


_PERCENTILE_IDS = frozenset(formula.id for formula in PERCENTILES)

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


def _amount(quantity: Quantity) -> str:
    if quantity.value is None:
        return "?"
    return _plain(quantity.value) + ("" if quantity.unit == "1" else f" {quantity.unit}")


def _result(indicator: Indicator, language: str) -> str:
    if indicator.value is None:
        return STATUS_TEXTS[indicator.status].of(language)
    return written(indicator.value, indicator.unit, indicator.shown)


STATUS_TEXTS: Mapping[Status, Text] = {
    Status.OK: Text("正常", "ok"),
    Status.INSUFFICIENT_DATA: Text("数据不足", "insufficient data"),
    Status.NO_PLAN: Text("无计划", "nothing planned"),
    Status.UNBOUNDED: Text("无界（丢包过多）", "unbounded (too many packets lost)"),
}


def _window(window: Span) -> str:
    start, stop = window
    return f"{iso(start)} … {iso(stop)}" if stop - start >= SECOND else iso(start)


def _say(language: str, zh: str, en: str) -> str:
    return Text(zh, en).of(language)
