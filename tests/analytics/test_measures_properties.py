"""What holds for every measure, whatever was heard: no number from nothing, and halves that make the whole.

A plant that plays every role says random things at random times, some of them bad, some never.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.formulas import FORMULAS
from analytics.indicator import Status
from analytics.measures.catalogue import MEASURES
from analytics.measures.measurement import Measurement, Part
from analytics.settings import FleetRates, FloorLimit, SceneSettings, Settings
from analytics.unit import Rules
from configs.catalogue import Statistic
from plant.batch import Value
from plant.quality import Quality
from plant.tags import Role
from tests.analytics.scenery import SCENE, Plant, Row
from tests.analytics.signals import BAD, UNCERTAIN

SPAN = 3600
AGREED = SceneSettings(
    floor=FloorLimit(width=10, depth=10, cell=5, limit=40, share=Fraction("0.5")),
    fleet=FleetRates(vehicle_hour=10, labour_hour=45, vehicles_per_person=2),
    agreed=1.0,
)
DEVICES: Mapping[str, tuple[Role | tuple[Role, str], ...]] = {
    "press": (Role.STATE, Role.GOOD_COUNT, Role.REJECT_COUNT, Role.PRODUCT, Role.ENERGY),
    "camera": (Role.GOOD_COUNT, Role.REJECT_COUNT, Role.VERDICT),
    "vehicle": (Role.STATE, Role.TRANSPORT_COUNT, Role.ENERGY),
    "audit": (Role.VERDICT, Role.TRUTH),
    "robot": (Role.DECISION, Role.TRUTH),
    "gate": (Role.EVENT_NUMBER,),
    "stock": ((Role.STOCK, "counted"), (Role.STOCK, "recorded")),
    "bench": (Role.IDENTIFIED_COUNT,),
    "probe": (Role.LATENCY_UP, Role.LATENCY_DOWN, Role.CLOCK_ERROR),
    "walker": (Role.POSITION_X, Role.POSITION_Y, Role.LATENCY, Role.LOSS),
    "glasses": (
        (Role.SESSION, "training"),
        Role.VERDICT,
        (Role.DURATION, "session"),
        (Role.LATENCY, "session"),
        (Role.FREEZE_COUNT, "session"),
    ),
}
_WORDS = {Role.PRODUCT: ("a", "b"), Role.DECISION: ("go", "wait"), Role.SESSION: ("S",)}
_COUNTS = (
    Role.GOOD_COUNT,
    Role.REJECT_COUNT,
    Role.TOTAL_COUNT,
    Role.TRANSPORT_COUNT,
    Role.ENERGY,
    Role.EVENT_NUMBER,
    Role.IDENTIFIED_COUNT,
)


def value(role: Role, rng: np.random.Generator, n: int) -> Value:
    if role in _COUNTS:
        return int(n // 2 + rng.integers(0, 2)) if rng.random() > 0.02 else int(rng.integers(0, 40))
    if role is Role.STATE:
        return int(rng.integers(1, 18))
    words = _WORDS.get(role, ("good", "scrap", "completed"))
    if role in (*_WORDS, Role.VERDICT, Role.TRUTH):
        return str(rng.choice(words))
    return float(np.round(rng.uniform(0, 12 if role in (Role.POSITION_X, Role.POSITION_Y) else 60), 1))


def rows(role: Role, moments: np.ndarray, rng: np.random.Generator, bad: float) -> list[Row]:
    usual = (0, 0, UNCERTAIN)
    worst = (BAD, int(Quality.BAD_TIMEOUT))
    said: list[Row] = []
    for n, moment in enumerate(moments.tolist()):
        quality = int(rng.choice(worst)) if rng.random() < bad else int(rng.choice(usual))
        said.append((moment, value(role, rng, n), quality))
    return said


def plant(seed: int, *, bad: float = 0.1, stale_after: float = 200.0) -> Plant:
    rng = np.random.default_rng(seed)
    found = Plant(rules=Rules(min_coverage=0.01, settings=Settings(scenes={SCENE: AGREED})))
    for name, roles in DEVICES.items():
        # Messages: the fields of one carry one time, now and then one is missing.
        moments = np.unique(np.round(rng.uniform(-200, SPAN, 60) * 4) / 4)
        said = {
            played: [
                row
                for row in rows(played if isinstance(played, Role) else played[0], moments, rng, bad)
                if rng.random() > 0.05
            ]
            for played in roles
        }
        found.device(
            name, said, line=name, stale_after=stale_after, ideal_cycle={"": 4.0, "a": 3.0, "b": 5.0}, delay=0.5
        )
    cycles = np.cumsum(rng.integers(0, 20, 60))
    moments = np.unique(np.round(rng.uniform(-200, SPAN, 60)))
    loop: dict[Role | tuple[Role, str], list[Row]] = {
        Role.CONTROL_CYCLES: [(t, int(c)) for t, c in zip(moments.tolist(), cycles.tolist(), strict=False)],
        Role.CORRECT_CYCLES: [(t, int(c) // 2) for t, c in zip(moments.tolist(), cycles.tolist(), strict=False)],
    }
    if bad < 1:
        found.device("loop", loop, line="loop", stale_after=stale_after)
    return found


every_measure = pytest.mark.parametrize("measure", sorted(MEASURES))
seeds = st.integers(0, 10**9)
few = settings(max_examples=6, deadline=None)


def nothing(found: Measurement) -> bool:
    silent = found.indicator.status in (Status.INSUFFICIENT_DATA, Status.NO_PLAN) and found.indicator.value is None
    return silent and not found.parts and found.trials is None and not len(found.sample)


# ------------------------------------------------------------------------ nothing from nothing
@every_measure
def test_a_window_before_anything_was_heard_gives_no_number(measure: str) -> None:
    assert nothing(plant(1).measure(measure, -90_000, -80_000))


@every_measure
def test_a_window_without_length_gives_no_number(measure: str) -> None:
    assert nothing(plant(1).measure(measure, 100, 100))


@every_measure
def test_a_scene_that_plays_no_role_gives_no_number(measure: str) -> None:
    assert nothing(Plant().device("dumb", {}).measure(measure, 0, SPAN))


@every_measure
@few
@given(seed=seeds)
def test_a_window_in_which_all_is_bad_gives_no_number(measure: str, seed: int) -> None:
    found = plant(seed, bad=1.0)
    # A probe's time-out is no bad sample but a lost packet: those are not all bad.
    if measure not in ("device-latency", "coverage-of-floor"):
        assert nothing(found.measure(measure, 0, SPAN))


# -------------------------------------------------------------------------- halves and the whole
ADDITIVE = sorted(
    MEASURES.keys()
    - {"networked-devices", "networked-share", "five-g-access"}  # distinct devices
    - {"coverage-of-floor"}  # cells need packets enough of one window
    - {"energy-per-piece"}  # products share what belongs to none, in proportions of the window; the whole adds up
    - {"cost-per-transport"}  # a vehicle costs money also while nothing is known of it; tested below
)


def added(found: list[Measurement]) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for one in found:
        for name, part in one.parts.items():
            before = parts.get(name, Part(0.0, 0.0))
            parts[name] = Part(before.numerator + part.numerator, before.denominator + part.denominator)
    return {name: part for name, part in parts.items() if part != (0.0, 0.0)}


def close(first: dict[str, Part], second: dict[str, Part]) -> bool:
    return first.keys() == second.keys() and all(
        first[name] == (pytest.approx(second[name].numerator), pytest.approx(second[name].denominator))
        for name in first
    )


@pytest.mark.parametrize("measure", ADDITIVE)
@few
@given(seed=seeds, cut=st.integers(1, SPAN - 1))
def test_two_halves_are_the_whole(measure: str, seed: int, cut: int) -> None:
    said = plant(seed)
    whole, *halves = (said.measure(measure, *span) for span in ((0, SPAN), (0, cut), (cut, SPAN)))
    assert close(added(halves), added([whole]))
    trials = [one.trials for one in halves if one.trials is not None]
    if whole.trials is not None:
        assert sum(one.successes for one in trials) == whole.trials.successes
        assert sum(one.total for one in trials) == whole.trials.total
    joined = np.sort(np.concatenate([one.sample for one in halves]))
    if len(whole.sample) == len(joined) or all(len(one.sample) for one in halves):
        np.testing.assert_array_equal(joined, np.sort(whole.sample))


@few
@given(seed=seeds, cut=st.integers(300, SPAN - 300))
def test_costs_and_energy_add_up_where_both_halves_are_known(seed: int, cut: int) -> None:
    said = plant(seed, bad=0.0, stale_after=4000.0)
    for measure in ("cost-per-transport", "energy-per-piece"):
        whole, *halves = (said.measure(measure, *span) for span in ((0, SPAN), (0, cut), (cut, SPAN)))
        if all(one.whole is not None for one in halves) and whole.whole is not None:
            sums = [one.whole for one in halves if one.whole is not None]
            assert whole.whole.numerator == pytest.approx(sum(one.numerator for one in sums))
            assert whole.whole.denominator == pytest.approx(sum(one.denominator for one in sums))


# ------------------------------------------------------------------------------ sound in itself
@every_measure
@few
@given(seed=seeds)
def test_a_figure_is_the_ratio_of_its_sums_and_honest_about_what_is_known(measure: str, seed: int) -> None:
    found = plant(seed).measure(measure, 0, SPAN)
    indicator = found.indicator
    assert indicator.formula in MEASURES[measure].formulas
    assert indicator.coverage is None or 0 < indicator.coverage <= 1
    assert 0 <= indicator.quality_share <= 1
    assert 0 <= found.late <= 1
    if found.trials is not None:
        assert 0 <= found.trials.successes <= found.trials.total
    if indicator.status is not Status.OK:
        return
    assert indicator.value is not None
    if measure in ("networked-devices", "completed-sessions"):
        assert found.whole is not None
        assert indicator.value == found.whole.numerator
    elif Statistic.PERCENTILE in MEASURES[measure].statistics:
        assert indicator.value in found.sample
    else:
        assert found.whole is not None
        assert indicator.value == pytest.approx(found.whole.numerator / found.whole.denominator)
    if Statistic.PROPORTION in MEASURES[measure].statistics:
        assert found.trials is not None
        assert indicator.value == pytest.approx(found.trials.successes / found.trials.total)


# -------------------------------------------------------------------------------- the list itself
@every_measure
def test_a_measure_is_named_and_its_formulas_are_in_the_catalogue(measure: str) -> None:
    listed = MEASURES[measure]
    assert listed.id == measure
    assert listed.name.zh
    assert listed.name.en
    assert listed.statistics
    assert all(formula in FORMULAS for formula in listed.formulas)


@pytest.mark.parametrize("page", ["measures.md", "measures.zh-CN.md"])
def test_every_measure_with_its_formulas_and_parameters_is_documented(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    for measure in MEASURES.values():
        named = {measure.id, *measure.parameters, *(f for f in measure.formulas if not f.startswith("latency-p"))}
        assert [word for word in sorted(named) if f"`{word}`" not in text] == []
