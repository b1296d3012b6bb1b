"""The moment that counts as now: the centre's present, or an earlier one for who looks at the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Query

from dashboard_api.query import CentreHere, moment
from dashboard_api.windows import LONGEST
from plant.clock import SECOND


@dataclass(frozen=True, slots=True)
class Present:
    """`now`: ns UTC. `until`: as it was asked for, None for the present; two who ask the same get one answer."""

    now: int
    until: int | None


async def present(
    centre: CentreHere,
    until: Annotated[str | None, Query(description="a moment that counts as now; it lies in the past")] = None,
) -> Present:
    """Read which moment counts as now; a future one is the present. Answers 422 for one before February 1970."""
    now = centre.clock.now()
    if until is None:
        return Present(now, None)
    asked = moment(until)
    if asked < LONGEST * SECOND:  # what is looked back from there lies in 1970 too
        raise HTTPException(422, "until lies in February 1970 at the earliest")
    return Present(min(asked, now), asked)


PresentHere = Annotated[Present, Depends(present)]
