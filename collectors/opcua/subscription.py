"""A subscription: monitored items created piece by piece, notifications asked for ahead.

    ours      publish ──┐  publish ──┐  publish ──┐         always a few on their way,
    theirs              └▶ response  └▶ response  └▶ …       answered in the order asked

Nothing is queued on this side: the next request is sent when the last response was taken,
so a slow reader fills the server's item queues, which say so when they overflow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from collectors.opcua.link import Link, translated
from configs.sources import OpcuaAddress, OpcuaSource
from plant.clock import Clock
from plant.errors import Disconnected

AHEAD = 3
"""Publish requests kept at the server, unless it takes fewer."""
LIFETIME = 60.0
"""Seconds the server keeps a subscription that nobody asks about."""

_NO_FILTER = frozenset(
    {
        StatusCodes.BadFilterNotAllowed,
        StatusCodes.BadMonitoredItemFilterInvalid,
        StatusCodes.BadMonitoredItemFilterUnsupported,
        StatusCodes.BadDeadbandFilterInvalid,
    }
)
"""The server cannot apply a deadband to this item; it is asked for without."""


@dataclass(frozen=True, slots=True)
class Item:
    """A node to watch; `handle` comes back with each of its notifications."""

    handle: int
    node: ua.NodeId
    address: OpcuaAddress


@dataclass(frozen=True, slots=True)
class Arrival:
    """One publish response as bytes, and when it arrived in ns UTC."""

    received: int
    message: bytes


class Subscription:
    """A subscription on an open link. `refused`: handle and StatusCode of items that could not be created."""

    def __init__(self, link: Link, config: OpcuaSource, clock: Clock, granted: ua.CreateSubscriptionResult) -> None:
        self.id = granted.SubscriptionId
        self.refused: dict[int, int] = {}
        keep_alive = granted.RevisedPublishingInterval * granted.RevisedMaxKeepAliveCount / 1000
        # A server that insists on rarer keep-alives must be given the time it asked for.
        self.silence = max(config.silence, 1.5 * keep_alive)
        self._link, self._config, self._clock = link, config, clock
        self._ahead = AHEAD
        self._asked: deque[tuple[float, asyncio.Task[Arrival]]] = deque()
        self._heard = clock.monotonic()
        self._taken: ua.SubscriptionAcknowledgement | None = None
        self._acknowledge: list[ua.SubscriptionAcknowledgement] = []

    async def watch(self, items: Sequence[Item]) -> None:
        """Create the monitored items; one that the server refuses does not keep the others out."""
        statuses = await self._create(items, filtered=True)
        again = [item for item, status in zip(items, statuses, strict=True) if status in _NO_FILTER]
        refused = {item.handle: status for item, status in zip(items, statuses, strict=True) if status}
        for item, status in zip(again, await self._create(again, filtered=False), strict=True):
            refused[item.handle] = status
        self.refused = {handle: status for handle, status in refused.items() if status}

    async def next(self, within: float = inf) -> Arrival | None:
        """Return the next response, in order, or None when none came `within` so many seconds.

        Call it when the one before is dealt with for good. Raises Disconnected when the server
        says nothing for `silence` seconds, or that the session or subscription is gone. Being
        cancelled loses nothing.
        """
        if self._taken is not None:
            self._acknowledge.append(self._taken)
            self._taken = None
        while True:
            while len(self._asked) < self._ahead:
                self._ask()
            since, oldest = self._asked[0]
            if not await self._comes(oldest, max(since, self._heard), within):
                return None
            self._asked.popleft()
            self._heard = self._clock.monotonic()
            with translated(self._config):
                try:
                    return oldest.result()
                except UaStatusCodeError as error:
                    if error.code == StatusCodes.BadTooManyPublishRequests and self._asked:
                        self._ahead = len(self._asked)
                    elif error.code != StatusCodes.BadTimeout:
                        raise

    def take(self, sequence: int) -> None:
        """Note which notification was taken; the server hears of it with the request after the next `next`."""
        self._taken = ua.SubscriptionAcknowledgement(self.id, sequence)

    async def close(self) -> None:
        """Give up the requests that are on their way."""
        tasks = [task for _, task in self._asked]
        self._asked.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask(self) -> None:
        acknowledged, self._acknowledge = self._acknowledge, []
        task = asyncio.create_task(self._publish(acknowledged), name=f"opcua {self._config.id} publish")
        self._asked.append((self._clock.monotonic(), task))

    async def _publish(self, acknowledged: Sequence[ua.SubscriptionAcknowledgement]) -> Arrival:
        message = await self._link.publish(acknowledged)
        return Arrival(self._clock.now(), message)

    async def _comes(self, task: asyncio.Task[Arrival], since: float, within: float) -> bool:
        if task.done():
            return True
        left = self.silence - (self._clock.monotonic() - since)
        alarm = asyncio.ensure_future(self._clock.sleep(min(left, within)))
        try:
            await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
            with suppress(asyncio.CancelledError):
                await alarm
        if not task.done() and left <= within:
            where = f"{self._config.id} ({self._config.endpoint})"
            raise Disconnected(f"{where}: silent for {self.silence:g} s, without even a keep-alive")
        return task.done()

    async def _create(self, items: Sequence[Item], *, filtered: bool) -> list[int]:
        """Create items and return their StatusCodes, 0 for those that stand."""

        async def create(piece: Sequence[Item]) -> list[ua.MonitoredItemCreateResult]:
            parameters = ua.CreateMonitoredItemsParameters()
            parameters.SubscriptionId = self.id
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            parameters.ItemsToCreate = [self._request(item, filtered=filtered) for item in piece]
            return await self._link.create_items(parameters)

        results = await self._link.in_pieces(items, self._link.item_limit, create)
        return [0 if result.StatusCode.is_good() else result.StatusCode.value for result in results]

    def _request(self, item: Item, *, filtered: bool) -> ua.MonitoredItemCreateRequest:
        sampling = self._config.sampling if item.address.sampling is None else item.address.sampling
        wanted = ua.MonitoringParameters()
        wanted.ClientHandle = ua.UInt32(item.handle)
        wanted.SamplingInterval = ua.Double(sampling * 1000)
        wanted.QueueSize = ua.UInt32(self._config.queue)
        wanted.DiscardOldest = True
        if filtered and item.address.deadband:
            wanted.Filter = ua.DataChangeFilter(
                Trigger=ua.DataChangeTrigger.StatusValue,
                DeadbandType=ua.UInt32(ua.DeadbandType.Absolute),
                DeadbandValue=ua.Double(item.address.deadband),
            )
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor.NodeId = item.node
        request.ItemToMonitor.AttributeId = ua.UInt32(AttributeIds.Value)
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters = wanted
        return request


async def subscribe(link: Link, config: OpcuaSource, clock: Clock) -> Subscription:
    """Create a subscription that gives a sign of life at least three times within `config.silence`."""
    interval = max(config.publishing, 0.01)
    keep_alive = max(1, int(config.silence / 3 / interval))
    parameters = ua.CreateSubscriptionParameters()
    parameters.RequestedPublishingInterval = ua.Duration(interval * 1000)
    parameters.RequestedMaxKeepAliveCount = ua.Counter(keep_alive)
    parameters.RequestedLifetimeCount = ua.Counter(max(int(LIFETIME / interval), 3 * keep_alive))
    parameters.MaxNotificationsPerPublish = ua.Counter(0)
    parameters.PublishingEnabled = True
    return Subscription(link, config, clock, await link.create_subscription(parameters))
