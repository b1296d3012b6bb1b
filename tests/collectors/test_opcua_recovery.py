"""The OPC UA source when things go wrong: lost sessions, stalls, cables, bytes that make no sense."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from collectors.opcua import link as link_module
from collectors.source import DeadLetter
from plant.errors import Disconnected
from tests.collectors.conformance import PATIENCE
from tests.collectors.opcua_peer import BURST_PAUSE, Server, gather, point, read_on, source


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    peer = Server(tmp_path_factory.mktemp("pki"))
    peer.start()
    yield peer
    peer.resume()
    peer.kill()


@asynccontextmanager
async def cut_off_proxy(port: int) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Forward TCP to a port until told to fall silent without closing, as a pulled cable does."""
    flowing, writers = asyncio.Event(), set[asyncio.StreamWriter]()
    flowing.set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await flowing.wait()
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        writers.update((writer, upstream_writer))
        await asyncio.gather(pump(reader, upstream_writer), pump(upstream_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
        yield proxy.sockets[0].getsockname()[1], flowing.clear
        flowing.set()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)


async def test_a_session_closed_by_the_server_is_a_disconnection(server: Server) -> None:
    async with source(server.endpoint, point("Force")).open() as batches:
        await gather(batches, "Force")
        await server.tell("close")
        with pytest.raises(Disconnected):
            await read_on(batches)


async def test_data_flows_again_after_a_stall_of_eight_seconds(server: Server) -> None:
    opened = source(server.endpoint, point("Force"), silence=2.0, timeout=1.0)
    async with opened.open() as batches:
        await gather(batches, "Force")
        server.stall()
        stalled = time.monotonic()
        with pytest.raises(Disconnected, match="silent"):
            await read_on(batches)
        left = time.monotonic()
    assert time.monotonic() - left < PATIENCE  # the server still answers nothing
    with pytest.raises(Disconnected):
        async with opened.open():
            pass
    await asyncio.sleep(max(0.0, 8.0 - (time.monotonic() - stalled)))
    server.resume()
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            async with opened.open() as batches:
                await server.set("Press.Force", 77.0)
                assert (await gather(batches, "Force"))["Force"]
                break
        except Disconnected:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


async def test_a_half_open_connection_is_noticed_and_left_promptly(server: Server) -> None:
    async with cut_off_proxy(server.port) as (port, cut):
        async with source(f"opc.tcp://127.0.0.1:{port}", point("Force"), silence=1.0).open() as batches:
            await gather(batches, "Force")
            cut()
            with pytest.raises(Disconnected, match="silent"):
                await read_on(batches)
            left = time.monotonic()
        assert time.monotonic() - left < PATIENCE


async def test_an_idle_server_is_not_a_lost_one(server: Server) -> None:
    async with source(server.endpoint, point("Job"), silence=0.6).open() as batches:
        await gather(batches, "Job")
        with pytest.raises(TimeoutError):  # nothing changes, keep-alives alone carry it
            async with asyncio.timeout(1.8):
                await anext(batches)


async def test_a_reader_that_was_cancelled_while_waiting_misses_nothing(server: Server) -> None:
    await server.set("Press.Count", [0, 0])
    async with source(server.endpoint, point("Count"), sampling=0.0).open() as batches:
        await gather(batches, "Count")
        values: list[object] = []
        writer = asyncio.create_task(
            server.tell("burst", name="Press.Count", values=[[0, n] for n in range(1, 16)], pause=BURST_PAUSE)
        )
        async with asyncio.timeout(PATIENCE):
            while 15 not in values:
                try:
                    async with asyncio.timeout(0.01):
                        batch = await anext(batches)
                except TimeoutError:
                    continue
                values += [sample.value for sample in batch.samples()]
        await writer
    assert values == list(range(1, 16))


async def test_keys_are_renewed_while_data_flows(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CHANNEL_LIFETIME", 1.0)
    renewed = 0
    renew = link_module.Client.open_secure_channel

    async def count(client, renew_=renew, **options) -> None:
        nonlocal renewed
        await renew_(client, **options)
        renewed += bool(options.get("renew"))

    monkeypatch.setattr(link_module.Client, "open_secure_channel", count)
    async with source(server.endpoint, point("Force")).open() as batches:
        async with asyncio.timeout(PATIENCE):
            while renewed < 2:
                await server.set("Press.Force", float(time.time_ns() % 1_000_003))
                await anext(batches)


async def test_the_servers_clock_is_compared_with_ours(server: Server) -> None:
    opened = source(server.endpoint, point("Force"))
    async with opened.open() as batches:
        await gather(batches, "Force")
    assert opened.tally.clock_offset is not None
    assert abs(opened.tally.clock_offset) < 5.0


async def test_what_cannot_be_read_becomes_a_dead_letter_and_the_next_is_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters: list[DeadLetter] = []
    publish, broken = link_module.Link.publish, iter([True])

    async def garble(link, acknowledged) -> bytes:
        message = await publish(link, acknowledged)
        return message[: len(message) // 2] if next(broken, False) else message

    monkeypatch.setattr(link_module.Link, "publish", garble)
    opened = source(server.endpoint, point("Force"), dead_letters=letters.append)
    async with opened.open() as batches:

        async def write() -> None:
            while True:
                await server.set("Press.Force", float(time.time_ns() % 1_000_003))
                await asyncio.sleep(0.05)

        writer = asyncio.create_task(write())
        await gather(batches, "Force")
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    assert (opened.tally.dead_letters, len(letters), opened.tally.gaps) == (1, 1, 1)
    assert letters[0].source == "press"
