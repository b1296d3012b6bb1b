"""The 34 key performance indicators of ISO 22400-2, and the symbols they are written in.

Times are in seconds, quantities in pieces unless the symbol table says otherwise. Two
things are written so that they stay right where the standard's single-product, fully known
case ends:

- `IPT` and `IGT` stand for PRI × PQ and PRI × GQ, summed over products and machines first
  (ideal time of what was produced, and of what was good). With one product, IGT / IPT is
  GQ / PQ; with several, only the weighted form keeps A × E × Q = OEE.
- `UT` is planned time of which nothing is known. It is neither production nor a stop, so it
  is taken out of planned busy time; with full coverage it is 0.

Symbols can be given in either spelling of the standard's editions (PRU = PRI, ASUT = AUST).
Formulas after the OWL design pattern of the standard (hsu-aut, ISO 22400-2); the two sums
PBT = AUBT + ADOT and AUBT = AUPT + ADET, and the printed divisor FE + 1 of KPI 31 to 33,
are from memory of the standard.
"""

from __future__ import annotations

from dataclasses import dataclass

from analytics.indicator import Formula, Shown
from plant.text import Text


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a symbol of a formula means. `derived`: how it follows from other symbols, if it does."""

    name: Text
    unit: str
    derived: str = ""
    default: float | None = None


def _symbol(zh: str, en: str, unit: str = "s", *, derived: str = "", default: float | None = None) -> Symbol:
    return Symbol(Text(zh, en), unit, derived, default)


SYMBOLS: dict[str, Symbol] = {
    "CT": _symbol("日历时间", "calendar time"),
    "POT": _symbol("计划运行时间", "planned operation time"),
    "PDOT": _symbol("计划停机时间", "planned down time"),
    "PBT": _symbol("计划占用时间", "planned busy time", derived="POT - PDOT"),
    "UT": _symbol("未知时间", "unknown time", default=0.0),
    "AUBT": _symbol("实际占用时间", "actual unit busy time", derived="AUPT + ADET"),
    "AUPT": _symbol("实际加工时间", "actual unit processing time", derived="APT + AUST"),
    "APT": _symbol("实际生产时间", "actual production time"),
    "AUST": _symbol("实际准备时间", "actual unit set-up time"),
    "ADET": _symbol("实际延误时间", "actual unit delay time"),
    "ADOT": _symbol("实际闲置时间", "actual unit down time"),
    "AOET": _symbol("订单执行时间", "actual order execution time"),
    "APWT": _symbol("实际工作时间", "actual personnel work time"),
    "APAT": _symbol("实际出勤时间", "actual personnel attendance time"),
    "PRI": _symbol("单件计划时间", "planned run time per item", "s/{part}"),
    "IPT": _symbol("产出理想时间", "ideal time of the parts produced", derived="PRI × PQ"),
    "IGT": _symbol("合格品理想时间", "ideal time of the good parts", derived="PRI × GQ"),
    "PQ": _symbol("产出数量", "produced quantity", "{part}"),
    "GQ": _symbol("合格数量", "good quantity", "{part}"),
    "SQ": _symbol("报废数量", "scrap quantity", "{part}"),
    "RQ": _symbol("返工数量", "rework quantity", "{part}"),
    "PSQ": _symbol("计划报废数量", "planned scrap quantity", "{part}"),
    "PQF": _symbol("首工序产出数量", "produced quantity of the first operation", "{part}"),
    "GP": _symbol("一次合格件", "good parts at first pass", "{part}"),
    "IP": _symbol("检验件", "inspected parts", "{part}"),
    "CM": _symbol("消耗物料", "consumed material"),
    "IGQ": _symbol("综合合格数量", "integrated good quantity"),
    "PL": _symbol("生产损失", "production loss"),
    "STL": _symbol("储运损失", "storage and transportation loss"),
    "OL": _symbol("其他损失", "other loss"),
    "TH": _symbol("产出量", "throughput"),
    "INV": _symbol("平均库存", "average inventory"),
    "EPC": _symbol("设备产能", "equipment production capacity"),
    "E": _symbol("综合能耗", "comprehensive energy", "kg"),
    "USL": _symbol("规格上限", "upper specification limit", "1"),
    "LSL": _symbol("规格下限", "lower specification limit", "1"),
    "MEAN": _symbol("平均值", "mean value", "1"),
    "S": _symbol("样本标准差", "standard deviation of the sample", "1"),
    "SIGMA": _symbol("过程标准差估计", "estimated standard deviation of the process", "1"),
    "TBF": _symbol("故障间隔运行时间", "operating times between failures"),
    "TTF": _symbol("故障前时间", "times to failure"),
    "TTR": _symbol("修复时间", "times to restoration"),
    "FE": _symbol("故障次数", "failure events", "1"),
    "CMT": _symbol("纠正性维护时间", "corrective maintenance time"),
    "PMT": _symbol("预防性维护时间", "planned maintenance time"),
}

ALIASES: dict[str, str] = {"PRU": "PRI", "ASUT": "AUST", "PPT": "PBT", "ICT": "PRI"}
"""Other spellings of symbols: of earlier editions (PRU, ASUT), of the OEE literature (PPT, ICT)."""


def _kpi(number: int, kpi_id: str, name: Text, expression: str, unit: str = "1", shown: Shown | None = None) -> Formula:
    source = Text("", f"ISO 22400-2, KPI {number}")
    return Formula(kpi_id, name, expression, unit, source, shown or (Shown.PERCENT if unit == "1" else Shown.NUMBER))


_INDEX = Shown.NUMBER

KPIS: tuple[Formula, ...] = (
    _kpi(1, "worker-efficiency", Text("人员效率", "Worker efficiency"), "APWT / APAT"),
    _kpi(2, "allocation-ratio", Text("分配比", "Allocation ratio"), "sum(AUBT) / AOET"),
    _kpi(3, "throughput-rate", Text("产出率", "Throughput rate"), "3600 × PQ / AOET", "{part}/h"),
    _kpi(4, "allocation-efficiency", Text("分配效率", "Allocation efficiency"), "AUBT / (PBT - UT)"),
    _kpi(5, "utilization-efficiency", Text("利用效率", "Utilization efficiency"), "APT / AUBT"),
    _kpi(6, "oee", Text("设备综合效率 OEE", "Overall equipment effectiveness (OEE)"), "IGT / (PBT - UT)"),
    _kpi(7, "nee", Text("净设备效率 NEE", "Net equipment effectiveness (NEE)"), "AUPT × IGT / ((PBT - UT) × APT)"),
    _kpi(8, "availability", Text("可用率", "Availability"), "APT / (PBT - UT)"),
    _kpi(9, "effectiveness", Text("性能效率", "Effectiveness"), "IPT / APT"),
    _kpi(10, "quality-ratio", Text("合格率", "Quality ratio"), "IGT / IPT"),
    _kpi(11, "setup-ratio", Text("准备时间比", "Set-up ratio"), "AUST / AUPT"),
    _kpi(12, "technical-efficiency", Text("技术效率", "Technical efficiency"), "APT / (APT + ADET)"),
    _kpi(13, "production-process-ratio", Text("生产过程比", "Production process ratio"), "sum(APT) / AOET"),
    _kpi(14, "actual-to-planned-scrap-ratio", Text("实际计划报废比", "Actual to planned scrap ratio"), "SQ / PSQ"),
    _kpi(15, "first-pass-yield", Text("一次合格率", "First pass yield"), "GP / IP"),
    _kpi(16, "scrap-ratio", Text("报废率", "Scrap ratio"), "SQ / PQ"),
    _kpi(17, "rework-ratio", Text("返工率", "Rework ratio"), "RQ / PQ"),
    _kpi(18, "fall-off-ratio", Text("减损率", "Fall-off ratio"), "SQ / PQF"),
    _kpi(19, "cm", Text("机器能力指数 Cm", "Machine capability index Cm"), "(USL - LSL) / (6 × S)", shown=_INDEX),
    _kpi(
        20,
        "cmk",
        Text("临界机器能力指数 Cmk", "Critical machine capability index Cmk"),
        "min(USL - MEAN, MEAN - LSL) / (3 × S)",
        shown=_INDEX,
    ),
    _kpi(21, "cp", Text("过程能力指数 Cp", "Process capability index Cp"), "(USL - LSL) / (6 × SIGMA)", shown=_INDEX),
    _kpi(
        22,
        "cpk",
        Text("临界过程能力指数 Cpk", "Critical process capability index Cpk"),
        "min(USL - MEAN, MEAN - LSL) / (3 × SIGMA)",
        shown=_INDEX,
    ),
    _kpi(
        23,
        "comprehensive-energy-consumption",
        Text("单位产品综合能耗", "Comprehensive energy consumption"),
        "E / PQ",
        "kg/{part}",
    ),
    _kpi(24, "inventory-turns", Text("库存周转", "Inventory turns"), "TH / INV", shown=_INDEX),
    _kpi(25, "finished-goods-ratio", Text("成品率", "Finished goods ratio"), "GQ / CM"),
    _kpi(26, "integrated-goods-ratio", Text("综合成品率", "Integrated goods ratio"), "IGQ / CM"),
    _kpi(27, "production-loss-ratio", Text("生产损失率", "Production loss ratio"), "PL / CM"),
    _kpi(
        28, "storage-transportation-loss-ratio", Text("储运损失率", "Storage and transportation loss ratio"), "STL / CM"
    ),
    _kpi(29, "other-loss-ratio", Text("其他损失率", "Other loss ratio"), "OL / CM"),
    _kpi(30, "equipment-load-ratio", Text("设备负荷率", "Equipment load ratio"), "PQ / EPC"),
    _kpi(31, "mtbf", Text("平均故障间隔 MTBF", "Mean operating time between failures"), "sum(TBF) / (FE + 1)", "s"),
    _kpi(32, "mttf", Text("平均失效前时间 MTTF", "Mean time to failure"), "sum(TTF) / (FE + 1)", "s"),
    _kpi(33, "mttr", Text("平均修复时间 MTTR", "Mean time to restoration"), "sum(TTR) / (FE + 1)", "s"),
    _kpi(34, "corrective-maintenance-ratio", Text("纠正性维护率", "Corrective maintenance ratio"), "CMT / (CMT + PMT)"),
)
