"""A centre with a store of its own, and ways to reach it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from fnmatch import fnmatch
from pathlib import Path

import httpx
import pytest

from analytics.alarms.annunciator import Annunciator
from analytics.alarms.log import AlarmLog
from analytics.alarms.plan import alarm_rules
from analytics.annotation_log import AnnotationLog
from analytics.shift_results import ShiftResults
from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from dashboard_api.access import Role
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from historian.embedded import EmbeddedHistorian
from historian.live import LiveTable
from plant.clock import SystemClock
from tests.api.shapes import SHAPES
from tests.people import WRITE_TOKEN, People, people

TOKEN = WRITE_TOKEN
PATH = "cq/first-light/line-1/press/cycle"


CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
SILENT = {
    "/api/v2/write": "samples are what devices said, nobody's change",
    "/api/v1/campaigns/*/verification": "looks at a package and leaves it as it is",
}
"""Routes that change nothing by somebody, and why."""
ATTEMPT = re.compile(r"/api/v1/labs/attempts/([^/]+)/")
BEGINNING = re.compile(r"/api/v1/labs/courses/[^/]+/labs/[^/]+/attempts")


def practice(centre: Centre, request: httpx.Request) -> bool:
    """Say whether a request begins or changes practice without a name, of which nobody is to be told."""
    if BEGINNING.fullmatch(request.url.path):
        return json.loads(request.content).get("practice") is True
    found = ATTEMPT.match(request.url.path)
    attempt = centre.labs.register.work.attempt(found[1]) if found and centre.labs else None
    return attempt is not None and not attempt.named


@pytest.fixture(autouse=True)
def witness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every request of these tests that changed something to its record.

    It says who, what, when and from where, and how it was before and is after, as `tests.api.shapes` has it of each
    action.
    """
    send = httpx.ASGITransport.handle_async_request

    async def witnessed(transport: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
        log = getattr(getattr(transport.app, "state", None), "audit", None)
        path = request.url.path
        if log is None or request.method not in CHANGING or any(fnmatch(path, silent) for silent in SILENT):
            return await send(transport, request)
        if practice(transport.app.state.centre, request):
            return await send(transport, request)
        before = log.head.seq
        answer = await send(transport, request)
        if answer.is_success:
            assert log.head.seq > before, f"{request.method} {path} left no record"
            for record in log.page(most=log.head.seq - before):
                assert all((record.actor, record.action, record.time, record.kind, record.address)), record
                sides = {"before": record.before != "null", "after": record.after != "null"}
                assert SHAPES[record.action].fits(**sides), record
        return answer

    monkeypatch.setattr(httpx.ASGITransport, "handle_async_request", witnessed)


@pytest.fixture(scope="session")
def configuration() -> Configuration:
    """The packaged configuration, read once: it cannot be changed."""
    return load(PACKAGED)


@pytest.fixture
def known(tmp_path: Path) -> Iterator[People]:
    """Everybody who has an account; at first nobody."""
    with people(tmp_path) as found:
        yield found


@pytest.fixture
def centre(tmp_path: Path, configuration: Configuration, known: People) -> Iterator[Centre]:
    historian = EmbeddedHistorian(tmp_path / "historian", seal_every=None)
    clock = SystemClock()
    live = LiveTable({t.path: t.stale_after for t in configuration.site.tags}, clock=clock)
    annotations = AnnotationLog(tmp_path / "annotations.db")
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    alarm_log = AlarmLog(tmp_path / "alarms.db")
    alarms = Annunciator(alarm_rules(configuration), alarm_log, clock=clock)
    yield Centre(
        configuration,
        historian,
        live,
        clock,
        annotations,
        results,
        alarms,
        known.accounts,
        known.audit,
        visitors=Role.VIEWER,
        version="test",
    )
    for store in (alarm_log, results, annotations, historian):
        store.close()


@pytest.fixture
async def client(centre: Centre, known: People) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which an administrator is signed in; a token in a request's header goes before."""
    headers = await known.signed_in(Role.ADMIN, "tester")
    transport = httpx.ASGITransport(create_app(centre))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


@pytest.fixture
async def visitor(centre: Centre) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody is signed in."""
    transport, headers = httpx.ASGITransport(create_app(centre)), {"Origin": "http://localhost"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client
