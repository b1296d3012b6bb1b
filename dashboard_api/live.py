"""The live feed: a snapshot, then what changed, encoded once for all who watch the same scene.

    live table ──every 250 ms──▶ Feed (one a scene) ── frame ──▶ viewer  reads the newest frame;
                                                      └────────▶ viewer  one that missed a frame
                                                                          gets a snapshot instead

A viewer holds no queue here, only the number of the last frame it sent, so a slow one costs
nothing and is never behind by more than one frame once it reads again.

Frames are JSON texts: `{seq, now, alarms, snapshot, paths?, rows: [[i, value, quality, time,
received, origin], …]}`; `i` indexes the snapshot's `paths`, times are ms UTC, `value` is null when
there is none, `quality` is the OPC UA StatusCode. `alarms` rises with every change of any alarm,
and a frame goes out for that alone: who sees it rise asks for the list. The feed of no scene has
no rows and tells only that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from dashboard_api.access import POLICY_VIOLATION, Actor, Permission, requires
from dashboard_api.centre import Centre
from plant.assets import Scene
from plant.batch import Batch
from plant.clock import MILLISECOND

router = APIRouter(tags=["live"])

PERIOD = 0.25
HEARTBEAT = 1.0
_TRY_LATER = 1013
MOST_VIEWERS = 2_000

Feeds = dict[str, "Feed"]
Viewer = Annotated[Actor, Depends(requires(Permission.VIEW))]


class Feed:
    """What happens in one scene, or only to alarms, as frames. `tick` makes the next one when there is news."""

    def __init__(self, centre: Centre, scene: Scene | None) -> None:
        self._centre = centre
        self._paths = tuple(tag.path for tag in scene.tags) if scene else ()
        self._index = {path: i for i, path in enumerate(self._paths)}
        self._number = self._alarms = 0
        self._sent_at = float("-inf")
        self._seq = 0
        self._frame = ""
        self._snapshot: tuple[int, str] = (-1, "")
        self._next = asyncio.Event()
        self.viewers = 0

    def tick(self) -> None:
        """Encode what changed since the last frame, for everybody; a heartbeat when nothing did for long."""
        changes = self._centre.live.changes(self._number, self._paths)
        now = self._centre.clock.monotonic()
        alarms = self._centre.alarms.number
        if not len(changes.batch) and alarms == self._alarms and now - self._sent_at < HEARTBEAT:
            return
        self._number, self._alarms, self._sent_at = changes.number, alarms, now
        self._seq += 1
        self._frame = self._encode(changes.batch, snapshot=False) if self.viewers else ""
        self._next.set()
        self._next = asyncio.Event()

    async def frames(self) -> AsyncIterator[str]:
        """Yield a snapshot, then each new frame, or a snapshot again when one was missed."""
        sent = -1
        while True:
            while sent == self._seq:
                await self._next.wait()
            missed = sent < 0 or self._seq != sent + 1
            if missed and sent >= 0:
                self._centre.counts.skipped_frames += self._seq - sent - 1
            sent = self._seq
            yield self._whole() if missed or not self._frame else self._frame

    def _whole(self) -> str:
        if self._snapshot[0] != self._seq:
            self._snapshot = self._seq, self._encode(self._centre.live.snapshot(self._paths), snapshot=True)
        return self._snapshot[1]

    def _encode(self, batch: Batch, *, snapshot: bool) -> str:
        self._centre.counts.frames += 1
        rows = rows_of(batch, self._index)
        frame: dict[str, object] = {"seq": self._seq, "now": self._centre.clock.now() // MILLISECOND}
        frame |= {
            "alarms": self._alarms,
            "snapshot": snapshot,
            **({"paths": self._paths} if snapshot else {}),
            "rows": rows,
        }
        return orjson.dumps(frame).decode()


def rows_of(batch: Batch, index: Mapping[str, int]) -> list[tuple[object, ...]]:
    """Return a batch as rows of a frame."""
    return [
        (
            index[s.path],
            None if isinstance(s.value, float) and s.value - s.value != 0 else s.value,
            s.quality,
            s.time // MILLISECOND,
            s.received // MILLISECOND,
            int(s.origin),
        )
        for s in batch.samples()
    ]


@asynccontextmanager
async def broadcasting(centre: Centre) -> AsyncIterator[Feeds]:
    """Run a feed for every scene, and one of no scene under the empty name, while the context is open."""
    feeds = {"": Feed(centre, None), **{scene.id: Feed(centre, scene) for scene in centre.scenes}}

    async def beat() -> None:
        while True:
            for feed in feeds.values():
                feed.tick()
            await centre.clock.sleep(PERIOD)

    beating = asyncio.create_task(beat(), name="live feeds")
    try:
        yield feeds
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


@router.websocket("/api/v1/live")
async def live(socket: WebSocket, viewer: Viewer, scene: str = "") -> None:
    """Send the live feed of a scene, or without one only word of alarms, for as long as the viewer may see it."""
    centre: Centre = socket.app.state.centre
    feed: Feed | None = socket.app.state.feeds.get(scene)
    if feed is None:
        await socket.close(POLICY_VIOLATION, "unknown scene")
        return
    if centre.counts.viewers >= MOST_VIEWERS:
        await socket.close(_TRY_LATER, "too many viewers")
        return
    await socket.accept()
    feed.viewers += 1
    centre.counts.viewers += 1
    try:
        await _send_until_left(socket, feed, centre.accounts.over(viewer))
    finally:
        feed.viewers -= 1
        centre.counts.viewers -= 1


async def _send_until_left(socket: WebSocket, feed: Feed, signed_out: Coroutine[None, None, None]) -> None:
    async def send() -> None:
        async for frame in feed.frames():
            await socket.send_text(frame)

    tasks = tuple(asyncio.ensure_future(waiting) for waiting in (send(), _left(socket), signed_out))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(POLICY_VIOLATION, "signed out")


async def _left(socket: WebSocket) -> None:
    # Viewers have nothing to say; whatever they send is read and dropped until they leave.
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
