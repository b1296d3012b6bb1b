"""The recorder: what a perfect collector would have got from a model's faces, in columns.

It watches the signals that the bindings read and, chunk by chunk, works out each tag's
samples with array operations: the changes of an OPC UA variable, the value at every poll
of a Modbus register, the value at every message of an MQTT topic. Values pass the same
coding that the face and the address would put them through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from configs.configuration import Binding
from configs.sources import ModbusSource
from plant.batch import Batch, Form, Ints, Origin, Value
from plant.clock import SECOND
from plant.errors import ConfigError, Fault
from plant.quality import Quality
from simulators.faces.layout import Cadence, Layout, Reading
from simulators.kernel.signals import Signal, SignalTable

SILENT = Quality.BAD_NO_COMMUNICATION


@dataclass(slots=True)
class _Log:
    """What one signal showed since the last chunk, led by what it showed before that."""

    at: list[int] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    value: list[Value] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    occurred: list[bool] = field(default_factory=list)
    fresh: int = 0
    """Entries before this one were in the last chunk."""

    def prune(self) -> None:
        for column in (self.at, self.time, self.value, self.quality, self.occurred):
            del column[:-1]
        self.fresh = len(self.at)


@dataclass(frozen=True, slots=True)
class _Channel:
    path: str
    reading: Reading


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
    """Records what `bindings` read from a model. `faces` maps source ids to layouts.

    Raises ConfigError, with every fault, for an address at which there is nothing.
    """

    def __init__(self, signals: SignalTable, bindings: Sequence[Binding], faces: dict[str, list[Layout]]) -> None:
        self._signals = signals
        self._begun = self._since = signals.now()
        self._channels = tuple(_channels(bindings, faces))
        self._names = tuple(channel.path for channel in self._channels)
        readings = [channel.reading for channel in self._channels]
        needed = {r.signal for r in readings} | {r.trigger for r in readings if r.trigger}
        self._logs = {name: self._follow(signals[name]) for name in sorted(needed)}

    def take(self, until: int) -> Batch:
        """Return the samples received since the last call and up to `until` (ns UTC), in order."""
        parts = [self._samples(i, channel.reading, until) for i, channel in enumerate(self._channels)]
        texts: dict[str, int] = {}
        columns = [_column(part, texts) for part in parts if len(part.rows)]
        for log in self._logs.values():
            log.prune()
        self._since = until
        return _join(self._names, tuple(texts), columns)

    def _follow(self, signal: Signal) -> _Log:
        log = _Log()

        def append(shown: Signal) -> None:
            log.at.append(self._signals.now())
            log.time.append(shown.time)
            log.value.append(shown.value)
            log.quality.append(shown.quality)
            log.occurred.append(shown.occurred)

        append(signal)
        signal.watch(append)
        return log

    def _samples(self, tag: int, reading: Reading, until: int) -> _Samples:
        log = self._logs[reading.signal]
        first = self._since == self._begun
        if reading.cadence is Cadence.ON_CHANGE:
            return _changes(tag, reading, log)
        if reading.cadence is Cadence.ON_TRIGGER:
            trigger = self._logs[reading.trigger]
            at = np.array(trigger.at[trigger.fresh :], np.int64)
            return _as_of(tag, reading, log, at[np.array(trigger.occurred[trigger.fresh :], np.bool_)])
        origin = self._begun if reading.cadence is Cadence.ON_TIMER else 0
        period = round(reading.period * SECOND)
        begin = (self._since - origin) // period + 1
        if first and reading.cadence is Cadence.POLLED:
            begin = -(-(self._since - origin) // period)
        grid = origin + np.arange(begin, (until - origin) // period + 1, dtype=np.int64) * period
        return _as_of(tag, reading, log, grid)


def _channels(bindings: Sequence[Binding], faces: dict[str, list[Layout]]) -> Iterator[_Channel]:
    faults = []
    for binding in bindings:
        if binding.source.id not in faces:
            continue
        period = binding.source.period if isinstance(binding.source, ModbusSource) else 0.0
        for tag, address in binding.points:
            readings = (layout.reading(address, period) for layout in faces[binding.source.id])
            reading = next((r for r in readings if r is not None), None)
            if reading is not None:
                yield _Channel(tag.path, reading)
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


def _as_of(tag: int, reading: Reading, log: _Log, moments: Ints) -> _Samples:
    """Sample a log at `moments`; a device that was silent then published nothing."""
    at = np.array(log.at, np.int64)
    rows = np.searchsorted(at, moments, side="right").astype(np.int64) - 1
    if reading.cadence is not Cadence.POLLED:
        heard = np.array(log.quality, np.uint32)[rows] != SILENT
        rows, moments = rows[heard], moments[heard]
    if not reading.tick:
        return _Samples(tag, reading, log, rows, moments, moments)
    clock_error = (np.array(log.time, np.int64) - at)[rows]
    return _Samples(tag, reading, log, rows, _cut(moments + clock_error, reading.tick), moments)


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
