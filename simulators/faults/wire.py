"""Faults and offers as JSON, for those who ask from another process."""

from __future__ import annotations

import math
from typing import Any

from plant.text import Text
from simulators.faults.kinds import KINDS, FaultKind, PlannedFault, RefusedFault
from simulators.faults.targets import FaultOffer, Target
from simulators.network.interference import Area

Document = dict[str, Any]
_NUMBERS = ("size", "at", "lasts")
_KNOWN = {"kind", "target", "with", "area", *_NUMBERS}


def fault_to(fault: PlannedFault) -> Document:
    """Write a fault; what it leaves open is left out."""
    document: Document = {"kind": str(fault.kind), "target": fault.target}
    document |= {name: value for name in _NUMBERS if (value := getattr(fault, name)) is not None}
    if fault.with_:
        document["with"] = fault.with_
    if fault.area is not None:
        document["area"] = [fault.area.x, fault.area.y, fault.area.radius]
    return document


def fault_from(document: object) -> PlannedFault:
    """Read a fault. Raises RefusedFault, saying what is wrong with it."""
    if not isinstance(document, dict):
        raise RefusedFault("a fault is an object with kind and target")
    unknown = sorted(str(key) for key in document.keys() - _KNOWN)
    if unknown:
        raise RefusedFault(f"a fault has no {', '.join(unknown)}; there are {', '.join(sorted(_KNOWN))}")
    kind, target, with_ = (document.get(key, "") for key in ("kind", "target", "with"))
    if not isinstance(kind, str) or kind not in set(FaultKind):
        raise RefusedFault(f"no kind of fault {kind!r}; there are {', '.join(FaultKind)}")
    if not isinstance(target, str) or not isinstance(with_, str):
        raise RefusedFault(f"{kind}: a target is a name")
    numbers = {name: _number(kind, name, document.get(name)) for name in _NUMBERS}
    return PlannedFault(kind=FaultKind(kind), target=target, with_=with_, area=_area(kind, document), **numbers)


def offer_to(offer: FaultOffer) -> Document:
    """Write an offer; who reads it knows the kinds."""
    return {
        "id": str(offer.id),
        "targets": [
            {"id": t.id, "zh": t.name.zh, "en": t.name.en, "others": t.others, "areas": t.areas} for t in offer.targets
        ],
    }


def offer_from(document: Document) -> FaultOffer:
    """Read what `offer_to` wrote."""
    targets = (
        Target(id=t["id"], name=Text(t["zh"], t["en"]), others=tuple(t["others"]), areas=t["areas"])
        for t in document["targets"]
    )
    id_ = FaultKind(document["id"])
    return FaultOffer(id=id_, kind=KINDS[id_], targets=tuple(targets))


def _number(kind: str, name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RefusedFault(f"{kind}: {name} {value!r} is no number")
    return float(value)


def _area(kind: str, document: Document) -> Area | None:
    value = document.get("area")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3:
        raise RefusedFault(f"{kind}: an area is x, y and radius in metres")
    x, y, radius = (_number(kind, "area", each) or 0.0 for each in value)
    return Area(x, y, radius)
