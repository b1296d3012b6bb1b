"""One direction of a link as a function of time: how long a packet sent at t takes, and whether it is lost.

    10 ms slots   |  0  |  1  |  2  |    3    |    4    |    5    |   one state each, correlated
    drawn delay   |  5  |  5  | 42  |    6    |    5    |    5    |   ms
    met at t      |  5  |  5  | 42  | 42 … 32 | 32 … 22 | 22 … 12 |   no less than the queue still holds

What happens is fixed by the seed and the moment, never by what traffic there is: two runs
with one seed meet the same link however much they send, so a difference between them has
another cause. The delay of an earlier packet bounds that of a later one, which keeps the
order. Slots come in blocks that are made when somebody sends in them, each from its own
random stream, so a station that sends once an hour costs nothing in between.

Loss is a two-state Gilbert–Elliott chain on the same slots with certain loss in the bad
state. Gaps (roaming) are events of a Poisson process and take everything sent meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from plant.batch import Floats, Ints, Mask
from plant.clock import SECOND
from simulators.network.quantiles import GRID
from simulators.network.recursion import autoregression

SLOTS = 1024
"""Slots in a block."""

_KEPT = 8  # blocks kept for traffic that does not come strictly in order
_DELAY, _LOSS, _CHANCE = range(3)  # random streams of a block


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One block's slots. `queue`: seconds after the block's begin before which nothing sent in a slot arrives."""

    delay: Floats
    queue: Floats
    lost: Mask
    chance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Medium:
    """The law of one direction: `table` of delay (s) over `GRID`, `slot` in ns, loss `ratio` and `burst` in slots."""

    table: Floats
    slot: int
    correlation: float
    ratio: float
    burst: float


class Channel:
    """A medium in time. `seed` is any sequence of integers; the same one gives the same channel."""

    def __init__(self, medium: Medium, seed: tuple[int, ...]) -> None:
        self._medium = medium
        self._seed = seed
        self._length = medium.slot * SLOTS
        self._blocks: OrderedDict[int, Block] = OrderedDict()

    def delay(self, now: int) -> float:
        """Return the delay in seconds of a packet sent at `now` (ns)."""
        block, slot, since = self._at(now)
        return max(float(block.delay[slot]), float(block.queue[slot]) - since / SECOND)

    def lost(self, now: int) -> bool:
        """Return whether a packet sent at `now` is lost."""
        block, slot, _ = self._at(now)
        return bool(block.lost[slot])

    def chance(self, now: int) -> float:
        """Return the slot's own draw in [0, 1), for causes of loss that depend on the place."""
        block, slot, _ = self._at(now)
        return float(block.chance[slot])

    def delays(self, times: Ints) -> Floats:
        """Return the delays in seconds of packets sent at `times` (ns, rising)."""
        delays = np.empty(len(times))
        for rows, block, slots, since in self._spans(times):
            delays[rows] = np.maximum(block.delay[slots], block.queue[slots] - since / SECOND)
        return delays

    def losses(self, times: Ints) -> Mask:
        """Return which packets sent at `times` (ns, rising) are lost."""
        lost = np.empty(len(times), np.bool_)
        for rows, block, slots, _ in self._spans(times):
            lost[rows] = block.lost[slots]
        return lost

    def _at(self, now: int) -> tuple[Block, int, int]:
        number, since = divmod(now, self._length)
        return self._block(number), since // self._medium.slot, since

    def _spans(self, times: Ints) -> Iterator[tuple[slice, Block, Ints, Ints]]:
        numbers = times // self._length
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1), len(times)]
        for begin, end in pairwise(edges if len(times) else ()):
            since = times[begin:end] - numbers[begin] * self._length
            yield slice(begin, end), self._block(int(numbers[begin])), since // self._medium.slot, since

    def _block(self, number: int) -> Block:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._make(number)
            if len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        return block

    def _make(self, number: int) -> Block:
        # The queue at the block's begin is what the block before left in it; no delay is longer than a block.
        delay = self._delay(number)
        last = self._blocks[number - 1].delay if number - 1 in self._blocks else self._delay(number - 1)
        before = arrivals(last, self._medium.slot)[-1] - self._length / SECOND
        queue = np.concatenate(([before], np.maximum(arrivals(delay, self._medium.slot), before)[:-1]))
        return Block(delay, queue, self._loss(number), self._stream(number, _CHANCE).random(SLOTS))

    def _delay(self, number: int) -> Floats:
        rho, stream = self._medium.correlation, self._stream(number, _DELAY)
        noise = stream.standard_normal(SLOTS + 1)
        state = autoregression(noise, rho)
        delay: Floats = np.interp(state, GRID, self._medium.table)
        return delay

    def _loss(self, number: int) -> Mask:
        ratio, stream = self._medium.ratio, self._stream(number, _LOSS)
        lost = np.zeros(SLOTS, np.bool_)
        if ratio == 0:
            return lost
        leave = 1 / self._medium.burst
        enter = min(1.0, leave * ratio / (1 - ratio))
        bad, slot = bool(stream.random() < ratio), 0
        while slot < SLOTS:
            stay = int(stream.geometric(leave if bad else enter))
            lost[slot : slot + stay] = bad
            slot, bad = slot + stay, not bad
        return lost

    def _stream(self, number: int, purpose: int) -> np.random.Generator:
        # Block numbers before 1970 are negative; SeedSequence takes none.
        return np.random.default_rng((*self._seed, purpose, number & 0xFFFFFFFFFFFFFFFF))


def arrivals(delay: Floats, slot: int) -> Floats:
    """Return when the last packet of each slot arrives at the earliest, in seconds after the block's begin."""
    ends = np.arange(1, len(delay) + 1) * (slot / SECOND)
    return np.maximum.accumulate(delay + ends)


@dataclass(frozen=True, slots=True, eq=False)
class GapLaw:
    """How often gaps come (`every`, s on average) and how long they last (`table` in s over `GRID`)."""

    every: float
    table: Floats


class Gaps:
    """Gaps in time, the same for both directions of a link."""

    _EPOCH = 64  # mean distances between gaps that are drawn together

    def __init__(self, law: GapLaw, seed: tuple[int, ...]) -> None:
        self._law = law
        self._seed = seed
        self._length = round(law.every * self._EPOCH * SECOND)
        self._epochs: OrderedDict[int, tuple[Ints, Ints]] = OrderedDict()

    def within(self, now: int) -> bool:
        """Return whether `now` (ns) lies in a gap."""
        return bool(self.covers(np.array([now], np.int64))[0])

    def covers(self, times: Ints) -> Mask:
        """Return which of `times` (ns) lie in a gap."""
        covered = np.zeros(len(times), np.bool_)
        if len(times):
            first, last = int(times[0]) // self._length, int(times[-1]) // self._length
            for number in range(first - 1, last + 1):
                begins, ends = self._epoch(number)
                for begin, end in zip(begins, ends, strict=True):
                    covered |= (begin <= times) & (times < end)
        return covered

    def length(self, number: int) -> float:
        """Return the length in seconds of the `number`-th handover of a station whose position is known."""
        return float(
            np.interp(np.random.default_rng((*self._seed, 1, number)).standard_normal(), GRID, self._law.table)
        )

    def _epoch(self, number: int) -> tuple[Ints, Ints]:
        found = self._epochs.get(number)
        if found is None:
            stream = np.random.default_rng((*self._seed, 0, number & 0xFFFFFFFFFFFFFFFF))
            count = int(stream.poisson(self._EPOCH))
            begins = number * self._length + np.sort(stream.integers(0, self._length, count))
            lengths = np.interp(stream.standard_normal(count), GRID, self._law.table)
            found = self._epochs[number] = begins, begins + (lengths * SECOND).astype(np.int64)
            if len(self._epochs) > _KEPT:
                self._epochs.popitem(last=False)
        return found
