"""Reading the embedded historian, beside its writer, from this process or another.

Each query takes one SQLite read transaction to learn a consistent state (which segments,
which log rows), and then reads without holding anybody up. The catalogue picks the files;
DuckDB reads only those of their row groups that matter; the log's tail comes from memory.
"""

from __future__ import annotations

import logging
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa

from historian.buckets import none
from historian.embedded import catalogue, queries, rolls, thinning
from historian.embedded.catalogue import Listed, Newest
from historian.embedded.queries import Engine, Unreadable, View
from historian.embedded.rolls import Roll, Thinning
from historian.embedded.tail import Piece, Tail
from historian.export import stream
from historian.port import Buckets, Hole, Rollup
from historian.rollup import empty
from plant.batch import INT64_MAX, INT64_MIN, Batch, BatchBuilder, Form, Origin, Value
from plant.database import is_damage, reader
from plant.errors import Unavailable

logger = logging.getLogger(__name__)

DATABASE, SEGMENTS = "historian.db", "segments"
_ATTEMPTS = 4

Answer = TypeVar("Answer")
Question = ParamSpec("Question")


class Damaged(Unavailable):
    """The database was damaged when somebody read it; who has its writer may ask again."""


def _again(
    ask: Callable[Concatenate[EmbeddedReader, Question], Answer],
) -> Callable[Concatenate[EmbeddedReader, Question], Answer]:
    """Ask once more when damage was met: a writer has put it aside by then."""

    @wraps(ask)
    def asking(store: EmbeddedReader, /, *args: Question.args, **more: Question.kwargs) -> Answer:
        with suppress(Damaged):
            return ask(store, *args, **more)
        return ask(store, *args, **more)

    return asking


class EmbeddedReader:
    """The reading half of the historian in `folder`; safe to use from any thread.

    `memory_limit`, `threads`: what DuckDB may use. Raises Unavailable when there is none.
    """

    def __init__(self, folder: Path, *, memory_limit: str = "512MB", threads: int = 2) -> None:
        self.folder = folder
        self.damaged: frozenset[str] = frozenset()
        """Names of segments that could not be read and are left out."""
        self._lock = threading.Lock()
        self._ids: dict[str, int] = {}
        self._tail = Tail()
        self._reader = reader(folder / DATABASE)
        self._inode = (folder / DATABASE).stat().st_ino
        self._engine = Engine(folder / SEGMENTS, memory_limit=memory_limit, threads=threads)

    @_again
    def paths(self) -> tuple[str, ...]:
        """Return every tag path that has samples, sorted."""
        with self._snapshot() as connection:
            known = set(catalogue.paths(connection))
            pieces = self._tail.refresh(connection)
        for piece in pieces:
            batch = piece.rows.batch
            known.update(batch.names[i] for i in np.unique(batch.tag).tolist())
        return tuple(sorted(known))

    @_again
    def latest(self, paths: Sequence[str]) -> Batch:
        """Return the newest sample of each tag by source time, replayed ones left out."""
        with self._snapshot() as connection:
            sealed = {row.path: row for row in catalogue.newest(connection, paths)}
            pieces = self._tail.refresh(connection)
        builder = BatchBuilder()
        for path in dict.fromkeys(paths):
            _add_latest(builder, path, sealed.get(path), pieces)
        return builder.build()

    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch:
        """Return all samples of the tags in the window, sorted by tag (in the order asked), then time."""
        if stop <= start or not paths:
            return Batch.empty()
        return self._answer(paths, start, stop - 1, lambda v: queries.history(self._engine, v, start, stop - 1).batch)

    def before(self, paths: Sequence[str], moment: int) -> Batch:
        """Return the newest sample of each tag earlier than `moment`: what was in force when a window began."""
        if moment <= INT64_MIN or not paths:
            return Batch.empty()
        return self._answer(paths, INT64_MIN, moment - 1, lambda v: queries.before(self._engine, v, moment - 1).batch)

    def rollup(self, path: str, start: int, stop: int, buckets: int) -> Rollup:
        """Sum one tag up in `buckets` equal parts of the window. `buckets` is 1 to 10 000."""
        empty(start, stop, buckets)  # refuses an impossible window before anything is read
        return self._answer(
            (path,),
            start,
            stop - 1,
            lambda v: queries.rollup(self._engine, v, start, stop, empty(start, stop, buckets)),
        )

    def export(self, paths: Sequence[str], start: int, stop: int) -> pa.RecordBatchReader:
        """Stream the window's samples as Arrow with `EXPORT_SCHEMA`, sorted by tag, then time."""
        return stream(self, paths, start, stop)

    def thinned(self, paths: Sequence[str], start: int, stop: int) -> tuple[Hole, ...]:
        """Return the holes that reach into a window: where `history` no longer has all that was written."""
        if stop <= start or not paths:
            return ()
        view = self._view(paths, start, stop - 1)
        names = dict(zip(view.ids, view.wanted, strict=True))
        return tuple(Hole(names[hole.tag], hole.start, hole.stop) for hole in view.holes if not hole.bare)

    def buckets(self, path: str, start: int, stop: int) -> Buckets:
        """Return one tag's stored buckets that begin in the window, in order of time, then step."""
        if stop <= start:
            return none()
        return self._answer((path,), start, stop - 1, lambda v: queries.stored(self._engine, v, start, stop - 1))

    def held(self, groups: Sequence[Sequence[str]], before: int, *, step: int = 0) -> list[Mapping[int, int]]:
        """Return, for each group of tags, how many samples every UTC day has that ends by `before`; days since 1970.

        `step`: count stored buckets of this step instead. The log's tail is left out.
        """

        def count(view: View) -> list[Mapping[int, int]]:
            ids = dict(zip(view.wanted, view.ids, strict=True))
            known = [[ids[path] for path in group if ids[path]] for group in groups]
            files = view.listed if not step else [roll for roll in view.rolls if roll.step == step]
            return list(thinning.held(self._engine, files, known, before))

        paths = [path for group in groups for path in group]
        return self._answer(paths, 0, before - 1, count) if paths else [{} for _ in groups]

    def bytes_a_row(self, *, step: int = 0) -> float:
        """Return the bytes that a sample, or a stored bucket of `step`, takes on the disk on average."""
        with self._snapshot() as connection:
            files = catalogue.segments(connection, INT64_MIN, INT64_MAX)
            stored = rolls.listed(connection, INT64_MIN, INT64_MAX)
        chosen = files if not step else [roll for roll in stored if roll.step == step]
        return thinning.average_bytes(self.folder / SEGMENTS, chosen)

    @property
    def thinning(self) -> Thinning:
        """What was dropped here, ever, and when the last time."""
        with self._snapshot() as connection:
            return rolls.totals(connection)

    def counts(self, paths: Sequence[str], start: int, stop: int) -> Mapping[str, int]:
        """Return how many samples each tag has in the window; one that was written twice may count twice."""
        if stop <= start or not paths:
            return {}
        return self._answer(paths, start, stop - 1, lambda v: queries.counts(self._engine, v, start, stop - 1))

    def close(self) -> None:
        """Release the connections; other methods must not be called afterwards."""
        with self._lock:
            self._reader.close()
            self._engine.close()

    def _answer(self, paths: Sequence[str], first: int, last: int, ask: Callable[[View], Answer]) -> Answer:
        """Ask a consistent view; when a file went away or is damaged, ask a newer view without it."""
        for _ in range(_ATTEMPTS):
            view = self._view(paths, first, last)
            try:
                return ask(view)
            except Unreadable as error:
                failure = error
                self._examine([*view.listed, *view.rolls])
        raise Unavailable(f"segments in {self.folder} cannot be read: {failure}") from failure

    @_again
    def _view(self, paths: Sequence[str], first: int, last: int) -> View:
        wanted = {path: i for i, path in enumerate(dict.fromkeys(paths))}
        with self._snapshot() as connection:
            listed = catalogue.segments(connection, first, last)
            pieces = self._tail.refresh(connection)
            if not self._ids.keys() >= wanted.keys():
                known = max(self._ids.values(), default=0)
                self._ids.update({path: i for i, path in catalogue.ids(connection, after=known)})
            ids = [self._ids.get(path, 0) for path in wanted]
            rolled = rolls.listed(connection, first, last)
            holes = rolls.holes(connection, ids, first, last)
        low, high = min((i for i in ids if i), default=0), max(ids)
        chosen = [
            one
            for one in listed
            if one.segment.tag_max >= low and one.segment.tag_min <= high and one.segment.name not in self.damaged
        ]
        stored = [roll for roll in rolled if roll.segment.name not in self.damaged]
        return View(chosen if high else (), pieces, wanted, ids, stored if high else (), holes)

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Lend a consistent state. Raises Unavailable, or Damaged after `_mend`."""
        try:
            with self._lock:
                self._follow()
                try:
                    self._reader.execute("BEGIN")
                    yield self._reader
                finally:
                    with suppress(sqlite3.Error):
                        self._reader.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise Unavailable(f"{self.folder / DATABASE} cannot be read: {error}") from error
            self._mend()
            raise Damaged(f"{self.folder / DATABASE} is damaged: {error}") from error
        except FileNotFoundError as error:
            self._mend()  # waits until another file is in its place
            raise Damaged(f"{self.folder / DATABASE} is not there: it may be about to be replaced") from error

    def _mend(self) -> None:
        """Have damage put aside, where this object may write."""

    def _follow(self) -> None:
        """Go over to the new file when the writer had to replace a damaged one."""
        inode = (self.folder / DATABASE).stat().st_ino
        if inode != self._inode:
            self._reader.close()
            self._reader = reader(self.folder / DATABASE)
            self._inode, self._tail, self._ids = inode, Tail(), {}

    def _examine(self, suspects: Sequence[Listed | Roll]) -> None:
        """Find out which of some segments are damaged, and leave them out from now on."""
        unsound = [one.segment for one in suspects if not self._engine.sound(one.segment.name)]
        for segment in unsound:
            with self._snapshot() as connection:
                listed: list[Listed | Roll] = [
                    *catalogue.segments(connection, segment.first, segment.last),
                    *rolls.listed(connection, segment.first, segment.last),
                ]
            if any(one.segment.name == segment.name for one in listed):
                self._leave_out(segment.name)

    def _leave_out(self, name: str) -> None:
        self.damaged |= {name}
        logger.error("segment %s is damaged; its samples are missing from answers", name)


def _add_latest(builder: BatchBuilder, path: str, sealed: Newest | None, pieces: Sequence[Piece]) -> None:
    best = (INT64_MIN, -1) if sealed is None else (sealed.time, sealed.order)
    source: tuple[Batch, int] | None = None
    for piece in pieces:
        row = piece.newest.get(path)
        if row is None:
            continue
        key = (int(piece.rows.batch.time[row]), int(piece.rows.order[row]))
        if key > best:
            best, source = key, (piece.rows.batch, row)
    if source is not None:
        batch, row = source
        builder.add(
            path,
            int(batch.time[row]),
            batch.value(row),
            received=int(batch.received[row]),
            quality=int(batch.quality[row]),
            origin=Origin(int(batch.origin[row])),
        )
    elif sealed is not None:
        builder.add(
            path,
            sealed.time,
            _value(sealed),
            received=sealed.received,
            quality=sealed.quality,
            origin=Origin(sealed.origin),
        )


def _value(row: Newest) -> Value:
    if isinstance(row.value, str) or row.form == Form.INTEGER:
        return row.value
    return bool(row.value) if row.form == Form.BOOLEAN else float(struct.unpack("<d", struct.pack("<q", row.value))[0])
