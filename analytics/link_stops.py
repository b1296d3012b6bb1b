"""Was this stop caused by the link? What coincidence explains, and what it does not.

A stop that follows a link event within a window may have followed it by chance: with an event
a minute nearly every stop does. So the stops after events are held against what chance gives,
which is the share of running time that lies within the window after an event. Whether there
are more than chance allows is tested by shifting the events against the stops, all round the
running time, which keeps the bursts of both as they are.

    running   ──────────▌  ▐──────────────▌   ▐─────
    events      ╎               ╎    ╎
    within      ├──┤            ├──┤ ├──┤           after each event
    stops              ✗                 ✗          the second one follows an event

The test says whether the link stops machines; the verdict on a single stop is a probability.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.intervals import clopper_pearson
from analytics.spans import Spans
from plant.batch import Ints
from plant.clock import SECOND
from plant.text import Text

SHIFTS = 999
"""How often the events are shifted; the smallest p-value there can be is 1 / 1000."""
SIGNIFICANT = 0.05


class LinkVerdict(StrEnum):
    """What the link has to do with a stop."""

    LIKELY = "likely"
    """It followed an event, and more stops do than chance allows; more likely than not the link."""
    POSSIBLE = "possible"
    """It followed an event, but chance explains that as well."""
    NO = "no"
    """No link event came before it."""
    UNKNOWN = "unknown"
    """The link was not observed before it."""


@dataclass(frozen=True, slots=True)
class StopVerdict:
    """One stop. `event`: last link event in the window before it, ns UTC. `probability`: that the link caused it."""

    start: int
    verdict: LinkVerdict
    event: int | None
    probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How stops and link events go together.

    `stops`: those that could be judged; `after`: those of them that follow an event; `chance`:
    share of running time within the window after an event; `p_value`: how often shifted
    events precede as many stops or more. Both are None without running time or stops.
    """

    window: int
    stops: int
    after: int
    chance: float | None
    p_value: float | None
    verdicts: tuple[StopVerdict, ...]


def associate(stops: Ints, events: Ints, *, running: Spans, observed: Spans, window: int) -> Association:
    """Hold stops against link events. All times in ns UTC, in any order.

    `stops`: when each began. `running`: when the machine ran, so that a stop could begin.
    `observed`: when the link was watched. `window`: how long after an event a stop still
    counts as following it. Raises ValueError unless that is positive.
    """
    if window <= 0:
        raise ValueError("the window after an event lasts longer than nothing")
    begins, events = np.unique(stops), np.unique(events)
    at_risk = running.both(observed)
    judged = observed.within(begins - window, begins) == window
    preceding = _preceding(begins, events, window)
    counted = begins[judged]
    after = int((preceding[judged] >= 0).sum())
    within = Spans.of(zip(events.tolist(), (events + window).tolist(), strict=True)).both(at_risk)
    chance = within.total / at_risk.total if at_risk.total else None
    p_value = _p_value(counted, events, at_risk, window) if at_risk.total and len(counted) else None
    probability = _attributable(len(counted), after, chance)
    likely = p_value is not None and p_value <= SIGNIFICANT and probability is not None and probability > 0.5
    verdicts = tuple(
        _verdict(start, sure, int(events[row]) if row >= 0 else None, probability, likely=likely)
        for start, sure, row in zip(begins.tolist(), judged.tolist(), preceding.tolist(), strict=True)
    )
    return Association(
        window=window, stops=len(counted), after=after, chance=chance, p_value=p_value, verdicts=verdicts
    )


def indicators(found: Association, basis: Basis) -> list[Indicator]:
    """Compute the share of stops that follow a link event, and the share attributable to the link.

    The note says whether chance is ruled out; the interval of the second is that of the first, beyond chance.
    """
    stops = float(found.stops)
    inputs = quantities({"NST": stops, "NSTE": float(found.after), "PEXP": found.chance})
    interval = clopper_pearson(found.after, found.stops)
    share = evaluate(FORMULAS["stops-after-link-events"], inputs, basis, uncertainty=interval)
    bounds = _beyond(interval, found.chance)
    caused = evaluate(FORMULAS["stops-caused-by-link"], inputs, basis, uncertainty=bounds)
    if found.p_value is None:
        return [share, caused]
    seconds = found.window / SECOND
    significant = found.p_value <= SIGNIFICANT
    note = Text(
        f"事件后 {seconds:g} s 内；置换检验 p = {found.p_value:.3f}" + ("。" if significant else "，不能排除巧合。"),
        f"Within {seconds:g} s after an event; permutation test p = {found.p_value:.3f}"
        + ("." if significant else "; chance is not ruled out."),
    )
    return [replace(one, note=note) if one.value is not None else one for one in (share, caused)]


def _beyond(share: tuple[float, float] | None, chance: float | None) -> tuple[float, float] | None:
    # What the interval of the share leaves beyond chance; nearly everything follows nearly constant events.
    if share is None or chance is None or chance >= 1:
        return None
    low, high = (min(1.0, max(0.0, (edge - chance) / (1 - chance))) for edge in share)
    return low, high


def _preceding(stops: Ints, events: Ints, window: int) -> Ints:
    # The row of the last event at or before each stop and within the window, -1 where there is none.
    row = np.searchsorted(events, stops, side="right") - 1
    if not len(events):
        return np.full(len(stops), -1, np.int64)
    near = (row >= 0) & (stops - events[np.maximum(row, 0)] <= window)
    return np.where(near, row, -1)


def _p_value(stops: Ints, events: Ints, at_risk: Spans, window: int) -> float:
    # On the axis of running time, bent into a ring, so that each shift is as good as any other.
    whole = at_risk.total
    marks, ring = at_risk.before(stops), np.unique(at_risk.before(events) % whole)
    if not len(ring):
        return 1.0
    shifts = [turn * whole // (SHIFTS + 1) for turn in range(SHIFTS + 1)]
    followed = np.array([_following((marks - shift) % whole, ring, whole, window) for shift in shifts])
    return float((followed >= followed[0]).sum() / (SHIFTS + 1))


def _following(stops: Ints, ring: Ints, whole: int, window: int) -> int:
    row = np.searchsorted(ring, stops, side="right") - 1
    return int(((stops - ring[row]) % whole <= window).sum())


def _attributable(stops: int, after: int, chance: float | None) -> float | None:
    # Of the stops after events: the share beyond what stops elsewhere make one expect.
    if chance is None or chance >= 1 or not after:
        return None
    expected = chance * (stops - after) / (1 - chance)
    return max(0.0, 1 - expected / after)


def _verdict(start: int, judged: bool, event: int | None, probability: float | None, *, likely: bool) -> StopVerdict:
    if not judged:
        return StopVerdict(start, LinkVerdict.UNKNOWN, event, None)
    if event is None:
        return StopVerdict(start, LinkVerdict.NO, None, 0.0)
    return StopVerdict(start, LinkVerdict.LIKELY if likely else LinkVerdict.POSSIBLE, event, probability)
