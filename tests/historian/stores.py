"""Every way a historian can stand when it is asked: the conformance suite runs against all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa

from historian.embedded import EmbeddedHistorian, EmbeddedReader, catalogue, keeper
from historian.embedded.catalogue import Listed
from historian.embedded.reader import DATABASE
from historian.influxdb import InfluxHistorian, Server
from historian.port import Rollup
from plant.batch import INT64_MAX, INT64_MIN, Batch
from plant.clock import SECOND, VirtualClock
from plant.database import reader

T0 = 1_700_000_000 * SECOND
DAY = 86_400 * SECOND


class Stage:
    """A historian, and what is done to it before each question: sealing, merging, reopening.

    `afterwards` gets the historian and returns the one to ask.
    """

    def __init__(self, historian, afterwards: Callable = lambda historian: historian) -> None:
        self.historian = historian
        self._afterwards = afterwards
        self._written = False

    def write(self, batch: Batch) -> None:
        self.historian.write(batch)
        self._written = True

    @property
    def asked(self):
        if self._written:
            self.historian = self._afterwards(self.historian)
            self._written = False
        return self.historian

    def paths(self) -> tuple[str, ...]:
        return self.asked.paths()

    def latest(self, paths) -> Batch:
        return self.asked.latest(paths)

    def history(self, paths, start: int, stop: int) -> Batch:
        return self.asked.history(paths, start, stop)

    def before(self, paths, moment: int) -> Batch:
        return self.asked.before(paths, moment)

    def rollup(self, path: str, start: int, stop: int, buckets: int) -> Rollup:
        return self.asked.rollup(path, start, stop, buckets)

    def export(self, paths, start: int, stop: int) -> pa.RecordBatchReader:
        return self.asked.export(paths, start, stop)


def _sealed(historian):
    historian.seal()
    return historian


def _half_sealed(historian):
    # What this round brought is sealed, what the next one brings stays in the log, and so on.
    if historian.log.batches > 1:
        historian.seal()
    return historian


def _settled(historian):
    with patch.object(keeper, "_WORTH_SETTLING", 1):
        historian.seal()
        historian.tidy()
    return historian


def _merged(historian):
    # Nothing is over yet, so nothing settles: segments only grow together.
    with patch.object(keeper, "_FAN", 2):
        historian.seal()
        historian.tidy()
    return historian


def open_embedded(folder: Path, **options) -> EmbeddedHistorian:
    """Open a historian that does its housekeeping by hand, three days after `T0`."""
    options.setdefault("clock", VirtualClock(T0 + 3 * DAY))
    return EmbeddedHistorian(folder, seal_every=None, grace=0.0, **options)


def listed(folder: Path) -> list[Listed]:
    """Return what the catalogue lists."""
    with closing(reader(folder / DATABASE)) as connection:
        return catalogue.segments(connection, INT64_MIN, INT64_MAX)


@contextmanager
def embedded(folder: Path, afterwards: Callable = lambda historian: historian, **options) -> Iterator[Stage]:
    stage = Stage(open_embedded(folder, **options), afterwards)
    yield stage
    stage.historian.close()


@contextmanager
def reopened(folder: Path) -> Iterator[Stage]:
    def again(historian):
        historian.seal()
        historian.close()
        return open_embedded(folder)

    with embedded(folder, again) as stage:
        yield stage


class _Beside:
    """Writes through one object, reads through another one that only reads."""

    def __init__(self, folder: Path) -> None:
        self.writer = open_embedded(folder)
        self.reader = EmbeddedReader(folder)

    def __getattr__(self, name: str):
        return getattr(self.writer if name == "write" else self.reader, name)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


@contextmanager
def beside(folder: Path) -> Iterator[Stage]:
    historian = _Beside(folder)
    yield Stage(historian)
    historian.close()


@contextmanager
def influx(url: str, database: str) -> Iterator[Stage]:
    historian = InfluxHistorian(Server(url=url, version=1, database=database))
    yield Stage(historian)
    historian.close()


EMBEDDED = {
    "log": embedded,
    "sealed": lambda folder: embedded(folder, _sealed),
    "half-sealed": lambda folder: embedded(folder, _half_sealed),
    "merged": lambda folder: embedded(folder, _merged, clock=VirtualClock(SECOND)),
    "settled": lambda folder: embedded(folder, _settled),
    "reopened": reopened,
    "beside": beside,
}
