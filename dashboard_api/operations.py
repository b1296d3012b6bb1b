"""What those who run the centre ask it: is it alive, is it ready, how much has passed through."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from dashboard_api.access import Permission, requires
from dashboard_api.centre import Centre
from dashboard_api.dependencies import centre_of
from plant.clock import iso
from plant.errors import ProvenlineError

router = APIRouter(tags=["operation"])
CentreHere = Annotated[Centre, Depends(centre_of)]

_COUNTERS = {
    "samples": "samples stored",
    "refused_lines": "lines of line protocol that could not be read",
    "refused_requests": "writes that the store did not take",
    "frames": "live frames encoded",
    "skipped_frames": "live frames that slow viewers did not get",
}


@router.get("/health", responses={503: {}}, dependencies=[Depends(requires(Permission.OPEN))])
async def health(centre: CentreHere) -> JSONResponse:
    """Answer 200 when the store can be read, 503 with the reason when it cannot."""
    body: dict[str, Any] = {"status": "pass", "version": centre.version, "time": iso(centre.clock.now())}
    try:
        await asyncio.to_thread(centre.historian.latest, [])
    except ProvenlineError as error:
        body |= {"status": "fail", "output": str(error)}
    return JSONResponse(body, 200 if body["status"] == "pass" else 503)


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[Depends(requires(Permission.METRICS))])
async def metrics(centre: CentreHere) -> Response:
    """Give the counts for Prometheus."""
    registry = CollectorRegistry()
    for name, help_text in _COUNTERS.items():
        counter = Counter(f"provenline_{name}", help_text, registry=registry)
        counter.inc(getattr(centre.counts, name))
    Gauge("provenline_viewers", "live connections", registry=registry).set(centre.counts.viewers)
    Gauge("provenline_tags", "declared tags", registry=registry).set(len(centre.tags))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
