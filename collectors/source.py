"""The one port of this package: a source of batches that can be opened, read and left.

    async with source.open() as batches:      # enter = connect, leave = close
        async for batch in batches:           # each batch is new data, in order
            ...make it durable...             # asking for the next one acknowledges this one

A source parses its settings in its constructor and touches the network only inside
`open`. It never retries: when the link is gone it raises `Disconnected`, and the edge's
supervisor opens it again. It never invents: a value carries the device's own time where
the device gives one, the receiving time otherwise, and what cannot be read is emitted with
a bad quality, never as the last good value.

**Asking for the next batch promises that the last one is durable.** A source that can
acknowledge (MQTT QoS 1 and 2) does so when it is asked, never before; one that is closed
without being asked must leave the last batch unacknowledged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from plant.batch import Batch, Origin
from plant.tags import Tag

Address = TypeVar("Address")


@dataclass(frozen=True, slots=True)
class Point(Generic[Address]):
    """One tag and where it lives in a source: address is data, the source is its reader."""

    tag: Tag
    address: Address

    @property
    def origin(self) -> Origin:
        """The mark that the declaration gives every sample of this tag."""
        return Origin.SIMULATED if self.tag.simulated else Origin.DEVICE


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be turned into samples, kept with the reason.

    `time`: ns UTC of receipt. `subject`: topic, register block or node id.
    `payload`: its first bytes, at most `DeadLetter.KEEP`.
    """

    KEEP = 2048

    time: int
    source: str
    subject: str
    reason: str
    payload: bytes


DeadLetters = Callable[[DeadLetter], None]
"""Where a source puts what it cannot read. Never blocks, never raises."""


def discard(_: DeadLetter) -> None:
    """Take a dead letter and forget it; for sources that are used on their own."""


@dataclass(slots=True)
class Tally:
    """What a source counts about itself; the supervisor publishes it as health tags.

    `samples`: rows emitted. `gaps`: places where data is known to be missing (queue
    overflow, sequence jump). `dropped`: samples or messages given up. `dead_letters`:
    messages that could not be read. `clock_offset`: device clock minus ours in seconds, or
    None when unknown. `bad_points`: path of a tag that the device refuses, and why.
    """

    samples: int = 0
    gaps: int = 0
    dropped: int = 0
    dead_letters: int = 0
    clock_offset: float | None = None
    bad_points: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A device, broker or recording that yields batches while it is open."""

    @property
    def name(self) -> str:
        """The source's id in the configuration, unique in its scene."""

    @property
    def tally(self) -> Tally:
        """Counts since construction; kept across openings."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every tag path this source may emit; they read bad while it is lost."""

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Connect; leaving the context closes everything the source opened.

        Raises Disconnected when the link cannot be had or is lost (also while iterating),
        ConfigError when no retry can help (a refused certificate, an unknown key file).
        The iterator ends without error only when there will never be more data.
        """
