"""How often a judgement is wrong: confusion matrix, false accepts and false rejects apart.

              judged good      judged bad
    is good   true accept      false reject   (误报: costs a good piece)
    is bad    false accept     true reject    (漏判: reaches the customer)

One rate hides which of the two happens, so all three are given, each with its exact
interval. How little can be shown at all depends on the sample: no error in 10 000 pieces
does not show a rate below 0.01 %, no error in 29 956 does (95 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.intervals import CONFIDENCE, clopper_pearson, trials_needed, upper_bound
from plant.batch import Ints, Mask
from plant.text import Text


@dataclass(frozen=True, slots=True)
class Confusion:
    """Pieces by what they are and what they were judged to be; matrices of several samples add.

    Raises ValueError for a negative count.
    """

    true_accept: int = 0
    false_accept: int = 0
    true_reject: int = 0
    false_reject: int = 0

    def __post_init__(self) -> None:
        if min(self.true_accept, self.false_accept, self.true_reject, self.false_reject) < 0:
            raise ValueError("pieces cannot be counted below zero")

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.true_accept + other.true_accept,
            self.false_accept + other.false_accept,
            self.true_reject + other.true_reject,
            self.false_reject + other.false_reject,
        )

    @property
    def judged(self) -> int:
        """All pieces."""
        return self.true_accept + self.false_accept + self.true_reject + self.false_reject

    @property
    def wrong(self) -> int:
        """Pieces judged to be what they are not."""
        return self.false_accept + self.false_reject


def confusion(is_good: Mask, judged_good: Mask) -> Confusion:
    """Count pieces from two columns of the same length. Raises ValueError where the lengths differ."""
    if len(is_good) != len(judged_good):
        raise ValueError(f"{len(is_good)} references but {len(judged_good)} judgements")
    return Confusion(
        true_accept=int((is_good & judged_good).sum()),
        false_accept=int((~is_good & judged_good).sum()),
        true_reject=int((~is_good & ~judged_good).sum()),
        false_reject=int((is_good & ~judged_good).sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ClassTable:
    """Pieces by true class (rows) and judged class (columns), both in the order of `classes`."""

    classes: tuple[str, ...]
    pieces: Ints

    def binary(self, good: AbstractSet[str]) -> Confusion:
        """Return what remains when only good or bad matters; `good` names the acceptable classes.

        One defect taken for another is still a rejected bad piece.
        """
        accept = np.array([name in good for name in self.classes], np.bool_)
        rows, columns = accept[:, None], accept[None, :]
        return Confusion(
            true_accept=int(self.pieces[rows & columns].sum()),
            false_accept=int(self.pieces[~rows & columns].sum()),
            true_reject=int(self.pieces[~rows & ~columns].sum()),
            false_reject=int(self.pieces[rows & ~columns].sum()),
        )


def class_table(truth: Sequence[str], judged: Sequence[str]) -> ClassTable:
    """Count pieces by class. Raises ValueError where the lengths differ."""
    if len(truth) != len(judged):
        raise ValueError(f"{len(truth)} references but {len(judged)} judgements")
    classes = tuple(sorted({*truth, *judged}))
    index = {name: n for n, name in enumerate(classes)}
    pieces = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(pieces, ([index[name] for name in truth], [index[name] for name in judged]), 1)
    return ClassTable(classes, pieces)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Whether a sample shows that a rate is below a limit. `upper`: one-sided bound of the rate.

    `needed`: the fewest pieces that would show it with as many errors as were found.
    """

    limit: float
    upper: float
    needed: int
    shown: bool


def demonstrate(wrong: int, judged: int, limit: float, *, confidence: float = CONFIDENCE) -> Demonstration:
    """Judge whether `wrong` of `judged` pieces show an error rate below `limit` (a share, 0.0001 = 0.01 %)."""
    upper = upper_bound(wrong, judged, confidence=confidence)
    needed = trials_needed(limit, found=wrong, confidence=confidence)
    return Demonstration(limit, upper, needed, upper < limit)


def indicators(found: Confusion, basis: Basis, *, confidence: float = CONFIDENCE) -> list[Indicator]:
    """Compute the misjudgement, false accept and false reject rate with their exact intervals."""
    origin = Text(f"{found.judged} 件比对", f"{found.judged} pieces compared with the reference")
    symbols = ("TA", "FA", "TR", "FR")
    counts = (found.true_accept, found.false_accept, found.true_reject, found.false_reject)
    values = {symbol: float(count) for symbol, count in zip(symbols, counts, strict=True)}
    inputs = quantities(values, dict.fromkeys(symbols, origin))
    of = {
        "misjudgement-rate": (found.wrong, found.judged),
        "false-accept-rate": (found.false_accept, found.false_accept + found.true_reject),
        "false-reject-rate": (found.false_reject, found.false_reject + found.true_accept),
    }
    return [
        evaluate(FORMULAS[kpi], inputs, basis, uncertainty=clopper_pearson(*counted, confidence=confidence))
        for kpi, counted in of.items()
    ]
