"""The STAMP source and reflector on real sockets, judged by a reflector and a sender made of scapy."""

from __future__ import annotations

import asyncio
import math
import socket
import sys
import time
from collections.abc import AsyncIterator

import pytest
from scapy.contrib import stamp as scapy_stamp

from collectors.source import DeadLetter, Point, Source
from collectors.stamp import StampSource
from collectors.stamp.endpoint import Datagram
from collectors.stamp.packet import SIZE, ErrorEstimate, ReflectorPacket, SenderPacket, Sync, encode_time
from collectors.stamp.reflector import Reflector, reflect
from collectors.stamp.timebase import clock_error
from configs import sources
from configs.sources import StampAddress
from plant.batch import Batch, Origin, Sample
from plant.clock import SECOND, VirtualClock
from plant.errors import Disconnected
from plant.quality import Quality, Severity, severity
from plant.tags import Kind, Tag
from tests.collectors.conformance import PATIENCE, Rig, SourceConformance, drain
from tests.peers.processes import HERE, Program, free_port

MEASURES = ("rtt", "up", "down", "rtt-jitter", "loss", "clock-error")
BASE = "cq/first/line/link"


def points(*measures: str) -> list[Point[StampAddress]]:
    return [
        Point(Tag(path=f"{BASE}/{m}", kind=Kind.ANALOG, unit="us", simulated=True), StampAddress(measure=m))
        for m in measures or MEASURES
    ]


def config(port: int, **settings: object) -> sources.StampSource:
    defaults = {"interval": 0.02, "timeout": 0.2}
    return sources.StampSource(type="stamp", id="probe", host="127.0.0.1", port=port, **{**defaults, **settings})


async def collect(batches: AsyncIterator[Batch], rows: int) -> list[Sample]:
    seen: list[Sample] = []
    async with asyncio.timeout(PATIENCE):
        while len(seen) < rows:
            seen.extend((await anext(batches)).samples())
    return seen


class ScapyReflector:
    """The rig: a foreign reflector in a process of its own."""

    path = f"{BASE}/rtt"

    def __init__(self) -> None:
        self.port = free_port(socket.SOCK_DGRAM)
        self._program: Program | None = None

    def source(self) -> Source:
        return StampSource(config(self.port), points())

    async def set(self, value: float) -> None:
        """A link has no value to set: it is measured, and the tests below ask for that instead."""

    async def start(self) -> None:
        self._program = Program([sys.executable, HERE / "stamp_reflector.py", str(self.port)])
        await asyncio.to_thread(self._program.ready, "reflecting")

    async def stop(self) -> None:
        if self._program is not None:
            self._program.kill()
            self._program = None

    async def stall(self) -> None:
        assert self._program
        self._program.stall()

    async def resume(self) -> None:
        if self._program is not None:
            self._program.resume()


@pytest.fixture
async def rig() -> AsyncIterator[ScapyReflector]:
    rig = ScapyReflector()
    await rig.start()
    yield rig
    await rig.stop()


async def measured(rig: Rig, batches: AsyncIterator[Batch]) -> Sample:
    """Wait for a good round trip: what "the value arrives" means for a link."""
    async with asyncio.timeout(PATIENCE):
        async for batch in batches:
            for sample in batch.samples():
                if sample.path == rig.path and severity(sample.quality) is Severity.GOOD:
                    return sample
    raise AssertionError("the source ended without a measurement")


class TestStampConformance(SourceConformance):
    """The promises of a source. A probe makes its values itself, so nobody can set one to 42 on the
    device; wherever a promise waits for a value that was set, these wait for a round trip measured."""

    async def test_a_value_set_on_the_device_arrives_good_and_dated(self, rig: Rig) -> None:
        began = time.time_ns()
        async with rig.source().open() as batches:
            sample = await measured(rig, batches)
        assert began <= sample.time <= sample.received <= time.time_ns()
        assert 0 < sample.value < 1e6 * PATIENCE

    async def test_a_source_can_be_left_and_opened_again(self, rig: Rig) -> None:
        source = rig.source()
        for _ in range(2):
            async with source.open() as batches:
                await measured(rig, batches)

    async def test_a_killed_device_is_a_disconnection(self, rig: Rig) -> None:
        async with rig.source().open() as batches:
            await measured(rig, batches)
            await rig.stop()
            await drain(batches)

    async def test_a_stalled_device_is_noticed_and_its_last_value_is_not_repeated(self, rig: Rig) -> None:
        async with rig.source().open() as batches:
            await measured(rig, batches)
            await rig.stall()
            stalled = time.time_ns() + SECOND // 5  # the signal needs a moment to take hold
            try:
                late = [s for s in await drain(batches) if s.path == rig.path and s.time > stalled]
            finally:
                await rig.resume()
        assert late, "packets that did not come back are reported, not passed over"
        assert all(s.quality == Quality.BAD_TIMEOUT and math.isnan(s.value) for s in late)

    async def test_data_flows_again_after_the_device_returns(self, rig: Rig) -> None:
        source = rig.source()
        async with source.open() as batches:
            await measured(rig, batches)
            await rig.stop()
            await drain(batches)
        await rig.start()
        async with source.open() as batches:
            await measured(rig, batches)

    async def test_leaving_early_closes_the_connection_promptly(self, rig: Rig) -> None:
        async with rig.source().open() as batches:
            await measured(rig, batches)
            began = time.monotonic()
        assert time.monotonic() - began < PATIENCE


async def test_every_measure_of_a_packet_arrives_with_its_time_and_mark() -> None:
    async with reflect() as (_, port):
        source = StampSource(config(port), points())
        async with source.open() as batches:
            seen = await collect(batches, 60)
    assert {s.path.rpartition("/")[2] for s in seen} == set(MEASURES)
    assert all(s.origin is Origin.SIMULATED for s in seen)
    rows: dict[int, dict[str, float]] = {}
    for sample in seen:
        rows.setdefault(sample.time, {})[sample.path.rpartition("/")[2]] = sample.value
    whole = [row for row in rows.values() if len(row) == len(MEASURES)]
    assert {(row["loss"], row["clock-error"]) for row in whole} == {(0.0, 0.0)}  # both ends read one clock
    assert min(abs(row["up"] + row["down"] - row["rtt"]) for row in whole) < 500
    assert source.tally.samples == len(seen)


class Losing(asyncio.DatagramProtocol):
    """A path to a reflector that swallows every `nth` packet, and adds what is no STAMP at all."""

    def __init__(self, target: tuple[str, int], nth: int) -> None:
        self._target, self._nth, self._count = target, nth, 0
        self._sender: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        if sender == self._target:
            self._transport.sendto(data, self._sender)
            return
        self._sender = sender
        self._count += 1
        if self._count == 1:
            self._transport.sendto(b"not STAMP", sender)
        if self._count % self._nth:
            self._transport.sendto(data, self._target)


async def test_lost_packets_are_bad_delays_and_a_loss_of_one_and_junk_is_a_dead_letter() -> None:
    letters: list[DeadLetter] = []
    async with reflect() as target:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Losing(target, 3), local_addr=("127.0.0.1", 0)
        )
        try:
            port = transport.get_extra_info("sockname")[1]
            source = StampSource(config(port, timeout=1.0), points("rtt", "loss"), dead_letters=letters.append)
            async with source.open() as batches:
                seen = await collect(batches, 60)
        finally:
            transport.close()
    loss = [s.value for s in seen if s.path.endswith("/loss")]
    assert [i for i, v in enumerate(loss) if v == 1.0] == list(range(2, len(loss), 3))
    rtt = [s for s in seen if s.path.endswith("/rtt")]
    assert [math.isnan(s.value) for s in rtt] == [v == 1.0 for v in loss]
    assert {s.quality for s in rtt if math.isnan(s.value)} == {Quality.BAD_TIMEOUT}
    assert [letter.payload for letter in letters] == [b"not STAMP"]
    assert source.tally.dead_letters == 1


async def test_packets_have_the_size_that_was_asked_for() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        source = StampSource(config(listener.getsockname()[1], size=1400), points("rtt"))
        opening = asyncio.create_task(source.open().__aenter__())
        data = await asyncio.get_running_loop().sock_recv(listener, 4096)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    assert len(data) == 1400
    assert SenderPacket.from_bytes(data).sequence == 0


async def test_packets_say_so_when_the_clock_becomes_synchronised_on_the_way() -> None:
    states = iter([ErrorEstimate.of(16.0, Sync.UNSYNCHRONISED)] * 3)
    synced = ErrorEstimate.of(0.001, Sync.SYNCHRONISED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        source = StampSource(
            config(listener.getsockname()[1], timeout=5.0), points("rtt"), error=lambda: next(states, synced)
        )
        opening = asyncio.create_task(source.open().__aenter__())
        seen: list[Sync] = []
        async with asyncio.timeout(PATIENCE):
            while Sync.SYNCHRONISED not in seen:
                data = await asyncio.get_running_loop().sock_recv(listener, 4096)
                seen.append(SenderPacket.from_bytes(data).error.sync)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    assert seen[0] is Sync.UNSYNCHRONISED


async def test_a_slow_reader_neither_slows_the_probe_nor_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.stamp.source._QUEUE", 10)
    async with reflect() as (_, port):
        source = StampSource(config(port, interval=0.005), points("loss"))
        async with source.open() as batches:
            async with asyncio.timeout(PATIENCE):
                while source.counts.arrived < 60:
                    await asyncio.sleep(0.02)
            batch = await anext(batches)
    assert len(batch) == 10
    assert source.tally.dropped >= 20


async def test_an_unknown_host_is_a_disconnection() -> None:
    nowhere = sources.StampSource(type="stamp", id="probe", host="no such host.invalid", port=862)
    with pytest.raises(Disconnected, match="no such host"):
        async with StampSource(nowhere, points("rtt")).open():
            pass


async def test_scapy_accepts_what_our_reflector_returns() -> None:
    request = scapy_stamp.STAMPSessionSenderTestUnauthenticated(
        seq=77,
        ts=3_900_000_000.5,
        ssid=9,
        tlv_objects=[scapy_stamp.STAMPTestTLV(flags=0x80, type=1, len=4, value=b"abcd")],
    )
    async with reflect() as address:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 61)
            sock.connect(address)
            replies = []
            for _ in range(2):
                sock.send(bytes(request))
                async with asyncio.timeout(PATIENCE):
                    data = await asyncio.get_running_loop().sock_recv(sock, 2048)
                assert len(data) == len(bytes(request))
                replies.append(scapy_stamp.STAMPSessionReflectorTestUnauthenticated(data))
    first, second = replies
    assert (first.seq, second.seq) == (0, 1)
    assert (first.seq_sender, first.ssid, first.ts_sender, first.ttl_sender) == (77, 9, request.ts, 61)
    now = time.time() + 2_208_988_800
    assert now - PATIENCE < float(first.ts_rx) <= float(first.ts) < float(second.ts_rx) <= now + 1
    assert first.tlv_objects[0].value == b"abcd"


def ask(reflector: Reflector, *, port: int = 1, session: int = 0, ttl: int = 255) -> ReflectorPacket | None:
    packet = SenderPacket(5, encode_time(0), ErrorEstimate(), session).to_bytes()
    reply = reflector.answer(Datagram(packet, ("127.0.0.1", port), 0, ttl))
    return None if reply is None else ReflectorPacket.from_bytes(reply)


async def test_each_session_has_a_sequence_of_its_own() -> None:
    reflector = Reflector(clock=VirtualClock())
    asked = [(1, 0), (1, 0), (2, 0), (1, 9), (1, 0)]
    assert [ask(reflector, port=p, session=s).sequence for p, s in asked] == [0, 1, 0, 0, 2]


async def test_a_full_reflector_keeps_running_sessions_and_lets_idle_ones_go() -> None:
    clock = VirtualClock()
    reflector = Reflector(clock=clock, sessions=2, idle=30)
    ask(reflector, port=1)
    ask(reflector, port=2)
    assert ask(reflector, port=3) is None
    assert reflector.refused == 1
    clock.set(clock.now() + 20 * SECOND)
    ask(reflector, port=1)
    clock.set(clock.now() + 20 * SECOND)
    assert ask(reflector, port=3).sequence == 0
    assert ask(reflector, port=1).sequence == 2


async def test_what_is_no_stamp_packet_gets_no_answer() -> None:
    reflector = Reflector(clock=VirtualClock())
    for junk in (b"", b"x" * 43, bytes(SIZE), bytes(1400)):
        assert reflector.answer(Datagram(junk, ("127.0.0.1", 1), 0, 255)) is None
    assert reflector.malformed == 4


async def test_arrival_is_dated_by_the_kernel_not_by_the_reader() -> None:
    clock = VirtualClock()
    packet = SenderPacket(0, encode_time(clock.now()), ErrorEstimate()).to_bytes()
    reflector = Reflector(clock=clock)
    reply = ReflectorPacket.from_bytes(reflector.answer(Datagram(packet, ("127.0.0.1", 1), 3_000_000, 255)))
    assert reply.timestamp - reply.received == pytest.approx(0.003 * 2**32, rel=1e-6)


def test_the_kernels_word_about_its_clock_is_a_usable_estimate() -> None:
    error = clock_error()
    assert error.seconds > 0
    assert error.sync in set(Sync)
