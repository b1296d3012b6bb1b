"""The InfluxDB historian's own affairs: what the server refuses, and what differs by version.

Version 1 is a real server. Versions 2 and 3 are not to be had here: a gateway that checks
what they would check (address, token, parameters) stands before the real one.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import urllib.parse
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from historian.influxdb import InfluxHistorian, Server
from plant.batch import Batch, BatchBuilder
from plant.errors import Rejected, Unavailable
from tests.historian.stores import DAY, T0
from tests.peers.influxd import influxd
from tests.peers.processes import free_port

pytestmark = pytest.mark.needs("influxd")

A, B = "cq/first/line/press/a", "cq/first/line/press/b"


def batch(*rows) -> Batch:
    builder = BatchBuilder()
    for path, time, value in rows:
        builder.add(path, time, value, received=time)
    return builder.build()


@pytest.fixture
def historian(influx_server, influx_database):
    with closing(InfluxHistorian(Server(url=influx_server.url, version=1, database=influx_database))) as opened:
        yield opened


# ------------------------------------------------------------------------- what goes wrong
def test_a_server_out_of_reach_is_unavailable_for_every_verb():
    server = Server(url=f"http://127.0.0.1:{free_port()}", version=1)
    with closing(InfluxHistorian(server)) as historian:
        for ask in (lambda: historian.write(batch((A, T0, 1))), historian.paths, lambda: historian.latest([A])):
            with pytest.raises(Unavailable, match="out of reach"):
                ask()
    through_client = Server(url=server.url, version=2, token="t")
    with closing(InfluxHistorian(through_client)) as historian, pytest.raises(Unavailable, match="out of reach"):
        historian.write(batch((A, T0, 1)))


def test_a_missing_database_is_named(influx_server):
    server = Server(url=influx_server.url, version=1, database="nowhere")
    refusal = pytest.raises(Unavailable, match=r"has no 'nowhere'.*database not found")
    with closing(InfluxHistorian(server)) as historian, refusal:
        historian.write(batch((A, T0, 1)))


def test_the_wrong_version_is_hinted_at(influx_server, influx_database):
    server = Server(url=influx_server.url, version=2, database=influx_database, token="t")
    with closing(InfluxHistorian(server)) as historian, pytest.raises(Unavailable, match="not version 2"):
        historian.write(batch((A, T0, 1)))


def test_who_is_not_let_in_is_told_so_and_a_known_user_is_let_in(tmp_path):
    with influxd(tmp_path, auth=True) as server:
        stranger = Server(url=server.url, version=1, user="admin", password="guess")
        with closing(InfluxHistorian(stranger)) as historian:
            with pytest.raises(Unavailable, match=r"does not let user 'admin' in \(401\)"):
                historian.write(batch((A, T0, 1)))
            with pytest.raises(Unavailable, match="401"):
                historian.latest([A])
        known = Server(url=server.url, version=1, user="admin", password="only for this test")
        with closing(InfluxHistorian(known)) as historian:
            historian._link.http.post("/query", params={"q": "CREATE DATABASE provenline"}).raise_for_status()
            historian.write(batch((A, T0, 1)))
            assert len(historian.latest([A])) == 1


def test_a_sample_out_of_the_servers_time_is_rejected_with_its_reason(historian):
    with pytest.raises(Rejected, match=r"400.*time outside range"):
        historian.write(batch((A, -(2**63), 1)))


def test_a_path_that_line_protocol_cannot_carry_is_rejected(historian):
    with pytest.raises(Rejected, match="backslash"):
        historian.write(batch(("cq/first/line/press/a\\", T0, 1)))


def test_a_batch_larger_than_one_request_goes_in_several(historian, monkeypatch):
    monkeypatch.setattr("historian.influxdb._LINES", 100)
    historian.write(batch(*[(A, T0 + i, i) for i in range(1050)]))
    assert [s.value for s in historian.history([A], T0, T0 + DAY).samples()] == list(range(1050))


def test_what_was_written_survives_kill_9_of_the_server(tmp_path):
    with influxd(tmp_path) as server, closing(InfluxHistorian(Server(url=server.url, version=1))) as historian:
        for i in range(50):
            historian.write(batch((A, T0 + i, float(i)), (B, T0 + i, i)))
        server.process.kill()
        with pytest.raises(Unavailable):
            historian.write(batch((A, T0 + 50, 50.0)))
    with influxd(tmp_path) as server, closing(InfluxHistorian(Server(url=server.url, version=1))) as historian:
        assert historian.history([A], T0, T0 + DAY).numbers.tolist() == list(range(50))


def test_hundreds_of_tags_are_asked_for_in_questions_of_bearable_length(historian):
    paths = [f"cq/first/line/device-{i}/a-signal-with-a-long-name" for i in range(130)]
    historian.write(batch(*[(path, T0, i) for i, path in enumerate(paths)]))
    lengths = []
    historian._link.http.event_hooks = {"request": [lambda request: lengths.append(len(str(request.url)))]}
    assert [s.value for s in historian.latest(paths[::-1]).samples()] == list(range(129, -1, -1))
    assert max(lengths) < 8000


# ------------------------------------------------------------------------------- versions
class Gateway(BaseHTTPRequestHandler):
    """Speaks as a 2.x or 3.x would, and lets the real server do the work."""

    protocol_version = "HTTP/1.1"
    upstream = ""
    scheme = ""
    answers: list[tuple[int, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        if self.answers:
            self._answer(*self.answers.pop(0))
        elif not self._let_in():
            self._answer(401, {}, b'{"code":"unauthorized","message":"unauthorized access"}')
        elif url.path == "/api/v2/delete" and asked.get("org") == "centre" and self.scheme == "Token":
            self._delete(asked["bucket"], json.loads(body))
        elif url.path != "/api/v2/write" or asked.get("org") != "centre" or asked.get("precision") != "ns":
            self._answer(404, {}, b'{"code":"not found","message":"path not found"}')
        else:
            self._pass_on("POST", f"/write?db={asked['bucket']}&precision=ns", body)

    def do_GET(self) -> None:
        if self.answers:
            self._answer(*self.answers.pop(0))
        elif not self._let_in():
            self._answer(401, {}, b'{"code":"unauthorized","message":"unauthorized access"}')
        else:
            self._pass_on("GET", self.path, None)

    def _delete(self, bucket: str, asked: dict[str, str]) -> None:
        # What 2.x parses is InfluxQL but for its values, which are in double quotes; both ends are included.
        first, *rest = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"(?: AND |$)', asked["predicate"])
        words = " AND ".join("{}='{}'".format(key, word.replace(r"\"", '"')) for key, word in rest)
        assert first[0] == "_measurement"
        assert len(rest) >= 5
        span = f"time >= '{asked['start']}' AND time <= '{asked['stop']}'"
        query = urllib.parse.urlencode({"db": bucket, "q": f"DELETE FROM {first[1]} WHERE {words} AND {span}"})
        self._pass_on("POST", f"/query?{query}", b"")

    def _let_in(self) -> bool:
        # The client library says "Token" whatever the version; 3.x takes both.
        schemes = {"Token", self.scheme} if self.command == "POST" else {self.scheme}
        return self.headers["Authorization"] in {f"{scheme} let-me-in" for scheme in schemes}

    def _pass_on(self, method: str, path: str, body: bytes | None) -> None:
        with closing(http.client.HTTPConnection(self.upstream, timeout=10)) as upstream:
            upstream.request(method, path, body, {"Accept": self.headers["Accept"] or "*/*"})
            answer = upstream.getresponse()
            self._answer(answer.status, {}, answer.read())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@contextmanager
def gateway(influx_server, version: int):
    handler = type(
        "Handler",
        (Gateway,),
        {
            "upstream": influx_server.url.removeprefix("http://"),
            "scheme": {2: "Token", 3: "Bearer"}[version],
            "answers": [],
        },
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.answers
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("version", [2, 3])
def test_versions_2_and_3_are_written_through_their_api_and_read_with_their_token(
    influx_server, influx_database, version
):
    written = batch((A, T0, 1.5), (B, T0, 2**62), (B, T0 + 1, '文, "x" \\'), (A, T0 + 1, float("nan")))
    with gateway(influx_server, version) as (url, _):
        server = Server(url=url, version=version, database=influx_database, organisation="centre", token="let-me-in")
        with closing(InfluxHistorian(server)) as historian:
            historian.write(written)
            found = historian.history([A, B], T0, T0 + 2)
            assert sorted(map(repr, found.samples())) == sorted(map(repr, written.samples()))
            assert [s.path for s in historian.latest([B, A]).samples()] == [B, A]
            assert historian.paths() == (A, B)
        intruder = Server(url=url, version=version, database=influx_database, organisation="centre", token="guess")
        with closing(InfluxHistorian(intruder)) as historian:
            for ask in (lambda: historian.write(written), lambda: historian.latest([A])):
                with pytest.raises(Unavailable, match=r"does not let this token in \(401\): unauthorized access"):
                    ask()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "reason"),
    [
        (429, {"Retry-After": "17"}, b"", Unavailable, "429"),
        (503, {}, b'{"code":"unavailable","message":"too busy"}', Unavailable, "too busy"),
        (500, {}, b"<html>proxy</html>", Unavailable, "proxy"),
        (400, {}, b'{"code":"invalid","message":"field type conflict"}', Rejected, "field type conflict"),
        (413, {}, b'{"code":"request too large","message":"max is 10"}', Rejected, "max is 10"),
        (422, {}, b'{"code":"unprocessable","message":"beyond retention"}', Rejected, "beyond retention"),
    ],
)
def test_the_servers_answer_says_whether_to_try_again(influx_server, version, status, headers, body, error, reason):
    with gateway(influx_server, version) as (url, answers):
        answers.append((status, headers, body))
        server = Server(url=url, version=version, token="let-me-in")
        with closing(InfluxHistorian(server)) as historian, pytest.raises(error, match=reason) as caught:
            historian.write(batch((A, T0, 1)))
        assert answers == []  # it was asked once: trying again is the caller's affair
        if status == 429:
            assert caught.value.retry_after == 17
