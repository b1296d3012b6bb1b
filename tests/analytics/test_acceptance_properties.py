"""What must hold of any judgement, whatever the data: symmetry, scale, order, amount, and the bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analytics.acceptance import Verdict
from configs.catalogue import Comparison
from tests.analytics.acceptance import asked, held, rates, window

RATES = st.lists(st.floats(50, 200), min_size=3, max_size=7)
MANY_RATES = st.lists(st.floats(50, 200), min_size=8, max_size=14)
SUMS = st.tuples(st.floats(1, 1e4), st.floats(1, 1e3))
PRODUCTS = st.lists(st.dictionaries(st.sampled_from("abc"), SUMS, min_size=1), min_size=3, max_size=6)
SIDES = st.tuples(PRODUCTS, PRODUCTS)
RANK = {Verdict.NOT_MET: 0, Verdict.INSUFFICIENT_DATA: 0, Verdict.MET_UNPROVEN: 1, Verdict.MET: 2}
brief = settings(max_examples=40, deadline=None)


def width(finding) -> float:
    return math.log1p(finding.interval[1]) - math.log1p(finding.interval[0])


@brief
@given(RATES | MANY_RATES, RATES | MANY_RATES, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_units_do_not_matter(improved, baseline, of_made, of_spent) -> None:
    plain = held(asked(), rates(improved), rates(baseline))
    scaled = held(
        asked(),
        [window({"": (rate * of_made, of_spent)}) for rate in improved],
        [window({"": (rate * of_made, of_spent)}) for rate in baseline],
    )
    assert scaled.estimate == pytest.approx(plain.estimate, abs=1e-9)
    assert scaled.interval == pytest.approx(plain.interval, abs=1e-9)


@brief
@given(SIDES, st.floats(0.01, 100))
def test_the_size_of_one_side_in_time_does_not_matter(sides, factor) -> None:
    improved, baseline = ([window(parts) for parts in side] for side in sides)
    longer = [window({p: (n * factor, d * factor) for p, (n, d) in parts.items()}) for parts in sides[0]]
    plain, scaled = held(asked(), improved, baseline), held(asked(), longer, baseline)
    assert scaled.verdict is plain.verdict or plain.estimate == pytest.approx(0.2, abs=1e-6)
    if plain.estimate is not None:
        assert scaled.estimate == pytest.approx(plain.estimate, rel=1e-9, abs=1e-9)


@brief
@given(RATES, RATES)
def test_swapping_the_sides_turns_the_ratio_over(improved, baseline) -> None:
    there, back = held(asked(), rates(improved), rates(baseline)), held(asked(), rates(baseline), rates(improved))
    assert (1 + there.estimate) * (1 + back.estimate) == pytest.approx(1)
    assert (1 + there.interval[0]) * (1 + back.interval[1]) == pytest.approx(1)


@brief
@given(RATES | MANY_RATES, RATES | MANY_RATES)
def test_a_rate_up_is_its_cost_down(improved, baseline) -> None:
    up = held(asked(), rates(improved), rates(baseline))
    costs = [[window({"": (8.0, rate * 8.0)}) for rate in side] for side in (improved, baseline)]
    inverse = held(asked(kind="inverse-up"), *costs)
    down = held(asked(kind="change-down"), *costs)
    assert inverse.estimate == pytest.approx(up.estimate)
    assert down.estimate == pytest.approx(1 - 1 / (1 + up.estimate))


@brief
@given(PRODUCTS, st.permutations(["a", "b", "c"]))
def test_the_names_of_products_and_their_order_do_not_matter(parts, names) -> None:
    renamed = dict(zip("abc", names, strict=True))
    baseline = [window({"a": (100, 2), "b": (50, 2), "c": (80, 1)})] * 3
    turned = [window({renamed[p]: v for p, v in {"a": (100, 2), "b": (50, 2), "c": (80, 1)}.items()})] * 3
    plain = held(asked(), [window(one) for one in parts], baseline)
    other = held(asked(), [window({renamed[p]: v for p, v in one.items()}) for one in parts], turned)
    assert other.verdict is plain.verdict
    assert other.estimate == pytest.approx(plain.estimate, rel=1e-9, abs=1e-12)


@brief
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 500)), min_size=1, max_size=8), st.randoms())
def test_the_order_of_windows_does_not_matter_to_counts(trials, random) -> None:
    config = asked(kind="absolute", value=0.1, statistic="proportion", minimum={})
    mixed = random.sample(trials, len(trials))
    one, other = (held(config, [window(trials=t) for t in order]) for order in (trials, mixed))
    assert one.interval == pytest.approx(other.interval)
    assert one.verdict is other.verdict


@brief
@given(RATES | MANY_RATES, RATES | MANY_RATES)
def test_the_interval_holds_the_estimate(improved, baseline) -> None:
    finding = held(asked(), rates(improved), rates(baseline))
    assert finding.interval[0] - 1e-12 <= finding.estimate <= finding.interval[1] + 1e-12


@brief
@given(RATES, RATES)
def test_twice_the_data_narrows_the_interval(improved, baseline) -> None:
    assume(max(improved) > min(improved) * 1.01)
    once = held(asked(), rates(improved), rates(baseline))
    more = held(asked(), rates(improved * 4), rates(baseline * 4))
    assert more.estimate == pytest.approx(once.estimate)
    assert width(more) < width(once)


@brief
@given(RATES, RATES, st.floats(0.5, 0.98))
def test_more_confidence_asks_for_a_wider_interval(improved, baseline, confidence) -> None:
    assume(max(improved) > min(improved) * 1.01)
    less = held(asked(), rates(improved), rates(baseline), confidence=confidence)
    more = held(asked(), rates(improved), rates(baseline), confidence=(1 + confidence) / 2)
    assert width(more) > width(less)


@brief
@given(RATES, RATES, st.lists(st.floats(-0.9, 3), min_size=2, max_size=6))
def test_a_harder_bound_never_helps_a_change(improved, baseline, bounds) -> None:
    found = [RANK[held(asked(value=b), rates(improved), rates(baseline)).verdict] for b in sorted(bounds)]
    assert found == sorted(found, reverse=True)


@brief
@given(
    st.integers(0, 200),
    st.integers(200, 50_000),
    st.sampled_from(list(Comparison)),
    st.lists(st.floats(0.0001, 0.9999), min_size=2, max_size=6),
)
def test_a_harder_bound_never_helps_a_proportion(found, total, op, bounds) -> None:
    easy_first = sorted(bounds, reverse=op in (Comparison.AT_MOST, Comparison.BELOW))
    ranks = [
        RANK[
            held(
                asked(kind="absolute", op=op, value=b, statistic="proportion", minimum={}),
                [window(trials=(found, total))],
            ).verdict
        ]
        for b in easy_first
    ]
    assert ranks == sorted(ranks, reverse=True)


@brief
@given(
    st.lists(st.floats(0.1, 50) | st.just(math.inf), min_size=120, max_size=400),
    st.lists(st.floats(0.1, 60), min_size=2, max_size=6),
)
def test_a_harder_bound_never_helps_a_percentile(delays, bounds) -> None:
    ranks = [
        RANK[
            held(
                asked(kind="absolute", op="<", value=b, unit="ms", statistic="percentile", percentile="95", minimum={}),
                [window(sample=delays)],
            ).verdict
        ]
        for b in sorted(bounds, reverse=True)
    ]
    assert ranks == sorted(ranks, reverse=True)


@brief
@given(st.lists(st.floats(0.1, 50), min_size=80, max_size=300), st.floats(0, 0.5))
def test_losing_packets_never_makes_a_delay_better(delays, lost) -> None:
    config = asked(kind="absolute", op="<", value=30, unit="ms", statistic="percentile", percentile="95", minimum={})
    gone = np.array(delays)
    gone[: int(lost * len(delays))] = math.inf
    before, after = (held(config, [window(sample=one)]) for one in (delays, gone))
    assert after.estimate >= before.estimate


@brief
@given(SIDES)
def test_any_data_gets_a_finding_and_none_an_error(sides) -> None:
    improved, baseline = ([window(parts) for parts in side] for side in sides)
    finding = held(asked(), improved, baseline)
    assert (finding.estimate is None) == (finding.verdict is Verdict.INSUFFICIENT_DATA)
    assert all(note.zh and note.en for note in finding.notes)
