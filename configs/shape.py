"""Turn what pydantic says about a document into faults a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from configs.reading import Place, Reading
from plant.errors import Fault


def shape_faults(reading: Reading, error: ValidationError, model: type[BaseModel], base: Place = ()) -> Iterator[Fault]:
    """Turn a validation error of `model`, found at `base` of a file, into faults with their place in the file."""
    data: Any = reading.data
    for part in base:
        data = data[part]
    seen = set()
    items = error.errors(include_url=False, include_context=False)
    inner = {item["loc"][:depth] for item in items for depth in range(len(item["loc"]))}
    for item in items:
        kind = item["type"]
        if kind == "too_short" and item["loc"] in inner:
            continue  # it only looks empty because what is in it is faulty
        place = _place(item["loc"], data, missing=kind == "missing")
        message, hint = item["msg"].removeprefix("Value error, "), ""
        if kind == "missing":
            message = "missing"
        elif kind == "extra_forbidden":
            message, hint = "unknown key", nearest(str(place[-1]), _keys(model)) or "remove it, or see the schema"
        elif kind != "value_error" and not isinstance(item["input"], (dict, list)):
            message = f"{message}, not {item['input']!r}"[:300]
        if (place, message) not in seen:
            seen.add((place, message))
            yield reading.fault((*base, *place), message, hint)


def _place(loc: tuple[str | int, ...], data: Any, *, missing: bool) -> Place:  # noqa: ANN401 - YAML is of any shape
    # pydantic puts the names of union branches into the path; the file does not have them
    place: list[str | int] = []
    for depth, part in enumerate(loc):
        if part in _keys_of(data):
            data = data[part]
        elif not (missing and depth == len(loc) - 1):
            continue
        place.append(part)
    return tuple(place)


def _keys_of(data: object) -> Iterable[str | int]:
    if isinstance(data, list):
        return range(len(data))
    return data if isinstance(data, dict) else ()


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean …?` for a name that is close to a known one, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else ""


@cache  # a schema is long in the making, and a file of a thousand unknown keys asks as often
def _keys(model: type[BaseModel]) -> frozenset[str]:
    whole = model.model_json_schema()
    parts = [whole, *whole.get("$defs", {}).values()]
    return frozenset(key for part in parts for key in part.get("properties", {}))
