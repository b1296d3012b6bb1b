"""What is done to a link on top of its profile: exact for a packet, bounded for what is sent again, undone at will."""

from __future__ import annotations

import asyncio
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.network_profile import network_profile
from plant.clock import SECOND
from simulators.network import Direction, Link
from simulators.network.interference import Area, Cut, Interference, Jamming, Moment, Place, Storm, Until
from simulators.network.relay import Transport, emulate

NOW = 1_772_000_000 * SECOND


def link() -> Link:
    return Link(network_profile("5g-urllc"), seed=3)


def lost(of: Link, seconds: float = 60.0, *, every: float = 0.1) -> float:
    delays = of.sample(round(seconds / every), Direction.UP, start=NOW, interval=every)
    return float(np.isnan(delays).mean())


def test_nothing_gets_through_a_cut_link_and_everything_after_it() -> None:
    cut = link()
    undo = cut.disturb(Cut(Until(NOW + 10 * SECOND)))
    assert cut.delay(NOW, 100, Direction.UP) is None
    assert cut.delay(NOW + 9 * SECOND, 100, Direction.DOWN) is None
    assert cut.delay(NOW + 10 * SECOND, 100, Direction.DOWN) is not None
    undo()
    assert cut.delay(NOW + SECOND, 100, Direction.UP) is not None


def test_a_message_sent_again_arrives_at_the_first_try_after_the_cut() -> None:
    cut = link()
    cut.disturb(Cut(Until(NOW + 10 * SECOND)))
    tries = np.cumsum([0.0] + [0.2 * 2**i for i in range(8)])
    expected = tries[tries >= 10][0]
    assert cut.delivery(NOW, 100, Direction.UP) == pytest.approx(expected, abs=0.01)


def test_a_message_waits_for_an_end_that_nobody_knows_as_if_it_came_in_a_minute() -> None:
    cut = link()
    cut.disturb(Cut(Until()))
    assert 60 <= cut.delivery(NOW, 100, Direction.UP) < 130


def test_a_cut_that_lasts_for_days_makes_no_message_fail() -> None:
    cut = link()
    cut.disturb(Cut(Until(NOW + 10**6 * SECOND)))
    assert 3_600 <= cut.delivery(NOW, 100, Direction.UP) < 3_700


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_jammer_slows_loses_and_narrows_as_much_as_it_is_strong(share: float) -> None:
    sound, jammed = link(), link()
    jammed.disturb(Jamming(share, Until()))
    assert lost(jammed) == pytest.approx(share**4, abs=0.06)
    before, after = (of.sample(600, Direction.UP, start=NOW, interval=0.1) for of in (sound, jammed))
    assert np.nanmedian(after) == pytest.approx(np.nanmedian(before) / (1 - share), rel=0.1)
    large = 10_000_000
    slow, quick = (of.delivery(NOW + 100 * SECOND, large, Direction.DOWN) for of in (jammed, sound))
    assert slow > 0.9 * quick / (1 - share)


def test_a_storm_takes_its_gaps_out_of_the_time_and_both_directions_meet_the_same() -> None:
    stormy = link()
    stormy.disturb(Storm(8.0, Until(), seed=5))
    # Gaps of 2.5 s on average each 8 s, as a Poisson process: a quarter of the time and overlaps.
    assert lost(stormy, 600) == pytest.approx(0.27, abs=0.08)
    up, down = (np.isnan(stormy.sample(600, way, start=NOW, interval=0.1)) for way in (Direction.UP, Direction.DOWN))
    assert (up == down).mean() > 0.99


@given(
    share=st.floats(0.01, 0.95),
    slowdown=st.floats(1, 50),
    loss=st.floats(0, 0.99),
    rate=st.floats(0.01, 1),
    x=st.floats(-100, 100),
    y=st.floats(-100, 100),
)
def test_interference_never_makes_a_place_better(
    share: float, slowdown: float, loss: float, rate: float, x: float, y: float
) -> None:
    place, moment = Place(slowdown, loss, rate), Moment(NOW, NOW, (x, y))
    kinds: list[Interference] = [Cut(Until(NOW)), Jamming(share, Until(), Area(0, 0, 50)), Jamming(share, Until())]
    for interference in kinds:
        left = interference.leave(place, moment)
        assert left is not None
        assert (left.slowdown >= slowdown, left.loss >= loss, left.rate <= rate) == (True, True, True)
        assert interference.leave(None, moment) is None


def test_a_station_of_unknown_place_is_not_jammed_in_an_area() -> None:
    jamming = Jamming(0.9, Until(), Area(0, 0, 1000))
    assert jamming.leave(Place(), Moment(NOW, NOW)) == Place()
    assert jamming.leave(Place(), Moment(NOW, NOW, (1, 1))) != Place()


def test_a_link_that_was_disturbed_is_afterwards_what_it_would_have_been() -> None:
    disturbed, other = link(), link()
    undo = disturbed.disturb(Storm(5.0, Until(), seed=1))
    disturbed.sample(100, Direction.UP, start=NOW)
    undo()
    later = NOW + 60 * SECOND
    assert [disturbed.delay(later + i, 100, Direction.UP) for i in range(50)] == [
        other.delay(later + i, 100, Direction.UP) for i in range(50)
    ]


async def test_a_live_relay_is_cut_under_any_profile_and_carries_again_afterwards() -> None:
    """An echo behind a UDP relay: silent while the relay is cut, and heard when it is not."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as me,
    ):
        for each in (server, me):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        loop = asyncio.get_running_loop()
        async with emulate(network_profile("wired"), Transport.UDP, target=server.getsockname()) as emulation:

            async def arrives(word: bytes, within: float) -> bool:
                me.sendto(word, emulation.address)
                try:
                    async with asyncio.timeout(within):
                        while await loop.sock_recv(server, 100) != word:
                            pass
                except TimeoutError:
                    return False
                return True

            assert await arrives(b"one", 10)
            undo = emulation.disturb(Cut(Until()))
            assert not await arrives(b"two", 0.3)
            await emulation.switch(network_profile("5g-urllc"))
            assert not await arrives(b"three", 0.3)
            lost_so_far = emulation.counts.lost
            undo()
            assert await arrives(b"four", 10)
            assert lost_so_far == 2
