"""The historian port on an InfluxDB somebody else runs: 1.x, 2.x or 3.x.

    sample          one point a sample, lines as `plant.wire` has them
    sample_rollup   one point a stored bucket: what stands for samples that were dropped
    sample_thinned  one point for each day of a tag from which samples were dropped

What is said to which version stands in `influxdb_link`, how samples make room for buckets in
`influxdb_thinning`; an InfluxDB 3 cannot delete samples of a tag, so nothing is thinned there.

A write is as durable as the server makes it. InfluxDB has no NaN: it comes back as NaN with
its quality, an infinity as NaN too. A sample that is written again with another *form* keeps
the fields of both, and reads as the first of n, v, i, b, s that it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from historian import influxql
from historian.export import stream
from historian.influxdb_link import ANCHOR, Link, Server
from historian.influxdb_rolls import add_to
from historian.influxdb_thinning import Thinner
from historian.port import Buckets, Dropped, Hole, Rollup
from historian.rollup import empty, rollup
from plant import wire
from plant.batch import Batch, Origin
from plant.errors import Rejected
from plant.tags import check_path

__all__ = ["InfluxHistorian", "Server"]

EARLIEST, LATEST = -(2**63) + 2, 2**63 - 2
"""The times InfluxDB can hold."""

_LINES = 10_000  # of one write request: well below the 25 MB that 1.x takes
_REACHES = (100, 10_000, 1_000_000)  # rows looked at, in turn, to find what lies behind replays


class InfluxHistorian:
    """The historian on one server; safe to use from any thread. Touches the network only when used."""

    def __init__(self, server: Server) -> None:
        self._link = Link(server)
        self._thinner = Thinner(self._link, samples=self.history, counts=self.counts)

    def write(self, batch: Batch) -> None:
        """Store a batch; when this returns, the server has acknowledged it.

        Raises Unavailable when it cannot be stored now, Rejected with the server's reason
        when it can never be.
        """
        _check_paths(batch.names)
        if not len(batch):
            return
        with self._thinner.admitted(int(batch.time.min()), int(batch.time.max())):
            for at in range(0, len(batch), _LINES):
                self._link.write(wire.encode(batch.take(slice(at, at + _LINES))))

    def paths(self) -> tuple[str, ...]:
        """Return every tag path that has samples, or had some that were thinned; sorted."""
        table = influxql.read_csv(self._link.ask(self._link.server.dialect.series))
        if table is None:
            return ()
        column = "key" if "key" in table.column_names else "tags"
        keys = [key for key in table.column(column).to_pylist() if ANCHOR not in key]
        return tuple(sorted({influxql.path_of(key) for key in keys}))

    def latest(self, paths: Sequence[str]) -> Batch:
        """Return the newest sample of each tag by source time, replayed ones left out."""
        found = self._in_force(paths, LATEST)
        for reach in _REACHES:
            replayed = [path for path in found.names if (found.of(path).origin & Origin.REPLAYED).any()]
            if not replayed:
                break
            earlier = [self._behind_replays(found.of(path), reach) for path in replayed]
            found = _in_order(paths, Batch.concat([_live(found), *earlier]))
        return _live(found)

    def history(self, paths: Sequence[str], start: int, stop: int) -> Batch:
        """Return all samples of the tags in the window, sorted by tag (in the order asked), then time."""
        wanted = list(dict.fromkeys(paths))
        if stop <= start:
            return Batch.empty()
        return _in_order(wanted, Batch.concat(list(self._select(wanted, _window(start, stop)))))

    def before(self, paths: Sequence[str], moment: int) -> Batch:
        """Return the newest sample of each tag earlier than `moment`: what was in force when a window began.

        Where samples were thinned, the last of the last whole bucket before it; nothing where
        samples were dropped without buckets since.
        """
        return self._in_force(paths, min(moment - 1, LATEST))

    def thinned(self, paths: Sequence[str], start: int, stop: int) -> tuple[Hole, ...]:
        """Return the holes that reach into a window; what the server itself lets go of, it does not say."""
        return self._thinner.holes(paths, start, stop) if stop > start else ()

    def buckets(self, path: str, start: int, stop: int) -> Buckets:
        """Return one tag's stored buckets that begin in the window, in order of time, then step."""
        return self._thinner.rows(path, start, stop).buckets

    def rollup(self, path: str, start: int, stop: int, buckets: int) -> Rollup:
        """Sum one tag up in `buckets` equal parts of the window. `buckets` is 1 to 10 000."""
        empty(start, stop, buckets)  # refuses an impossible window before anything is asked
        with self._thinner.still(start, stop - 1):
            samples = self._thinner.uncounted(self.history((path,), start, stop))
            rows = self._thinner.rows(path, start, stop)
        found = rollup(samples, start, stop, buckets)
        add_to(found, rows, samples)
        return found

    def export(self, paths: Sequence[str], start: int, stop: int) -> pa.RecordBatchReader:
        """Stream the window's samples as Arrow with `EXPORT_SCHEMA`, sorted by tag, then time."""
        return stream(self, paths, start, stop)

    def counts(self, paths: Sequence[str], start: int, stop: int) -> Mapping[str, int]:
        """Return how many samples each tag has in the window."""
        wanted = list(dict.fromkeys(paths)) if stop > start else []
        counts: dict[str, int] = {}
        for table, some in self._link.select(
            f"count(q) AS n FROM {wire.MEASUREMENT}", wanted, f"{_window(start, stop)} GROUP BY *"
        ):
            names = {influxql.series_of(path): path for path in some}
            pairs = zip(table.column("tags").to_pylist(), table.column("n").to_pylist(), strict=True)
            counts.update({names[tags]: n for tags, n in pairs})
        return counts

    def held(self, groups: Sequence[Sequence[str]], before: int, *, step: int = 0) -> list[Mapping[int, int]]:
        """Return, for each group of tags, how many samples every UTC day has that ends by `before`; days since 1970.

        `step`: count stored buckets of this step instead.
        """
        return self._thinner.held(groups, before, step)

    def thin(self, paths: Sequence[str], day: int, step: int) -> Dropped:
        """Let stored buckets of `step` ns stand for the tags' samples of a UTC day, and for finer buckets; 0: nothing.

        Raises Unavailable, with nothing lost, when it cannot be done now, Rejected by a server
        that cannot delete samples of a tag.
        """
        return self._thinner.thin(paths, day, step)

    @property
    def dropped(self) -> Dropped:
        """What was dropped here, ever."""
        return self._thinner.dropped()

    def close(self) -> None:
        """Release the connections; other methods must not be called afterwards."""
        self._link.close()

    # --------------------------------------------------------------------------- reading
    def _newest(self, paths: Sequence[str], last: int) -> Batch:
        if last < EARLIEST:
            return Batch.empty()
        wanted = list(dict.fromkeys(paths))
        rows = self._select(wanted, f"time <= {last}", "ORDER BY time DESC LIMIT 1")
        return _in_order(wanted, Batch.concat(list(rows)))

    def _in_force(self, paths: Sequence[str], last: int) -> Batch:
        """Return each tag's newest sample up to `last`, of those too that buckets stand for."""
        with self._thinner.still(EARLIEST, last):
            return _in_order(paths, self._thinner.past(self._newest(paths, last), paths, last))

    def _behind_replays(self, newest: Batch, reach: int) -> Batch:
        """Return the newest sample before `newest` that is no replay, or the oldest replay within `reach` rows."""
        path, last = newest.names[int(newest.tag[0])], int(newest.time[0]) - 1
        rows = Batch.concat(list(self._select([path], f"time <= {last}", f"ORDER BY time DESC LIMIT {reach}")))
        live = _live(rows)
        return live.take(slice(0, 1)) if len(live) else rows.take(slice(-1, None))

    def _select(self, paths: Sequence[str], window: str, ending: str = "") -> Iterator[Batch]:
        sql = f"{influxql.FIELDS} FROM {wire.MEASUREMENT}"
        answers = self._link.select(sql, paths, f"{window} GROUP BY * {ending}")
        return (influxql.to_batch(table, some) for table, some in answers)


def _window(start: int, stop: int) -> str:
    return f"time >= {max(start, EARLIEST)} AND time <= {min(stop - 1, LATEST)}"


def _live(batch: Batch) -> Batch:
    return batch.take((batch.origin & Origin.REPLAYED) == 0)


def _in_order(paths: Sequence[str], batch: Batch) -> Batch:
    """Sort by tag in the order asked, then time."""
    place = {path: i for i, path in enumerate(dict.fromkeys(paths))}
    rank = np.array([place.get(name, 0) for name in batch.names] or [0], np.int64)[batch.tag]
    return batch.take(np.lexsort((batch.time, rank)))


@lru_cache(maxsize=1024)
def _check_paths(names: tuple[str, ...]) -> None:
    for name in names:
        try:
            check_path(name)
        except ValueError as error:
            raise Rejected(str(error)) from error
        if any(level.endswith("\\") for level in name.split("/")):
            raise Rejected(f"{name!r}: line protocol cannot carry a level that ends with a backslash")
