"""An indicator is a figure that can account for itself.

It carries its window, the formula by id and version, every input with its unit and where it
came from, how much of the window is known, and what the unknown part could change. Where
too little is known it has a status instead of a value; no page or report decides that again.

    Formula    what is computed: an expression over symbols, its name and its source
    Basis      what it is computed for: scope, window, coverage; shared by a scope's figures
    Quantity   one input: value, unit, origin
    Indicator  the result, complete in itself
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from analytics.expression import Term, compute, symbols
from plant.calendar import Span
from plant.clock import iso
from plant.text import Text

_NOTHING = Text()

MIN_COVERAGE = 0.9
"""Share of the time in question that must be known before a figure is given; configurable."""


class Status(StrEnum):
    """Whether an indicator has a value, and if not, why."""

    OK = "ok"
    INSUFFICIENT_DATA = "insufficient-data"
    """Too little is known, or a divisor is zero."""
    NO_PLAN = "no-plan"
    """Nothing was planned in the window, so there is nothing to measure against."""
    UNBOUNDED = "unbounded"
    """The value is infinite: a delay percentile that falls among the lost packets."""


class Flag(StrEnum):
    """What a reader must know about a value that is otherwise fine."""

    EFFECTIVENESS_ABOVE_ONE = "effectiveness-above-one"
    """Faster than the ideal cycle allows: the ideal cycle or a counter is wrong."""
    PARTLY_UNKNOWN = "partly-unknown"
    """Part of the planned time is unknown and left out of both sides of the ratio."""
    UNCOUNTED_PARTS = "uncounted-parts"
    """Parts were counted at times that are not known or not planned; they are left out."""
    METER_RESET = "meter-reset"
    """A counter started anew in the window; what it counted just before may be lost."""


class Shown(StrEnum):
    """How a value is written for people."""

    PERCENT = "percent"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One input of a formula. `origin` says where it was taken from, for people."""

    value: Term | None
    unit: str = "1"
    origin: Text = Text()


@dataclass(frozen=True, slots=True)
class Formula:
    """One way to compute a figure. A change of the expression is a new `version`.

    `expression`: in the language of `analytics.expression`, or, for what only an algorithm
    can compute (a percentile), the statement of it.
    `unit`: UCUM unit of the result, given inputs in the units of the symbol table.
    `source`: where the definition stands: standard and number, paper, or convention.
    """

    id: str
    name: Text
    expression: str
    unit: str = "1"
    source: Text = _NOTHING
    shown: Shown = Shown.PERCENT
    version: int = 1

    @property
    def inputs(self) -> tuple[str, ...]:
        """The symbols of the expression, in order of appearance."""
        return symbols(self.expression)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the figures of one scope and window have in common.

    `coverage`: share of the time (or samples) in question that is known; None when there is
    no such time. `quality_share`: share of the known part whose quality is good, not merely
    uncertain. `planned`: whether anything was planned in the window.
    """

    scope: str
    window: Span
    coverage: float | None = 1.0
    quality_share: float = 1.0
    planned: bool = True
    simulated: bool = False
    min_coverage: float = MIN_COVERAGE


class QuantityPayload(TypedDict):
    """A `Quantity` for the wire."""

    value: float | list[float] | None
    unit: str
    origin: dict[str, str]


class IndicatorPayload(TypedDict):
    """An `Indicator` for the wire: JSON-safe, an infinite value is null with status `unbounded`."""

    key: str
    id: str
    name: dict[str, str]
    value: float | None
    unit: str
    shown: str
    scope: str
    start: str
    stop: str
    formula: str
    version: int
    inputs: dict[str, QuantityPayload]
    coverage: float | None
    quality_share: float
    uncertainty: list[float] | None
    status: str
    flags: list[str]
    simulated: bool
    note: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A figure with everything needed to compute it again.

    `id` says which indicator it is; usually, but not always, the id of its formula.
    `value` is None unless `status` is OK (a number) or UNBOUNDED (infinity).
    `uncertainty`: the finite interval the value can lie in, or None where it is not known.
    """

    id: str
    name: Text
    value: float | None
    unit: str
    shown: Shown
    scope: str
    window: Span
    formula: str
    version: int
    inputs: Mapping[str, Quantity] = field(hash=False)
    coverage: float | None
    quality_share: float
    uncertainty: tuple[float, float] | None = None
    status: Status = Status.OK
    flags: tuple[Flag, ...] = ()
    simulated: bool = False
    note: Text = Text()

    @property
    def key(self) -> str:
        """What tells this indicator apart from others of the same window."""
        return f"{self.scope}:{self.id}"

    def payload(self) -> IndicatorPayload:
        """Return the indicator as JSON-safe values."""
        finite = self.value is not None and math.isfinite(self.value)
        return IndicatorPayload(
            key=self.key,
            id=self.id,
            name=_both(self.name),
            value=self.value if finite else None,
            unit=self.unit,
            shown=self.shown.value,
            scope=self.scope,
            start=iso(self.window[0]),
            stop=iso(self.window[1]),
            formula=self.formula,
            version=self.version,
            inputs={symbol: _quantity(quantity) for symbol, quantity in self.inputs.items()},
            coverage=self.coverage,
            quality_share=self.quality_share,
            uncertainty=list(self.uncertainty) if self.uncertainty else None,
            status=self.status.value,
            flags=[flag.value for flag in self.flags],
            simulated=self.simulated,
            note=_both(self.note),
        )


def evaluate(
    formula: Formula,
    inputs: Mapping[str, Quantity],
    basis: Basis,
    *,
    uncertainty: tuple[float, float] | None = None,
    flags: tuple[Flag, ...] = (),
    kpi: str = "",
) -> Indicator:
    """Compute a formula for a basis. Never raises for data, and never gives a number it cannot stand for.

    `inputs` may hold more than the formula needs; those needed are kept with the result.
    `kpi`: the indicator's id where several formulas stand for the same one.
    """
    needed = {symbol: inputs.get(symbol, Quantity(None)) for symbol in formula.inputs}
    value = compute(formula.expression, {symbol: quantity.value for symbol, quantity in needed.items()})
    return report(formula, value, needed, basis, uncertainty=uncertainty, flags=flags, kpi=kpi)


def report(
    formula: Formula,
    value: float | None,
    inputs: Mapping[str, Quantity],
    basis: Basis,
    *,
    uncertainty: tuple[float, float] | None = None,
    flags: tuple[Flag, ...] = (),
    note: Text = _NOTHING,
    kpi: str = "",
) -> Indicator:
    """Make an indicator of a value that an algorithm computed from `inputs`; `math.inf` is UNBOUNDED.

    A `note` with a `value` of None says why there is none.
    """
    status, reason = _judge(value, inputs, basis)
    spoken = status in (Status.OK, Status.UNBOUNDED)
    return Indicator(
        id=kpi or formula.id,
        name=formula.name,
        value=value if spoken else None,
        unit=formula.unit,
        shown=formula.shown,
        scope=basis.scope,
        window=basis.window,
        formula=formula.id,
        version=formula.version,
        inputs=inputs,
        coverage=basis.coverage,
        quality_share=basis.quality_share,
        uncertainty=uncertainty if spoken else None,
        status=status,
        flags=flags,
        simulated=basis.simulated,
        note=note if spoken or (value is None and note != _NOTHING) else reason,
    )


def _judge(value: float | None, inputs: Mapping[str, Quantity], basis: Basis) -> tuple[Status, Text]:
    if not basis.planned:
        return Status.NO_PLAN, Text("该时段没有排班计划。", "Nothing is planned in this window.")
    if not basis.coverage:
        # Whatever coverage is asked for: nothing is never enough.
        return Status.INSUFFICIENT_DATA, Text("该时段没有可用数据。", "Nothing is known of this window.")
    if basis.coverage < basis.min_coverage:
        return Status.INSUFFICIENT_DATA, Text(
            f"仅有 {basis.coverage:.1%} 的时间有数据，低于 {basis.min_coverage:.0%}。",
            f"Only {basis.coverage:.1%} of the time is known; {basis.min_coverage:.0%} is needed.",
        )
    missing = "、".join(symbol for symbol, quantity in inputs.items() if quantity.value is None)
    if missing:
        return Status.INSUFFICIENT_DATA, Text(f"缺少 {missing}。", f"Not known: {missing.replace('、', ', ')}.")
    if value is None:
        return Status.INSUFFICIENT_DATA, Text("除数为零。", "The divisor is zero.")
    return (Status.UNBOUNDED if math.isinf(value) else Status.OK), _NOTHING


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.of("zh"), "en": text.of("en")}


def _quantity(quantity: Quantity) -> QuantityPayload:
    value = quantity.value
    plain = value if value is None or isinstance(value, (int, float)) else list(value)
    return QuantityPayload(value=plain, unit=quantity.unit, origin=_both(quantity.origin))
