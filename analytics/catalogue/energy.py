"""Formulas of energy use, its cost, and the carbon behind it."""

from __future__ import annotations

from analytics.indicator import Formula, Shown
from analytics.iso22400 import Symbol
from plant.text import Text

_METER = Text("累计电表，按状态分摊", "cumulative meter, shared out by state")
_ACCEPTANCE = Text("通行验收口径", "common acceptance practice")
_GRID = Text("生态环境部公告的电力二氧化碳排放因子", "grid emission factors of the Ministry of Ecology and Environment")


def _number(formula_id: str, name: Text, expression: str, unit: str, source: Text) -> Formula:
    return Formula(formula_id, name, expression, unit, source, Shown.NUMBER)


FORMULAS: tuple[Formula, ...] = (
    Formula("idle-energy-share", Text("待机能耗占比", "Idle energy share"), "ENI / ENP", "1", _METER),
    _number("peak-demand", Text("最大需量", "Peak demand"), "ENX / TX", "kW", Text("电力需量计费", "demand metering")),
    _number("energy-cost", Text("电费", "Energy cost"), "sum(COST)", "{CNY}", Text("分时电价", "time-of-use tariff")),
    _number(
        "comprehensive-energy",
        Text("综合能耗", "Comprehensive energy"),
        "sum(CE)",
        "kg{ce}",
        Text("", "GB/T 2589-2020"),
    ),
    Formula(
        "specific-consumption-reduction",
        Text("单位产品能耗降低率", "Reduction of specific consumption"),
        "(E0 / Q0 - E1 / Q1) / (E0 / Q0)",
        "1",
        _ACCEPTANCE,
    ),
    Formula(
        "energy-utilization-gain",
        Text("能源利用率提高率", "Gain of energy utilization"),
        "(Q1 / E1 - Q0 / E0) / (Q0 / E0)",
        "1",
        _ACCEPTANCE,
    ),
    _number("carbon", Text("二氧化碳排放", "CO₂ emission"), "EN × GF", "kg{CO2}", _GRID),
    _number("carbon-per-good-piece", Text("单件碳排放", "CO₂ per good piece"), "EN × GF / GQ", "kg{CO2}/{part}", _GRID),
)

SYMBOLS: dict[str, Symbol] = {
    "ENI": Symbol(Text("待机状态电能", "energy in states that produce nothing"), "kW.h"),
    "ENP": Symbol(Text("状态已知的电能", "energy in known states"), "kW.h"),
    "ENX": Symbol(Text("最大需量时段的电能", "energy in the interval with the most"), "kW.h"),
    "TX": Symbol(Text("需量时段长度", "length of the demand interval"), "h"),
    "COST": Symbol(Text("各时段电费", "costs by tariff period"), "{CNY}"),
    "CE": Symbol(Text("各能源折标煤", "energies as standard coal"), "kg{ce}"),
    "E0": Symbol(Text("基期综合能耗", "comprehensive energy of the baseline"), "kg{ce}"),
    "E1": Symbol(Text("现期综合能耗", "comprehensive energy now"), "kg{ce}"),
    "Q0": Symbol(Text("基期合格产量", "good pieces of the baseline"), "{part}"),
    "Q1": Symbol(Text("现期合格产量", "good pieces now"), "{part}"),
    "GF": Symbol(Text("电力排放因子", "grid emission factor"), "kg{CO2}/kW.h"),
}
