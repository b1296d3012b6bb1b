"""Formulas of product quality: rejects by cause, control limits, capability, and judgement."""

from __future__ import annotations

from analytics.indicator import Formula, Shown
from analytics.iso22400 import Symbol
from plant.text import Text

_ISO_22514 = Text("", "ISO 22514-2")
_SHEWHART = Text("ISO 7870-2（休哈特控制图，3 倍标准差）", "ISO 7870-2 (Shewhart control charts, 3 sigma)")
_COUNTED = Text("ISO 22400-2 数量，按原因分", "quantities of ISO 22400-2, by cause")
_MATRIX = Text(
    "混淆矩阵；区间按 Clopper–Pearson（1934）", "confusion matrix; interval after Clopper and Pearson (1934)"
)


def _index(formula_id: str, zh: str, en: str, expression: str, source: Text = _ISO_22514) -> Formula:
    return Formula(formula_id, Text(zh, en), expression, "1", source, Shown.NUMBER)


FORMULAS: tuple[Formula, ...] = (
    Formula("reject-rate-by-cause", Text("单一原因不良率", "Reject rate of one cause"), "DQ / PQ", "1", _COUNTED),
    # Control charts.
    _index("control-centre", "中心线", "Centre line", "CL", _SHEWHART),
    _index("control-upper", "控制上限", "Upper control limit", "CL + 3 × SDP", _SHEWHART),
    _index("control-lower", "控制下限", "Lower control limit", "CL - 3 × SDP", _SHEWHART),
    # Capability beyond KPI 19 to 22 of ISO 22400-2, and their one-sided forms.
    _index("cpu", "上侧过程能力指数 CPU", "Upper process capability index", "(USL - MEAN) / (3 × SIGMA)"),
    _index("cpl", "下侧过程能力指数 CPL", "Lower process capability index", "(MEAN - LSL) / (3 × SIGMA)"),
    _index("pp", "过程性能指数 Pp", "Process performance index Pp", "(USL - LSL) / (6 × S)"),
    _index("ppk", "过程性能指数 Ppk", "Process performance index Ppk", "min(USL - MEAN, MEAN - LSL) / (3 × S)"),
    _index("ppu", "上侧过程性能指数 PPU", "Upper process performance index", "(USL - MEAN) / (3 × S)"),
    _index("ppl", "下侧过程性能指数 PPL", "Lower process performance index", "(MEAN - LSL) / (3 × S)"),
    _index(
        "cpm",
        "过程能力指数 Cpm（田口）",
        "Process capability index Cpm (Taguchi)",
        "(USL - LSL) / (6 × TAU)",
        Text("Chan、Cheng、Spiring（1988）", "Chan, Cheng and Spiring (1988)"),
    ),
    # Judgement by a gauge, a camera or a person, against a reference.
    Formula("misjudgement-rate", Text("误判率", "Misjudgement rate"), "(FA + FR) / (TA + FA + TR + FR)", "1", _MATRIX),
    Formula("false-accept-rate", Text("漏判率", "False accept rate"), "FA / (FA + TR)", "1", _MATRIX),
    Formula("false-reject-rate", Text("误报率", "False reject rate"), "FR / (FR + TA)", "1", _MATRIX),
    Formula(
        "wrong-decision-rate",
        Text("错误决策率", "Wrong decision rate"),
        "DW / DN",
        "1",
        Text(
            "与参考逐一比对；Clopper–Pearson 区间", "compared one by one with the reference; Clopper–Pearson interval"
        ),
    ),
)

SYMBOLS: dict[str, Symbol] = {
    "DQ": Symbol(Text("该原因的不良数量", "pieces rejected for the cause"), "{part}"),
    "CL": Symbol(Text("中心线", "centre line"), "1"),
    "SDP": Symbol(Text("打点量的标准差", "standard deviation of what is plotted"), "1"),
    "TAU": Symbol(Text("相对目标值的标准差", "standard deviation about the target"), "1"),
    "TA": Symbol(Text("正确判为合格", "good, judged good"), "{part}"),
    "FA": Symbol(Text("漏判：不良判为合格", "bad, judged good"), "{part}"),
    "TR": Symbol(Text("正确判为不良", "bad, judged bad"), "{part}"),
    "FR": Symbol(Text("误报：合格判为不良", "good, judged bad"), "{part}"),
    "DW": Symbol(Text("与参考不同的决策", "decisions that differ from the reference"), "1"),
    "DN": Symbol(Text("比对的决策", "decisions compared"), "1"),
}
