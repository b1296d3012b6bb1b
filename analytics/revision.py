"""Which computation of a closed window's figures somebody looks at, and why there was another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plant.calendar import Span


class Reason(StrEnum):
    """Why there is a revision."""

    CLOSED = "closed"
    LATE_DATA = "late-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One computation of a closed window's figures. `computed`: ns UTC; `late`: samples that came after the one before.

    `late` is 0 where samples of an earlier time changed what was in force when the window began.
    """

    scene: str
    window: Span
    number: int
    computed: int
    late: int

    @property
    def reason(self) -> Reason:
        """Why it was computed."""
        return Reason.CLOSED if self.number == 1 else Reason.LATE_DATA
