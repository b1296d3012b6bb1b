"""A stop after a link event is only blamed on the link where chance does not explain it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.indicator import Basis, Indicator
from analytics.link_stops import LinkVerdict, associate, indicators
from analytics.spans import Spans
from plant.clock import SECOND
from tests.analytics.signals import window

BASIS = Basis(scope="cq/first/line/agv", window=(0, 1))
SHIFT = Spans.of([window(0, 28_800)])
WINDOW = 10 * SECOND


def at(*seconds: float) -> np.ndarray:
    return np.array([round(s * SECOND) for s in seconds], np.int64)


def figures(found) -> dict[str, Indicator]:
    return {i.id: i for i in indicators(found, BASIS)}


def test_stops_that_always_follow_rare_events_are_the_links() -> None:
    events = np.arange(500, 28_000, 1379)
    found = associate(at(*(events + 4)), at(*events), running=SHIFT, observed=SHIFT, window=WINDOW)
    assert found.p_value == pytest.approx(0.001)
    assert {v.verdict for v in found.verdicts} == {LinkVerdict.LIKELY}
    assert found.verdicts[0].event == events[0] * SECOND
    values = figures(found)
    assert values["stops-after-link-events"].value == 1.0
    assert values["stops-caused-by-link"].value == pytest.approx(1.0)
    assert "p = 0.001" in values["stops-caused-by-link"].note.en


def test_stops_among_constant_events_are_coincidence() -> None:
    random = np.random.default_rng(3)
    events, stops = random.uniform(0, 28_800, 2000), random.uniform(100, 28_800, 30)
    found = associate(at(*stops), at(*events), running=SHIFT, observed=SHIFT, window=WINDOW)
    assert found.after > 8
    assert found.p_value is not None
    assert found.p_value > 0.05
    assert LinkVerdict.LIKELY not in {v.verdict for v in found.verdicts}
    assert "chance is not ruled out" in figures(found)["stops-after-link-events"].note.en


def test_the_test_is_rarely_wrong_when_there_is_no_connection() -> None:
    random = np.random.default_rng(11)
    wrong = 0
    for _ in range(100):
        events, stops = random.uniform(0, 28_800, 150), random.uniform(100, 28_800, 20)
        found = associate(at(*stops), at(*events), running=SHIFT, observed=SHIFT, window=WINDOW)
        wrong += found.p_value is not None and found.p_value <= 0.05
    assert wrong <= 12


def test_a_part_of_the_stops_is_attributed_as_a_part() -> None:
    random = np.random.default_rng(5)
    events = np.sort(random.uniform(0, 28_000, 60))
    stops = [*(events[::2] + 3), *random.uniform(100, 28_800, 30)]
    found = associate(at(*stops), at(*events), running=SHIFT, observed=SHIFT, window=WINDOW)
    assert figures(found)["stops-caused-by-link"].value == pytest.approx(0.5, abs=0.12)


def test_a_stop_before_which_the_link_was_not_watched_is_not_judged() -> None:
    watched = Spans.of([window(0, 1000), window(1100, 28_800)])
    found = associate(at(500, 1050, 1105, 2000), at(495, 1049), running=SHIFT, observed=watched, window=WINDOW)
    assert [v.verdict for v in found.verdicts][1:] == [LinkVerdict.UNKNOWN, LinkVerdict.UNKNOWN, LinkVerdict.NO]
    assert (found.stops, found.after) == (2, 1)


def test_an_event_after_the_stop_or_long_before_it_is_no_cause() -> None:
    found = associate(at(100, 200), at(101, 189), running=SHIFT, observed=SHIFT, window=WINDOW)
    assert [v.verdict for v in found.verdicts] == [LinkVerdict.NO, LinkVerdict.NO]
    found = associate(at(100), at(90), running=SHIFT, observed=SHIFT, window=WINDOW)
    assert found.verdicts[0].event == 90 * SECOND


def test_without_stops_events_or_running_time_nothing_is_claimed() -> None:
    empty = Spans.of([])
    for stops, running in ((at(), SHIFT), (at(100), empty)):
        found = associate(stops, at(99), running=running, observed=SHIFT, window=WINDOW)
        assert figures(found)["stops-caused-by-link"].value is None
        assert LinkVerdict.LIKELY not in {v.verdict for v in found.verdicts}
    quiet = associate(at(100, 200), at(), running=SHIFT, observed=SHIFT, window=WINDOW)
    assert (quiet.after, quiet.p_value, figures(quiet)["stops-after-link-events"].value) == (0, 1.0, 0.0)
    with pytest.raises(ValueError, match="longer than nothing"):
        associate(at(), at(), running=SHIFT, observed=SHIFT, window=0)


seconds = st.lists(st.integers(0, 2000), max_size=20)


@given(seconds, seconds, seconds)
@settings(deadline=None, max_examples=40)
def test_every_stop_has_one_verdict_and_shares_are_shares(stops, events, gaps) -> None:
    running = Spans.of([window(0, 2000)]).without(Spans.of([window(g, g + 20) for g in gaps]))
    found = associate(at(*stops), at(*events), running=running, observed=Spans.of([window(0, 2100)]), window=WINDOW)
    assert [v.start for v in found.verdicts] == sorted({s * SECOND for s in stops})
    assert found.p_value is None or 0.001 <= found.p_value <= 1
    assert found.chance is None or 0 <= found.chance <= 1
    for figure in indicators(found, BASIS):
        assert figure.value is None or 0 <= figure.value <= 1
