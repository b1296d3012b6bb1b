"""Pieces by product and cause, and the yields that follow: sums first, division last.

A `Tally` holds what counters showed, as whole millionths; tallies add over windows,
machines and products, and every ratio is computed from the sum.

    operation 1   PQ ──▶ GP₁ = PQ − SQ − RQ      FPY₁ = GP₁ / IP₁
    operation 2              …                   RTY  = FPY₁ × FPY₂ × …

A piece belongs to the product that was made when its counter was read. Where the time of a
piece is not certain (counted across a gap) and the product changed meanwhile, it belongs to
no product, named "".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from analytics.counters import MICRO, Increments
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.spans import Spans
from analytics.steps import Steps
from plant.text import Text

FIGURES = ("first-pass-yield", "scrap-ratio", "rework-ratio", "defect-rate")
"""What a tally supports; a machine's scrap and rework ratio of measured time come with its OEE."""

Caused = tuple[str, Increments]
"""A counter of pieces and the cause it counts them for, "" where it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counters:
    """What one operation counts. Of good, scrap and total, any two give the third."""

    good: tuple[Increments, ...] = ()
    total: tuple[Increments, ...] = ()
    scrap: tuple[Caused, ...] = ()
    rework: tuple[Caused, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    """Which product was made when: `names` are the values of the samples behind `held`."""

    held: Steps
    names: tuple[str, ...]

    def of(self, counter: Increments) -> npt.NDArray[np.int64]:
        """Return the sample in force per increment, -1 where its product is not certain."""
        rows = self.held.at(counter.time)
        # `since` may lie before the window: nothing is known of that instant, so it is not compared.
        before = self.held.at(counter.since)
        names = np.array([*self.names, ""], object)
        changed = (names[before] != names[rows]) & (before >= 0)
        return np.where(~counter.in_time & changed, -1, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Pieces through one operation in millionths. `produced`: None where it is not measured.

    `scrap`, `rework`: by cause; None where nothing counts or implies them.
    """

    produced: int | None = 0
    scrap: Mapping[str, int] | None = field(default_factory=dict, hash=False)
    rework: Mapping[str, int] | None = field(default_factory=dict, hash=False)

    def __add__(self, other: Tally) -> Tally:
        known = self.produced is not None and other.produced is not None
        return Tally(
            produced=(self.produced or 0) + (other.produced or 0) if known else None,
            scrap=_merged(self.scrap, other.scrap),
            rework=_merged(self.rework, other.rework),
        )

    def symbols(self) -> dict[str, float | None]:
        """Return the pieces by their symbols; rework that nobody counts is no rework."""
        scrap = None if self.scrap is None else sum(self.scrap.values())
        rework = sum((self.rework or {}).values())
        known = self.produced is not None and scrap is not None
        first_pass = self.produced - scrap - rework if known else None  # type: ignore[operator]
        micro = {"PQ": self.produced, "IP": self.produced, "SQ": scrap, "RQ": rework, "GP": first_pass}
        return {name: None if amount is None else amount / MICRO for name, amount in micro.items()}


def by_product(
    counters: Counters, products: Products | None = None, *, measured: Spans | None = None
) -> dict[str, Tally]:
    """Return one tally per product, in order of name; without `products` all is product "".

    `measured`: count only pieces read, with certain time, within these spans; what is left
    is then exactly what the OEE of the same spans counts.
    """
    good = _sums(counters.good, products, measured)
    whole = _sums(counters.total, products, measured)
    scrap = _caused(counters.scrap, products, measured)
    rework = _caused(counters.rework, products, measured)
    names = sorted({*(good or {}), *(whole or {}), *(scrap or {}), *(rework or {})})
    return {
        name: _tally(
            None if good is None else good.get(name, 0),
            None if whole is None else whole.get(name, 0),
            None if scrap is None else scrap.get(name, {}),
            None if rework is None else rework.get(name, {}),
        )
        for name in names
    }


def total(tallies: Iterable[Tally]) -> Tally:
    """Add tallies up."""
    whole = Tally()
    for tally in tallies:
        whole += tally
    return whole


def indicators(tally: Tally, basis: Basis, *, ids: Sequence[str] = FIGURES) -> list[Indicator]:
    """Compute a tally's ratios, and the reject rate of each cause under the scope `…#cause=NAME`."""
    inputs = quantities(tally.symbols())
    found = [evaluate(FORMULAS[kpi], inputs, basis) for kpi in ids]
    for cause, pieces in sorted(causes(tally).items()):
        rejected = quantities({"DQ": pieces / MICRO}, {"DQ": Text(cause, cause)})
        part = replace(basis, scope=f"{basis.scope}#cause={cause}")
        found.append(evaluate(FORMULAS["reject-rate-by-cause"], {**inputs, **rejected}, part))
    return found


def indicators_by_product(tallies: Mapping[str, Tally], basis: Basis) -> list[Indicator]:
    """Compute every product's figures under the scope `…#product=NAME`."""
    return [
        indicator
        for name, tally in tallies.items()
        for indicator in indicators(tally, replace(basis, scope=f"{basis.scope}#product={name}"))
    ]


def rolled(operations: Sequence[tuple[str, Tally]], basis: Basis) -> list[Indicator]:
    """Compute rolled throughput yield and fall-off ratio of operations in order of flow.

    `operations`: name and tally of each. No figure where an operation has none of its own.
    Rolled throughput yield counts rework as a failure; the fall-off ratio only what is lost.
    """
    symbols = [tally.symbols() for _, tally in operations]
    yields = [_ratio(s["GP"], s["IP"]) for s in symbols]
    scrap = [s["SQ"] for s in symbols]
    steps = " → ".join(name for name, _ in operations)
    inputs = quantities(
        {
            "FPY": [y for y in yields if y is not None] if yields and None not in yields else None,
            "SQ": sum(s for s in scrap if s is not None) if scrap and None not in scrap else None,
            "PQF": symbols[0]["PQ"] if symbols else None,
        },
        dict.fromkeys(("FPY", "SQ"), Text(steps, steps)),
    )
    return [evaluate(FORMULAS[kpi], inputs, basis) for kpi in ("rolled-throughput-yield", "fall-off-ratio")]


def causes(tally: Tally) -> dict[str, int]:
    """Return the pieces rejected, scrapped or sent to rework, by cause, in millionths."""
    return dict(_merged(tally.scrap or {}, tally.rework or {}) or {})


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause's part of all rejects. `share`, `cumulative`: 0 to 1."""

    cause: str
    pieces: float
    share: float
    cumulative: float


def pareto(tally: Tally) -> list[CauseRow]:
    """Rank causes by pieces rejected, the largest first."""
    ranked = sorted(causes(tally).items(), key=lambda item: (-item[1], item[0]))
    whole, so_far, rows = sum(n for _, n in ranked), 0, []
    for cause, pieces in ranked:
        so_far += pieces
        rows.append(CauseRow(cause, pieces / MICRO, pieces / whole if whole else 0.0, so_far / whole if whole else 0.0))
    return rows


def _tally(
    good: int | None, whole: int | None, scrap: Mapping[str, int] | None, rework: Mapping[str, int] | None
) -> Tally:
    rejected, again = sum((scrap or {}).values()), sum((rework or {}).values())
    if whole is None and good is not None and scrap is not None:
        whole = good + rejected + again
    if scrap is None and whole is not None and good is not None:
        scrap = {"": whole - good - again}
    return Tally(produced=whole, scrap=scrap, rework=rework)


def _sums(group: Sequence[Increments], products: Products | None, measured: Spans | None) -> dict[str, int] | None:
    if not group:
        return None
    found: dict[str, int] = {}
    for counter in group:
        counted = counter.micro > 0
        if measured is not None:
            counted &= counter.in_time & measured.holds(counter.time)
        rows = products.of(counter) if products is not None else np.full(len(counter.time), -1)
        for row in np.unique(rows[counted]).tolist():
            name = products.names[row] if products is not None and row >= 0 else ""
            found[name] = found.get(name, 0) + int(counter.micro[counted & (rows == row)].sum())
    return found


def _caused(
    group: Sequence[Caused], products: Products | None, measured: Spans | None
) -> dict[str, dict[str, int]] | None:
    if not group:
        return None
    found: dict[str, dict[str, int]] = {}
    for cause, counter in group:
        for name, pieces in (_sums((counter,), products, measured) or {}).items():
            by_cause = found.setdefault(name, {})
            by_cause[cause] = by_cause.get(cause, 0) + pieces
    return found


def _merged(first: Mapping[str, int] | None, second: Mapping[str, int] | None) -> Mapping[str, int] | None:
    if first is None or second is None:
        return None
    return {cause: first.get(cause, 0) + second.get(cause, 0) for cause in {**first, **second}}


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
