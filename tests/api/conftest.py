"""A centre with a store of its own, and ways to reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.requests import HTTPConnection

from analytics.annotation_log import AnnotationLog
from analytics.shift_results import ShiftResults
from configs.loader import PACKAGED, load
from dashboard_api.access import PERMISSIONS, Actor, Kind, Role
from dashboard_api.app import create_app
from dashboard_api.audit import AuditLog
from dashboard_api.centre import Centre
from historian.embedded import EmbeddedHistorian
from historian.live import LiveTable
from plant.clock import SystemClock

TOKEN = "a-token-of-the-test"
PATH = "cq/first-light/line-1/press/cycle"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    configuration = load(PACKAGED)
    historian = EmbeddedHistorian(tmp_path / "historian", seal_every=None)
    clock = SystemClock()
    live = LiveTable({t.path: t.stale_after for t in configuration.site.tags}, clock=clock)
    annotations = AnnotationLog(tmp_path / "annotations.db")
    results = ShiftResults(tmp_path / "shifts.db", clock=clock)
    yield Centre(
        configuration,
        historian,
        live,
        clock,
        annotations,
        results,
        write_tokens=frozenset({TOKEN}),
        version="test",
    )
    for store in (results, annotations, historian):
        store.close()


class AlwaysAdmin:
    """A gate that takes whoever asks for a signed-in administrator."""

    def identify(self, _: HTTPConnection) -> Actor:
        return Actor("tester", Role.ADMIN, Kind.SESSION, PERMISSIONS[Role.ADMIN])


@pytest.fixture
async def client(centre: Centre, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(centre)
    app.state.gate = AlwaysAdmin()
    app.state.audit = AuditLog(tmp_path / "audit.db", clock=SystemClock())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    app.state.audit.close()
