"""Probes in virtual time: what a STAMP collector's packets would have met on a modelled way.

One sample a packet and measure, with the values, qualities and times that `collectors.stamp`
gives them: dated when the packet was sent, received when its fate was known. A packet that is
not back within the source's timeout is lost: NaN, *bad: timeout*. Sender and reflector share
the model's clock, so one-way delays are exact and the clock error is 0, as it is live on one
machine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from configs.configuration import Binding
from configs.sources import StampAddress, StampSource
from plant.batch import Batch, Floats, Form, Ints, Mask, Origin
from plant.clock import SECOND
from plant.errors import ConfigError, Fault
from plant.quality import Quality
from simulators.faces.layout import Layout, StampLayout
from simulators.kernel.floor import Floor
from simulators.network.link import Direction

_MICROSECONDS = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class _Packets:
    """Packets whose fate is known, in the order of sending. Times ns UTC, delays µs, NaN where lost."""

    sent: Ints
    known: Ints
    up: Floats
    down: Floats
    before: float
    """Round trip of the packet before the first one."""

    @property
    def rtt(self) -> Floats:
        return self.up + self.down

    @property
    def back(self) -> Mask:
        return ~np.isnan(self.up)

    @property
    def jitter(self) -> Floats:
        return np.diff(self.rtt, prepend=self.before)


_MEASURES: dict[str, Callable[[_Packets], Floats]] = {
    "rtt": lambda p: p.rtt,
    "up": lambda p: p.up,
    "down": lambda p: p.down,
    "rtt-jitter": lambda p: p.jitter,
    "loss": lambda p: (~p.back).astype(np.float64),
    "clock-error": lambda p: np.where(p.back, 0.0, np.nan),
}
_SILENT_ABOUT_LOSS = ("rtt-jitter", "clock-error")


class Probes:
    """One STAMP session from now on. `paths`: the tags it yields samples for.

    Raises ConfigError when what is simulated behind the source is no STAMP reflector.
    """

    def __init__(self, floor: Floor, binding: Binding, layouts: Sequence[Layout]) -> None:
        layout = next((layout for layout in layouts if isinstance(layout, StampLayout)), None)
        if layout is None or not isinstance(binding.source, StampSource):
            message = "the simulator has no STAMP reflector here"
            raise ConfigError((Fault(f"scene {binding.scene}", f"source {binding.source.id}", message),))
        self._floor = floor
        self._way = layout.way
        self._reflector = floor.signals[layout.reflector]
        self._size = binding.source.size
        self._timeout = round(binding.source.timeout * SECOND)
        self._measures = [(tag.path, a.measure) for tag, a in binding.points if isinstance(a, StampAddress)]
        self._waiting: deque[tuple[int, int, float, float]] = deque()
        self._before = float("nan")
        floor.every(binding.source.interval, self._send)

    @property
    def paths(self) -> tuple[str, ...]:
        """The tags, in order."""
        return tuple(path for path, _ in self._measures)

    def take(self, until: int, *, first: int) -> list[Batch]:
        """Return what became known up to `until` (ns UTC), a batch a tag; tags are numbered from `first` on."""
        packets = self._decided(until)
        if not len(packets.sent):
            return []
        return [_column(packets, measure, first + i) for i, (_, measure) in enumerate(self._measures)]

    def _send(self) -> None:
        now = self._floor.now()
        answers = self._reflector.quality != Quality.BAD_NO_COMMUNICATION
        up = self._way.delay(now, self._size, Direction.UP) if answers else None
        turned = now + round((up or 0.0) * SECOND)
        down = None if up is None else self._way.delay(turned, self._size, Direction.DOWN)
        if up is None or down is None or (up + down) * SECOND > self._timeout:
            self._waiting.append((now, now + self._timeout, float("nan"), float("nan")))
        else:
            self._waiting.append((now, turned + round(down * SECOND), up, down))

    def _decided(self, until: int) -> _Packets:
        """Take what leaves by `until`: a packet still under way holds back those sent after it."""
        taken = []
        while self._waiting and self._waiting[0][1] <= until:
            taken.append(self._waiting.popleft())
        sent, known, up, down = zip(*taken, strict=True) if taken else ((), (), (), ())
        packets = _Packets(
            sent=np.array(sent, np.int64),
            known=np.array(known, np.int64),
            up=np.array(up, np.float64) * _MICROSECONDS,
            down=np.array(down, np.float64) * _MICROSECONDS,
            before=self._before,
        )
        if taken:
            self._before = float(packets.rtt[-1])
        return packets


def _column(packets: _Packets, measure: str, tag: int) -> Batch:
    values = _MEASURES[measure](packets)
    missing = np.isnan(values)
    rows = ~missing if measure in _SILENT_ABOUT_LOSS else np.ones(len(values), np.bool_)
    size = int(rows.sum())
    quality = np.where(missing, np.uint32(Quality.BAD_TIMEOUT), np.uint32(Quality.GOOD))[rows]
    return Batch(
        names=(),
        tag=np.full(size, tag, np.uint32),
        time=packets.sent[rows],
        received=packets.known[rows],
        raw=values[rows].view(np.int64),
        quality=quality.astype(np.uint32),
        form=np.full(size, int(Form.FLOAT), np.uint8),
        origin=np.full(size, int(Origin.SIMULATED), np.uint8),
    )
