"""A formula is its text: what a person reads is what is computed, so the two cannot differ.

    "APT / (PBT - UT)"   with   {"APT": 22380.0, "PBT": 25200.0, "UT": 0.0}   →   0.888…

Expressions know numbers, symbols, `+ - × /`, parentheses, and `min`, `max`, `abs`, `sum`,
`product`. A symbol may stand for several values (`sum(TBF)`). There is no answer, rather
than an exception or an infinity, where something is missing or divided by nothing.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

Term = float | Sequence[float]
"""What a symbol stands for: one number or several."""


def _many(function: Callable[[Sequence[float]], float]) -> Callable[..., float]:
    def apply(*terms: Term) -> float:
        flat: list[float] = []
        for term in terms:
            flat.extend((term,) if isinstance(term, (int, float)) else term)
        return function(flat)

    return apply


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": _many(min),
    "max": _many(max),
    "abs": abs,
    "sum": _many(math.fsum),
    "product": _many(math.prod),
}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ExpressionError(ValueError):
    """A text is not an expression of the language above."""


@lru_cache(maxsize=1024)
def symbols(expression: str) -> tuple[str, ...]:
    """Return the symbols of an expression in the order in which they appear."""
    nodes = (node for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name))
    ordered = sorted(nodes, key=lambda node: (node.lineno, node.col_offset))
    return tuple(dict.fromkeys(node.id for node in ordered if node.id not in _FUNCTIONS))


def compute(expression: str, values: Mapping[str, Term | None]) -> float | None:
    """Compute an expression, or None where a value is missing, a divisor is zero or a list empty."""
    if any(values.get(symbol) is None for symbol in symbols(expression)):
        return None
    try:
        result = _value(_parse(expression), {k: v for k, v in values.items() if v is not None})
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _value(node: ast.expr, values: Mapping[str, Term]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=symbol):
            return values[symbol]  # type: ignore[return-value]  # several values go to functions only
        case ast.UnaryOp(operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=args):
            terms = [_value(argument, values) for argument in args]
            if not all(isinstance(term, (int, float)) or term for term in terms):
                raise ValueError(f"{name} of nothing")
            return _FUNCTIONS[name](*terms)
    raise ExpressionError(ast.unparse(node))


@lru_cache(maxsize=1024)
def _parse(expression: str) -> ast.expr:
    try:
        tree = ast.parse(expression.replace("×", "*"), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"{expression!r} is not an expression") from error
    for node in ast.walk(tree):
        if not _known(node):
            raise ExpressionError(f"{expression!r}: {ast.unparse(node)} is not part of the language")
    return tree


def _known(node: ast.AST) -> bool:
    match node:
        case ast.Name() | ast.Load() | ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.USub() | ast.BinOp():
            return True
        case ast.Constant(value=value):
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case ast.UnaryOp(op=ast.USub()):
            return True
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            return name in _FUNCTIONS
    return False
