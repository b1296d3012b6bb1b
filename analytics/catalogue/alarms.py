"""Formulas of how well an alarm system alarms."""

from __future__ import annotations

from analytics.indicator import Formula, Shown
from analytics.iso22400 import Symbol
from plant.text import Text

_ISA = Text("ISA-18.2 / IEC 62682", "ISA-18.2 / IEC 62682")


def _number(formula_id: str, name: Text, expression: str, unit: str) -> Formula:
    return Formula(formula_id, name, expression, unit, _ISA, Shown.NUMBER)


FORMULAS: tuple[Formula, ...] = (
    _number(
        "alarms-per-operator-hour",
        Text("每操作员小时报警数", "Alarms per operator hour"),
        "ALN / (ALH × OPS)",
        "{alarm}/h",
    ),
    Formula(
        "alarm-flood-share", Text("报警泛滥时间占比", "Share of time in alarm flood"), "ALF / (3600 × ALH)", "1", _ISA
    ),
    _number("alarm-peak", Text("10 分钟最多报警数", "Most alarms in 10 minutes"), "ALX", "{alarm}"),
    Formula(
        "alarm-top-ten-share", Text("前十报警占比", "Share of the ten most frequent alarms"), "ALT / ALN", "1", _ISA
    ),
    _number("stale-alarms", Text("陈旧报警数", "Stale alarms"), "ALS", "{alarm}"),
    _number("chattering-alarms", Text("抖动报警数", "Chattering alarms"), "ALC", "{alarm}"),
)

SYMBOLS: dict[str, Symbol] = {
    "ALN": Symbol(Text("报警次数", "alarms annunciated"), "{alarm}"),
    "ALH": Symbol(Text("统计时长", "time looked at"), "h"),
    "OPS": Symbol(Text("操作员人数", "operators"), "1"),
    "ALF": Symbol(Text("泛滥时间", "time in flood"), "s"),
    "ALX": Symbol(Text("10 分钟最多报警数", "most alarms in 10 minutes"), "{alarm}"),
    "ALT": Symbol(Text("最频繁十个报警的次数", "annunciations of the ten most frequent"), "{alarm}"),
    "ALS": Symbol(Text("持续超过 24 小时的报警", "alarms active for more than 24 h"), "{alarm}"),
    "ALC": Symbol(Text("一分钟内三次以上的报警", "alarms that came three times within a minute"), "{alarm}"),
}
