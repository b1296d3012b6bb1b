"""Formulas of SEMI E10: the same machine's time, read the way semiconductor lines read it."""

from __future__ import annotations

from analytics.indicator import Formula
from analytics.iso22400 import Symbol
from plant.text import Text

_E10 = Text("SEMI E10（操作时间 = 总时间减非计划时间）", "SEMI E10 (operations time = total less nonscheduled time)")

FORMULAS: tuple[Formula, ...] = (
    Formula(
        "e10-operational-uptime",
        Text("设备可运行率（E10）", "Operational uptime (E10)"),
        "(E10PRD + E10SBY + E10ENG) / (E10OPS - E10UNK)",
        source=_E10,
    ),
    Formula(
        "e10-operational-utilization",
        Text("运行利用率（E10）", "Operational utilization (E10)"),
        "E10PRD / (E10OPS - E10UNK)",
        source=_E10,
    ),
    Formula(
        "e10-total-utilization",
        Text("总利用率（E10）", "Total utilization (E10)"),
        "E10PRD / (E10TOT - E10UNK)",
        source=_E10,
    ),
)

SYMBOLS: dict[str, Symbol] = {
    "E10TOT": Symbol(Text("总时间", "total time"), "s"),
    "E10OPS": Symbol(Text("操作时间", "operations time"), "s"),
    "E10UNK": Symbol(Text("未知的操作时间", "operations time of which nothing is known"), "s"),
    "E10PRD": Symbol(Text("生产时间", "productive time"), "s"),
    "E10SBY": Symbol(Text("待机时间", "standby time"), "s"),
    "E10ENG": Symbol(Text("工程时间", "engineering time"), "s"),
    "E10SDT": Symbol(Text("计划停机时间", "scheduled down time"), "s"),
    "E10UDT": Symbol(Text("非计划停机时间", "unscheduled down time"), "s"),
}
