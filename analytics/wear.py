"""Whether a signal drifts from what it was while all was well, and when it reaches its limit.

    ├──── healthy ────┤├──────── window ────────┤        only while the machine runs
     baseline: mean, σ   block means ─▶ CUSUM ─▶ drift index; line ─▶ remaining life

What a signal shows while its machine stands, starts or stops says nothing about wear, so blocks
are means of settled running time, and a block with little of it is no block: its mean would
scatter more than the others, and cry wolf.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from analytics.formulas import FORMULAS
from analytics.indicator import Basis, Indicator, report
from analytics.readings import Readings
from analytics.settings import Watch
from analytics.spans import Spans
from analytics.time_model import TimeElement, TimeModel
from analytics.warning import (
    LEAST_BLOCKS,
    Baseline,
    Drift,
    DriftRule,
    baseline,
    block_means,
    drift,
    drift_indicator,
    remaining_life,
    trend,
)
from plant.assets import Device
from plant.batch import Batch, Floats, Ints
from plant.calendar import Span
from plant.clock import SECOND, iso
from plant.tags import Role, Tag
from plant.text import Text

SETTLED = 5 * SECOND
"""Running time after a start and before a stop that is left out: state and value are not sampled together."""
_LEAST = 0.5  # of the usual number of samples of a block


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Block means of running time: when each begins, ns UTC, and its mean, NaN without any."""

    start: Ints
    mean: Floats

    @property
    def known(self) -> int:
        """How many blocks have a mean."""
        return int(np.isfinite(self.mean).sum())


def running(device: Device, tag: Tag, readings: Readings, model: TimeModel) -> Batch:
    """Return a tag's samples of the time in which its machine ran; all of them where it has no states."""
    samples, state = readings.of(tag), device.role(Role.STATE)
    if state is None:
        return samples
    states = readings.states(state)
    spans = Spans.where(model.of(states, TimeElement.PRODUCTION), states.start, states.stop)
    settled = Spans.where(spans.stop - spans.start > 2 * SETTLED, spans.start + SETTLED, spans.stop - SETTLED)
    return samples.take(settled.holds(samples.time))


def blocks(samples: Batch, window: Span, length: int) -> Blocks:
    """Return the block means of a window; blocks with less than half the usual samples have none."""
    start, mean = block_means(samples, window, length)
    count = np.searchsorted(samples.time, start + length) - np.searchsorted(samples.time, start)
    usual = float(np.median(count[count > 0])) if (count > 0).any() else 0.0
    return Blocks(start, np.where(count >= _LEAST * usual, mean, np.nan))


def indicators(samples: Batch, watch: Watch, basis: Basis) -> Iterator[Indicator]:
    """Compute the drift index, and the remaining life where a limit is known, from samples of running time.

    `samples` reach back `watch.healthy` before the basis's window.
    """
    start, stop = basis.window
    healthy = blocks(samples, (start - watch.healthy, start), watch.block)
    now = blocks(samples, (start, stop), watch.block)
    covered = replace(basis, coverage=1.0 if now.known else None)
    yield _drift(healthy, now, watch, covered)
    if watch.limit is not None:
        yield remaining_life(trend(now.start, now.mean, watch.limit), covered)


def _drift(healthy: Blocks, now: Blocks, watch: Watch, basis: Basis) -> Indicator:
    learned = _learned(healthy)
    if learned is None:
        note = Text(
            f"窗口前没有 {LEAST_BLOCKS} 个以上有变化的健康时段可作基线。",
            f"There are not {LEAST_BLOCKS} blocks before the window, or they do not vary: nothing to judge drift by.",
        )
        return report(FORMULAS["drift-index"], None, {}, basis, note=note)
    rule = DriftRule(allowance=watch.allowance, blocks_between_alarms=watch.blocks_between_alarms)
    found = drift(now.mean, learned, rule)
    told = drift_indicator(found, basis)
    return replace(told, note=_since(found, now)) if found.warned is not None and told.value is not None else told


def _learned(healthy: Blocks) -> Baseline | None:
    try:
        return baseline(healthy.mean)
    except ValueError:
        return None


def _since(found: Drift, now: Blocks) -> Text:
    assert found.warned is not None
    assert found.onset is not None
    warned, onset = (iso(int(now.start[at])) for at in (found.warned, found.onset))
    return Text(
        f"{warned} 起预警；很可能自 {onset} 起漂移。", f"Warned at {warned}; drifting most likely since {onset}."
    )
