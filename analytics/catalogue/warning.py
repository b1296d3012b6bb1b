"""Formulas of early warning: how far a signal has drifted, and how long it has to its limit."""

from __future__ import annotations

from analytics.indicator import Formula, Shown
from analytics.iso22400 import Symbol
from plant.text import Text

FORMULAS: tuple[Formula, ...] = (
    Formula(
        "drift-index",
        Text("漂移指数", "Drift index"),
        "max(CUSUP, CUSDN) / CUSH",
        "1",
        Text("ISO 7870-4（累积和控制图）；达到 100 % 即报警", "ISO 7870-4 (CUSUM charts); 100 % is a warning"),
    ),
    Formula(
        "remaining-life",
        Text("剩余寿命趋势", "Remaining life by trend"),
        "(TRL - TRV) / TRS",
        "h",
        Text("最小二乘趋势；区间按 Fieller（1954）", "least-squares trend; interval after Fieller (1954)"),
        Shown.NUMBER,
    ),
)

SYMBOLS: dict[str, Symbol] = {
    "CUSUP": Symbol(Text("向上累积和", "cumulative sum upwards"), "1"),
    "CUSDN": Symbol(Text("向下累积和", "cumulative sum downwards"), "1"),
    "CUSH": Symbol(Text("判定界限", "decision interval"), "1"),
    "TRL": Symbol(Text("限值", "limit"), "1"),
    "TRV": Symbol(Text("趋势当前值", "trend at the end of the window"), "1"),
    "TRS": Symbol(Text("每小时变化", "change per hour"), "/h"),
}
