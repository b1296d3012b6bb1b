"""Which tag names a centre takes: declared ones always, others up to a bound in each scene and in all.

    declared                     cq/press/…       always
    others, by their scene       cq/press/…       at most `in_scene` of each
                                 cq/foreign/…
    all together                                  at most `most`

Every name costs memory, an entry in the catalogue and a place in every merge, for good; whoever may
write could end a centre by writing each sample under another name. So new names beyond a bound are
refused, sample by sample, and what comes under known names goes on.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from plant.batch import Batch
from plant.errors import Rejected


class TooManySeries(Rejected):
    """Some samples came under new names beyond a bound; `stored` others were stored, `dropped` were not."""

    def __init__(self, reason: str, *, stored: int, dropped: int) -> None:
        super().__init__(reason)
        self.stored = stored
        self.dropped = dropped


class Series:
    """The names that a centre has taken; safe to use from any thread."""

    def __init__(self, stored: Iterable[str], declared: Iterable[str]) -> None:
        self._known = set(stored) | set(declared)
        self._scenes = Counter(_scene(name) for name in self._known - set(declared))
        self._lock = threading.Lock()

    def admit(self, batch: Batch, *, most: int, in_scene: int) -> tuple[Batch, str]:
        """Return the rows whose names are known, or new and within both bounds; and why others are not, else ''."""
        if self._known.issuperset(batch.names):
            return batch, ""
        with self._lock:
            refused = {name: why for name in batch.names if (why := self._take(name, most, in_scene))}
        if not refused:
            return batch, ""
        fit = np.array([name not in refused for name in batch.names])
        kept = batch.take(fit[batch.tag])
        # The dictionary is cut down too: names in it cost the live table a row each.
        names = tuple(name for name in batch.names if name not in refused)
        places = np.maximum(np.cumsum(fit) - 1, 0).astype(np.uint32)
        return replace(kept, names=names, tag=places[kept.tag]), next(iter(refused.values()))

    def _take(self, name: str, most: int, in_scene: int) -> str:
        """Take a name; return why not, if so."""
        if name in self._known:
            return ""
        if len(self._known) >= most:
            return f"max-series limit exceeded: more than {most} tag names, {name!r} is one too many"
        if self._scenes[_scene(name)] >= in_scene:
            return f"max-series limit exceeded: more than {in_scene} undeclared tag names in scene {_scene(name)!r}"
        self._known.add(name)
        self._scenes[_scene(name)] += 1
        return ""


def _scene(name: str) -> str:
    return "/".join(name.split("/", 2)[:2])
