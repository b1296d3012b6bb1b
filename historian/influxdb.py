"""The historian port on an InfluxDB somebody else runs: 1.x, 2.x or 3.x.

    write   lines as `plant.wire` has them; 1.x takes them at /write, 2.x and 3.x at /api/v2/write
    read    InfluxQL at GET /query, which all three serve; CSV comes back and is read in columns

What differs between the versions stands in `Dialect`. The 2.x and 3.x part follows the
public API documents (2.x answers InfluxQL for a bucket of the name through its virtual DBRP).

A write is as durable as the server makes it. InfluxDB has no NaN: it comes back as NaN with
its quality, an infinity as NaN too. A sample that is written again with another *form* keeps
the fields of both, and reads as the first of n, v, i, b, s that it has.
"""

# ruff: noqa: S608 - what is put into InfluxQL is integers and our own words; paths are bound
from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import httpx
import numpy as np
import pyarrow as pa
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS, WriteApi
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from historian import influxql
from historian.buckets import none
from historian.export import stream
from historian.port import Buckets, Hole, Rollup
from historian.rollup import empty, rollup
from plant import wire
from plant.batch import Batch, Origin
from plant.errors import ProvenlineError, Rejected, Unavailable
from plant.tags import check_path

EARLIEST, LATEST = -(2**63) + 2, 2**63 - 2
"""The times InfluxDB can hold."""

_NANOSECONDS = cast("WritePrecision", WritePrecision.NS)  # their enum is one of plain strings
_LINES = 10_000  # of one write request: well below the 25 MB that 1.x takes
_PATHS = 40  # of one question, so that its URL stays below the 8 kB that proxies take
_REACHES = (100, 10_000, 1_000_000)  # rows looked at, in turn, to find what lies behind replays


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between InfluxDB's versions.

    `scheme`: of the Authorization header that carries a token; None where users have passwords.
    `series`: the question for all series. `through_client`: whether /api/v2/write exists.
    """

    scheme: str | None
    series: str
    through_client: bool


DIALECTS: Mapping[int, Dialect] = {
    1: Dialect(scheme=None, series=f"SHOW SERIES FROM {wire.MEASUREMENT}", through_client=False),
    2: Dialect(scheme="Token", series=f"SHOW SERIES FROM {wire.MEASUREMENT}", through_client=True),
    3: Dialect(scheme="Bearer", series=f"SELECT last(q) FROM {wire.MEASUREMENT} GROUP BY *", through_client=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where an InfluxDB is and how to be let in. `database` is the bucket in 2.x."""

    url: str
    version: int = 2
    database: str = "provenline"
    organisation: str = "provenline"
    token: str = ""
    user: str = ""
    password: str = ""
    timeout: float = 10.0

    @property
    def dialect(self) -> Dialect:
        """What this server's version speaks."""
        return DIALECTS[self.version]

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say who asks."""
        if self.dialect.scheme is not None:
            return {"Authorization": f"{self.dialect.scheme} {self.token}"} if self.token else {}
        if not self.user:
            return {}
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


class InfluxHistorian:
    """The historian on one server; safe to use from any thread. Touches the network only when used."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._http = httpx.Client(base_url=server.url, headers=server.headers, timeout=server.timeout, trust_env=False)
        self._client: InfluxDBClient | None = None
        self._writer: WriteApi | None = None
        if server.dialect.through_client:
            self._client = InfluxDBClient(
                server.url, token=server.token, org=server.organisation, timeout=round(server.timeout * 1000)
            )
            self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, batch: Batch) -> None:
        """Store a batch; when this returns, the server has acknowledged it.

        Raises Unavailable when it cannot be stored now, Rejected with the server's reason
        when it can never be.
        """
        _check_paths(batch.names)
        for at in range(0, len(batch), _LINES):
            lines = wire.encode(batch.take(slice(at, at + _LINES)))
            if self._writer is None:
                self._post(lines)
            else:
                self._write_through(self._writer, lines)

    def paths(self) -> tuple[str, ...]:
        """Return every tag path that has samples, sorted."""
        text = self._get(self._server.dialect.series)
        table = influxql.read_csv(text)
        if table is None:
            return ()
        column = "key" if "key" in table.column_names else "tags"
        return tuple(sorted(influxql.path_of(key) for key in table.column(column).to_pylist()))

    def latest(self, paths: Sequence[str]) -> Batch:
        """Return the newest sample of each tag by source time, replayed ones left out."""
        found = self._newest(paths, LATEST)
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
        """Return the newest sample of each tag earlier than `moment`: what was in force when a window began."""
        return self._newest(paths, min(moment - 1, LATEST))

    def thinned(self, paths: Sequence[str], start: int, stop: int) -> tuple[Hole, ...]:  # noqa: ARG002 - the port's
        """Return no holes: what the server itself lets go of, it does not say."""
        return ()

    def buckets(self, path: str, start: int, stop: int) -> Buckets:  # noqa: ARG002 - the port's
        """Return none."""
        return none()

    def rollup(self, path: str, start: int, stop: int, buckets: int) -> Rollup:
        """Sum one tag up in `buckets` equal parts of the window. `buckets` is 1 to 10 000."""
        empty(start, stop, buckets)  # refuses an impossible window before anything is asked
        return rollup(self.history((path,), start, stop), start, stop, buckets)

    def export(self, paths: Sequence[str], start: int, stop: int) -> pa.RecordBatchReader:
        """Stream the window's samples as Arrow with `EXPORT_SCHEMA`, sorted by tag, then time."""
        return stream(self, paths, start, stop)

    def counts(self, paths: Sequence[str], start: int, stop: int) -> Mapping[str, int]:
        """Return how many samples each tag has in the window."""
        counts: dict[str, int] = {}
        for some in _chunks(list(dict.fromkeys(paths)) if stop > start else []):
            where, words = influxql.condition(some)
            sql = f"SELECT count(q) AS n FROM {wire.MEASUREMENT} WHERE ({where}) AND {_window(start, stop)} GROUP BY *"
            table = influxql.read_csv(self._get(sql, words))
            if table is not None:
                names = {influxql.series_of(path): path for path in some}
                pairs = zip(table.column("tags").to_pylist(), table.column("n").to_pylist(), strict=True)
                counts.update({names[tags]: n for tags, n in pairs})
        return counts

    def close(self) -> None:
        """Release the connections; other methods must not be called afterwards."""
        self._http.close()
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]

    # --------------------------------------------------------------------------- reading
    def _newest(self, paths: Sequence[str], last: int) -> Batch:
        if last < EARLIEST:
            return Batch.empty()
        wanted = list(dict.fromkeys(paths))
        rows = self._select(wanted, f"time <= {last}", "ORDER BY time DESC LIMIT 1")
        return _in_order(wanted, Batch.concat(list(rows)))

    def _behind_replays(self, newest: Batch, reach: int) -> Batch:
        """Return the newest sample before `newest` that is no replay, or the oldest replay within `reach` rows."""
        path, last = newest.names[int(newest.tag[0])], int(newest.time[0]) - 1
        rows = Batch.concat(list(self._select([path], f"time <= {last}", f"ORDER BY time DESC LIMIT {reach}")))
        live = _live(rows)
        return live.take(slice(0, 1)) if len(live) else rows.take(slice(-1, None))

    def _select(self, paths: Sequence[str], window: str, ending: str = "") -> Iterator[Batch]:
        for some in _chunks(paths):
            where, parameters = influxql.condition(some)
            sql = f"SELECT {influxql.FIELDS} FROM {wire.MEASUREMENT} WHERE ({where}) AND {window} GROUP BY * {ending}"
            table = influxql.read_csv(self._get(sql, parameters))
            if table is not None:
                yield influxql.to_batch(table, some)

    def _get(self, query: str, parameters: Mapping[str, str] | None = None) -> bytes:
        asked = {"db": self._server.database, "q": query, "epoch": "ns"}
        if parameters:
            asked["params"] = json.dumps(parameters)
        try:
            answer = self._http.get("/query", params=asked, headers={"Accept": "application/csv"})
        except httpx.HTTPError as error:
            raise self._out_of_reach(error) from error
        if answer.status_code != httpx.codes.OK:
            raise _fault(answer.status_code, answer.headers, answer.text, self._server)
        if answer.content.startswith(b"error\n"):
            raise Rejected(f"InfluxDB refuses the question: {answer.text.removeprefix('error').strip()}")
        return answer.content

    # --------------------------------------------------------------------------- writing
    def _post(self, lines: bytes) -> None:
        try:
            answer = self._http.post("/write", params={"db": self._server.database, "precision": "ns"}, content=lines)
        except httpx.HTTPError as error:
            raise self._out_of_reach(error) from error
        if not answer.is_success:
            raise _fault(answer.status_code, answer.headers, answer.text, self._server)

    def _write_through(self, writer: WriteApi, lines: bytes) -> None:
        try:
            writer.write(self._server.database, self._server.organisation, lines, write_precision=_NANOSECONDS)
        except ApiException as error:
            text = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body)
            raise _fault(error.status, httpx.Headers(error.headers), text, self._server) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._out_of_reach(error) from error

    def _out_of_reach(self, error: Exception) -> Unavailable:
        return Unavailable(f"InfluxDB at {self._server.url} is out of reach: {error}")


def _fault(status: int, headers: Mapping[str, str], text: str, server: Server) -> ProvenlineError:
    reason = _reason(text)
    if status in (401, 403):
        who = f"user {server.user!r}" if server.dialect.scheme is None else "this token"
        return Unavailable(f"InfluxDB at {server.url} does not let {who} in ({status}): {reason}")
    if status == 404:
        return Unavailable(
            f"InfluxDB at {server.url} has no {server.database!r}, or is not version {server.version}: {reason}"
        )
    if status == 429 or status >= 500:
        wait = headers.get("Retry-After", "")
        return Unavailable(
            f"InfluxDB at {server.url} cannot answer now ({status}): {reason}",
            retry_after=float(wait) if wait.isdigit() else None,
        )
    return Rejected(f"InfluxDB refuses it ({status}): {reason}")


def _reason(text: str) -> str:
    try:
        answer = json.loads(text)
    except ValueError:
        return text.strip()[:500]
    if isinstance(answer, dict):
        return str(answer.get("error") or answer.get("message") or text)[:500]
    return text[:500]


def _chunks(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    return (paths[at : at + _PATHS] for at in range(0, len(paths), _PATHS))


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
