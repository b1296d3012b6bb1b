"""What a link promises to the models that send over it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.network_profile import FloorPlan, NetworkProfile, network_profile
from plant.clock import MILLISECOND, SECOND
from simulators.network import Direction, Link
from simulators.network.floor import Floor

START = 1_700_000_000 * SECOND
UP, DOWN = Direction.UP, Direction.DOWN

HALL = FloorPlan.model_validate(
    {
        "access-points": [{"id": "west", "x": 0, "y": 0}, {"id": "east", "x": 100, "y": 0}],
        "obstacles": [{"x1": 20, "y1": -50, "x2": 20, "y2": -10, "loss": 25}],
    }
)


def without_loss(name: str) -> NetworkProfile:
    profile = network_profile(name)
    return profile.model_copy(update={"loss": profile.loss.model_copy(update={"ratio": 0.0}), "roaming": None})


def send_all(link: Link, times: list[int], size: int = 100) -> list[float | None]:
    return [link.delay(START + t, size, UP) for t in times]


def test_one_seed_gives_one_link_and_another_seed_another() -> None:
    times = [i * 7 * MILLISECOND for i in range(500)]
    first, again, other = (send_all(Link(network_profile("wifi5-loaded"), seed=s), times) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_what_happens_at_a_moment_does_not_depend_on_the_traffic_before() -> None:
    profile = network_profile("wifi5-loaded")
    busy, quiet = Link(profile, seed=3), Link(profile, seed=3)
    everything = {t: busy.delay(START + t, 1, UP) for t in range(0, 20 * SECOND, 5 * MILLISECOND)}
    for moment in range(0, 20 * SECOND, SECOND):
        assert quiet.delay(START + moment, 1, UP) == pytest.approx(everything[moment], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300 * MILLISECOND), st.integers(1, 100_000)), min_size=2, max_size=60),
    st.sampled_from(["wifi5-loaded", "5g-degraded", "wifi-roaming"]),
    st.integers(0, 2**31),
)
def test_nothing_overtakes_and_nothing_arrives_before_it_was_sent(sends, name: str, seed: int) -> None:
    link, now, latest = Link(network_profile(name), seed=seed), START, 0
    for pause, size in sends:
        now += pause
        delay = link.delay(now, size, UP)
        if delay is not None:
            arrival = now + delay * SECOND
            assert delay > 0
            assert arrival >= latest - 1000  # ns: seconds as floats
            latest = arrival


def test_a_sample_is_what_single_messages_meet() -> None:
    profile = network_profile("5g-degraded")
    n, step = 5000, profile.interval
    sampled = Link(profile, seed=9).sample(n, DOWN, start=START)
    link = Link(profile, seed=9)
    single = [link.delay(START + int(i * step * SECOND), 0, DOWN) for i in range(n)]
    assert [d is None for d in single] == np.isnan(sampled).tolist()
    np.testing.assert_allclose([d for d in single if d is not None], sampled[~np.isnan(sampled)], atol=1e-8)


def test_a_large_payload_takes_its_time_at_the_links_rate_and_the_next_one_waits() -> None:
    profile = without_loss("5g-sa-sub6")
    link = Link(profile, seed=1)
    image = 8_000_000
    seconds = image * 8 / (profile.throughput.up * 1e6)
    first = link.delay(START, image, UP)
    second = link.delay(START, image, UP)
    assert first == pytest.approx(seconds, abs=0.02)
    assert second == pytest.approx(2 * seconds, abs=0.02)
    assert link.delay(START, 100, DOWN) < 0.02


def test_the_ways_differ_where_the_source_says_so() -> None:
    link = Link(network_profile("5g-sa-sub6"))
    up, down = (np.nanmedian(link.sample(20_000, way)) for way in (UP, DOWN))
    assert up - down > 0.0008


def test_reliable_delivery_arrives_later_by_its_tries_and_never_less_often() -> None:
    profile = network_profile("5g-degraded")
    plain, reliable = Link(profile, seed=4), Link(profile, seed=4)
    tries = [(plain.delay(t, 0, UP), reliable.delivery(t, 0, UP)) for t in range(START, START + 600 * SECOND, SECOND)]
    lost = [resent for single, resent in tries if single is None]
    assert lost
    assert min(lost) > 0.2
    assert all(resent >= single - 1e-6 for single, resent in tries if single is not None)


def test_far_from_every_access_point_delays_grow_and_in_the_end_nothing_arrives() -> None:
    link = Link(without_loss("wifi5-idle"), seed=2, floor=HALL)
    near, far, out = (2.0, 0.0), (0.0, 45.0), (0.0, 2000.0)
    assert link.signal(near) > -67 > link.signal(far) > -85 > link.signal(out)

    def mean(position: tuple[float, float]) -> float:
        link = Link(without_loss("wifi5-idle"), seed=2, floor=HALL)
        delays = [link.delay(START + i * SECOND, 100, UP, position=position) for i in range(200)]
        return float(np.mean([d for d in delays if d is not None])) if any(delays) else math.inf

    assert mean(near) < mean(far) < mean(out) == math.inf
    with pytest.raises(TimeoutError):
        link.delivery(START, 100, UP, position=out)


def test_a_wall_takes_its_loss_off_the_signal() -> None:
    floor = Floor(HALL)
    behind, beside = floor.signals((40.0, -40.0))["west"], floor.signals((40.0, 40.0))["west"]
    assert beside - behind == pytest.approx(25)


def test_a_vehicle_that_changes_access_point_is_away_for_a_gap() -> None:
    profile = network_profile("wifi-roaming")
    profile = profile.model_copy(update={"loss": profile.loss.model_copy(update={"ratio": 0.0}), "coverage": None})
    link = Link(profile, seed=6, floor=HALL)
    lost = []
    for i in range(1000):  # 1 m/s from west to east, ten messages a second
        now = START + i * SECOND // 10
        if link.delay(now, 50, UP, position=(i / 10, 1.0)) is None:
            lost.append(i)
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert 50 < lost[0] / 10 < 90  # past the middle, by the hysteresis
    assert 12 <= len(lost) <= 47


def test_a_station_stays_where_it_is_until_another_point_is_clearly_stronger() -> None:
    floor = Floor(HALL)
    assert floor.serving((55.0, 1.0))[0] == "east"
    assert floor.serving((55.0, 1.0), "west")[0] == "west"
    assert floor.serving((90.0, 1.0), "west")[0] == "east"


def test_a_position_without_a_floor_plan_is_refused() -> None:
    link = Link(network_profile("wired"))
    with pytest.raises(ValueError, match="floor plan"):
        link.delay(START, 1, UP, position=(0.0, 0.0))
    with pytest.raises(ValueError, match="floor plan"):
        link.signal((0.0, 0.0))
