"""Formulas of vehicles and material: transports, waits, cost, batteries, and how true the records are."""

from __future__ import annotations

from analytics.indicator import Formula, Shown
from analytics.iso22400 import Symbol
from plant.text import Text

_FLEET = Text("车队运行统计：先求和后相除", "fleet statistics: sums first, division last")
_COST = Text("通行成本口径：电费、车辆工时、人工", "common costing: energy, vehicle hours, labour")
_BATTERY = Text("荷电状态记录", "record of the state of charge")
_TIMELY = Text(
    "约定时限内可见的事件；Clopper–Pearson 区间", "events visible within the agreed time; Clopper–Pearson interval"
)
_COUNTS = Text("循环盘点；Clopper–Pearson 区间", "cycle counting; Clopper–Pearson interval")


def _number(formula_id: str, name: Text, expression: str, unit: str, source: Text) -> Formula:
    return Formula(formula_id, name, expression, unit, source, Shown.NUMBER)


FORMULAS: tuple[Formula, ...] = (
    _number(
        "transports-per-vehicle-hour",
        Text("每车小时运输次数", "Transports per vehicle hour"),
        "3600 × TRN / VT",
        "{transport}/h",
        _FLEET,
    ),
    Formula("vehicle-utilization", Text("车辆利用率", "Vehicle utilization"), "VWT / VT", "1", _FLEET),
    Formula("vehicle-waiting-share", Text("车辆等待占比", "Share of time waiting or blocked"), "VQT / VT", "1", _FLEET),
    Formula(
        "waiting-share-by-cause",
        Text("单一原因等待占比", "Share of time waiting for one cause"),
        "VCT / VT",
        "1",
        _FLEET,
    ),
    _number(
        "cost-per-transport",
        Text("单次运输成本", "Cost per transport"),
        "(EN × PRE + VH × PRV + LH × PRL) / TRN",
        "{CNY}/{transport}",
        _COST,
    ),
    Formula("battery-lowest", Text("最低电量", "Lowest state of charge"), "SOCMIN", "1", _BATTERY),
    _number("battery-cycles", Text("等效满充次数", "Equivalent full cycles"), "SOCOUT", "1", _BATTERY),
    Formula("real-time-rate", Text("实时率", "Real-time rate"), "EVV / EVT", "1", _TIMELY),
    Formula("record-accuracy", Text("账物相符率", "Record accuracy"), "CCOK / CCN", "1", _COUNTS),
    Formula("stock-deviation", Text("库存数量偏差率", "Deviation of stock quantity"), "CCDEV / CCQ", "1", _COUNTS),
)

SYMBOLS: dict[str, Symbol] = {
    "TRN": Symbol(Text("完成运输次数", "transports done"), "{transport}"),
    "VT": Symbol(Text("已知的计划车辆时间", "planned vehicle time that is known"), "s"),
    "VWT": Symbol(Text("执行任务时间", "time at work"), "s"),
    "VQT": Symbol(Text("等待与受阻时间", "time waiting or blocked"), "s"),
    "VCT": Symbol(Text("该原因的等待时间", "time waiting for the cause"), "s"),
    "VH": Symbol(Text("车辆小时", "vehicle hours"), "h"),
    "LH": Symbol(Text("人工小时", "labour hours"), "h"),
    "PRE": Symbol(Text("电价", "price of energy"), "{CNY}/kW.h"),
    "PRV": Symbol(Text("车辆小时费率", "rate of a vehicle hour"), "{CNY}/h"),
    "PRL": Symbol(Text("人工小时费率", "rate of a labour hour"), "{CNY}/h"),
    "SOCMIN": Symbol(Text("最低荷电状态", "lowest state of charge"), "1"),
    "SOCOUT": Symbol(Text("累计放电量", "charge drawn, in full batteries"), "1"),
    "EVV": Symbol(Text("按时可见的事件", "events visible in time"), "{event}"),
    "EVT": Symbol(Text("全部事件", "events"), "{event}"),
    "CCOK": Symbol(Text("账物相符的盘点", "counts that match the record"), "1"),
    "CCN": Symbol(Text("盘点次数", "cycle counts"), "1"),
    "CCDEV": Symbol(Text("数量偏差绝对值之和", "sum of absolute deviations"), "{part}"),
    "CCQ": Symbol(Text("实盘数量之和", "sum of quantities counted"), "{part}"),
}
