"""Formulas of the network: variation of delay, availability, coverage of the floor, and stops it caused."""

from __future__ import annotations

from collections.abc import Mapping

from analytics.indicator import Formula, Shown
from analytics.iso22400 import Symbol
from plant.text import Text

_SURVIVAL = Text("3GPP TS 22.104（存活时间）", "3GPP TS 22.104 (survival time)")

PDV: Mapping[str, Formula] = {
    text: Formula(
        f"pdv-p{text.replace('.', '-')}",
        Text(f"时延变化 PDV P{text}", f"Packet delay variation P{text}"),
        "DP - DMIN",
        "ms",
        Text("RFC 5481 §4.2（相对最小时延）", "RFC 5481 §4.2 (against the least delay)"),
        Shown.NUMBER,
    )
    for text in ("50", "95", "99", "99.9")
}
"""Percentiles of packet delay variation by their number in per cent, as text."""

IPDV: Mapping[str, Formula] = {
    text: Formula(
        f"ipdv-p{text.replace('.', '-')}",
        Text(f"相邻包时延差 P{text}", f"Inter-packet delay variation P{text}"),
        "IPDVP",
        "ms",
        Text("RFC 3393；绝对值，任一丢失即无定义", "RFC 3393; absolute, undefined where either is lost"),
        Shown.NUMBER,
    )
    for text in ("50", "95", "99", "99.9")
}
"""Percentiles of the absolute inter-packet delay variation by their number in per cent, as text."""

FORMULAS: tuple[Formula, ...] = (
    *PDV.values(),
    *IPDV.values(),
    Formula(
        "communication-availability",
        Text("通信服务可用度", "Communication service availability"),
        "(OBS - NDT) / OBS",
        "1",
        _SURVIVAL,
    ),
    Formula(
        "communication-outages", Text("通信中断次数", "Communication outages"), "OUT", "1", _SURVIVAL, Shown.NUMBER
    ),
    Formula(
        "communication-reliability",
        Text("通信服务平均无故障时间", "Communication service reliability (mean time between failures)"),
        "(OBS - NDT) / OUT",
        "s",
        _SURVIVAL,
        Shown.NUMBER,
    ),
    Formula(
        "floor-coverage",
        Text("现场覆盖率", "Coverage of the floor"),
        "CELLOK / CELLS",
        "1",
        Text("按网格判定；样本不足的格不算覆盖", "by cell of the floor; too few probes count as not covered"),
    ),
    Formula(
        "stops-after-link-events",
        Text("网络事件后停机占比", "Stops that follow a link event"),
        "NSTE / NST",
        "1",
        Text("时间窗内先有网络事件", "a link event within the window before the stop"),
    ),
    Formula(
        "stops-caused-by-link",
        Text("归因于网络的停机占比", "Stops attributable to the link"),
        "min(1, max(0, (NSTE - NST × PEXP) / (NST × (1 - PEXP))))",
        "1",
        Text("超出巧合的部分（归因分数）", "what exceeds coincidence (attributable fraction)"),
    ),
)

SYMBOLS: dict[str, Symbol] = {
    "DP": Symbol(Text("时延百分位", "percentile of delay"), "ms"),
    "DMIN": Symbol(Text("最小时延", "least delay"), "ms"),
    "IPDVP": Symbol(Text("相邻包时延差绝对值的百分位", "percentile of the absolute inter-packet variation"), "ms"),
    "CLK": Symbol(Text("两端时钟误差上限", "bound of the error of both clocks"), "ms"),
    "OBS": Symbol(Text("观测时间", "observed time"), "s"),
    "NDT": Symbol(Text("通信中断时间", "communication down time"), "s"),
    "OUT": Symbol(Text("中断次数", "outages"), "1"),
    "CELLOK": Symbol(Text("达标网格数", "cells that meet the limit"), "1"),
    "CELLS": Symbol(Text("网格总数", "cells of the floor"), "1"),
    "NST": Symbol(Text("停机次数", "stops"), "1"),
    "NSTE": Symbol(Text("网络事件后的停机次数", "stops that follow a link event"), "1"),
    "PEXP": Symbol(Text("巧合概率：处于事件窗口的运行时间占比", "chance: share of running time after events"), "1"),
}
