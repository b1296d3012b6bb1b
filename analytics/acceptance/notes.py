"""What a finding has to say besides its numbers, in the words a report prints."""

from __future__ import annotations

from collections.abc import Iterable

from plant.text import Text


def joined(names: Iterable[str], language: str) -> str:
    """Return names as a list in the manner of a language."""
    return ("、" if language == "zh" else ", ").join(names)


def no_baseline() -> Text:
    return Text("没有基线，无法计算变化。", "There is no baseline, so there is no change to speak of.")


def few_windows(side: Text, counted: int, given: int, needed: int) -> Text:
    return Text(
        f"{side.zh}只有 {counted} 个有效窗口（共 {given} 个），至少需要 {needed} 个。",
        f"The {side.en} has {counted} windows that count, of {given}; {needed} are needed.",
    )


def left_out(side: Text, dropped: int, given: int, coverage: float) -> Text:
    return Text(
        f"{side.zh} {given} 个窗口中有 {dropped} 个因数据缺失或覆盖率低于 {coverage:.0%} 未计入。",
        f"{dropped} of {given} windows of the {side.en} are left out: no data, or coverage below {coverage:.0%}.",
    )


def few_samples(side: Text, samples: float, needed: int) -> Text:
    return Text(
        f"{side.zh}样本量 {samples:g}，至少需要 {needed}。",
        f"The {side.en} rests on {samples:g} samples; {needed} are needed.",
    )


def cannot_prove(samples: int, needed: int) -> Text:
    return Text(
        f"样本量 {samples}：即使一次不合格也没有，也要 {needed} 个样本才能证明该限值。",
        f"{samples} samples: even without a single failure it takes {needed} to prove this bound.",
    )


def zero_baseline() -> Text:
    return Text("基线值为零，相对变化没有意义。", "The baseline is zero, so a relative change has no meaning.")


def one_window() -> Text:
    return Text("窗口太少，无法给出置信区间。", "There are too few windows for a confidence interval.")


def zero_counted() -> Text:
    return Text(
        "改造后一次也未出现；区间按零次事件的泊松上限给出。",
        "None occurred on the improved side; the interval uses the Poisson bound for no events.",
    )


def serial(correlation: float) -> Text:
    return Text(
        f"相邻窗口相关（一阶自相关约 {correlation:.2f}），区间已相应放宽。",
        f"Successive windows are correlated (about {correlation:.2f} at lag one); the interval is wider for it.",
    )


def clustered(effect: float, effective: float) -> Text:
    return Text(
        f"样本成串出现（设计效应 {effect:.1f}），按 {effective:.0f} 个独立样本计算区间。",
        f"Samples come in clusters (design effect {effect:.1f}): worth {effective:.0f} independent ones.",
    )


def clock(error: float) -> Text:
    return Text(
        f"时钟误差 ±{error * 1e3:.3g} ms 已计入区间。",
        f"A clock error of ±{error * 1e3:.3g} ms is part of the interval.",
    )


def mixed_sources() -> Text:
    return Text(
        "一侧含仿真数据，另一侧为实测数据：二者不可直接比较。",
        "One side holds simulated data and the other recorded data: they cannot be compared as they are.",
    )


def partly_simulated(side: Text) -> Text:
    return Text(f"{side.zh}同时含仿真和实测窗口。", f"The {side.en} holds both simulated and recorded windows.")


def mix_trap(crude: float, standardised: float) -> Text:
    return Text(
        f"产品结构陷阱：按原始计数变化 {crude:+.1%}，按同一产品结构只有 {standardised:+.1%}；达标仅因产品结构不同。",
        f"Mix trap: {crude:+.1%} as counted, but {standardised:+.1%} with the same product mix on both sides; "
        "only the mix reaches the bound.",
    )


def standardised(crude: float, result: float, *, planned: bool) -> Text:
    zh, en = ("计划的", "the planned") if planned else ("基线的", "the baseline's")
    return Text(
        f"按{zh}产品结构标准化：原始 {crude:+.1%}，标准化后 {result:+.1%}。",
        f"Standardised to {en} product mix: {crude:+.1%} as counted, {result:+.1%} standardised.",
    )


def not_common(products: Iterable[str]) -> Text:
    names = sorted(products)
    return Text(
        f"只在一侧生产的产品不参与比较：{joined(names, 'zh')}。",
        f"Made on one side only and left out of the comparison: {joined(names, 'en')}.",
    )


def nothing_common() -> Text:
    return Text("两侧没有共同的产品，无法比较。", "The sides have no product in common, so they cannot be compared.")


def planned_missing(products: Iterable[str]) -> Text:
    names = sorted(products)
    return Text(
        f"计划产品结构中的产品没有数据：{joined(names, 'zh')}。",
        f"Products of the planned mix have no data: {joined(names, 'en')}.",
    )


def unseen_mix() -> Text:
    return Text("未区分产品，无法识别产品结构变化。", "Products are not told apart; a change of mix would not be seen.")


def unbounded() -> Text:
    return Text(
        "该分位落在丢失的报文中，时延无界。", "The percentile falls among the lost packets: the delay is unbounded."
    )


def late(side: Text, share: float) -> Text:
    return Text(
        f"{side.zh}有 {share:.1%} 的样本在首次计算后才到达。",
        f"{share:.1%} of the samples of the {side.en} came after the window was first computed.",
    )


def cannot_support(percentile: str, samples: int, needed: int) -> Text:
    return Text(
        f"样本量 {samples} 不足以支持 P{percentile}，至少需要 {needed}。",
        f"{samples} samples do not support P{percentile}; {needed} are needed.",
    )
