"""The live feed: everybody sees the same newest values, and the slow cost nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dashboard_api.centre import Centre
from dashboard_api.live import Feed
from historian.live import LiveTable
from plant.assets import Scene
from plant.batch import Batch, BatchBuilder
from plant.clock import SECOND, VirtualClock
from plant.quality import Quality
from provenline.centre import Address, listening
from tests.api.conftest import PATH
from tests.peers.processes import free_port


@pytest.fixture
async def url(centre: Centre) -> AsyncIterator[str]:
    port = free_port()
    async with listening(centre, Address("127.0.0.1", port)):
        yield f"ws://127.0.0.1:{port}/api/v1/live?scene=first-light"


def scene(centre: Centre) -> Scene:
    found = centre.configuration.site.scene("first-light")
    assert found
    return found


def sample(centre: Centre, value: float) -> Batch:
    builder, now = BatchBuilder(), centre.clock.now()
    builder.add(PATH, now, value, received=now)
    return builder.build()


async def value_of(socket: ClientConnection, paths: list[str], value: float) -> dict:
    """Read frames until one shows the value."""
    async with asyncio.timeout(60):
        while True:
            frame = json.loads(await socket.recv())
            paths[:] = frame.get("paths", paths)
            if any(paths[i] == PATH and v == value for i, v, *_ in frame["rows"]):
                return frame


async def test_a_viewer_gets_a_snapshot_and_then_the_changes(centre: Centre, url: str) -> None:
    centre.write(sample(centre, 1.5))
    async with connect(url, compression=None) as socket:
        paths: list[str] = []
        first = await value_of(socket, paths, 1.5)
        assert first["snapshot"] is True
        assert paths == [t.path for t in scene(centre).tags]
        centre.write(sample(centre, 2.5))
        second = await value_of(socket, paths, 2.5)
        assert second["snapshot"] is False
        assert [row[1] for row in second["rows"]] == [2.5]
        assert second["seq"] > first["seq"]


async def test_a_frame_is_encoded_once_however_many_watch(centre: Centre) -> None:
    feed = Feed(centre, scene(centre))
    feed.viewers = 2
    readers = [feed.frames(), feed.frames()]
    before = centre.counts.frames
    first, second = [await anext(reader) for reader in readers]
    assert first is second
    for told, value in enumerate((3.5, 4.5, 5.5), start=1):
        centre.write(sample(centre, value))
        feed.tick()
        first, second = [await anext(reader) for reader in readers]
        assert first is second
        assert json.loads(first)["rows"][0][1] == value
        assert centre.counts.frames - before == 1 + told  # the snapshot, and one a tick
    for reader in readers:
        await reader.aclose()


async def test_every_viewer_sees_what_happens_and_is_counted(centre: Centre, url: str) -> None:
    async with connect(url, compression=None) as a, connect(url, compression=None) as b:
        seen: list[list[str]] = [[], []]
        for socket, paths in zip((a, b), seen, strict=True):
            await socket.recv()
            paths[:] = [t.path for t in scene(centre).tags]
        centre.write(sample(centre, 3.5))
        for socket, paths in zip((a, b), seen, strict=True):
            await value_of(socket, paths, 3.5)
        assert centre.counts.viewers == 2


async def test_viewers_that_leave_are_forgotten(centre: Centre, url: str) -> None:
    async with connect(url, compression=None) as socket:
        await socket.recv()
    async with asyncio.timeout(60):
        while centre.counts.viewers:
            await asyncio.sleep(0.01)


async def test_a_page_of_another_origin_is_refused(url: str) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(url, origin="http://evil.example"):
            pass


async def test_an_unknown_scene_is_refused(url: str) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        async with connect(url.replace("first-light", "moon")) as socket:
            await socket.recv()


# ------------------------------------------------------------------------ without a network
@pytest.fixture
def virtual(centre: Centre) -> Centre:
    clock = VirtualClock()
    centre.clock = clock
    centre.live = LiveTable({t.path: 5.0 for t in centre.configuration.site.tags}, clock=clock)
    return centre


async def test_one_who_missed_a_frame_gets_a_snapshot_instead(virtual: Centre) -> None:
    feed = Feed(virtual, scene(virtual))
    feed.viewers = 1
    frames = feed.frames()
    feed.tick()
    assert json.loads(await anext(frames))["snapshot"] is True
    for value in (1.0, 2.0):
        virtual.live.update(sample(virtual, value))
        feed.tick()
    late = json.loads(await anext(frames))
    assert late["snapshot"] is True
    assert [row[1] for row in late["rows"]] == [2.0]
    assert virtual.counts.skipped_frames == 1
    virtual.live.update(sample(virtual, 3.0))
    feed.tick()
    assert json.loads(await anext(frames))["snapshot"] is False


async def test_silence_is_sent_as_a_change_without_the_last_value(virtual: Centre) -> None:
    feed = Feed(virtual, scene(virtual))
    feed.viewers = 1
    frames = feed.frames()
    virtual.live.update(sample(virtual, 1.0))
    feed.tick()
    await anext(frames)
    virtual.clock.set(virtual.clock.now() + 6 * SECOND)
    feed.tick()
    (row,) = json.loads(await anext(frames))["rows"]
    assert row[1] is None
    assert row[2] == Quality.BAD_NO_COMMUNICATION


async def test_when_nothing_changes_there_is_a_heartbeat_and_no_more(virtual: Centre) -> None:
    feed = Feed(virtual, scene(virtual))
    feed.viewers = 1
    for _ in range(40):
        virtual.clock.set(virtual.clock.now() + SECOND // 4)
        feed.tick()
    assert virtual.counts.frames == 10
