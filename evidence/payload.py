"""Measurements and findings as plain data: what is written, compared and drawn from.

plain        dataclasses, enums, texts and infinities as JSON-safe values
differences  where two such values are not the same, by place
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from analytics.measures.measurement import Measurement
from plant.text import Text

Plain = Any
"""JSON-safe data: dict, list, str, int, float (finite), bool, None."""

CLOSE = 1e-9
"""Relative difference that another processor's order of summing may make."""


def plain(value: object) -> Plain:
    """Return `value` as JSON-safe data; an infinite number becomes `"Infinity"`, NaN `"NaN"`."""
    if isinstance(value, Measurement):
        return measurement(value)
    if isinstance(value, Text):
        return {"zh": value.of("zh"), "en": value.of("en")}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return _number(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return value


def measurement(found: Measurement) -> Plain:
    """Return a measurement; of its sample only the size and a digest, for the rows hold it already."""
    sample = np.ascontiguousarray(found.sample, "<f8")
    return {
        "indicator": found.indicator.payload(),
        "parts": {name: [_number(float(x)) for x in part] for name, part in sorted(found.parts.items())},
        "trials": None if found.trials is None else list(found.trials),
        "sample": {"size": len(sample), "sha256": hashlib.sha256(sample.tobytes()).hexdigest()},
        "clock_error": plain(found.clock_error),
        "late": plain(found.late),
    }


def differences(stated: Plain, computed: Plain, place: str = "") -> Iterator[str]:
    """Yield, in words, every place where computed data is not what was stated."""
    if isinstance(stated, dict) and isinstance(computed, dict):
        for key in sorted(stated.keys() | computed.keys()):
            inner = f"{place}.{key}" if place else str(key)
            if key not in stated or key not in computed:
                yield f"{inner}: {'not stated' if key not in stated else 'stated but not computed'}"
            else:
                yield from differences(stated[key], computed[key], inner)
    elif isinstance(stated, list) and isinstance(computed, list):
        if len(stated) != len(computed):
            yield f"{place}: {len(stated)} stated, {len(computed)} computed"
        for i, (one, other) in enumerate(zip(stated, computed, strict=False)):
            yield from differences(one, other, f"{place}[{i}]")
    elif not _same(stated, computed):
        yield f"{place}: {_short(stated)} stated, {_short(computed)} computed"


def first(found: Iterator[str], most: int = 3) -> Sequence[str]:
    """Return the first few of `differences` and how many more there are."""
    listed = list(found)
    more = len(listed) - most
    return [*listed[:most], f"and {more} more"] if more > 0 else listed


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _same(stated: Plain, computed: Plain) -> bool:
    numbers = (int, float)
    if isinstance(stated, bool) or isinstance(computed, bool):
        return stated is computed
    if isinstance(stated, numbers) and isinstance(computed, numbers):
        return math.isclose(stated, computed, rel_tol=CLOSE, abs_tol=1e-12)
    return type(stated) is type(computed) and stated == computed


def _short(value: Plain) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
