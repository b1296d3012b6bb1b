"""What a loss is made of: the reasons of its stops, machines' and people's, adding up to it exactly.

    breakdown 42 min ─┬─ E-117 jam          18 min   told by the machine
                      ├─ tool broken        15 min   said by a person, over what the machine told
                      └─ (no reason given)   9 min

Only losses of standing can be opened: no reason stands behind reduced speed or rejects. How
much was lost, and to which loss, comes from states and counts alone; what people say names
a part of it and moves none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from analytics.annotations import Annotations, ExplainedStop
from analytics.losses import Loss
from analytics.unit import Unit

OPENED = (Loss.BREAKDOWN, Loss.SETUP, Loss.WAITING, Loss.MINOR_STOP)
"""The losses that stops make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """What one reason cost: `ns` of planned time, `said` of it by people's word; `count` of stops that began."""

    reason: str
    ns: int = 0
    said: int = 0
    count: int = 0

    def with_(self, stop: ExplainedStop) -> Because:
        """Return it with one more stop."""
        by_people = stop.annotation is not None and bool(stop.annotation.reason)
        return replace(
            self,
            ns=self.ns + stop.planned,
            said=self.said + (stop.planned if by_people else 0),
            count=self.count + int(stop.begins),
        )


def opened(unit: Unit, units: Mapping[str, Unit], notes: Annotations) -> dict[Loss, tuple[Because, ...]] | None:
    """Split each loss that stops make into reasons, the largest first and "" for those nobody gave.

    `units`: those of the same analysis by their scopes. None where the stops behind the waterfall
    are not known one by one, as over several windows.
    """
    stops = _behind(unit, units, notes)
    if stops is None:
        return None
    found: dict[Loss, dict[str, Because]] = {loss: {} for loss in OPENED}
    for stop in stops:
        reasons = found[Loss(stop.loss)]
        reasons[stop.reason] = reasons.get(stop.reason, Because(reason=stop.reason)).with_(stop)
    return {loss: _ranked(reasons.values()) for loss, reasons in found.items()}


def _behind(unit: Unit, units: Mapping[str, Unit], notes: Annotations) -> list[ExplainedStop] | None:
    if unit.stops is not None:
        return unit.explained(notes)
    below = [_behind(units[scope], units, notes) for scope in unit.parts]
    if not below or None in below:
        return None
    return [stop for stops in below for stop in stops or ()]


def _ranked(found: Iterable[Because]) -> tuple[Because, ...]:
    return tuple(sorted((one for one in found if one.ns), key=lambda one: (-one.ns, one.reason)))
