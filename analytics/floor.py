"""How much of a floor a link covers: each cell judged by the packets that were measured in it.

A cell is covered when its delay percentile, the lost packets included, meets the limit. A cell
with too few packets for that percentile is unknown; unknown is not covered, but what it could
change is the figure's uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np

from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.latency import percentiles
from plant.batch import Floats
from plant.text import Text

Cell = tuple[int, int]
"""Column and row of a cell: the cell (i, j) spans i … i + 1 and j … j + 1 cell sizes from the origin."""

MOST_CELLS = 250_000
# Column and row of a cell as one number, so that packets sort quickly; both are below a million in size.
_BITS, _OFFSET = 21, 1 << 20


@dataclass(frozen=True, slots=True)
class Floor:
    """The cells of a floor to be covered; `size`: edge in metres.

    Raises ValueError for a size that is not positive and for more than 250 000 cells.
    """

    cells: AbstractSet[Cell]
    size: float

    def __post_init__(self) -> None:
        if not (self.size > 0 and math.isfinite(self.size)):
            raise ValueError("a cell has an edge longer than 0 m")
        if len(self.cells) > MOST_CELLS:
            raise ValueError(f"{len(self.cells)} cells are too many; make them larger")

    @staticmethod
    def rectangle(width: float, depth: float, size: float) -> Floor:
        """Return the cells of a rectangle from the origin, in metres; a cell that sticks out counts."""
        if not (size > 0 and width > 0 and depth > 0) or (width / size) * (depth / size) > MOST_CELLS:
            raise ValueError("width, depth and size are more than 0 m, and make at most 250 000 cells")
        columns, rows = math.ceil(width / size), math.ceil(depth / size)
        return Floor(frozenset((i, j) for i in range(columns) for j in range(rows)), size)


class Coverage(StrEnum):
    """What is known about a cell."""

    COVERED = "covered"
    NOT_COVERED = "not-covered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CellResult:
    """One cell: packets sent in it, lost ones among them, and the percentile in ms where supported."""

    coverage: Coverage
    packets: int
    lost: int
    delay: float | None


@dataclass(frozen=True, slots=True)
class FloorCoverage:
    """Every cell of the floor with its result. `elsewhere`: packets sent off the floor or at an unknown place."""

    cells: dict[Cell, CellResult]
    elsewhere: int

    def count(self, coverage: Coverage) -> int:
        """Return how many cells are in this condition."""
        return sum(result.coverage is coverage for result in self.cells.values())


def floor_coverage(
    x: Floats, y: Floats, delay: Floats, floor: Floor, *, limit: float, share: Fraction = Fraction("0.95")
) -> FloorCoverage:
    """Judge every cell of a floor by the packets sent in it.

    `x`, `y`: where each packet was sent, in metres, NaN = unknown. `delay`: ms, inf = lost,
    NaN = not measured. `limit`: the percentile `share` of a covered cell is at most this, in ms.
    Raises ValueError for columns of different lengths.
    """
    if not len(x) == len(y) == len(delay):
        raise ValueError("each packet has a place and a delay")
    measured = ~np.isnan(delay)
    placed = measured & (np.abs(x) < 1e6 * floor.size) & (np.abs(y) < 1e6 * floor.size)
    columns = np.floor(x[placed] / floor.size).astype(np.int64) + _OFFSET
    rows = np.floor(y[placed] / floor.size).astype(np.int64) + _OFFSET
    keys, group, counts = np.unique(columns << _BITS | rows, return_inverse=True, return_counts=True)
    parts = np.split(delay[placed][np.argsort(group, kind="stable")], np.cumsum(counts)[:-1])
    cells = [((key >> _BITS) - _OFFSET, (key & (1 << _BITS) - 1) - _OFFSET) for key in keys.tolist()]
    found = dict(zip(cells, parts, strict=False))
    elsewhere = int(measured.sum() - placed.sum()) + sum(len(p) for cell, p in found.items() if cell not in floor.cells)
    results = {cell: _judge(found.get(cell, _NOTHING), limit, share) for cell in sorted(floor.cells)}
    return FloorCoverage(results, elsewhere)


_NOTHING: Floats = np.zeros(0, np.float64)


def _judge(delay: Floats, limit: float, share: Fraction) -> CellResult:
    received = delay[np.isfinite(delay)]
    lost = len(delay) - len(received)
    value = percentiles(received, lost, [share])[0].value
    if value is None:
        return CellResult(Coverage.UNKNOWN, len(delay), lost, None)
    met = Coverage.COVERED if value <= limit else Coverage.NOT_COVERED
    return CellResult(met, len(delay), lost, value)


def indicator(found: FloorCoverage, basis: Basis, *, limit: float, share: Fraction = Fraction("0.95")) -> Indicator:
    """Compute the covered share of the floor; no value where no cell is known."""
    covered, unknown, cells = found.count(Coverage.COVERED), found.count(Coverage.UNKNOWN), len(found.cells)
    known = cells - unknown
    percent = f"P{float(100 * share):g} ≤ {limit:g} ms"
    origin = Text(f"{percent}；{unknown} 格样本不足", f"{percent}; {unknown} cells with too few packets")
    inputs = quantities({"CELLOK": float(covered) if known else None, "CELLS": float(cells)}, {"CELLOK": origin})
    bounds = (covered / cells, (covered + unknown) / cells) if cells and unknown else None
    return evaluate(FORMULAS["floor-coverage"], inputs, basis, uncertainty=bounds)
