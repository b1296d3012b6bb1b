"""Figures of windows whose samples are no longer kept: none, and the reason instead.

A figure needs samples. Buckets tell least, most and mean, but not how long a machine stood or
what a counter did in between, so where any sample of a tag has made room for them, nothing of
that tag is used for the window. What was computed while the samples were there stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from analytics.indicator import Indicator, Status
from historian.port import Hole
from plant.clock import iso
from plant.text import Text


def scopes(holes: Iterable[Hole]) -> dict[str, int]:
    """Return, for every tag with a hole and all that it belongs to, when its last hole ends."""
    found: dict[str, int] = {}
    for hole in holes:
        levels = hole.path.split("/")
        for depth in range(1, len(levels) + 1):
            scope = "/".join(levels[:depth])
            found[scope] = max(found.get(scope, hole.stop), hole.stop)
    return found


def explained(indicators: Iterable[Indicator], until: Mapping[str, int]) -> list[Indicator]:
    """Give those without a value for want of samples the reason; `until` as `scopes` returns it."""
    return [_explained(one, until) for one in indicators]


def _explained(indicator: Indicator, until: Mapping[str, int]) -> Indicator:
    stop = until.get(indicator.scope.partition("#")[0])
    if stop is None or indicator.status is not Status.INSUFFICIENT_DATA:
        return indicator
    return replace(indicator, note=reason(stop))


def reason(stop: int) -> Text:
    """Say that samples before `stop` are no longer kept."""
    day = iso(stop)
    return Text(
        f"该时段的原始样本已不再保留：保留策略已清理 {day} 之前的样本。",
        f"The samples of this window are no longer kept: retention has thinned those before {day}.",
    )
