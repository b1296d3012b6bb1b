"""What lies behind a unit's main figures, as sums: pieces by product and cause, kWh by state, trips, links.

    one device, one window  ──▶  Details  ──+──▶  shift → day → month      (`in_succession`)
                                          ──+──▶  devices → line → scene   (`side_by_side`)

Everything here adds over any split of a window, and is kept with closed shifts like the sums of
the OEE family. What does not add (variation of delay, capability, peaks) is in `studies`. How
devices are read is in `device_details`, how sums become figures in `detail_figures`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

from analytics import oee
from analytics.confusion import Confusion
from analytics.control import Cycles
from analytics.energy_states import Shared
from analytics.losses import Waterfall
from analytics.material import Matched, Timely
from analytics.quality import Tally
from analytics.spans import Spans, Watched
from analytics.time_model import E10Times
from analytics.transport import Charge, Trips


class _Adds(Protocol):
    def __add__(self, other: Self, /) -> Self: ...


T = TypeVar("T", bound=_Adds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What a machine did while it made one product: the sums of the OEE family, and its loss waterfall."""

    sums: oee.Sums
    ids: tuple[str, ...]
    waterfall: Waterfall | None = None

    def __add__(self, other: Worked) -> Worked:
        both = self.waterfall is not None and other.waterfall is not None
        fall = self.waterfall + other.waterfall if both else None  # type: ignore[operator]
        return Worked(sums=self.sums + other.sums, ids=self.ids, waterfall=fall)


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a machine did while it had an order. `time`: AOET, ns in which one was in force; `sums`: of that time."""

    time: int
    sums: oee.Sums

    def __add__(self, other: Ordered) -> Ordered:
        return Ordered(self.time + other.time, self.sums + other.sums)


@dataclass(frozen=True, slots=True)
class Operation:
    """One machine of a serial line with all its pieces."""

    name: str
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Energy, shared out. Each share with when it was known.

    `products`: by product, with the good pieces of each, in millionths. `bands`: by the bands
    of the tariff.
    """

    states: Shared | None = None
    states_seen: Watched | None = None
    products: Shared | None = None
    good: Mapping[str, int] = field(default_factory=dict)
    products_seen: Watched | None = None
    bands: Shared | None = None
    bands_seen: Watched | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linked:
    """What one link's messages said of the service over it; `down` lies within `observed`."""

    scope: str
    observed: Spans
    down: Spans
    outages: int
    simulated: bool

    def __add__(self, other: Linked) -> Linked:
        pairs = ((self.observed, other.observed), (self.down, other.down))
        observed, down = (Spans.of([*_pairs(a), *_pairs(b)]) for a, b in pairs)
        return Linked(
            scope=self.scope,
            observed=observed,
            down=down,
            outages=self.outages + other.outages,
            simulated=self.simulated or other.simulated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Judgements held against a reference. `binary`: of good and bad, None where there are more classes.

    `right`, `wrong`: of any classes. `alone`: judgements that no reference stands against.
    """

    binary: Confusion | None = None
    right: int = 0
    wrong: int = 0
    alone: int = 0

    def __add__(self, other: Judged) -> Judged:
        both = self.binary is not None and other.binary is not None
        return Judged(
            binary=self.binary + other.binary if both else None,  # type: ignore[operator]
            right=self.right + other.right,
            wrong=self.wrong + other.wrong,
            alone=self.alone + other.alone,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Details:
    """What lies behind the figures of one device, line or scene; None or empty where no role supports it.

    `tallies`: pieces by product ("" where none is told) of measured time. `operations`: of a
    serial line, in order of flow. `products`: what was done for each product. `charge_seen`,
    `cycles_seen`: when the state of charge, and the counters of control cycles, were known.
    `e10`: a machine's time by the states of SEMI E10.
    """

    tallies: Mapping[str, Tally] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    products: Mapping[str, Worked] = field(default_factory=dict)
    ordered: Ordered | None = None
    drawn: Drawn | None = None
    trips: Trips | None = None
    charge: Charge | None = None
    charge_seen: Watched | None = None
    links: tuple[Linked, ...] = ()
    judged: Judged | None = None
    e10: E10Times | None = None
    timely: Timely | None = None
    matched: Matched | None = None
    cycles: Cycles | None = None
    cycles_seen: Watched | None = None


def in_succession(parts: Sequence[Details]) -> Details:
    """Add the details of one unit over windows that follow each other, at least one."""
    return Details(
        tallies=_by_name([part.tallies for part in parts]),
        operations=tuple(
            Operation(of[0].name, _sum([one.tally for one in of]))
            for of in zip(*(part.operations for part in parts), strict=True)
        ),
        products=_by_name([part.products for part in parts]),
        ordered=_any([part.ordered for part in parts]),
        drawn=_drawn([part.drawn for part in parts], Watched.either, products=True),
        trips=_any([part.trips for part in parts]),
        charge=_any([part.charge for part in parts]),
        charge_seen=_seen([part.charge_seen for part in parts], Watched.either),
        links=tuple(_sum(list(of)) for of in zip(*(part.links for part in parts), strict=True)),
        judged=_any([part.judged for part in parts]),
        e10=_any([part.e10 for part in parts]),
        timely=_any([part.timely for part in parts]),
        matched=_any([part.matched for part in parts]),
        cycles=_any([part.cycles for part in parts]),
        cycles_seen=_seen([part.cycles_seen for part in parts], Watched.either),
    )


def side_by_side(parts: Sequence[Details], *, operations: tuple[Operation, ...] = ()) -> Details:
    """Add the details of units that work at the same time, at least one.

    `operations`: where they are those of a serial line; its pieces pass all of them, so there
    they are not added. Products, orders, batteries, links and E10
    states belong to their device alone.
    """
    told = [part.tallies for part in parts if part.tallies]
    looped = [part for part in parts if part.cycles is not None]
    return Details(
        tallies={} if operations or any(part.operations for part in parts) else _by_name(told),
        operations=operations,
        drawn=_drawn([part.drawn for part in parts if part.drawn is not None], Watched.both, products=False),
        trips=_any([part.trips for part in parts]),
        judged=_any([part.judged for part in parts]),
        timely=_any([part.timely for part in parts]),
        matched=_any([part.matched for part in parts]),
        cycles=_any([part.cycles for part in looped]),
        cycles_seen=_seen([part.cycles_seen for part in looped], Watched.both),
    )


def _drawn(
    parts: Sequence[Drawn | None], join: Callable[[Watched, Watched], Watched], *, products: bool
) -> Drawn | None:
    found = [part for part in parts if part is not None]
    if not found:
        return None
    return Drawn(
        states=_all([part.states for part in found]),
        states_seen=_seen([part.states_seen for part in found], join),
        products=_all([part.products for part in found]) if products else None,
        good=_counts([part.good for part in found]) if products else {},
        products_seen=_seen([part.products_seen for part in found], join) if products else None,
        bands=_all([part.bands for part in found]),
        bands_seen=_seen([part.bands_seen for part in found], join),
    )


def _counts(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    whole: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            whole[name] = whole.get(name, 0) + amount
    return whole


def _by_name(parts: Sequence[Mapping[str, T]]) -> dict[str, T]:
    whole: dict[str, T] = {}
    for part in parts:
        for name, one in part.items():
            whole[name] = whole[name] + one if name in whole else one
    return dict(sorted(whole.items()))


def _sum(parts: Sequence[T]) -> T:
    whole, *rest = parts
    for part in rest:
        whole = whole + part
    return whole


def _any(parts: Sequence[T | None]) -> T | None:
    found = [part for part in parts if part is not None]
    return _sum(found) if found else None


def _all(parts: Sequence[T | None]) -> T | None:
    found = [part for part in parts if part is not None]
    return _sum(found) if found and len(found) == len(parts) else None


def _seen(parts: Sequence[Watched | None], join: Callable[[Watched, Watched], Watched]) -> Watched | None:
    found = [part for part in parts if part is not None]
    if not found or len(found) != len(parts):
        return None
    whole, *rest = found
    for part in rest:
        whole = join(whole, part)
    return whole


def _pairs(spans: Spans) -> list[tuple[int, int]]:
    return list(zip(spans.start.tolist(), spans.stop.tolist(), strict=True))
