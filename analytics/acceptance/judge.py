"""Judge one indicator of a clause by the measurements of both sides.

The same for a campaign, a package's verification and a test: everything that decides is in
the arguments, chance included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analytics.acceptance import notes
from analytics.acceptance.counts import proportion, tally
from analytics.acceptance.finding import Finding, Side, Verdict
from analytics.acceptance.outcome import Draws, Outcome, SideFigure
from analytics.acceptance.percentile import percentile
from analytics.acceptance.ratio import absolute, change
from analytics.acceptance.sides import BASELINE, IMPROVED, Counted, counted, remarks
from analytics.acceptance.verdicts import beyond, disproved, held_against
from analytics.measures.measurement import Measurement
from configs.catalogue import IndicatorConfig, Kind, Statistic
from plant.text import Text

VERSION = 1
"""Of the statistics. Whatever changes a finding's numbers for the same measurements is a new version."""


def judge(
    config: IndicatorConfig,
    baseline: Sequence[Measurement] | None,
    improved: Sequence[Measurement],
    *,
    clause: str,
    confidence: float,
    resamples: int,
    seed: int,
    mix: Mapping[str, float],
) -> Finding:
    """Hold one indicator against its bound. Never raises for data: what is missing is `insufficient-data`.

    `baseline` is only looked at for changes. `mix`: planned share of each product, empty for
    the baseline's own. Measurements are in time order, one a window.
    """
    new = counted(IMPROVED, improved, config.statistic, config.minimum)
    old = counted(BASELINE, baseline or (), config.statistic, config.minimum) if config.kind.compares else None
    sides = [side for side in (old, new) if side is not None]
    lacking = _lacking(config, sides)
    draws = Draws(confidence=confidence, resamples=resamples, seed=seed)
    outcome = _outcome(config, old, new, mix, draws) if all(side.windows for side in sides) else Outcome()
    outcome = _with_trap(outcome, config, planned=bool(mix))
    lacking += [*outcome.blocked, *_few_samples(config, outcome)]
    return Finding(
        clause=clause,
        indicator=config.id,
        name=config.name.text,
        kind=config.kind,
        op=config.op,
        bound=config.value,
        unit=config.unit,
        measure=config.measure,
        statistic=config.statistic,
        version=VERSION,
        confidence=confidence,
        verdict=_verdict(config, outcome, lacking),
        estimate=outcome.estimate,
        interval=outcome.interval,
        points=outcome.points,
        effect=outcome.effect,
        effect_kind=outcome.effect_kind if outcome.effect is not None else "",
        baseline=_side(old, outcome.baseline) if old is not None else None,
        improved=_side(new, outcome.improved),
        mix=outcome.mix,
        notes=(*lacking, *_sources(sides), *outcome.unprovable, *outcome.notes, *_remarks(config, sides)),
    )


def _outcome(
    config: IndicatorConfig, old: Counted | None, new: Counted, mix: Mapping[str, float], draws: Draws
) -> Outcome:
    if old is not None:
        return change(config, old, new, mix, draws)
    match config.statistic:
        case Statistic.RATIO:
            return absolute(new, draws)
        case Statistic.PROPORTION:
            return proportion(config, new, draws.confidence)
        case Statistic.PERCENTILE:
            return percentile(config, new, draws.confidence)
        case Statistic.TALLY:
            return tally(config, new)


def _verdict(config: IndicatorConfig, outcome: Outcome, lacking: Sequence[Text]) -> Verdict:
    if lacking or outcome.estimate is None:
        return Verdict.INSUFFICIENT_DATA
    if outcome.unprovable and not disproved(outcome.interval, config.op, config.value):
        return Verdict.INSUFFICIENT_DATA
    return held_against(outcome.estimate, outcome.interval, config.op, config.value)


def _lacking(config: IndicatorConfig, sides: Sequence[Counted]) -> list[Text]:
    """Return why there is too little to judge by: windows that are missing."""
    if config.kind.compares and not sides[0].given:
        return [notes.no_baseline()]
    return [note for side in sides for note in remarks(side, config.minimum)[0]]


def _remarks(config: IndicatorConfig, sides: Sequence[Counted]) -> list[Text]:
    return [note for side in sides for note in remarks(side, config.minimum)[1]]


def _few_samples(config: IndicatorConfig, outcome: Outcome) -> list[Text]:
    figures = ((BASELINE, outcome.baseline), (IMPROVED, outcome.improved))
    return [
        notes.few_samples(name, figure.samples, config.minimum.samples)
        for name, figure in figures
        if figure is not None and figure.samples < config.minimum.samples and config.kind is not Kind.COUNT
    ]


def _sources(sides: Sequence[Counted]) -> list[Text]:
    return [notes.mixed_sources()] if len({side.simulated for side in sides if side.windows}) > 1 else []


def _with_trap(outcome: Outcome, config: IndicatorConfig, *, planned: bool) -> Outcome:
    """Say what the product mix did, first of all when it alone reaches the bound."""
    found = outcome.mix
    if found is None or found.standardised is None:
        return outcome
    trap = beyond(found.crude, config.op, config.value) and not beyond(found.standardised, config.op, config.value)
    said = (
        notes.mix_trap(found.crude, found.standardised)
        if trap
        else notes.standardised(found.crude, found.standardised, planned=planned)
    )
    return replace(outcome, mix=replace(found, trap=trap), notes=(said, *outcome.notes))


def _side(side: Counted, figure: SideFigure | None) -> Side:
    found = figure or SideFigure(None, None, 0.0)
    return side.side(value=found.value, interval=found.interval, samples=found.samples)
