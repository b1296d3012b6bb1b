"""The Modbus source: rounds on a fixed grid, one batch per unit and round.

    tick            |--- u1 --- u2 --- u3 -|--- u1 --- u2 ---      |
    u3 silent                          ^^^^ one timeout   (left alone for `pause`)

A batch per unit, because it is what was read in one go: it leaves as soon as it is there,
and no unit's values wait for a slower one. A sample's time is that of the reply, Modbus has
none of its own.

**A dead unit costs little.** Its silence costs one timeout; then it is left alone for
`pause` while the others are polled. Then one silent unit a `pause` is asked again, after
the living ones, in turn; when it answers, the next silent one is asked at once, because
what came back is often the line they share. So dead units never take more than
timeout / (timeout + pause) of the line, however many they are. When every unit is silent
the link is at fault: Disconnected, after one timeout per unit at most.

**Simulators say so.** A unit that answers is asked once per opening who made it (function
43/14); a vendor name that begins with `provenline simulator` marks its samples. Devices
that refuse or ignore the question lose nothing; one that drops the connection over it twice
is not asked any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from collectors.modbus.held import held
from collectors.modbus.link import Link, NoAnswer, Refused
from collectors.modbus.plan import limit_of, next_tick
from collectors.modbus.turns import Turns
from collectors.modbus.unit import Silence, Unit
from collectors.source import DeadLetter, DeadLetters, Point, Tally, discard
from configs import sources as configs
from configs.sources import ModbusAddress
from plant.batch import Batch, Origin
from plant.clock import Clock
from plant.errors import ConfigError, Disconnected, Fault
from plant.quality import good

SIMULATOR = "provenline simulator"
"""How the vendor name of a simulated device begins, in any case."""
_QUESTIONS_THAT_MAY_HURT = 2
_IDLE = 0.1
"""Seconds to wait where nothing is to be polled and no period says when to look again."""


class ModbusSource:
    """One Modbus connection with one or more units behind it; see `collectors.source.Source`.

    Raises ConfigError when an address cannot be read over this link.
    """

    def __init__(
        self,
        config: configs.ModbusSource,
        points: Sequence[Point[ModbusAddress]],
        *,
        clock: Clock,
        dead_letters: DeadLetters = discard,
    ) -> None:
        _check(config, points)
        self.tally = Tally()
        self._config, self._points = config, tuple(points)
        self._clock, self._dead_letters = clock, dead_letters
        self._hurt: Counter[int] = Counter()
        self._simulated: set[int] = set()

    @property
    def name(self) -> str:
        return self._config.id

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(point.tag.path for point in self._points)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        """Connect and poll; see the port."""
        link = Link(self._config.link, timeout=self._config.timeout, clock=self._clock)
        try:
            await link.connect()
            batches = self._rounds(link)
            try:
                with held(self._config, link):
                    yield batches
            finally:
                await batches.aclose()
        finally:
            link.close()
            await self._clock.sleep(0)  # one turn of the loop, in which the socket is really closed

    async def _rounds(self, link: Link) -> AsyncGenerator[Batch, None]:
        turns = Turns(self._units(), pause=self._config.pause, clock=self._clock)
        period, start, tick = self._config.period, self._clock.monotonic(), 0
        while True:
            if not link.connected:
                raise Disconnected(f"{link.place} closed the connection")
            idle = True
            for unit in turns.round():
                batch = await self._read(link, unit, deadline=start + (tick + 1) * period)
                turns.settle(unit)
                if unit.silence is not None and turns.all_silent:
                    raise Disconnected(f"{link.place}: nobody answers; last asked {unit.silence.reason}")
                if len(batch):
                    self.tally.samples += len(batch)
                    idle = False
                    yield batch
            elapsed, last = self._clock.monotonic() - start, tick
            if period:
                tick = next_tick(last, elapsed=elapsed, period=period)
                self.tally.gaps += tick > last + 1
                await self._clock.sleep(tick * period - elapsed)
            else:
                await self._clock.sleep(_IDLE if idle else 0)

    async def _read(self, link: Link, unit: Unit, *, deadline: float) -> Batch:
        batch = await unit.read(link, clock=self._clock, deadline=deadline)
        if unit.silence is not None and unit.silence.heard:
            self._set_aside(unit, unit.silence)
        if unit.origin is None and good(batch.quality).any():
            unit.origin = await self._origin(link, unit.number)
        return batch if unit.origin is None else batch.marked(unit.origin)

    async def _origin(self, link: Link, unit: int) -> Origin:
        """Ask who made a unit, before its first samples leave."""
        if self._hurt[unit] < _QUESTIONS_THAT_MAY_HURT:
            self._hurt[unit] += 1  # taken back below, unless the question ends the connection
            try:
                vendor = await link.vendor(unit)
            except (NoAnswer, Refused):
                vendor = ""
            self._hurt[unit] = 0
            if vendor.lower().startswith(SIMULATOR):
                self._simulated.add(unit)
        return Origin.SIMULATED if unit in self._simulated else Origin.DEVICE

    def _set_aside(self, unit: Unit, silence: Silence) -> None:
        self.tally.dead_letters += 1
        self._dead_letters(
            DeadLetter(
                time=self._clock.now(),
                source=self.name,
                subject=f"unit {unit.number}",
                reason=silence.reason,
                payload=silence.heard[: DeadLetter.KEEP],
            )
        )

    def _units(self) -> list[Unit]:
        members: dict[int, list[Point[ModbusAddress]]] = {}
        for point in self._points:
            members.setdefault(point.address.unit, []).append(point)
        config, tally = self._config, self.tally
        return [
            Unit(number, points, limit=config.block, gap=config.gap, tally=tally) for number, points in members.items()
        ]


def _check(config: configs.ModbusSource, points: Sequence[Point[ModbusAddress]]) -> None:
    faults = []
    for point in points:
        address, problem = point.address, ""
        if address.width > limit_of(address.table, config.block):
            problem = f"a value of {address.width} registers does not fit into blocks of {config.block}"
        elif address.unit == 0 and config.link.type != "tcp":
            problem = "unit 0 is a broadcast on a serial line, which nobody answers"
        if problem:
            faults.append(Fault(file=config.id, path=point.tag.path, message=problem))
    if faults:
        raise ConfigError(tuple(faults))
