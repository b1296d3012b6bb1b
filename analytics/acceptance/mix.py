"""One product mix on both sides: what a gain is worth when it is not the easy products that were made more.

The mix is the plan's, or the baseline's own where the plan names none. Products made on one
side only cannot be compared and are left out, and said; a product that the plan names must
have been made on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analytics.acceptance import notes
from analytics.acceptance.costs import Costs
from plant.text import Text


@dataclass(frozen=True, slots=True)
class Weighing:
    """The share of each product, adding up to 1; empty where products are not told apart.

    `forbids`: why there can be no verdict. `remarks`: what a reader must know.
    """

    weights: Mapping[str, float]
    planned: bool = False
    forbids: tuple[Text, ...] = ()
    remarks: tuple[Text, ...] = ()


def weigh(before: Costs, after: Costs, planned: Mapping[str, float]) -> Weighing:
    """Choose the mix by which both sides are weighed."""
    if not (before.told_apart and after.told_apart):
        return Weighing({}, remarks=(notes.unseen_mix(),))
    made_before, made_after = before.output, after.output
    common = [p for p in made_before if made_before[p] > 0 and made_after.get(p, 0) > 0]
    missing = sorted(set(planned) - set(common))
    if missing:
        return Weighing({}, planned=True, forbids=(notes.planned_missing(missing),))
    if not common:
        return Weighing({}, forbids=(notes.nothing_common(),))
    shares = planned or {product: made_before[product] for product in common}
    total = sum(shares.values())
    alone = sorted({p for made in (made_before, made_after) for p, n in made.items() if n > 0} - set(shares))
    return Weighing(
        {product: share / total for product, share in shares.items()},
        planned=bool(planned),
        remarks=(notes.not_common(alone),) if alone else (),
    )
