"""What a check may ask of figures: how they came about, over which time, and where planned time went."""

from __future__ import annotations

import pytest

from analytics.counters import MICRO
from analytics.losses import Waterfall
from configs.loader import PACKAGED, load
from labs.expression import ExpressionError, parse
from labs.observation import SeenLosses
from plant.clock import SECOND
from provenline.sandbox.observation import _device, _lost, _scope
from tests.labs.observed import Figured, Observed, Real, Written

LOST = SeenLosses(
    planned=3600,
    unknown=0,
    breakdown=900,
    setup=0,
    waiting=300,
    minor_stop=60,
    reduced_speed=90,
    defects=30,
    start_up=0,
    valuable=2220,
    largest="breakdown",
)
LINE = Observed(
    config=Written(
        alarms=({"id": "chart", "when": {"type": "spc", "mean": 412.0, "sigma": 4.0, "rules": ["we-1", "we-4"]}},),
        energy={"grid_factor": {"value": 0.5306, "year": 2023}, "tariff": None},
    ),
    truth=Real({"vision/state": 6}),
    derived={
        ("effectiveness", "vision", "last-shift"): Figured(
            1.2, low=1.1, high=1.3, flags=("effectiveness-above-one",), inputs={"APT": 1800.0}
        ),
        ("energy", "press#state=IDLE", None): Figured(0.4),
    },
    lost={"vision": LOST},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("figure('effectiveness', 'vision', period='last-shift').value", 1.2),
        ("figure('effectiveness', 'vision', period='last-shift').low", 1.1),
        ("figure('effectiveness', 'vision', period='last-shift').input('APT') / 60", 30.0),
        ("'effectiveness-above-one' in figure('effectiveness', 'vision', period='last-shift').flags", True),
        ("figure('energy', 'press#state=IDLE').value", 0.4),
        ("figure('nothing').value == None", True),
        ("len(figure('nothing').flags)", None),
        ("losses('vision').breakdown / 60", 15.0),
        ("losses('vision', period='last-shift').largest == 'breakdown'", True),
        ("losses('press').largest", None),
        ("max([a.when.mean for a in config.alarms if a.when.type == 'spc'])", 412.0),
        ("any('we-4' in a.when.rules for a in config.alarms)", True),
        ("any('we-2' in a.when.rules for a in config.alarms)", False),
        ("config.energy.grid_factor.year", 2023),
        ("config.energy.tariff.source == None", True),
        ("truth.share('vision/state', 6, 30)", 1.0),
        ("truth.share('vision/state', 'six', 30)", None),
    ],
)
def test_a_check_asks_what_a_figure_is_made_of(text: str, expected: object) -> None:
    assert parse(text)(LINE).result == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("indicator('oee', period='yesterday')", "no period 'yesterday'"),
        ("figure('oee').inputs", "a figure has no 'inputs'"),
        ("figure('oee')", "not a value"),
        ("losses()", "write losses"),
    ],
)
def test_what_a_figure_does_not_have_is_said_before_anything_runs(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        parse(text)


def test_the_losses_of_a_check_are_those_of_the_waterfall() -> None:
    unit = SECOND * MICRO
    found = _lost(Waterfall(planned=100 * unit, setup=7 * unit, minor_stop=12 * unit, valuable=81 * unit))
    assert (found.planned, found.setup, found.minor_stop, found.valuable, found.largest) == (
        100,
        7,
        12,
        81,
        "minor-stop",
    )
    assert _lost(Waterfall(planned=unit, valuable=unit)).largest is None


def test_a_figure_may_be_that_of_a_tag_or_of_a_part() -> None:
    scene = next(one for one in load(PACKAGED).site.scenes if one.id == "first-light")
    assert _scope(scene, "press#state=IDLE") == "cq/first-light/line-1/press#state=IDLE"
    assert _scope(scene, "press/force#chart=i") == "cq/first-light/line-1/press/force#chart=i"
    assert _scope(scene, "nowhere#state=IDLE") is None


def test_an_alarm_on_a_signal_is_one_of_its_device() -> None:
    assert _device("cq/first-light/line-1/press/force") == "press"
    assert _device("cq/first-light/line-1/press") == "press"
    assert _device("cq/first-light") == "first-light"
