"""The words of reports, Chinese and English."""

from __future__ import annotations

from analytics.acceptance import Verdict
from configs.catalogue import Kind
from evidence.assess import Arm
from plant.text import Text

VERDICTS = {
    Verdict.MET: Text("达标", "met"),
    Verdict.MET_UNPROVEN: Text("点估计达标，尚未证实", "met, unproven"),
    Verdict.NOT_MET: Text("未达标", "not met"),
    Verdict.INSUFFICIENT_DATA: Text("数据不足", "insufficient data"),
}
KINDS = {
    Kind.ABSOLUTE: Text("改造侧绝对值", "figure of the improved side"),
    Kind.CHANGE_UP: Text("相对提高 (E1 − E0) ÷ E0", "relative rise (E1 − E0) ÷ E0"),
    Kind.CHANGE_DOWN: Text("相对降低 (d0 − d1) ÷ d0", "relative fall (d0 − d1) ÷ d0"),
    Kind.INVERSE_UP: Text("利用率提高 e0 ÷ e1 − 1", "rise of use e0 ÷ e1 − 1"),
    Kind.COUNT: Text("计数", "count"),
}
ARMS = {Arm.BASELINE: Text("基线", "baseline"), Arm.IMPROVED: Text("改造", "improved")}

W = {
    "title": Text("验收测试报告", "Acceptance report"),
    "simulated": Text(
        "仿真数据：本报告全部或部分数据由仿真产生，不代表真实产线。",
        "SIMULATED DATA: all or part of what this report rests on was simulated and is no real line's.",
    ),
    "simulated-short": Text("仿真数据", "SIMULATED DATA"),
    "recorded": Text("实测数据", "recorded data"),
    "simulated-side": Text("仿真", "simulated"),
    "recorded-side": Text("实测", "recorded"),
    "clause": Text("条款", "Clause"),
    "document": Text("文件", "Document"),
    "scene": Text("场景", "Scene"),
    "author": Text("方案责任人", "Author of the plan"),
    "frozen": Text("方案冻结时间", "Plan fixed at"),
    "revision": Text("方案版本", "Revision of the plan"),
    "hash": Text("方案摘要 SHA-256", "Hash of the plan, SHA-256"),
    "summary": Text("结论", "Outcome"),
    "indicator": Text("指标", "Indicator"),
    "bound": Text("要求", "Bound"),
    "estimate": Text("估计值", "Estimate"),
    "interval": Text("置信区间", "Interval"),
    "verdict": Text("判定", "Verdict"),
    "kind": Text("判定方式", "Held against the bound"),
    "points": Text("百分点变化", "change in percentage points"),
    "effect": Text("效应量", "effect size"),
    "side": Text("侧", "Side"),
    "value": Text("数值", "Value"),
    "windows": Text("有效窗口", "Windows"),
    "samples": Text("样本量", "Samples"),
    "coverage": Text("最低覆盖率", "Least coverage"),
    "good": Text("良好质量", "Good quality"),
    "late": Text("迟到占比", "Late"),
    "clock": Text("时钟误差", "Clock error"),
    "source": Text("来源", "Source"),
    "formula": Text("公式", "Formula"),
    "notes": Text("须知", "What a reader must know"),
    "figure": Text("各窗口数值", "Figure of each window"),
    "cdf": Text("时延累计分布（丢包视为无穷大）", "Delay, cumulative (a lost packet is never answered)"),
    "against": Text("估计值与置信区间", "Estimate and interval"),
    "plan": Text("方案", "The plan"),
    "arm": Text("数据来源", "Where the data comes from"),
    "sim-arm": Text(
        "仿真：网络 {profile}，{shifts} 个班次，随机种子 {seed}{parameters}",
        "simulated: network {profile}, {shifts} shifts, seed {seed}{parameters}",
    ),
    "rec-arm": Text(
        "实测记录：{windows} 个窗口，其中 {before} 个在方案冻结之前已开始",
        "recorded: {windows} windows, {before} of which had begun before the plan was fixed",
    ),
    "confidence": Text("置信水平", "Confidence"),
    "resamples": Text("重抽样次数", "Resamples"),
    "handed-in": Text("报送记录", "Handed in"),
    "rule": Text("规则", "Rule"),
    "reason": Text("原因", "Reason"),
    "entered": Text("登记人与时间", "Entered by, and when"),
    "rules": Text("允许的剔除规则", "What the plan allows to be left out"),
    "changes": Text("方案变更", "Changes of the plan"),
    "timeline": Text("窗口与剔除", "Windows, and what was left out"),
    "exclusions": Text("剔除记录", "What was left out"),
    "none": Text("无", "none"),
    "losses": Text("损失瀑布（占计划时间）", "Losses, of planned time"),
    "planned": Text("计划时间", "planned time"),
    "valuable": Text("有效时间", "valuable time"),
    "completeness": Text("数据完整性", "Completeness"),
    "tags": Text("信号数", "Signals"),
    "silent": Text("无样本信号", "Signals without samples"),
    "bad": Text("不良样本", "Bad samples"),
    "sensitivity": Text("敏感性：结论依赖哪些假设", "Sensitivity: which assumptions the verdict rests on"),
    "assumptions": Text("敏感性", "Sensitivity"),
    "verify": Text("独立核验", "Verify it yourself"),
    "verify-text": Text(
        "任何人都可脱离本系统核验：安装 provenline 后运行以下命令，将由原始样本重新计算全部指标与判定。",
        "Anybody can verify this without our server: install provenline and run the command below. It computes every "
        "indicator and verdict anew from the raw samples.",
    ),
    "software": Text("软件", "Software"),
    "page": Text("第 {page} 页，共 {pages} 页", "page {page} of {pages}"),
    "window": Text("窗口", "Window"),
    "start": Text("开始", "Start"),
    "stop": Text("结束", "Stop"),
    "product": Text("产品", "Product"),
    "numerator": Text("分子", "Numerator"),
    "denominator": Text("分母", "Denominator"),
    "successes": Text("成功数", "Successes"),
    "trials": Text("试验数", "Trials"),
    "counts": Text("计入", "Counts"),
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
    "total": Text("合计", "Total"),
    "change": Text("变化", "Change"),
    "bound-line": Text("要求 {bound}", "bound {bound}"),
    "mix": Text("产品结构", "Product mix"),
    "mix-text": Text("按计数 {crude}，按同一结构 {standardised}", "as counted {crude}, with one mix {standardised}"),
    "trap": Text("增益仅来自产品结构变化", "the gain is only one of mix"),
    "parameter": Text("参数", "Parameter"),
    "low": Text("−50 %", "−50 %"),
    "high": Text("+50 %", "+50 %"),
    "cannot-be": Text("模型不接受此值：{why}", "the model cannot be so: {why}"),
    "sensitivity-text": Text(
        "模型的每个数值参数逐一减半、增半（两侧同时），快进重算。带 ▲ 者使总结论改变；斜线后为基线侧之值。",
        "Every number the model takes is halved, and raised by half, one at a time and on both sides, and the "
        "comparison is run anew in virtual time. ▲ marks what turns the verdict; after a slash stands the baseline.",
    ),
    "forms": Text("申报表填报内容", "Entries for the application forms"),
    "forms-text": Text(
        "表中数值均来自证据包中的判定结果；标有“{mark}”的栏目，本系统无从得知，请填报人填写。",
        "Every figure is a finding of the evidence package. What is marked “{mark}” no machine can know.",
    ),
    "form-4-1": Text("渝经信智能〔2021〕114号 附4-1 智能制造典型场景", "渝经信智能〔2021〕114号, form 4-1, one scene"),
    "basis": Text("绩效指标测算方式及依据", "How each figure was computed, and on what basis"),
    "unit": Text("单位", "Unit"),
    "rests-on": Text("依据", "Rests on"),
    "field": Text("栏目", "Field"),
    "content": Text("内容", "Content"),
    "baseline": Text("基线侧", "Baseline"),
    "improved": Text("改造侧", "Improved side"),
    "at-most": Text("不超过 {most} 字", "at most {most} characters"),
    "too-long": Text("（现有 {length} 字，超过 {most} 字）", "({length} characters; {most} are allowed)"),
    "fill-in": Text("【待填写】", "[to be filled in by the author]"),
}


class Words:
    """The words in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Return the words for `key`, with values put in."""
        return W[key].of(self.language).format(**values)

    def of(self, text: Text) -> str:
        """Return a text in this language."""
        return text.of(self.language)
