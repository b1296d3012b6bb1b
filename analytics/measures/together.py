"""What several tags said of the same thing: values that carry one source time belong together.

    verdict      good ─── good ─── scrap ───────── good
    reference    good ─── scrap ── scrap ─────────────
                  ✓        ✓         ✓              ? no reference: not compared

A message about one piece, decision, session or count carries one time for all its fields, so
equal times pair them; a field that is missing or bad makes that one row unknown, and shifts
no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.measures.view import View
from plant.batch import Batch, Floats
from plant.quality import good, usable
from plant.tags import Tag
from plant.units import convert


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Rows of which every field is known, a batch a field, and `told`: rows of which the first field is.

    `good`: rows all of whose fields are of good quality.
    """

    fields: tuple[Batch, ...]
    told: int
    good: int

    def __len__(self) -> int:
        return len(self.fields[0])

    def texts(self, field: int) -> list[str]:
        """Return one field's values as texts."""
        batch = self.fields[field]
        return [str(batch.value(row)) for row in range(len(batch))]


def together(view: View, tags: Sequence[Tag]) -> Together:
    """Join tags of the view by source time; the first one says which rows there should be."""
    columns = [view.samples(tag) for tag in tags]
    columns = [column.take(usable(column.quality)) for column in columns]
    times = columns[0].time
    everywhere = np.ones(len(times), np.bool_)
    for column in columns[1:]:
        everywhere &= np.isin(times, column.time)
    kept = times[everywhere]
    fields = tuple(column.take(np.searchsorted(column.time, kept)) for column in columns)
    clear = np.ones(len(kept), np.bool_)
    for field in fields:
        clear &= good(field.quality)
    return Together(fields=fields, told=len(times), good=int(clear.sum()))


def numbers(field: Batch, tag: Tag, unit: str | None = None) -> Floats:
    """Return a field's numbers, in `unit` where one is asked for."""
    values: npt.NDArray[np.float64] = field.numbers
    return values if unit is None else values * convert(1.0, tag.unit, unit)
