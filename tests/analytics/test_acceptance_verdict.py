"""Every verdict is reachable, is the right one, and says why."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analytics.acceptance import Verdict
from configs.catalogue import Kind
from tests.analytics.acceptance import asked, held, noisy, rates, window

DEFECTS = asked(kind="change-down", value=0.05, measure="defect-share")
MISJUDGED = asked(kind="absolute", op="<", value=1e-4, measure="misjudgement", statistic="proportion", minimum={})
CYCLES = asked(kind="absolute", value=0.95, measure="closed-loop-correctness", statistic="proportion", minimum={})
LATENCY = asked(
    kind="absolute",
    op="<",
    value=10,
    unit="ms",
    measure="device-latency",
    statistic="percentile",
    percentile="99.9",
    minimum={},
)


def english(finding) -> str:
    return " / ".join(note.en for note in finding.notes)


# ------------------------------------------------------------------------------- changes
@pytest.mark.parametrize(
    ("gain", "spread", "verdict"),
    [(0.30, 0.02, Verdict.MET), (0.25, 0.10, Verdict.MET_UNPROVEN), (0.10, 0.02, Verdict.NOT_MET)],
)
def test_a_gain_is_met_unproven_or_not_met(gain: float, spread: float, verdict: Verdict) -> None:
    wobble = [1 - spread, 1.0, 1 + spread, 1.0, 1.0]
    finding = held(asked(), rates([100 * (1 + gain) * w for w in wobble]), rates([100 * w for w in wobble]))
    assert finding.verdict is verdict
    assert finding.estimate == pytest.approx(gain)
    assert finding.interval
    assert finding.interval[0] < finding.estimate < finding.interval[1]


def test_the_sides_show_their_own_figures_with_intervals() -> None:
    finding = held(asked(), rates([130, 131, 129]), rates([100, 101, 99], simulated=False))
    assert finding.baseline
    assert finding.improved
    assert finding.baseline.value == pytest.approx(100)
    assert finding.improved.value == pytest.approx(130)
    assert finding.improved.interval
    assert finding.improved.interval[0] < 130 < finding.improved.interval[1]
    assert (finding.baseline.windows, finding.baseline.samples) == (3, pytest.approx(2400))
    assert finding.effect == pytest.approx(30 * 0.8, rel=0.05)  # standard deviations of 1, less the small-sample bias
    assert "simulated" in english(finding)
    assert finding.notes[0].en.startswith("One side holds simulated")


def test_sums_are_divided_once_and_rates_are_never_averaged() -> None:
    baseline = [window({"": (100, 1)}), window({"": (900, 9)}), window({"": (100, 1)})]
    improved = [window({"": (300, 1)}), window({"": (900, 9)}), window({"": (100, 1)})]
    assert held(asked(), improved, baseline).estimate == pytest.approx(1300 / 11 / 100 - 1)


def test_specific_energy_a_fifth_lower_is_a_utilisation_a_quarter_higher() -> None:
    baseline, improved = ([window({"": (e * 1000, 1000)})] * 3 for e in (0.25, 0.20))
    cut = held(asked(kind="change-down", measure="energy-per-piece"), improved, baseline)
    gain = held(asked(kind="inverse-up", measure="energy-per-piece"), improved, baseline)
    assert (cut.estimate, gain.estimate) == (pytest.approx(0.20), pytest.approx(0.25))


def test_a_share_changes_in_points_and_in_proportion() -> None:
    baseline, improved = ([window({"": (d, 1000)}, unit="1")] * 3 for d in (40, 30))
    finding = held(DEFECTS, improved, baseline)
    assert finding.estimate == pytest.approx(0.25)
    assert finding.points == pytest.approx(-1.0)


def test_a_rate_that_is_no_share_has_no_points() -> None:
    assert held(asked(), rates([120] * 3), rates([100] * 3)).points is None


def test_no_reject_at_all_is_a_cut_whose_proof_takes_enough_pieces() -> None:
    baseline = [window({"": (d, 500)}) for d in (10, 12, 11, 10)]
    few, many = (held(DEFECTS, [window({"": (0, n)})] * 4, baseline) for n in (20, 2000))
    assert (few.verdict, many.verdict) == (Verdict.MET_UNPROVEN, Verdict.MET)
    assert few.estimate == many.estimate == 1.0
    assert "Poisson" in english(many)


def test_nothing_made_on_the_improved_side_is_not_met() -> None:
    finding = held(asked(), [window({"": (0, 8)})] * 3, rates([100] * 3))
    assert (finding.verdict, finding.estimate) == (Verdict.NOT_MET, -1.0)


def test_a_baseline_of_zero_allows_no_relative_change() -> None:
    finding = held(DEFECTS, [window({"": (3, 500)})] * 3, [window({"": (0, 500)})] * 3)
    assert finding.verdict is Verdict.INSUFFICIENT_DATA
    assert finding.estimate is None
    assert "baseline is zero" in english(finding)


# ------------------------------------------------------------------------- too little data
def test_a_change_without_a_baseline_is_insufficient() -> None:
    finding = held(asked(), rates([100] * 3))
    assert finding.verdict is Verdict.INSUFFICIENT_DATA
    assert finding.notes[0].zh == "没有基线，无法计算变化。"


def test_windows_with_low_coverage_are_left_out_and_said() -> None:
    thin = rates([500], coverage=0.5)
    finding = held(asked(), [*rates([130] * 3), *thin], rates([100] * 3))
    assert finding.estimate == pytest.approx(0.3)
    assert "1 of 4 windows of the improved side are left out" in english(finding)
    assert held(asked(), [*rates([130] * 2), *thin], rates([100] * 3)).verdict is Verdict.INSUFFICIENT_DATA


def test_windows_of_which_nothing_is_known_do_not_count() -> None:
    unknown = window(coverage=None)
    finding = held(asked(), [*rates([130] * 2), unknown], rates([100] * 3))
    assert finding.verdict is Verdict.INSUFFICIENT_DATA
    assert "has 2 windows that count, of 3; 3 are needed" in english(finding)
    assert held(asked(), [unknown] * 3, [unknown] * 3).verdict is Verdict.INSUFFICIENT_DATA


def test_too_few_samples_are_insufficient_whatever_they_show() -> None:
    few = CYCLES.model_copy(update={"minimum": CYCLES.minimum.model_copy(update={"samples": 1000})})
    assert held(few, [window(trials=(999, 999))]).verdict is Verdict.INSUFFICIENT_DATA
    assert held(few, [window(trials=(1000, 1000))]).verdict is Verdict.MET


def test_one_window_a_side_gives_an_estimate_but_proves_nothing() -> None:
    one = asked(minimum={"shifts": 1})
    finding = held(one, rates([150]), rates([100]))
    assert (finding.verdict, finding.interval) == (Verdict.MET_UNPROVEN, None)


# ---------------------------------------------------------------------------- proportions
@pytest.mark.parametrize(
    ("wrong", "parts", "verdict"),
    [
        (0, 5_000, Verdict.INSUFFICIENT_DATA),
        (1, 5_000, Verdict.INSUFFICIENT_DATA),
        (0, 36_886, Verdict.INSUFFICIENT_DATA),
        (0, 36_887, Verdict.MET),
        (2, 40_000, Verdict.MET_UNPROVEN),
        (8, 40_000, Verdict.NOT_MET),
        (50, 5_000, Verdict.NOT_MET),
    ],
)
def test_misjudgement_below_one_in_ten_thousand_takes_enough_parts(wrong: int, parts: int, verdict: Verdict) -> None:
    assert held(MISJUDGED, [window(trials=(wrong, parts))]).verdict is verdict


@pytest.mark.parametrize(
    ("correct", "verdict"), [(990, Verdict.MET), (955, Verdict.MET_UNPROVEN), (940, Verdict.NOT_MET)]
)
def test_a_proportion_is_held_against_its_bound_by_the_exact_interval(correct: int, verdict: Verdict) -> None:
    finding = held(CYCLES, [window(trials=(correct, 1000))])
    assert finding.verdict is verdict
    assert finding.effect_kind == "cohen-h-to-bound"


def test_trials_that_come_in_clusters_prove_less() -> None:
    even, lumpy = [(970, 1000)] * 4, [(1000, 1000), (1000, 1000), (1000, 1000), (880, 1000)]
    assert held(CYCLES, [window(trials=one) for one in even]).verdict is Verdict.MET
    finding = held(CYCLES, [window(trials=one) for one in lumpy])
    assert finding.estimate == pytest.approx(0.97)
    assert finding.verdict is Verdict.MET_UNPROVEN
    assert "clusters" in english(finding)


# ---------------------------------------------------------------------------- percentiles
def delays(count: int, *, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(9, 0.3, count)


def test_a_percentile_keeps_its_bound_with_enough_packets_only() -> None:
    assert held(LATENCY, [window(sample=delays(100_000))]).verdict is Verdict.MET
    few = held(LATENCY, [window(sample=delays(3_000))])
    assert few.verdict is Verdict.INSUFFICIENT_DATA
    assert "3688 to prove" in english(few)
    none = held(LATENCY, [window(sample=delays(800))])
    assert (none.verdict, none.estimate) == (Verdict.INSUFFICIENT_DATA, None)
    assert "do not support P99.9" in english(none)


def test_lost_packets_are_infinite_and_decide() -> None:
    values = delays(20_000)
    values[np.random.default_rng(3).choice(20_000, 60, replace=False)] = math.inf
    finding = held(LATENCY, [window(sample=values)])
    assert (finding.verdict, finding.estimate) == (Verdict.NOT_MET, math.inf)
    assert "unbounded" in english(finding)


def test_a_few_lost_packets_leave_it_unproven() -> None:
    values = delays(20_000)
    values[np.random.default_rng(3).choice(20_000, 17, replace=False)] = math.inf
    finding = held(LATENCY, [window(sample=values)])
    assert (finding.verdict, finding.interval and finding.interval[1]) == (Verdict.MET_UNPROVEN, math.inf)


def test_a_clock_error_widens_what_is_said_of_delays() -> None:
    values = delays(100_000)
    sure, unsure = (held(LATENCY, [window(sample=values, clock_error=error)]) for error in (None, 0.004))
    assert (sure.verdict, unsure.verdict) == (Verdict.MET, Verdict.MET_UNPROVEN)
    assert sure.interval
    assert unsure.interval == pytest.approx((sure.interval[0] - 4, sure.interval[1] + 4))
    assert unsure.improved
    assert unsure.improved.clock_error == 0.004


def test_delays_in_bursts_are_worth_fewer_packets() -> None:
    values = delays(20_000)
    values[10_000:10_018] = 50.0  # as many beyond the bound as before, but in one piece
    scattered = delays(20_000)
    scattered[::1112] = 50.0
    burst, spread = (held(LATENCY, [window(sample=one)]) for one in (values, scattered))
    assert burst.interval
    assert spread.interval
    assert burst.interval[1] > spread.interval[1] or burst.verdict is Verdict.INSUFFICIENT_DATA
    assert "clusters" in english(burst)


# -------------------------------------------------------------------------------- tallies
@pytest.mark.parametrize(
    ("pooling", "value"), [("sum", 90.0), ("least", 20.0), ("mean", 30.0)], ids=["summed", "least", "mean"]
)
def test_a_tally_pools_windows_as_its_catalogue_says(pooling: str, value: float) -> None:
    config = asked(kind="count", value=30, measure="x", statistic="tally", pooling=pooling, minimum={})
    finding = held(config, [window({"": (n, 1)}) for n in (30, 20, 40)])
    assert finding.estimate == value
    assert finding.verdict is (Verdict.NOT_MET if pooling == "least" else Verdict.MET)


def test_a_share_of_a_whole_is_exact_but_for_what_is_unknown() -> None:
    config = asked(kind="absolute", value=0.5, measure="coverage-of-floor", statistic="tally", minimum={})
    known = held(config, [window(trials=(55, 100))])
    doubtful = held(config, [window(trials=(55, 100), uncertainty=(0.45, 0.7))])
    assert (known.verdict, known.interval) == (Verdict.MET, (0.55, 0.55))
    assert (doubtful.verdict, doubtful.interval) == (Verdict.MET_UNPROVEN, (0.45, 0.7))


# ------------------------------------------------------------------------------------ mix
def side(*, a: float, b: float, rate_a: float = 100.0, rate_b: float = 20.0) -> list:
    """Return shifts that make so many of an easy and a difficult product, at so many an hour."""
    return [window({"a": (a * w, a * w / rate_a), "b": (b * w, b * w / rate_b)}) for w in (1.0, 0.9, 1.1, 1.0)]


def test_a_gain_that_is_only_mix_is_a_trap_and_not_met() -> None:
    finding = held(asked(), side(a=900, b=100), side(a=500, b=500))
    assert finding.verdict is Verdict.NOT_MET
    assert finding.mix
    assert finding.mix.trap
    assert finding.mix.crude > 1
    assert finding.mix.standardised == pytest.approx(0, abs=1e-12)
    assert finding.notes[0].en.startswith("Mix trap")
    assert finding.notes[0].zh.startswith("产品结构陷阱")


def test_a_gain_hidden_by_a_harder_mix_is_seen() -> None:
    finding = held(asked(), side(a=100, b=900, rate_a=130, rate_b=26), side(a=500, b=500))
    assert finding.mix
    assert finding.mix.crude < 0
    assert finding.estimate == pytest.approx(0.3)
    assert finding.verdict is Verdict.MET


def test_the_planned_mix_decides_where_products_gain_differently() -> None:
    improved, baseline = side(a=500, b=500, rate_a=150), side(a=500, b=500)
    mostly_a = held(asked(), improved, baseline, mix={"a": 0.9, "b": 0.1})
    mostly_b = held(asked(), improved, baseline, mix={"a": 0.1, "b": 0.9})
    hours = lambda a, b, rate: a / rate + b / 20  # noqa: E731
    assert mostly_a.estimate == pytest.approx(hours(0.9, 0.1, 100) / hours(0.9, 0.1, 150) - 1)
    assert mostly_b.estimate == pytest.approx(hours(0.1, 0.9, 100) / hours(0.1, 0.9, 150) - 1)


def test_a_cost_is_weighed_by_what_was_made() -> None:
    cost = asked(kind="change-down", value=0.1, measure="energy-per-piece")
    baseline = [window({"a": (100, 100), "b": (500, 100)})] * 3
    improved = [window({"a": (90 * 9, 900), "b": (500, 100)})] * 3
    finding = held(cost, improved, baseline)
    assert finding.estimate == pytest.approx(1 - (0.5 * 0.9 + 0.5 * 5) / (0.5 * 1 + 0.5 * 5))


def test_a_planned_product_that_was_not_made_allows_no_verdict() -> None:
    finding = held(asked(), side(a=500, b=500), side(a=500, b=500), mix={"a": 0.5, "c": 0.5})
    assert finding.verdict is Verdict.INSUFFICIENT_DATA
    assert "no data: c" in english(finding)


def test_a_product_of_one_side_only_is_left_out_and_said() -> None:
    only_a = [window({"a": (500, 5)})] * 3
    finding = held(asked(), [window({"a": (600, 5), "new": (9000, 1)})] * 3, only_a)
    assert finding.estimate == pytest.approx(0.2)
    assert "left out of the comparison: new" in english(finding)


# ------------------------------------------------------------------------ what a side is
def test_what_a_side_rests_on_is_its_worst_window() -> None:
    worse = rates([130], coverage=0.92, quality_share=0.8, late=0.05, clock_error=0.002)
    finding = held(asked(), [*rates([130] * 3), *worse], rates([100] * 3))
    assert finding.improved
    assert (finding.improved.coverage, finding.improved.quality_share) == (0.92, 0.8)
    assert (finding.improved.late, finding.improved.clock_error) == (0.05, 0.002)
    assert "5.0% of the samples of the improved side came after" in english(finding)


def test_simulated_and_recorded_windows_on_one_side_are_said() -> None:
    improved = [*rates([130] * 2), *rates([130], simulated=False)]
    assert "both simulated and recorded" in english(held(asked(), improved, rates([100] * 3)))


def test_shifts_that_resemble_their_neighbours_widen_the_interval() -> None:
    rising = np.linspace(95, 105, 12)
    shuffled = np.random.default_rng(5).permutation(rising)
    smooth, mixed = (held(asked(), rates(one * 1.3), rates(one)).interval for one in (rising, shuffled))
    assert smooth
    assert mixed
    assert smooth[1] - smooth[0] > 1.3 * (mixed[1] - mixed[0])


def test_the_seed_decides_the_resamples_and_nothing_else_does() -> None:
    improved, baseline = (rates(noisy(m, windows=10, spread=0.05, seed=s)) for m, s in ((130, 1), (100, 2)))
    assert held(asked(), improved, baseline, seed=3) == held(asked(), improved, baseline, seed=3)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.compares])
def test_every_kind_of_change_is_zero_for_equal_sides(kind: Kind) -> None:
    same = rates([100, 105, 95])
    assert held(asked(kind=kind), same, same).estimate == pytest.approx(0)


def test_a_product_of_a_single_shift_is_compared_all_the_same() -> None:
    common = [{"a": (100.0 + n % 3, 1.0)} for n in range(10)]
    once = [*common[:-1], {"a": (100.0, 1.0), "b": (10.0, 1.0)}]
    finding = held(
        asked(), [window({p: (n * 1.3, d) for p, (n, d) in one.items()}) for one in once], [window(one) for one in once]
    )
    assert finding.estimate == pytest.approx(0.3)
    assert finding.interval
    assert all(map(math.isfinite, finding.interval))


def test_rejects_in_one_shift_of_many_leave_the_upper_end_open() -> None:
    improved = [window({"": (5.0 if n == 0 else 0.0, 500.0)}) for n in range(10)]
    finding = held(DEFECTS, improved, [window({"": (10.0 + n % 3, 500.0)}) for n in range(10)])
    assert finding.estimate == pytest.approx(1 - 5 / 109, abs=0.01)
    assert finding.interval
    assert finding.interval[0] < 0.8
    assert finding.interval[1] == 1.0  # resampled without that shift there are none at all
