"""What the check language can do with values: arithmetic, comparisons and functions that never raise.

What is missing (None), of the wrong sort or not a finite number gives None, and a comparison
with it is false.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_LARGEST = 1e300
_SHOWN = 60


def number(value: object) -> float | int | None:
    """Return a value as a finite number; truth values count as 1 and 0, everything else is None."""
    if not isinstance(value, (bool, int, float)):
        return None
    try:
        finite = math.isfinite(value) and abs(value) <= _LARGEST
    except OverflowError:
        return None
    return value if finite else None


def _arithmetic(of: Callable[[Any, Any], Any]) -> Callable[[object, object], float | int | None]:
    def calculate(left: object, right: object) -> float | int | None:
        a, b = number(left), number(right)
        if a is None or b is None:
            return None
        try:
            return number(of(a, b))
        except (ArithmeticError, ValueError):
            return None

    return calculate


OPERATORS: dict[type[ast.operator], Callable[[object, object], float | int | None]] = {
    ast.Add: _arithmetic(operator.add),
    ast.Sub: _arithmetic(operator.sub),
    ast.Mult: _arithmetic(operator.mul),
    ast.Div: _arithmetic(operator.truediv),
    ast.FloorDiv: _arithmetic(operator.floordiv),
    ast.Mod: _arithmetic(operator.mod),
}


def _negative(value: object) -> float | int | None:
    known = number(value)
    return None if known is None else -known


SIGNS: dict[type[ast.unaryop], Callable[[object], Any]] = {
    ast.USub: _negative,
    ast.UAdd: number,
    ast.Not: lambda value: not value,
}


# ------------------------------------------------------------------------------ comparisons
class _Comparison(Protocol):
    def __call__(self, left: object, right: object, *, with_none: bool) -> bool: ...


def _same(left: object, right: object) -> bool:
    if isinstance(left, Mapping) or isinstance(right, Mapping):
        return False
    return type(left) is type(right) and left == right if isinstance(left, str) else bool(left == right)


def _equal(left: object, right: object, *, with_none: bool) -> bool:
    if left is None or right is None:
        return with_none and left is right
    return _same(left, right)


def _unequal(left: object, right: object, *, with_none: bool) -> bool:
    if left is None or right is None:
        return with_none and left is not right
    return not _same(left, right)


def _ordered(of: Callable[[Any, Any], bool]) -> _Comparison:
    def compare(left: object, right: object, *, with_none: bool) -> bool:  # noqa: ARG001 - nothing is above None
        if isinstance(left, str) and isinstance(right, str):
            return of(left, right)
        a, b = number(left), number(right)
        return a is not None and b is not None and of(a, b)

    return compare


def _within(left: object, right: object) -> bool | None:
    if isinstance(right, str):
        return left in right if isinstance(left, str) else None
    if isinstance(right, tuple):
        return any(_equal(left, one, with_none=False) for one in right)
    return left in right if isinstance(right, Mapping) and isinstance(left, str) else None


COMPARISONS: dict[type[ast.cmpop], _Comparison] = {
    ast.Eq: _equal,
    ast.NotEq: _unequal,
    ast.Is: _equal,
    ast.IsNot: _unequal,
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
    ast.In: lambda left, right, with_none: _within(left, right) is True,  # noqa: ARG005 - called by name
    ast.NotIn: lambda left, right, with_none: left is not None and _within(left, right) is False,  # noqa: ARG005
}
"""`with_none`: None is written in the expression, so it is meant."""


# -------------------------------------------------------------------------------- functions
@dataclass(frozen=True, slots=True)
class Function:
    """A function of values. `usage`: how it is written."""

    usage: str
    of: Callable[..., Any]
    least: int = 1
    most: int = 1


def _near(left: object, right: object, tolerance: object) -> bool:
    a, b, span = number(left), number(right), number(tolerance)
    return a is not None and b is not None and span is not None and abs(a - b) <= span


def _numbers(values: tuple[object, ...]) -> list[float | int]:
    if len(values) == 1 and isinstance(values[0], tuple):
        values = values[0]
    return [known for value in values if (known := number(value)) is not None]


def _extreme(of: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: of(_numbers(values), default=None)


def _sum(values: object) -> float | int | None:
    return number(sum(_numbers((values,)))) if isinstance(values, tuple) else None


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, (tuple, str, Mapping)) else None


def _absolute(value: object) -> float | int | None:
    known = number(value)
    return None if known is None else abs(known)


def _round(value: object, digits: object = 0) -> float | int | None:
    known, places = number(value), number(digits)
    if known is None or places is None or not -12 <= places <= 12:
        return None
    return round(known, int(places))


FUNCTIONS: dict[str, Function] = {
    "near": Function("near(a, b, tolerance)", _near, 3, 3),
    "abs": Function("abs(x)", _absolute),
    "min": Function("min(list) or min(a, b, …)", _extreme(min), 1, 20),
    "max": Function("max(list) or max(a, b, …)", _extreme(max), 1, 20),
    "sum": Function("sum(list)", _sum),
    "len": Function("len(list)", _length),
    "any": Function("any(list)", lambda values: isinstance(values, tuple) and any(bool(one) for one in values)),
    "all": Function("all(list)", lambda values: isinstance(values, tuple) and all(bool(one) for one in values)),
    "round": Function("round(x) or round(x, digits)", _round, 1, 2),
}


def shown(value: object) -> str:
    """Write a value as the language would, shortened: for people who wonder why a check failed."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        plain = all(one is None or isinstance(one, (bool, int, float, str)) for one in value)
        return f"[{', '.join(shown(one) for one in value[:8])}]" if plain and len(value) <= 8 else f"({len(value)})"
    if isinstance(value, Mapping):
        return "{…}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
