"""Probes of a sandbox's link: what they ought to measure is known, and the packets are shown as they pass."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.stamp.packet import ErrorEstimate, ReflectorPacket, SenderPacket, encode_time
from configs.loader import PACKAGED
from labs.sandboxes import Direction
from plant.clock import SECOND, SystemClock, VirtualClock
from provenline.sandbox.decoding import decoded
from provenline.sandbox.line import SandboxLine
from provenline.sandbox.order import LinePlan
from provenline.sandbox.wire import STAMP, Talk, Tap
from simulators.faults import FaultKind, PlannedFault
from simulators.network import link
from simulators.network.datagrams import opened

T1 = 1_790_000_000 * SECOND
SENT = SenderPacket(7, encode_time(T1), ErrorEstimate.of(0.001, ErrorEstimate().sync))
BACK = ReflectorPacket(
    sequence=9,
    timestamp=encode_time(T1 + SECOND // 100),
    error=ErrorEstimate(),
    received=encode_time(T1 + SECOND // 200),
    sender_sequence=7,
    sender_timestamp=SENT.timestamp,
    sender_error=SENT.error,
)


def test_a_probe_is_shown_with_its_times_and_its_answer_by_the_same_number() -> None:
    tap = Tap(VirtualClock(T1))
    tap.probe("radio", link.Direction.UP, SENT.to_bytes(84))
    tap.probe("radio", link.Direction.DOWN, BACK.to_bytes())
    there, back = map(decoded, tap.after(0, 10))
    assert (there.protocol, there.direction, there.summary) == ("stamp", Direction.SENT, "test packet 7")
    assert (back.direction, back.summary) == (Direction.RECEIVED, "test packet 7 · reflected")
    shown = f"{datetime.fromtimestamp(T1 // SECOND, UTC):%Y-%m-%d %H:%M:%S}"
    assert dict(there.fields)["T1 sent"] == f"{shown}.000000 UTC"
    assert dict(back.fields)["T2 received"] == f"{shown}.005000 UTC"
    assert dict(back.fields)["T3 returned"] == f"{shown}.010000 UTC"
    assert tap.counts == {"radio": 2}


@given(datagram=st.binary(max_size=200), way=st.sampled_from(link.Direction))
def test_no_datagram_makes_the_tap_or_the_decoding_fail(datagram: bytes, way: link.Direction) -> None:
    tap = Tap(VirtualClock(T1))
    tap.probe("radio", way, datagram)
    assert [decoded(caught).source for caught in tap.after(0, 10)] == ["radio"]
    assert Talk("radio", STAMP).note(Direction.SENT, datagram) == b""


@pytest.fixture(scope="module")
def lived() -> tuple[SandboxLine, dict[str, np.ndarray]]:
    """A coating line whose radio was disturbed for a while, and what was collected of it."""
    jammed = PlannedFault(kind=FaultKind.JAMMING, target="speed", size=0.9, at=60.0, lasts=60.0)
    plan = LinePlan(plant=PACKAGED, scene="wireless-control", network="5g-urllc", past=180.0, faults=(jammed,))
    line = SandboxLine.build(plan, seed=3, now=SystemClock().now())
    found: dict[str, list[float]] = {}
    for batch in line.past(line.plant.bindings, lambda _: None):
        for sample in batch.samples():
            if isinstance(sample.value, int | float):
                found.setdefault(sample.path.rpartition("/")[2], []).append(float(sample.value))
    return line, {name: np.array(values) for name, values in found.items()}


def test_the_truth_of_a_probed_link_is_what_was_measured_of_it(
    lived: tuple[SandboxLine, dict[str, np.ndarray]],
) -> None:
    line, seen = lived
    rtt, loss = seen["rtt"], seen["loss"]
    assert 0.2 < loss.sum() / 120 < 1.0  # a jammed radio loses most of a minute's packets
    assert line.truth.mean("drive/rtt", 3) == pytest.approx(np.nanmean(rtt), rel=0.02)
    assert line.truth.mean("drive/loss", 3) == pytest.approx(loss.mean(), rel=0.05)
    assert line.truth.mean("drive/rtt", 0.5) == pytest.approx(np.nanmean(rtt[-60:]), rel=0.02)
    assert isinstance(line.truth.tag("drive/rtt"), float)


async def test_packets_are_heard_where_the_line_is_served(lived: tuple[SandboxLine, dict[str, np.ndarray]]) -> None:
    line, _ = lived
    probe = opened(("127.0.0.1", 0))
    try:
        async with line.served() as (running, _, tap):
            where = running.endpoints["drive-radio"]
            async with asyncio.timeout(60):
                while tap.counts.get("drive-radio", 0) < 2:
                    probe.sendto(SENT.to_bytes(), (where.host, where.port))
                    await asyncio.sleep(0.05)
                while not any(one.direction is Direction.RECEIVED for one in tap.after(0, 1_000)):
                    await asyncio.sleep(0.05)
    finally:
        probe.close()
