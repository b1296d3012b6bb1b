"""The embedded historian: the default store, in a folder of its own.

    historian.db      SQLite: the batch log (what `write` made durable), the catalogue, newest samples
    segments/         Parquet: everything the log has let go of, and buckets that stand for what was thinned
    aside/            segments that turned out damaged

`write` is one commit to the log. A thread of the historian's own moves the log's old part
into segments and keeps those few and tidy; it can be left out and driven by hand.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from historian.buckets import DAY
from historian.embedded.catalogue import SCHEMA
from historian.embedded.keeper import Keeper
from historian.embedded.reader import DATABASE, SEGMENTS, EmbeddedReader
from historian.embedded.thinning import Thinner
from historian.port import Dropped
from plant.batch import Batch
from plant.batchlog import BatchLog, Bounds, Totals
from plant.clock import Clock, SystemClock
from plant.database import Database
from plant.errors import Rejected, Unavailable
from plant.tags import check_path

logger = logging.getLogger(__name__)

_WORTH_SEALING = 50_000  # samples; fewer wait, for the log's tail is quick to read
_SEAL_ANYWAY = 60  # rounds after which they are sealed all the same
_LOG_FULL = 4_000_000  # samples at which writers help sealing, so that the log stays bounded


class EmbeddedHistorian(EmbeddedReader):
    """The historian in `folder`, which it creates; one at a time may write there.

    `seal_every`: seconds between rounds of housekeeping; None leaves it to `seal` and `tidy`.
    `grace`: seconds for which files that were merged stay, for readers that are in the middle of
    a query.
    Raises Unavailable when the folder cannot be used, is being written by somebody else, or
    was written by a newer version.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        seal_every: float | None = 5.0,
        grace: float = 60.0,
        memory_limit: str = "512MB",
        threads: int = 2,
    ) -> None:
        clock = clock or SystemClock()
        self._log = BatchLog(Database(folder / DATABASE, SCHEMA), bounds=Bounds(bytes=None), clock=clock)
        try:
            (folder / SEGMENTS).mkdir(exist_ok=True)
            super().__init__(folder, memory_limit=memory_limit, threads=threads)
        except BaseException:
            self._log.close()
            raise
        self._rounds = 0
        self._keeper = Keeper(folder / SEGMENTS, self._log, self._engine, clock=clock, grace=grace)
        self._keeper.sweep()
        self._thinner = Thinner(folder / SEGMENTS, self._log.database, self._engine, self._keeper, clock=clock)
        self._closing = threading.Event()
        self._housekeeping: threading.Thread | None = None
        if seal_every is not None:
            self._housekeeping = threading.Thread(
                target=self._keep_house, args=(seal_every,), name=f"housekeeping of {folder}", daemon=True
            )
            self._housekeeping.start()

    def write(self, batch: Batch) -> None:
        """Store a batch; when this returns, the batch survives a power cut.

        Raises Unavailable when the disk does not take it, Rejected when a path has not five levels.
        """
        _check_paths(batch.names)
        self._log.put(_with_valid_texts(batch))
        if self._log.totals.samples > _LOG_FULL:
            self._keeper.seal()

    @property
    def log(self) -> Totals:
        """What the log holds now and has lost, ever."""
        return self._log.totals

    def seal(self) -> int:
        """Move what the log holds now into segments; return how many batches went."""
        held, moved = self._log.totals.batches, 0
        while moved < held and not self._closing.is_set() and (more := self._keeper.seal()):
            moved += more
        return moved

    def tidy(self) -> None:
        """Merge what is worth merging, check a segment, delete what nobody reads any more."""
        while not self._closing.is_set() and self._keeper.merge():
            pass
        self._keeper.purge()
        self._keeper.scrub()

    def thin(self, paths: Sequence[str], day: int, step: int) -> Dropped:
        """Let stored buckets of `step` ns stand for the tags' samples of a UTC day; see `Thinnable`.

        Raises Unavailable, with nothing changed, when the disk does not take it.
        """
        with self._snapshot() as connection:
            pieces = self._tail.refresh(connection)
        if any(piece.first < (day + 1) * DAY and piece.last >= day * DAY for piece in pieces):
            self.seal()
        return self._thinner.thin(paths, day, step)

    def close(self) -> None:
        """Stop housekeeping and release everything; other methods must not be called afterwards."""
        self._closing.set()
        if self._housekeeping is not None:
            self._housekeeping.join()
        super().close()
        self._log.close()

    def _keep_house(self, period: float) -> None:
        trouble = ""
        while not self._closing.wait(period):
            try:
                self._round()
                trouble = ""
            except Unavailable as error:
                if str(error) != trouble:  # say it once, not every round
                    logger.warning("housekeeping will try again: %s", error)
                trouble = str(error)

    def _round(self) -> None:
        self._rounds += 1
        if self._log.totals.samples >= _WORTH_SEALING or self._rounds >= _SEAL_ANYWAY:
            self.seal()
            self._rounds = 0
        self.tidy()

    def _mend(self) -> None:
        self._log.database.mend()

    def _leave_out(self, name: str) -> None:
        super()._leave_out(name)
        self._keeper.lose(name)


@lru_cache(maxsize=1024)
def _check_paths(names: tuple[str, ...]) -> None:
    for name in names:
        try:
            check_path(name)
            name.encode()
        except ValueError as error:
            raise Rejected(str(error)) from error


def _with_valid_texts(batch: Batch) -> Batch:
    # Half a surrogate pair cannot be written as UTF-8; it is replaced now, not when sealing fails.
    try:
        "".join(batch.texts).encode()
    except UnicodeEncodeError:
        return replace(batch, texts=tuple(text.encode("utf-8", "replace").decode() for text in batch.texts))
    return batch
