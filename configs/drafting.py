"""From what was found at a device to a scene document that can be checked, completed and put beside the others.

Only what can be known is written: an address, a proposed name, the kind that the data type
suggests, the unit if it is one. What a tag *means* (its role) is left to a person, and so are
ranges; the draft says so in its head.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from plant.errors import UnitError
from plant.tags import Kind
from plant.units import parse

LONGEST = 40
_HEAD = """\
# A draft, made from what was found at {place}. Before it is used:
#   - give each device and tag the name that people know it by
#   - say what a tag means by `role:`; without one it is shown, but no figure is made of it
#   - check kinds and units: they were guessed from data types, names and what the device says
# Put the file into the configuration folder, then: provenline check DIR
"""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_COUNTING = re.compile(r"count|total|pieces|cycles|计数|总数", re.IGNORECASE)
_ENERGY = frozenset({"kW.h", "W.h", "MW.h", "J", "kJ", "MJ", "GJ"})
_UCUM = {
    "°C": "Cel", "℃": "Cel", "degC": "Cel", "kWh": "kW.h", "Wh": "W.h", "MWh": "MW.h", "°": "deg", "rpm": "/min",
    "r/min": "/min", "1/min": "/min", "min⁻¹": "/min", "m³": "m3", "m²": "m2", "m³/h": "m3/h", "l/min": "L/min",
    "mm/s²": "mm/s2", "Ω": "Ohm", "µm": "um", "μm": "um", "pcs": "{part}", "件": "{part}", "sec": "s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pick:
    """Something found that is to become a tag; data type and unit as the device names them."""

    name: str
    address: dict[str, Any]
    type: str = ""
    unit: str = ""


def draft(source: dict[str, Any], picks: Iterable[Pick], *, place: str, taken: Collection[str] = ()) -> str:
    """Write a scene with one source, one device and a tag for each pick, as YAML.

    `source`: its settings as a document has them. `taken`: ids of scenes that are there already.
    """
    names: set[str] = set()
    tags = [_tag(pick, names) for pick in picks]
    name = identifier(str(source["id"]), set())
    device = {"id": name, "name": name, "source": source["id"], "tags": tags}
    scene = {
        "type": "scene",
        "id": identifier(f"draft-{name}", set(taken)),
        "name": {"zh": f"草稿：{name}", "en": f"Draft: {name}"},
        "sources": [source],
        "lines": [{"id": "line", "name": {"zh": "产线", "en": "Line"}, "serial": False, "devices": [device]}],
    }
    printable = "".join(letter if letter.isprintable() else " " for letter in place)
    body = yaml.safe_dump(scene, allow_unicode=True, sort_keys=False, width=120)
    return _HEAD.format(place=" ".join(printable.split())) + body


def identifier(name: str, taken: set[str]) -> str:
    """Return an identifier like a name, different from those taken, and take it."""
    words = _OTHER.sub("-", _CAMEL.sub("-", name).lower()).strip("-")[:LONGEST].strip("-") or "tag"
    chosen, number = words, 2
    while chosen in taken:
        chosen, number = f"{words}-{number}", number + 1
    taken.add(chosen)
    return chosen


def ucum(unit: str) -> str | None:
    """Return a unit that a device shows as UCUM code; None when it is none, "1" for none at all."""
    code = _UCUM.get(unit.strip(), unit.strip())
    try:
        parse(code or "1")
    except UnitError:
        return None
    return code or "1"


def kind_of(name: str, data_type: str, unit: str) -> Kind:
    """Guess what sort of quantity something is."""
    word = data_type.lower()
    if word in ("boolean", "bit"):
        return Kind.EVENT
    if word in ("string", "localizedtext", "datetime", "guid", "bytestring", "qualifiedname"):
        return Kind.TEXT
    if unit in _ENERGY:
        return Kind.ENERGY
    return Kind.COUNTER if "int" in word and _COUNTING.search(name) else Kind.ANALOG


def _tag(pick: Pick, names: set[str]) -> dict[str, Any]:
    unit = ucum(pick.unit)
    tag: dict[str, Any] = {"id": identifier(pick.name, names), "kind": kind_of(pick.name, pick.type, unit or "").value}
    if unit not in (None, "1"):
        tag["unit"] = unit
    said = pick.name[:200] if unit is not None else f"{pick.name[:200]} [{pick.unit[:60]}]"
    return {**tag, "description": said, "address": pick.address}
