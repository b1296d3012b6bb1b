"""Ratios of sums as costs: what was spent for what was made, product by product, window by window.

A rate (pieces in an hour) and a cost (energy for a piece) are the same two sums read from
either end. Everything here is done on the cost, spent / made; then the product mix always
weighs what was *made*, and a fall of the cost is the gain, whichever way the clause puts it:

    change-up     rate 1 / rate 0 - 1   =  cost 0 / cost 1 - 1     made: numerator
    change-down   1 - cost 1 / cost 0                              made: denominator
    inverse-up    cost 0 / cost 1 - 1                              made: denominator

Standardised, a cost is Σ mix × spent / made of each product: what the planned mix would have cost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.measures.measurement import Measurement, Trials
from configs.catalogue import Kind
from plant.batch import Floats

Table = npt.NDArray[np.float64]
"""Windows by products."""


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What each window spent and made of each product."""

    products: tuple[str, ...]
    spent: Table
    made: Table

    @property
    def output(self) -> dict[str, float]:
        """How much of each product was made in all windows."""
        return dict(zip(self.products, self.made.sum(axis=0).tolist(), strict=True))

    @property
    def told_apart(self) -> bool:
        """Whether products are known at all."""
        return self.products != ("",)

    def crude(self) -> Costs:
        """Return the same as if all products were one."""
        return Costs(("",), self.spent.sum(axis=1, keepdims=True), self.made.sum(axis=1, keepdims=True))

    def of(self, products: Sequence[str]) -> Costs:
        """Return the columns of some products, in their order."""
        columns = [self.products.index(product) for product in products]
        return Costs(tuple(products), self.spent[:, columns], self.made[:, columns])

    def cost(self, weights: Floats) -> float:
        """Return the cost of a mix; infinite where something was spent and nothing made."""
        spent, made = self.spent.sum(axis=0), self.made.sum(axis=0)
        if not (made > 0).all():
            return math.inf
        return float(weights @ (spent / made))

    def influence(self, weights: Floats) -> Floats:
        """Return how far each window moves the logarithm of the cost; of mean zero.

        The first-order (delta) terms of a ratio of sums: the variance of the log cost is the
        variance of their mean. Cochran, Sampling Techniques, 3rd ed., chapter 6.
        """
        spent, made = self.spent.sum(axis=0), self.made.sum(axis=0)
        terms = (self.spent - self.made * (spent / made)) / (made / len(self.made))
        return np.asarray(terms @ weights / self.cost(weights))


def costs(windows: Sequence[Measurement], *, made_is_numerator: bool) -> Costs:
    """Line up the parts of windows, at least one, as costs; trials count as one product's parts."""
    parts = [_parts(one) for one in windows]
    products = tuple(sorted({product for window in parts for product in window}))
    numerators = np.array([[window.get(product, (0.0, 0.0))[0] for product in products] for window in parts])
    denominators = np.array([[window.get(product, (0.0, 0.0))[1] for product in products] for window in parts])
    if made_is_numerator:
        return Costs(products, denominators, numerators)
    return Costs(products, numerators, denominators)


def made_is_numerator(kind: Kind) -> bool:
    """Whether what a clause of this kind wants more of is the measure's numerator."""
    return kind in (Kind.CHANGE_UP, Kind.ABSOLUTE)


def _parts(one: Measurement) -> Mapping[str, tuple[float, float]]:
    if one.parts:
        return one.parts
    found = one.trials or Trials(0, 0)
    return {"": (float(found.successes), float(found.total))}
