"""Steady values, confirmed: what did not change is read again before its silence looks like loss.

A subscription reports changes only, so a machine that runs for an hour says so once. Half
way to `stale_after` a tag that was not heard of is read, and the answer is a sample at the
time of the *answer*: the moment at which the server says that this is the value. Nothing is
repeated from memory, and when the server stops answering so do we.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collectors.opcua import generic
from collectors.opcua.columns import MISSING, Rows
from collectors.opcua.link import Link
from collectors.opcua.subscription import Item
from collectors.source import Point
from configs.sources import OpcuaAddress
from plant.clock import SECOND, Clock

_FOREVER = 3600.0
_FAR = 60 * SECOND


class Confirmation:
    """Knows which watched tags are due to be read again, and reads them. Times are monotonic seconds."""

    def __init__(self, link: Link, points: Sequence[Point[OpcuaAddress]], items: Sequence[Item], now: float) -> None:
        self._link = link
        self._handles = np.array([item.handle for item in items], np.int64)
        self._nodes = {item.handle: item.node for item in items}
        every = [points[item.handle].tag.stale_after / 2 for item in items]
        self._every = np.full(len(points), np.inf)
        self._every[self._handles] = every
        self._heard = np.full(len(points), now)

    def heard(self, rows: Rows, now: float) -> None:
        """Note that these tags were heard of."""
        self._heard[rows.handle] = now

    def wait(self, now: float) -> float:
        """Return the seconds until the next tag is due."""
        if not len(self._handles):
            return _FOREVER
        due = float((self._heard + self._every).min())
        return min(max(0.0, due - now), _FOREVER)

    async def read(self, clock: Clock) -> Rows:
        """Read what is due; rows carry the answer's time in place of the source's.

        An answer dated far from our own clock was not dated by the clock that dates the
        values (a simulator in plant time, say); then our receipt dates it. Raises Disconnected
        as the link does.
        """
        now = clock.monotonic()
        due = [h for h in self._handles.tolist() if now - self._heard[h] >= self._every[h]]
        self._heard[due] = now
        values = await self._link.read_values([self._nodes[handle] for handle in due])
        rows, received = generic.rows(due, values), clock.now()
        server = np.where(np.abs(rows.server - received) > _FAR, received, rows.server)
        confirmed = (rows.server != MISSING) & (rows.status < np.uint32(0x8000_0000))
        return Rows(
            handle=rows.handle,
            kind=rows.kind,
            bits=rows.bits,
            status=rows.status,
            source=np.where(confirmed, MISSING, rows.source),
            server=server,
            texts=rows.texts,
            refused=rows.refused,
        )
