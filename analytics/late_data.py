"""Samples that others write late into a store that is not ours alone: noticed by counting, shift by shift.

What arrives through the centre is noted as it arrives (`ShiftResults.noting`). An InfluxDB may be
written to by anybody, so from time to time the samples of every recent closed shift are
counted. Another number than last time puts the shift, and those after it, in doubt; whoever asks
next gets them computed anew, as a numbered revision where anything changed.

A sample that replaces another one of the same tag and time is not seen by counting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from analytics import device_details
from analytics.scene import READ_ROLES
from analytics.shift_results import ShiftResults
from plant.assets import Scene
from plant.calendar import Span


@runtime_checkable
class Counting(Protocol):
    """A store that can say exactly how many samples it holds."""

    def counts(self, paths: Sequence[str], start: int, stop: int) -> Mapping[str, int]:
        """Return how many samples each tag has in the window; tags without may be left out."""


def look(scene: Scene, results: ShiftResults, store: Counting, *, since: int) -> list[Span]:
    """Count the samples of a scene's shifts that closed after `since`; return those that came into doubt.

    Raises Unavailable as the store does; what was counted until then stays noted.
    """
    roles = READ_ROLES | device_details.READ_ROLES
    paths = [tag.path for tag in scene.tags if tag.role in roles]
    return [
        window
        for window in results.kept(scene, since)
        if results.recount(scene, window, sum(store.counts(paths, *window).values()))
    ]
