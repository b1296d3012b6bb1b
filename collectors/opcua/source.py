"""Collect from one OPC UA server by subscription.

    connect ─▶ find nodes ─▶ subscribe ─▶ ┌ publish response ──▶ columns ─▶ batch ┐ …
                    │             │       ├ or, while steady: read ─▶ columns ─▶ batch ┤
                    │             │       └──────────── one per `anext` ──────────────┘
                    └─ bad points ┴─▶ first batch: each once, with its bad StatusCode

A server that was renumbered, restarted or replaced is simply connected to again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from asyncua import ua

from collectors.opcua import generic, notification
from collectors.opcua.addresses import BadAddress, resolve
from collectors.opcua.batches import Table, overflows
from collectors.opcua.columns import MISSING, Publication
from collectors.opcua.confirmation import Confirmation
from collectors.opcua.link import connect
from collectors.opcua.subscription import Arrival, Item, Subscription, subscribe
from collectors.opcua.variable import Unusual
from collectors.source import DeadLetter, DeadLetters, Point, Tally, discard
from configs.sources import OpcuaAddress
from configs.sources import OpcuaSource as Config
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, Clock
from plant.errors import Disconnected

SIMULATOR = "urn:provenline:simulator"
"""How our own simulators' application URIs start: whatever they say is simulated."""

_LAST_SEQUENCE = 2**32 - 1


class OpcuaSource:
    """An OPC UA server as a source of batches; see `collectors.source.Source` for the contract."""

    def __init__(
        self,
        config: Config,
        points: Sequence[Point[OpcuaAddress]],
        *,
        clock: Clock,
        dead_letters: DeadLetters = discard,
    ) -> None:
        self._config = config
        self._points = tuple(points)
        self._table = Table(self._points)
        self._clock = clock
        self._dead_letters = dead_letters
        self._tally = Tally()

    @property
    def name(self) -> str:
        return self._config.id

    @property
    def tally(self) -> Tally:
        return self._tally

    @property
    def paths(self) -> tuple[str, ...]:
        return self._table.paths

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        async with connect(self._config, self._clock) as link:
            self._tally.bad_points.clear()
            nodes = await resolve(link, [point.address for point in self._points])
            subscription = await subscribe(link, self._config, self._clock)
            try:
                items = self._items(nodes)
                await subscription.watch(items)
                watched = [item for item in items if item.handle not in subscription.refused]
                simulated = link.application_uri.startswith(SIMULATOR)
                origin = Origin.SIMULATED if simulated else Origin.DEVICE
                yield _Batches(
                    self.name,
                    self._table,
                    tally=self._tally,
                    dead_letters=self._dead_letters,
                    subscription=subscription,
                    confirmation=Confirmation(link, self._points, watched, self._clock.monotonic()),
                    clock=self._clock,
                    origin=origin,
                    first=self._refusals(nodes, subscription).marked(origin),
                )
            finally:
                await subscription.close()

    def _items(self, nodes: Sequence[ua.NodeId | BadAddress]) -> list[Item]:
        return [
            Item(handle, node, self._points[handle].address)
            for handle, node in enumerate(nodes)
            if isinstance(node, ua.NodeId)
        ]

    def _refusals(self, nodes: Sequence[ua.NodeId | BadAddress], subscription: Subscription) -> Batch:
        """Return one bad sample for each point without a monitored item, and note the reasons."""
        refused = {handle: (status, _status_name(status)) for handle, status in subscription.refused.items()}
        for handle, node in enumerate(nodes):
            if isinstance(node, BadAddress):
                refused[handle] = (node.quality, node.reason)
        builder, now = BatchBuilder(), self._clock.now()
        for handle, (quality, reason) in sorted(refused.items()):
            point = self._points[handle]
            self._tally.bad_points[point.tag.path] = reason
            builder.add(point.tag.path, now, float("nan"), received=now, quality=quality, origin=point.origin)
        return builder.build()


class _Batches:
    """The iterator that `open` gives: first the refusals, then one batch per notification."""

    def __init__(
        self,
        name: str,
        table: Table,
        *,
        tally: Tally,
        dead_letters: DeadLetters,
        subscription: Subscription,
        confirmation: Confirmation,
        clock: Clock,
        origin: Origin,
        first: Batch,
    ) -> None:
        self._name, self._table, self._tally, self._dead_letters = name, table, tally, dead_letters
        self._subscription, self._confirmation, self._clock = subscription, confirmation, clock
        self._origin = origin
        self._first = first
        self._sequence: int | None = None

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        batch, self._first = self._first, Batch.empty()
        while not len(batch):
            arrival = await self._subscription.next(within=self._confirmation.wait(self._clock.monotonic()))
            batch = await self._confirm() if arrival is None else self._take(arrival)
        self._tally.samples += len(batch)
        return batch

    async def _confirm(self) -> Batch:
        rows = await self._confirmation.read(self._clock)
        return self._table.batch(rows, received=self._clock.now(), origin=self._origin)

    def _take(self, arrival: Arrival) -> Batch:
        """Turn a response into samples; what cannot be read becomes a dead letter and a gap."""
        try:
            publication = _decode(arrival.message)
            batch = self._table.batch(publication.rows, received=arrival.received, origin=self._origin)
        except ValueError as error:
            self._give_up(arrival, str(error))
            return Batch.empty()
        if publication.sent != MISSING:
            self._tally.clock_offset = (publication.sent - arrival.received) / SECOND
        self._check_sequence(publication)
        self._confirmation.heard(publication.rows, self._clock.monotonic())
        self._tally.gaps += overflows(publication.rows)
        for handle, reason in publication.rows.refused.items():
            self._tally.bad_points[self._table.paths[handle]] = reason
        if publication.ended is not None and not len(batch):
            raise Disconnected(f"{self._name}: the server ended the subscription: {_status_name(publication.ended)}")
        return batch

    def _check_sequence(self, publication: Publication) -> None:
        """Count a gap where numbers are missing; a keep-alive carries the number of what comes next."""
        if self._sequence is not None and publication.sequence != self._sequence:
            self._tally.gaps += 1
        if publication.keep_alive:
            self._sequence = publication.sequence
        else:
            self._sequence = publication.sequence % _LAST_SEQUENCE + 1
            self._subscription.take(publication.sequence)

    def _give_up(self, arrival: Arrival, reason: str) -> None:
        self._tally.dead_letters += 1
        self._tally.gaps += 1
        self._sequence = None  # what is missing has been counted
        head = arrival.message[: DeadLetter.KEEP]
        self._dead_letters(DeadLetter(arrival.received, self._name, "publish response", reason, head))


def _decode(message: bytes) -> Publication:
    try:
        return notification.decode(message)
    except Unusual:
        return generic.decode(message)


def _status_name(status: int) -> str:
    return ua.StatusCode(ua.UInt32(status)).name
