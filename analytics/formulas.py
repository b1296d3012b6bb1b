"""The catalogue: every formula that any figure of this project is computed by.

`FORMULAS` is the only list there is. Tile, API, report and labs look names, units and
sources up here; `analytics.explain` derives any indicator from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from analytics import catalogue
from analytics.expression import Term, compute, symbols
from analytics.indicator import Formula, Quantity, Shown
from analytics.iso22400 import ALIASES, KPIS, Symbol
from analytics.iso22400 import SYMBOLS as ISO_SYMBOLS
from plant.text import Text

_IEC = Text("IEC 60050-192；除以故障次数", "IEC 60050-192; divided by the number of failures")

BEYOND_ISO: tuple[Formula, ...] = (
    Formula(
        "teep",
        Text("设备完全有效生产率 TEEP", "Total effective equipment performance (TEEP)"),
        "IGT / (PBT - UT) × PBT / CT",
        source=Text("通行做法：OEE × 计划利用率", "common practice: OEE × utilization"),
    ),
    Formula(
        "ooe",
        Text("整体运营效率 OOE", "Overall operations effectiveness (OOE)"),
        "IGT / (PBT - UT) × PBT / POT",
        source=Text("通行做法：以计划运行时间为基准", "common practice: against planned operation time"),
    ),
    Formula(
        "utilization",
        Text("计划利用率", "Utilization"),
        "PBT / CT",
        source=Text("通行做法：计划时间占日历时间", "common practice: planned time of calendar time"),
    ),
    Formula(
        "quality-ratio-by-pieces",
        Text("合格率（按件数）", "Quality ratio (by pieces)"),
        "GQ / PQ",
        source=Text("ISO 22400-2, KPI 10，单一产品或无理想节拍", "ISO 22400-2, KPI 10, one product or no ideal cycle"),
    ),
    Formula(
        "defect-rate",
        Text("不良率", "Defect rate"),
        "(SQ + RQ) / PQ",
        source=Text("ISO 22400-2 数量：报废与返工", "quantities of ISO 22400-2: scrap and rework"),
    ),
    Formula("output", Text("产出", "Output"), "PQ", "{part}", Text("全部计数", "count of all parts"), Shown.NUMBER),
    Formula(
        "good-output",
        Text("合格产出", "Good output"),
        "GQ",
        "{part}",
        Text("合格计数", "count of good parts"),
        Shown.NUMBER,
    ),
    Formula(
        "mtbf-by-failures",
        Text("平均故障间隔 MTBF（按故障数）", "Mean operating time between failures (by failures)"),
        "sum(TBF) / FE",
        "s",
        _IEC,
        Shown.NUMBER,
    ),
    Formula(
        "mttr-by-failures",
        Text("平均修复时间 MTTR（按故障数）", "Mean time to restoration (by failures)"),
        "sum(TTR) / FE",
        "s",
        _IEC,
        Shown.NUMBER,
    ),
    Formula(
        "inherent-availability",
        Text("固有可用度", "Inherent availability"),
        "MTBF / (MTBF + MTTR)",
        source=Text("IEC 60050-192，稳态", "IEC 60050-192, steady state"),
    ),
    Formula(
        "rolled-throughput-yield",
        Text("滚动直通率 RTY", "Rolled throughput yield (RTY)"),
        "product(FPY)",
        source=Text("六西格玛：各工序一次合格率之积", "Six Sigma: product of first pass yields"),
    ),
    Formula(
        "energy",
        Text("能耗", "Energy"),
        "EN",
        "kW.h",
        Text("累计电表差值", "difference of a cumulative meter"),
        Shown.NUMBER,
    ),
    Formula(
        "energy-per-good-piece",
        Text("单件能耗", "Energy per good piece"),
        "EN / GQ",
        "kW.h/{part}",
        Text("单位产品能耗，参照 GB/T 2589", "specific energy consumption, after GB/T 2589"),
        Shown.NUMBER,
    ),
    Formula("loss-ratio", Text("丢包率", "Packet loss"), "LOST / N", source=Text("", "RFC 7680, RFC 6673")),
)

_NEAREST_RANK = Text(
    "RFC 2330 §11.3（最近名次）；丢包视为无穷大时延（RFC 7679）",
    "RFC 2330 §11.3 (nearest rank); lost packets as infinite delay (RFC 7679)",
)
PERCENTILES: Mapping[str, Formula] = {
    text: Formula(
        f"latency-p{text.replace('.', '-')}",
        Text(f"时延 P{text}", f"Latency P{text}"),
        f"D[RANK], RANK = ⌈{text} % × N⌉",
        "ms",
        _NEAREST_RANK,
        Shown.NUMBER,
    )
    for text in ("50", "90", "95", "99", "99.9", "99.99", "99.999")
}
"""Delay percentiles by their number in per cent, as text; D are the delays in ascending order."""

FORMULAS: Mapping[str, Formula] = {
    formula.id: formula for formula in (*KPIS, *BEYOND_ISO, *catalogue.FORMULAS, *PERCENTILES.values())
}

SYMBOLS: Mapping[str, Symbol] = {
    **ISO_SYMBOLS,
    **catalogue.SYMBOLS,
    "MTBF": Symbol(Text("平均故障间隔", "mean operating time between failures"), "s"),
    "MTTR": Symbol(Text("平均修复时间", "mean time to restoration"), "s"),
    "FPY": Symbol(Text("各工序一次合格率", "first pass yields of the steps"), "1"),
    "EN": Symbol(Text("电能", "electric energy"), "kW.h"),
    "LOST": Symbol(Text("丢失的包", "packets lost"), "{packet}"),
    "N": Symbol(Text("发出的包", "packets sent"), "{packet}"),
    "RANK": Symbol(Text("名次", "rank"), "1"),
}


def symbol(name: str) -> Symbol:
    """Return what a symbol means; one that no catalogue has stands for itself."""
    return SYMBOLS.get(name) or Symbol(Text(name, name), "1")


def quantities(values: Mapping[str, Term | None], origins: Mapping[str, Text] | None = None) -> dict[str, Quantity]:
    """Return values as quantities in the units of the symbol table, with their origins where known."""
    known = origins or {}
    return {name: Quantity(value, symbol(name).unit, known.get(name, Text())) for name, value in values.items()}


def value(formula: Formula, **given: Term) -> float | None:
    """Compute a formula from numbers under any spelling of their symbols, e.g. `value(OEE, PRU=…)`.

    Symbols that follow from others are worked out (PBT from POT and PDOT). Returns None
    where something is missing or the divisor is zero. Raises KeyError on an unknown symbol.
    """
    return compute(formula.expression, complete(given, formula.inputs))


def complete(given: Mapping[str, Term | None], needed: tuple[str, ...]) -> dict[str, Term | None]:
    """Return the given values under their canonical symbols, with the needed ones worked out from them."""
    values = {ALIASES.get(name, name): amount for name, amount in given.items()}
    unknown = values.keys() - SYMBOLS.keys()
    if unknown:
        raise KeyError(f"no such symbol: {', '.join(sorted(unknown))}")
    for name in needed:
        _derive(name, values)
    return values


def _derive(name: str, values: dict[str, Term | None]) -> None:
    entry = SYMBOLS[name]
    if values.get(name) is not None:
        return
    if entry.derived:
        for part in symbols(entry.derived):
            _derive(part, values)
        values[name] = compute(entry.derived, values)
    else:
        values[name] = entry.default
