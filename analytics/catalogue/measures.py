"""Formulas of acceptance: what a clause asks for where no other field has a figure for it."""

from __future__ import annotations

from analytics.indicator import Formula, Shown
from analytics.iso22400 import Symbol
from plant.text import Text

_RATE = Text("合格产出除以已知的计划工时", "good output over planned time that is known")
_LEFT = Text("离线件：合格（含返工后）与报废", "parts that left: good, after rework too, or scrapped")
_ACCESS = Text("清单与窗口内收到的数据", "what is declared, and what was heard from in the window")
_COUNTED = Text("计数；Clopper–Pearson 区间", "counted; Clopper–Pearson interval")


def _number(formula_id: str, name: Text, expression: str, unit: str, source: Text) -> Formula:
    return Formula(formula_id, name, expression, unit, source, Shown.NUMBER)


FORMULAS: tuple[Formula, ...] = (
    _number("production-rate", Text("生产效率", "Production rate"), "GQ / PLH", "{part}/h", _RATE),
    _number(
        "production-rate-by-ideal-time",
        Text("生产效率（标准工时）", "Production rate (standard hours)"),
        "IGT / (3600 × PLH)",
        "h/h",
        Text("合格品的理想时间除以已知的计划工时", "ideal time of good parts over planned time that is known"),
    ),
    _number(
        "production-rate-per-person",
        Text("人均生产效率", "Production rate per person-hour"),
        "GQ / PEH",
        "{part}/h",
        Text("合格产出除以人·时", "good output over person-hours"),
    ),
    _number("inspection-rate", Text("质检效率", "Inspection rate"), "PQ / PLH", "{part}/h", _RATE),
    Formula("scrap-share", Text("不良品率", "Share of defects"), "SQ / (GQ + SQ)", "1", _LEFT),
    Formula("finished-yield", Text("良品率", "Yield"), "GQ / (GQ + SQ)", "1", _LEFT),
    _number(
        "identified-per-hour",
        Text("标识解析效率", "Identifiers resolved per hour"),
        "IDN / PLH",
        "1/h",
        Text("采集并解析的标识除以计划工时", "identifiers collected and resolved over planned time"),
    ),
    _number("networked-devices", Text("联网设备数", "Networked devices"), "NDV", "1", _ACCESS),
    Formula("networked-share", Text("设备联网率", "Share of networked devices"), "NDV / DEV", "1", _ACCESS),
    Formula(
        "five-g-access",
        Text("设备5G接入比例", "Share of devices on 5G"),
        "NDVG / NDV",
        "1",
        Text("5G接入设备除以联网设备", "devices on 5G over all networked devices"),
    ),
    _number(
        "completed-sessions",
        Text("有效场次", "Sessions that count"),
        "SESOK",
        "1",
        Text("完成且时延、卡顿达标的场次", "completed, within the limits of delay and standstills"),
    ),
    Formula("closed-loop-correctness", Text("闭环控制正确率", "Correct control cycles"), "CYOK / CYN", "1", _COUNTED),
    Formula(
        "deadline-miss-rate",
        Text("控制周期超时率", "Control cycles that missed their deadline"),
        "CYLATE / CYN",
        "1",
        _COUNTED,
    ),
    Formula("decision-correctness", Text("智能决策正确率", "Correct decisions"), "DECOK / DECN", "1", _COUNTED),
)

SYMBOLS: dict[str, Symbol] = {
    "PLH": Symbol(Text("已知的计划工时", "planned time that is known"), "h"),
    "PEH": Symbol(Text("人·时", "person-hours"), "h"),
    "IDN": Symbol(Text("已采集并解析的标识", "identifiers collected and resolved"), "1"),
    "NDV": Symbol(Text("联网设备", "devices heard from"), "1"),
    "NDVG": Symbol(Text("5G接入的联网设备", "devices heard from that are on 5G"), "1"),
    "DEV": Symbol(Text("清单设备", "devices declared"), "1"),
    "SESOK": Symbol(Text("有效场次", "sessions that count"), "1"),
    "CYOK": Symbol(Text("正确的控制周期", "correct control cycles"), "1"),
    "CYLATE": Symbol(Text("指令迟到或丢失的控制周期", "control cycles whose command came too late or never"), "1"),
    "CYN": Symbol(Text("控制周期", "control cycles"), "1"),
    "DECOK": Symbol(Text("正确的决策", "correct decisions"), "1"),
    "DECN": Symbol(Text("决策", "decisions"), "1"),
}
