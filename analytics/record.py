"""Analyses as bytes, and back, exactly: for what is kept of a closed shift.

Only the dataclasses that a `Unit` is made of are written, by name; numbers of any size,
texts, tuples, maps and NumPy columns. `SHAPE` tells one layout of those classes from
another, so that what an older version wrote is never read as something else.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import typing
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from analytics.unit import Unit

_KIND, _ARRAY, _MAP = "$", "array", "map"
_PLAIN_DTYPES = frozenset("iufbU")


def _parts(kind: object) -> Iterator[type]:
    # Every dataclass reachable through the annotations of a dataclass.
    for argument in typing.get_args(kind):
        yield from _parts(argument)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        yield kind
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            yield from _parts(hints[field.name])


_CLASSES: dict[str, Any] = {kind.__name__: kind for kind in _parts(Unit)}

SHAPE = ";".join(
    f"{name}({','.join(field.name for field in dataclasses.fields(kind))})" for name, kind in sorted(_CLASSES.items())
)
"""The layout of everything that is written."""


def encode(units: tuple[Unit, ...]) -> bytes:
    """Write units. Raises TypeError on a value that could not be read back as it was."""
    return zlib.compress(json.dumps([_plain(unit) for unit in units], ensure_ascii=False).encode(), 1)


def decode(blob: bytes) -> tuple[Unit, ...]:
    """Read what `encode` wrote under the same `SHAPE`. Raises ValueError on anything else."""
    try:
        units = json.loads(zlib.decompress(blob), object_hook=_object)
    except (zlib.error, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"not the record of an analysis: {error}") from error
    return tuple(units)


def _plain(value: Any) -> Any:  # noqa: ANN401 - of any shape
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _PLAIN_DTYPES:
            raise TypeError(f"a column of {value.dtype} cannot be recorded")
        return {_KIND: _ARRAY, "dtype": value.dtype.str, "data": base64.b64encode(value.tobytes()).decode("ascii")}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_KIND: _MAP, "items": [[key, _plain(item)] for key, item in value.items()]}
    if type(value).__name__ in _CLASSES:
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {_KIND: type(value).__name__, **fields}
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def _object(found: dict[str, Any]) -> Any:  # noqa: ANN401 - of any shape
    kind = found.pop(_KIND)
    if kind == _ARRAY:
        return np.frombuffer(base64.b64decode(found["data"]), np.dtype(found["dtype"]))
    if kind == _MAP:
        return dict(found["items"])
    # JSON has no tuples; everything that was a list here was one.
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return _CLASSES[kind](**values)
