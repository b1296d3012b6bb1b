"""The recorder: what a perfect collector would have got from a model's faces, in columns.

It watches the signals that the bindings read and, chunk by chunk, works out each tag's
samples with array operations: the changes of an OPC UA variable and, while it is steady,
its confirmations; the value at every poll of a Modbus register, the value at every message
of an MQTT topic. Values pass the same coding that the face and the address would put them
through. Links that are probed have no signals; `probing` sends the packets.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from configs.configuration import Binding
from configs.sources import ModbusSource, StampSource
from plant.batch import Batch, Form, Ints, Origin, Value
from plant.clock import SECOND
from plant.errors import ConfigError, Fault
from plant.quality import Quality
from simulators.faces.layout import Cadence, Layout, Reading
from simulators.kernel.floor import Floor
from simulators.kernel.signals import Signal, Watcher
from simulators.probing import Probes

SILENT = Quality.BAD_NO_COMMUNICATION
_BAD = 0x8000_0000


@dataclass(slots=True)
class _Log:
    """What one signal showed since the last chunk, led by what it showed before that."""

    at: list[int] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    value: list[Value] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    fresh: int = 0
    """Entries before this one were in the last chunk."""

    def append(self, at: int, signal: Signal) -> None:
        self.at.append(at)
        self.time.append(signal.time)
        self.value.append(signal.value)
        self.quality.append(signal.quality)

    def prune(self) -> None:
        for column in (self.at, self.time, self.value, self.quality):
            del column[:-1]
        self.fresh = len(self.at)


@dataclass(slots=True)
class _Messages:
    """When a message was composed, and at which row the log of each of its signals was then.

    Rows, not times: a signal may change again at the same moment, after the message.
    """

    at: list[int] = field(default_factory=list)
    rows: dict[str, list[int]] = field(default_factory=dict)

    def note(self, at: int, logs: dict[str, _Log]) -> None:
        self.at.append(at)
        for name, rows in self.rows.items():
            rows.append(len(logs[name].at) - 1)

    def prune(self) -> None:
        self.at.clear()
        for rows in self.rows.values():
            rows.clear()


@dataclass(frozen=True, slots=True)
class _Channel:
    """A tag and how it is read. `confirmed`: ns after which a steady value is read again."""

    path: str
    reading: Reading
    confirmed: int


@dataclass(frozen=True, slots=True)
class _Samples:
    """Samples of one tag: rows of a log, the times they carry, and when they were received."""

    tag: int
    reading: Reading
    log: _Log
    rows: Ints
    time: Ints
    received: Ints


class Recorder:
    """Records what `bindings` read from a model on `floor`. `faces` maps source ids to layouts.

    Raises ConfigError, with every fault, for an address at which there is nothing.
    """

    def __init__(self, floor: Floor, bindings: Sequence[Binding], faces: dict[str, list[Layout]]) -> None:
        self._floor = floor
        self._since = floor.now() - 1
        self._watched: list[tuple[Signal, Watcher]] = []
        self._closed = False
        self._channels = tuple(_channels(bindings, faces))
        probed = [b for b in bindings if isinstance(b.source, StampSource) and b.source.id in faces and b.points]
        self._probes = [Probes(floor, binding, faces[binding.source.id]) for binding in probed]
        self._names = tuple(channel.path for channel in self._channels)
        self._names += tuple(path for probes in self._probes for path in probes.paths)
        readings = [channel.reading for channel in self._channels]
        self._logs = {name: self._follow(floor.signals[name]) for name in sorted({r.signal for r in readings})}
        self._heard = [floor.now()] * len(self._channels)
        self._messages: dict[tuple[str, float], _Messages] = {}
        for reading in readings:
            if reading.cadence in (Cadence.ON_TIMER, Cadence.ON_TRIGGER):
                key = (reading.trigger, reading.period)
                messages = self._messages.get(key) or self._overhear(reading)
                messages.rows[reading.signal] = []
                self._messages[key] = messages

    def take(self, until: int) -> Batch:
        """Return the samples received since the last call and up to `until` (ns UTC), in order."""
        parts = [self._samples(i, channel.reading, until) for i, channel in enumerate(self._channels)]
        texts: dict[str, int] = {}
        columns = [_column(part, texts) for part in parts if len(part.rows)]
        first = len(parts)
        for probes in self._probes:
            columns += probes.take(until, first=first)
            first += len(probes.paths)
        for log in self._logs.values():
            log.prune()
        for messages in self._messages.values():
            messages.prune()
        self._since = until
        return _join(self._names, tuple(texts), columns)

    def close(self) -> None:
        """Leave the model alone: it may live on for days, and nobody takes any more."""
        self._closed = True
        for signal, watcher in self._watched:
            signal.unwatch(watcher)
        self._watched.clear()

    def _watch(self, signal: Signal, watcher: Watcher) -> None:
        signal.watch(watcher)
        self._watched.append((signal, watcher))

    def _follow(self, signal: Signal) -> _Log:
        log = _Log()
        log.append(self._floor.now(), signal)
        self._watch(signal, lambda shown: log.append(self._floor.now(), shown))
        return log

    def _overhear(self, reading: Reading) -> _Messages:
        messages = _Messages()

        def note(trigger: Signal | None = None) -> None:
            if not self._closed and (trigger is None or trigger.occurred):
                messages.note(self._floor.now(), self._logs)

        if reading.cadence is Cadence.ON_TIMER:
            self._floor.every(reading.period, note)
        else:
            self._watch(self._floor.signals[reading.trigger], note)
        return messages

    def _samples(self, tag: int, reading: Reading, until: int) -> _Samples:
        log = self._logs[reading.signal]
        if reading.cadence is Cadence.ON_CHANGE:
            return self._confirmed(_changes(tag, reading, log), until)
        if reading.cadence is Cadence.POLLED:
            period = round(reading.period * SECOND)
            polls = np.arange(self._since // period + 1, until // period + 1, dtype=np.int64) * period
            rows = np.searchsorted(np.array(log.at, np.int64), polls, side="right").astype(np.int64) - 1
            return _Samples(tag, reading, log, rows, polls, polls)
        messages = self._messages[reading.trigger, reading.period]
        return _published(tag, reading, log, messages)

    def _confirmed(self, changes: _Samples, until: int) -> _Samples:
        """Add what a collector reads again because it did not change for a while; see `collectors.opcua`."""
        every = self._channels[changes.tag].confirmed
        marks = [self._heard[changes.tag], *changes.received.tolist()]
        steady = [np.arange(a + every, b, every) for a, b in itertools.pairwise([*marks, until + 1])]
        moments = np.concatenate(steady).astype(np.int64)
        self._heard[changes.tag] = max([marks[-1], *moments.tolist()[-1:]])
        rows = np.searchsorted(np.array(changes.log.at, np.int64), moments, side="right").astype(np.int64) - 1
        known = np.array(changes.log.quality, np.uint32)[rows] < _BAD
        rows, moments = rows[known], moments[known]
        return _Samples(
            tag=changes.tag,
            reading=changes.reading,
            log=changes.log,
            rows=np.concatenate([changes.rows, rows]),
            time=np.concatenate([changes.time, _cut(moments, changes.reading.tick)]),
            received=np.concatenate([changes.received, moments]),
        )


def _channels(bindings: Sequence[Binding], faces: dict[str, list[Layout]]) -> Iterator[_Channel]:
    faults = []
    for binding in bindings:
        if binding.source.id not in faces or isinstance(binding.source, StampSource):
            continue
        period = binding.source.period if isinstance(binding.source, ModbusSource) else 0.0
        for tag, address in binding.points:
            readings = (layout.reading(address, period) for layout in faces[binding.source.id])
            reading = next((r for r in readings if r is not None), None)
            if reading is not None:
                yield _Channel(tag.path, reading, max(1, round(tag.stale_after / 2 * SECOND)))
            else:
                where = address.model_dump(by_alias=True, exclude_defaults=True, mode="json")
                faults.append(Fault(f"scene {binding.scene}", tag.path, f"the simulator has nothing at {where}"))
    if faults:
        raise ConfigError(tuple(faults))


def _changes(tag: int, reading: Reading, log: _Log) -> _Samples:
    value, quality = log.value, log.quality
    rows = np.array(
        [i for i in range(log.fresh, len(value)) if not i or (value[i], quality[i]) != (value[i - 1], quality[i - 1])],
        np.int64,
    )
    times, at = np.array(log.time, np.int64), np.array(log.at, np.int64)
    return _Samples(tag, reading, log, rows, _cut(times[rows], reading.tick), at[rows])


def _published(tag: int, reading: Reading, log: _Log, messages: _Messages) -> _Samples:
    """Return the values of one field of each message; a device that was silent then published none."""
    at = np.array(messages.at, np.int64)
    rows = np.array(messages.rows[reading.signal], np.int64)
    heard = np.array(log.quality, np.uint32)[rows] != SILENT
    rows, at = rows[heard], at[heard]
    if not reading.tick:
        return _Samples(tag, reading, log, rows, at, at)
    clock_error = (np.array(log.time, np.int64) - np.array(log.at, np.int64))[rows]
    return _Samples(tag, reading, log, rows, _cut(at + clock_error, reading.tick), at)


def _cut(times: Ints, tick: int) -> Ints:
    return times // tick * tick if tick else times


def _column(part: _Samples, texts: dict[str, int]) -> Batch:
    """Return one tag's samples as a batch whose dictionaries are still to be filled in."""
    raw, form = _coded([part.reading.convert(value) for value in part.log.value], texts)
    size = len(part.rows)
    return Batch(
        names=(),
        tag=np.full(size, part.tag, np.uint32),
        time=part.time,
        received=part.received,
        raw=raw[part.rows],
        quality=np.array(part.log.quality, np.uint32)[part.rows],
        form=np.full(size, int(form), np.uint8),
        origin=np.full(size, int(Origin.SIMULATED), np.uint8),
    )


def _join(names: tuple[str, ...], texts: tuple[str, ...], columns: list[Batch]) -> Batch:
    whole = replace(Batch.concat(columns), names=names, texts=texts)
    return whole.take(np.argsort(whole.received, kind="stable"))


def _coded(values: list[Value], texts: dict[str, int]) -> tuple[Ints, Form]:
    """Return the raw column of values that are all of the first one's form."""
    first = values[0]
    if isinstance(first, str):
        return np.array([texts.setdefault(str(v), len(texts)) for v in values], np.int64), Form.TEXT
    if isinstance(first, bool):
        return np.array(values, np.int64), Form.BOOLEAN
    if isinstance(first, int):
        return np.array(values, np.int64), Form.INTEGER
    floats: npt.NDArray[np.float64] = np.array(values, np.float64)
    return floats.view(np.int64), Form.FLOAT
