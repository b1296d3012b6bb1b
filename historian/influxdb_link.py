"""One InfluxDB over HTTP: questions, lines and deletions, each as its version takes them.

             1.x                       2.x                     3.x
    ask      InfluxQL at GET /query, which all three serve; CSV comes back
    write    /write                    /api/v2/write           /api/v2/write
    delete   DELETE at POST /query     /api/v2/delete          there is none

The 2.x and 3.x part follows the public API documents (2.x answers InfluxQL for a bucket of the
name through its virtual DBRP). A deletion means one series and a span of time: neither version
deletes by what a field holds.
"""

# ruff: noqa: S608 - what is put into InfluxQL is integers and our own words; paths are bound
from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, cast

import httpx
import pyarrow as pa
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS, WriteApi
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from historian import influxql
from plant import wire
from plant.clock import iso
from plant.errors import ProvenlineError, Rejected, Unavailable

THINNED = f"{wire.MEASUREMENT}_thinned"
"""The measurement that says of which days of a tag samples were dropped."""

ANCHOR = "anchor=1"
"""What is said of the one series in a measurement that is no tag's; see `Link.delete`."""

_NANOSECONDS = cast("WritePrecision", WritePrecision.NS)  # their enum is one of plain strings
_PATHS = 40  # of one question, so that its URL stays below the 8 kB that proxies take


class Deletion(Enum):
    """By what a server deletes points of a series in a span of time."""

    QUERY = auto()
    API = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between InfluxDB's versions.

    `scheme`: of the Authorization header that carries a token; None where users have passwords.
    `series`: the question for all series. `through_client`: whether /api/v2/write exists.
    """

    scheme: str | None
    series: str
    through_client: bool
    deletion: Deletion


_SERIES = f"SHOW SERIES FROM {wire.MEASUREMENT}, {THINNED}"
DIALECTS: Mapping[int, Dialect] = {
    1: Dialect(scheme=None, series=_SERIES, through_client=False, deletion=Deletion.QUERY),
    2: Dialect(scheme="Token", series=_SERIES, through_client=True, deletion=Deletion.API),
    3: Dialect(
        scheme="Bearer",
        series=f"SELECT last(q) FROM {wire.MEASUREMENT} GROUP BY *",
        through_client=True,
        deletion=Deletion.NONE,
    ),
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


class Link:
    """The connections to one server; safe to use from any thread. Touches the network only when used.

    All methods raise Unavailable when it cannot be done now, Rejected with the server's reason
    when it never can.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, headers=server.headers, timeout=server.timeout, trust_env=False)
        self._client: InfluxDBClient | None = None
        self._writer: WriteApi | None = None
        if server.dialect.through_client:
            self._client = InfluxDBClient(
                server.url, token=server.token, org=server.organisation, timeout=round(server.timeout * 1000)
            )
            self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def ask(self, query: str, words: Mapping[str, str] | None = None) -> bytes:
        """Return the CSV that answers an InfluxQL question. `words`: its bound parameters."""
        return self._query("GET", query, words)

    def select(
        self, what: str, paths: Sequence[str], ending: str, *, types: Mapping[str, pa.DataType] = influxql.SAMPLE
    ) -> Iterator[tuple[pa.Table, Sequence[str]]]:
        """Yield what `SELECT {what} WHERE {some paths} AND {ending}` answers, with the paths that were asked for."""
        for at in range(0, len(paths), _PATHS):
            some = paths[at : at + _PATHS]
            where, words = influxql.condition(some)
            table = influxql.read_csv(self.ask(f"SELECT {what} WHERE ({where}) AND {ending}", words), types)
            if table is not None:
                yield table, some

    def write(self, lines: bytes) -> None:
        """Store lines; when this returns, the server has acknowledged them."""
        if self._writer is not None:
            self._write_through(self._writer, lines)
            return
        self._post("/write", {"db": self.server.database, "precision": "ns"}, content=lines)

    def delete(self, measurement: str, tags: Mapping[str, str], first: int, last: int) -> None:
        """Delete the points of series with these tags between two times, both included."""
        if self.server.dialect.deletion is Deletion.QUERY:
            # Where nothing is left of a measurement but series that were deleted once and written again, the index
            # in memory of 1.x loses them until a restart; so something that is never deleted stands beside them.
            self.write(f"{measurement},{ANCHOR} q=0i {first}\n".encode())
            words = {f"w{number}": word for number, word in enumerate(tags.values())}
            where = " AND ".join(f"{key} = ${word}" for key, word in zip(tags, words, strict=True))
            span = f"time >= {first} AND time <= {last}"
            self._query("POST", f"DELETE FROM {measurement} WHERE {where} AND {span}", words)
        elif self.server.dialect.deletion is Deletion.API:
            meant = " AND ".join(
                f"{key}={_quoted(word)}" for key, word in {"_measurement": measurement, **tags}.items()
            )
            place = {"org": self.server.organisation, "bucket": self.server.database}
            self._post(
                "/api/v2/delete", place, json={"start": _moment(first), "stop": _moment(last), "predicate": meant}
            )
        else:
            raise Rejected(f"an InfluxDB {self.server.version} cannot delete samples of a tag")

    def close(self) -> None:
        """Release the connections; other methods must not be called afterwards."""
        self.http.close()
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]

    # -------------------------------------------------------------------------- the requests
    def _query(self, method: str, query: str, words: Mapping[str, str] | None) -> bytes:
        asked = {"db": self.server.database, "q": query, "epoch": "ns"}
        if words:
            asked["params"] = json.dumps(words)
        try:
            answer = self.http.request(method, "/query", params=asked, headers={"Accept": "application/csv"})
        except httpx.HTTPError as error:
            raise self._out_of_reach(error) from error
        if answer.status_code != httpx.codes.OK:
            raise _fault(answer.status_code, answer.headers, answer.text, self.server)
        if answer.content.startswith(b"error\n"):
            reason = answer.text.removeprefix("error").strip()
            if reason.startswith("database not found"):
                raise _fault(httpx.codes.NOT_FOUND, answer.headers, reason, self.server)
            raise Rejected(f"InfluxDB refuses the question: {reason}")
        return answer.content

    def _post(self, path: str, where: Mapping[str, str], **content: Any) -> None:  # noqa: ANN401 - as httpx takes it
        try:
            answer = self.http.post(path, params=where, **content)
        except httpx.HTTPError as error:
            raise self._out_of_reach(error) from error
        if not answer.is_success:
            raise _fault(answer.status_code, answer.headers, answer.text, self.server)

    def _write_through(self, writer: WriteApi, lines: bytes) -> None:
        try:
            writer.write(self.server.database, self.server.organisation, lines, write_precision=_NANOSECONDS)
        except ApiException as error:
            text = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body)
            raise _fault(error.status, httpx.Headers(error.headers), text, self.server) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._out_of_reach(error) from error

    def _out_of_reach(self, error: Exception) -> Unavailable:
        return Unavailable(f"InfluxDB at {self.server.url} is out of reach: {error}")


def _moment(time: int) -> str:
    return f"{iso(time)[:-1]}{time % 1_000:03d}Z"


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
