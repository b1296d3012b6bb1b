"""Values of ranks, and percentiles, do not depend on how a column is cut into chunks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.latency import chunked_percentiles, percentiles
from analytics.ranks import select

numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80)


@given(numbers, st.integers(1, 7), st.data())
def test_a_rank_is_the_value_at_its_place_in_order(values, pieces, data) -> None:
    column = np.array(values)
    ranks = data.draw(st.sets(st.integers(1, len(values)), max_size=4))
    found = select(lambda: np.array_split(column, pieces), ranks)
    assert found == {rank: sorted(values)[rank - 1] for rank in ranks}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.integers(0, 40), st.integers(1, 5))
def test_chunks_give_the_percentiles_of_the_whole(values, lost, pieces) -> None:
    column, shares = np.array(values, np.float64), [Fraction(1, 2), Fraction("0.95"), Fraction("0.99")]
    assert chunked_percentiles(lambda: np.array_split(column, pieces), lost, shares) == percentiles(
        column, lost, shares
    )


@pytest.mark.parametrize("rank", [0, 4])
def test_a_rank_beyond_the_values_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match="no value of rank"):
        select(lambda: [np.array([1.0, 2.0, 3.0])], [rank])
