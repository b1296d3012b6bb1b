"""Probes of a modelled way: live through real sockets, read by the real collector; in virtual time packet by packet."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Iterator
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib import stamp as scapy_stamp

from collectors.source import Point, discard
from collectors.stamp import StampSource
from configs import sources
from configs.configuration import Binding
from configs.network_profile import network_profile
from configs.sources import StampAddress
from plant.batch import Batch, Sample
from plant.clock import SECOND, SystemClock
from plant.errors import ConfigError, Disconnected, Unavailable
from plant.quality import Quality
from plant.tags import Kind, Tag
from provenline.pace import Anchor, PlantTime, RealMeasurement
from provenline.sources import reader
from simulators.faces.endpoint import Endpoint, PortPolicy, rewire
from simulators.faces.layout import MqttLayout, StampLayout
from simulators.faces.stamp import reply, serve_stamp
from simulators.kernel.floor import Floor
from simulators.network import Direction, Link
from simulators.network.interference import Cut, Until
from simulators.network.route import Route, Way
from simulators.probing import Probes

START = 1_772_000_000 * SECOND
BASE = "cq/scene/line/device"
MEASURES = ("rtt", "up", "down", "rtt-jitter", "loss", "clock-error")
ANYWHERE = Endpoint("stamp", "127.0.0.1", 0)
PATIENCE = 60.0


class Steady:
    """A way with fixed delays; `lost` says of each packet away from the sender whether it is lost."""

    def __init__(self, up: float, down: float, lost: Iterator[bool] | None = None) -> None:
        self.times = {Direction.UP: up, Direction.DOWN: down}
        self.lost = lost or cycle([False])

    def delay(self, now: int, size: int, direction: Direction) -> float | None:
        if direction is Direction.UP and next(self.lost):
            return None
        return self.times[direction]


def floor_with(way: Way) -> tuple[Floor, StampLayout]:
    floor = Floor(start=START, seed=1)
    floor.signals.add("far.reflector", initial=True)
    return floor, StampLayout("probe", way, "far.reflector")


def tags(*measures: str) -> list[Tag]:
    return [Tag(path=f"{BASE}/{m}", kind=Kind.ANALOG, unit="us", simulated=True) for m in measures]


def settings_of(port: int = 862, **options: float) -> sources.StampSource:
    given_or = {"interval": 0.02, "timeout": 1.0, "size": 60, **options}
    return sources.StampSource(type="stamp", id="probe", host="127.0.0.1", port=port, **given_or)


def collector(endpoint: Endpoint, *measures: str, **options: float) -> StampSource:
    config = rewire(settings_of(**options), endpoint)
    assert isinstance(config, sources.StampSource)
    return StampSource(config, [Point(t, StampAddress(measure=t.signal)) for t in tags(*measures)])


async def collect(source: StampSource | RealMeasurement, rows: int) -> list[Sample]:
    seen: list[Sample] = []
    async with asyncio.timeout(PATIENCE), source.open() as batches:
        while len(seen) < rows:
            seen.extend((await anext(batches)).samples())
    return seen


def of(samples: list[Sample], measure: str) -> list[Sample]:
    return [s for s in samples if s.path == f"{BASE}/{measure}"]


# ------------------------------------------------------------------------------------ live
async def test_the_collector_measures_the_delay_of_each_way() -> None:
    floor, layout = floor_with(Steady(0.04, 0.09))
    async with serve_stamp(layout, floor.signals, now=lambda: START, listen=ANYWHERE, ports=PortPolicy.ANY) as face:
        samples = await collect(collector(face.endpoint, "rtt", "up", "down", "loss", "clock-error"), 100)
    # The quickest of many packets is hardly later than the way itself makes it; a busy machine delays the others.
    up, down, rtt = (min(float(s.value) for s in of(samples, m) if s.value == s.value) for m in ("up", "down", "rtt"))
    assert 39_900 <= up < 80_000
    assert 89_900 <= down < 130_000
    assert rtt >= 129_900
    assert {s.quality for s in of(samples, "up") if s.value == s.value} == {Quality.GOOD}
    assert {s.value for s in of(samples, "clock-error")} == {0.0}  # one machine, one clock


async def test_a_packet_that_the_way_loses_is_lost_to_the_collector() -> None:
    floor, layout = floor_with(Steady(0.001, 0.001, cycle([False, True])))
    async with serve_stamp(layout, floor.signals, now=lambda: START, listen=ANYWHERE, ports=PortPolicy.ANY) as face:
        samples = await collect(collector(face.endpoint, "up", "loss", timeout=0.5), 80)
    lost = [s for s in of(samples, "up") if s.quality == Quality.BAD_TIMEOUT]
    assert len(lost) >= len(of(samples, "up")) // 2
    assert all(math.isnan(float(s.value)) for s in lost)
    assert len(lost) == sum(float(s.value) for s in of(samples, "loss"))


async def test_nothing_comes_back_while_the_reflector_is_out_of_reach_or_its_device_dead() -> None:
    floor, layout = floor_with(Steady(0.0, 0.0))
    async with serve_stamp(layout, floor.signals, now=lambda: START, listen=ANYWHERE, ports=PortPolicy.ANY) as face:
        quick = {"interval": 0.01, "timeout": 0.05}
        await face.reach(reachable=False)
        with pytest.raises(Disconnected):
            await collect(collector(face.endpoint, "up", **quick), 1)
        await face.reach(reachable=True)
        floor.signals.switch("far", online=False)
        with pytest.raises(Disconnected):
            await collect(collector(face.endpoint, "up", **quick), 1)
        floor.signals.switch("far", online=True)
        assert await collect(collector(face.endpoint, "up"), 1)


async def test_delays_are_real_at_any_pace_and_dated_by_plant_time() -> None:
    floor, layout = floor_with(Steady(0.04, 0.04))
    anchor = Anchor(START, time.monotonic())
    clock = PlantTime(anchor, speed=20.0)
    async with serve_stamp(layout, floor.signals, now=clock.now, listen=ANYWHERE, ports=PortPolicy.ANY) as face:
        began = clock.now()
        config = rewire(settings_of(), face.endpoint)
        assert isinstance(config, sources.StampSource)
        points = [Point(t, StampAddress(measure=t.signal)) for t in tags("up", "rtt")]
        samples = await collect(RealMeasurement(StampSource(config, points, clock=clock.real), clock), 60)
        ended = clock.now()
    assert 39_900 <= min(float(s.value) for s in of(samples, "up") if s.value == s.value) < 80_000
    assert all(began - SECOND <= s.time <= s.received <= ended for s in samples)
    spacing = [b.time - a.time for a, b in zip(of(samples, "up"), of(samples, "up")[1:], strict=False)]
    assert min(spacing) >= 0
    assert sum(spacing) >= 29 * 0.02 * 20 * SECOND * 0.9  # a packet each 20 ms is one each 0.4 s of plant time


def test_a_demonstration_at_another_pace_measures_in_real_time() -> None:
    clock = PlantTime(Anchor(START, 0.0), speed=10.0)
    assert isinstance(reader(settings_of(), [], clock, discard), RealMeasurement)
    assert isinstance(reader(settings_of(), [], SystemClock(), discard), StampSource)


async def test_a_taken_port_is_another_one_or_an_error() -> None:
    floor, layout = floor_with(Steady(0, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = Endpoint("stamp", "127.0.0.1", other.getsockname()[1])
        with pytest.raises(Unavailable, match="cannot listen"):
            async with serve_stamp(layout, floor.signals, now=lambda: START, listen=taken, ports=PortPolicy.REQUIRE):
                pass
        async with serve_stamp(layout, floor.signals, now=lambda: START, listen=taken, ports=PortPolicy.PREFER) as face:
            assert face.endpoint.port != taken.port


def test_scapy_reads_the_reply() -> None:
    request = scapy_stamp.STAMPSessionSenderTestUnauthenticated(
        seq=0xFFFF_FFFF, ts=1.5, ssid=7, err_estimate=scapy_stamp.ErrorEstimate(S=1, Z=0, scale=3, multiplier=9)
    )
    sent = bytes(request) + b"\x80\x01\x00\x04abcd"
    arrived = 1_772_000_000_500_000_000
    answer = reply(sent, received=arrived)
    assert len(answer) == len(sent)
    assert answer.endswith(b"abcd")
    read = scapy_stamp.STAMPSessionReflectorTestUnauthenticated(answer)
    assert (read.seq, read.seq_sender, read.ssid, read.ttl_sender) == (0xFFFF_FFFF, 0xFFFF_FFFF, 7, 255)
    assert bytes(read.err_estimate_sender) == bytes(request.err_estimate)
    assert bytes(read)[28:36] == bytes(request)[4:12]  # the sender's timestamp, untouched
    assert (read.err_estimate.S, read.err_estimate.Z) == (0, 0)
    assert read.err_estimate.multiplier * 2.0 ** (read.err_estimate.scale - 32) == 16.0
    assert float(read.ts_rx) - 2_208_988_800 == pytest.approx(arrived / SECOND, abs=1e-5)  # NTP counts from 1900


# ---------------------------------------------------------------------------- virtual time
def probed(way: Way, seconds: float, *, takes: list[float] | None = None, **options: float) -> Batch:
    floor, layout = floor_with(way)
    points = tuple((t, StampAddress(measure=t.signal)) for t in tags(*MEASURES))
    probes = Probes(floor, Binding("scene", settings_of(**{"interval": 0.1, **options}), points), [layout])
    assert probes.paths == tuple(t.path for t, _ in points)
    found = []
    for until in [*(takes or []), seconds]:
        floor.run_through(until)
        found += probes.take(START + round(until * SECOND), first=0)
    whole = Batch.concat(found)
    return Batch(
        probes.paths, whole.tag, whole.time, whole.received, whole.raw, whole.quality, whole.form, whole.origin
    )


def test_virtual_probes_have_the_values_times_and_qualities_of_live_ones() -> None:
    done = probed(Steady(0.04, 0.09, cycle([False, True])), 2.0, timeout=0.3)
    assert done.of(f"{BASE}/up").numbers[:2].tolist() == pytest.approx([40_000, math.nan], nan_ok=True)
    assert done.of(f"{BASE}/rtt").quality.tolist()[:2] == [Quality.GOOD, Quality.BAD_TIMEOUT]
    assert done.of(f"{BASE}/loss").numbers.tolist()[:4] == [0, 1, 0, 1]
    assert not len(done.of(f"{BASE}/rtt-jitter"))  # undefined next to a lost packet
    assert set(done.of(f"{BASE}/clock-error").numbers) == {0.0}
    down = done.of(f"{BASE}/down")
    assert ((down.time - START) / SECOND)[:3].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert ((down.received - down.time) / SECOND)[:2].tolist() == pytest.approx([0.13, 0.3])


def test_a_packet_back_after_the_timeout_is_lost() -> None:
    done = probed(Steady(0.2, 0.2), 3.0, timeout=0.3)
    assert set(done.of(f"{BASE}/loss").numbers) == {1.0}


def test_a_silent_reflector_loses_every_probe() -> None:
    floor, layout = floor_with(Steady(0.001, 0.001))
    points = tuple((t, StampAddress(measure=t.signal)) for t in tags("loss"))
    probes = Probes(floor, Binding("scene", settings_of(interval=1.0, timeout=0.5), points), [layout])
    floor.at(4.5, lambda: floor.signals.switch("far", online=False))
    floor.at(7.5, lambda: floor.signals.switch("far", online=True))
    floor.run_through(10)
    (batch,) = probes.take(START + 10 * SECOND, first=0)
    assert batch.numbers.tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 0]  # the tenth is still under way


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 20), max_size=6).map(sorted), st.integers(0, 2**16))
def test_however_often_samples_are_taken_they_are_the_same(takes: list[float], seed: int) -> None:
    profile = network_profile("5g-degraded")

    def way() -> Link:
        return Link(profile, seed=seed)

    at_once, in_parts = probed(way(), 20.0), probed(way(), 20.0, takes=takes)
    for measure in MEASURES:
        one, other = at_once.of(f"{BASE}/{measure}"), in_parts.of(f"{BASE}/{measure}")
        assert one.time.tolist() == other.time.tolist()
        assert one.received.tolist() == other.received.tolist()
        assert one.numbers.tolist() == pytest.approx(other.numbers.tolist(), nan_ok=True)


def test_what_is_no_reflector_cannot_be_probed() -> None:
    floor = Floor(start=START, seed=1)
    with pytest.raises(ConfigError, match="no STAMP reflector"):
        Probes(floor, Binding("scene", settings_of(), ()), [MqttLayout("messages", ())])


# ------------------------------------------------------------------------------------ ways
def test_a_route_takes_as_long_as_both_its_links_and_a_twin_shares_their_fate() -> None:
    profile = network_profile("5g-degraded")
    near, far = Link(profile, seed=1), Link(profile, seed=2)
    route = Route(near.twin(), far.twin())
    lost = 0
    for i in range(3000):
        now = START + i * SECOND // 5
        up = near.delay(now, 100, Direction.UP)
        down = None if up is None else far.delay(now + round(up * SECOND), 100, Direction.DOWN)
        total = route.delay(now, 100, Direction.UP)
        assert total == (None if up is None or down is None else pytest.approx(up + down, abs=1e-6))
        lost += total is None
    assert lost > 10


def test_a_cut_link_loses_its_twins_packets_too() -> None:
    link = Link(network_profile("wired"), seed=1)
    twin = link.twin()
    end = link.disturb(Cut(Until()))
    assert twin.delay(START, 100, Direction.UP) is None
    end()
    assert twin.delay(START, 100, Direction.UP) is not None


def test_the_clock_of_the_plant_tells_when_a_real_moment_was() -> None:
    clock = PlantTime(Anchor(START, SystemClock().monotonic()), speed=10.0)
    now = clock.real.now()
    early, late = clock.of(np.array([now - 2 * SECOND, now], np.int64)).tolist()
    assert late - early == pytest.approx(20 * SECOND, abs=1e3)
    assert late >= START
