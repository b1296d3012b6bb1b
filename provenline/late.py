"""A source whose device is still starting: it knows its address only once the device is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from collectors.source import Source, Tally
from configs.configuration import Binding
from configs.sources import SourceConfig
from plant.batch import Batch

Locate = Callable[[Binding], Awaitable[SourceConfig]]
"""Waits until a binding's source is there, and returns its settings with the real address."""


class LateSource:
    """Waits for the settings of the real source, then is that source.

    `stand_in` is the same source by the settings as they were written; it is never opened.
    """

    def __init__(
        self, stand_in: Source, settle: Callable[[], Awaitable[SourceConfig]], make: Callable[[SourceConfig], Source]
    ) -> None:
        self._source = stand_in
        self._settle: Callable[[], Awaitable[SourceConfig]] | None = settle
        self._make = make

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def tally(self) -> Tally:
        return self._source.tally

    @property
    def paths(self) -> tuple[str, ...]:
        return self._source.paths

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        if self._settle is not None:
            self._source = self._make(await self._settle())
            self._settle = None
        async with self._source.open() as batches:
            yield batches
