"""Devices that answer wrongly, late, too much, or close the door over a question."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from collectors.modbus import ModbusSource
from collectors.modbus.link import Link
from collectors.source import DeadLetter
from plant.batch import Origin, Sample
from plant.clock import SystemClock
from plant.errors import Disconnected
from plant.quality import Quality
from tests.collectors.modbus_rig import config, point

Answer = Callable[[int, bytes], bytes | None]
"""From transaction number and (unit, function, data) to the bytes on the wire; None closes the connection."""


def framed(tid: int, pdu: bytes) -> bytes:
    return struct.pack(">HHH", tid, 0, len(pdu)) + pdu


def registers(pdu: bytes, word: int) -> bytes:
    """The right answer to a read: every register holds `word`."""
    if pdu[1] == 43:
        return bytes([pdu[0], pdu[1] | 0x80, 1])
    count = struct.unpack(">H", pdu[4:6])[0]
    return pdu[:2] + bytes([2 * count]) + struct.pack(">H", word) * count


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(6)
                pdu = await reader.readexactly(struct.unpack(">H", head[4:])[0])
                reply = answer(struct.unpack(">H", head[:2])[0], pdu)
                if reply is None:
                    return
                writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.sleep(0.02)


class Watched:
    """A source, its dead letters and its samples up to a condition or the end of the link."""

    def __init__(self, port: int, *points, **options) -> None:
        self.letters: list[DeadLetter] = []
        self.samples: list[Sample] = []
        self.lost = ""
        options = {"timeout": 0.2, "pause": 0.1} | options
        self.source = ModbusSource(
            config(port, **options), points, clock=SystemClock(), dead_letters=self.letters.append
        )

    async def until(self, enough: Callable[[list[Sample]], bool]) -> None:
        try:
            async with asyncio.timeout(90), self.source.open() as batches:
                async for batch in batches:
                    self.samples += batch.samples()
                    if enough(self.samples):
                        return
        except Disconnected as error:
            self.lost = str(error)

    def of(self, signal: str) -> list[Sample]:
        return [s for s in self.samples if s.path.endswith(f"/{signal}")]


def wrong_once(spoil: Callable[[int, bytes], bytes]) -> Answer:
    """Spoil the second answer of unit 2; all others are right."""
    asked = 0

    def answer(tid: int, pdu: bytes) -> bytes:
        nonlocal asked
        asked += pdu[0] == 2 and pdu[1] == 3
        if pdu[0] == 2 and pdu[1] == 3 and asked == 2:
            return spoil(tid, pdu)
        return framed(tid, registers(pdu, 100 * pdu[0] + asked))

    return answer


SPOILED = {
    "wrong transaction": lambda tid, pdu: framed(tid + 7, registers(pdu, 666)),
    "wrong unit": lambda tid, pdu: framed(tid, b"\x09" + registers(pdu, 666)[1:]),
    "another function": lambda tid, pdu: framed(tid, registers(pdu[:1] + b"\x04" + pdu[2:], 666)),
    "too few registers": lambda tid, pdu: framed(tid, pdu[:2] + b"\x02\x02\x9a"),
    "too many registers": lambda tid, pdu: framed(tid, pdu[:2] + b"\x08" + b"\x02\x9a" * 4),
    "a count that lies": lambda tid, pdu: framed(tid, pdu[:2] + b"\x08" + b"\x02\x9a" * 2),
    "cut short": lambda tid, pdu: framed(tid, registers(pdu, 666))[:-1],
    "not Modbus": lambda tid, pdu: b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
async def test_a_wrong_answer_is_bad_is_kept_as_a_dead_letter_and_the_link_goes_on(spoil) -> None:
    async with server(wrong_once(spoil)) as port:
        seen = Watched(port, point("one", 0, unit=1, format="uint32"), point("two", 0, unit=2, format="uint32"))
        await seen.until(lambda samples: samples[-1].path.endswith("/two") and samples[-1].value >= 203 * 65537)
    assert not seen.lost
    assert [s.quality for s in seen.of("two")][:2] == [Quality.GOOD, Quality.BAD_COMMUNICATION_ERROR]
    assert {s.value for s in seen.samples if s.quality == Quality.GOOD}.isdisjoint({666, 666 * 65537})
    assert {s.quality for s in seen.of("one")} == {Quality.GOOD}
    assert len(seen.letters) == seen.source.tally.dead_letters == 1
    assert seen.letters[0].subject == "unit 2"
    assert seen.letters[0].payload
    assert seen.letters[0].reason.startswith("unit 2 holding 0-1: ")


async def test_more_than_the_answer_is_dropped_before_the_next_question() -> None:
    def answer(tid: int, pdu: bytes) -> bytes:
        return framed(tid, registers(pdu, tid)) + framed(tid, registers(pdu, 666)) + b"\x00\x01trailing"

    async with server(answer) as port:
        seen = Watched(port, point("a", 0))
        await seen.until(lambda samples: len(samples) >= 5)
    assert not seen.lost
    assert all(s.quality == Quality.GOOD and s.value != 666 for s in seen.samples)


async def test_a_late_answer_never_passes_for_the_next_one() -> None:
    waiting: list[bytes] = []

    def answer(tid: int, pdu: bytes) -> bytes:
        if pdu[0] == 2:
            waiting.append(framed(tid, registers(pdu, 666)))
            return b""
        late = b"".join(waiting)
        waiting.clear()
        return late + framed(tid, registers(pdu, 1))

    async with server(answer) as port:
        seen = Watched(port, point("late", 0, unit=2), point("prompt", 0, unit=1))
        await seen.until(lambda samples: len(samples) > 6)
    assert {s.value for s in seen.of("prompt")} == {1}
    assert all(s.quality != Quality.GOOD for s in seen.of("late"))


async def test_a_function_that_modbus_does_not_know_ends_the_link_with_a_reason() -> None:
    async with server(lambda tid, pdu: framed(tid, bytes([pdu[0], 0x63, 1, 2]))) as port:
        seen = Watched(port, point("a", 0))
        await seen.until(lambda samples: False)
    assert "closed" in seen.lost or "nobody answers" in seen.lost
    assert seen.samples == []


async def test_a_device_that_ignores_the_question_who_made_it_is_read_all_the_same() -> None:
    async with server(lambda tid, pdu: b"" if pdu[1] == 43 else framed(tid, registers(pdu, 5))) as port:
        seen = Watched(port, point("a", 0))
        await seen.until(lambda samples: len(samples) >= 3)
    assert [s.value for s in seen.samples[:3]] == [5, 5, 5]
    assert {s.origin for s in seen.samples} == {Origin.DEVICE}


async def test_a_device_that_hangs_up_over_the_question_is_not_asked_for_ever() -> None:
    async with server(lambda tid, pdu: None if pdu[1] == 43 else framed(tid, registers(pdu, 5))) as port:
        seen, openings = Watched(port, point("a", 0)), 0
        while not seen.samples and openings < 5:
            openings += 1
            await seen.until(lambda samples: len(samples) >= 3)
    assert openings == 3
    assert len(seen.samples) == 3


async def test_a_connection_closed_between_polls_is_a_disconnection() -> None:
    async with server(lambda tid, pdu: framed(tid, registers(pdu, 5)) if tid < 5 else None) as port:
        seen = Watched(port, point("a", 0))
        await seen.until(lambda samples: False)
    assert seen.lost
    assert len(seen.samples) >= 2


async def test_a_source_ends_when_it_is_asked_to_in_the_very_moment_of_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[asyncio.Task[None]] = []

    def cancel_when_a_reply_comes(self: Link, sending: bool, data: bytes) -> bytes:
        if not sending:
            readers[0].cancel()
        return data

    monkeypatch.setattr(Link, "_listen", cancel_when_a_reply_comes)

    async def read(port: int) -> None:
        async with ModbusSource(config(port), [point("a")], clock=SystemClock()).open() as batches:
            async for _ in batches:
                pass

    async with server(lambda tid, pdu: framed(tid, registers(pdu, 1))) as port:
        readers.append(asyncio.create_task(read(port)))
        done, _ = await asyncio.wait(readers, timeout=60)
        readers[0].cancel()
        assert done
        assert readers[0].cancelled()
