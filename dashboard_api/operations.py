"""What those who run the centre ask it: is it alive, is it ready, how much has passed through."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

from configs.change import Change
from dashboard_api.access import Actor, Permission, requires
from dashboard_api.audit import AuditHere
from dashboard_api.centre import Centre
from dashboard_api.dependencies import centre_of
from dashboard_api.meters import CentreMeters, store_folder, tasks
from plant.clock import iso
from plant.errors import ConfigError, ProvenlineError

router = APIRouter(tags=["operation"])
CentreHere = Annotated[Centre, Depends(centre_of)]

RELOAD = "/api/v1/reload"
"""Where the configuration is loaded again; the only request that an exchange of the centre does not wait for."""
_LEAST_FREE = 64 * 2**20
"""Bytes on the store's disk below which a centre is not ready: soon it could not take samples."""


@router.get("/health", responses={503: {}}, dependencies=[Depends(requires(Permission.OPEN))])
async def health(centre: CentreHere) -> JSONResponse:
    """Answer 200 when the store can be read, 503 with the reason when it cannot."""
    body: dict[str, Any] = {"status": "pass", "version": centre.version, "time": iso(centre.clock.now())}
    reason = await asyncio.to_thread(_unreadable, centre)
    if reason:
        body |= {"status": "fail", "output": reason}
    return JSONResponse(body, 503 if reason else 200)


@router.get("/health/live", dependencies=[Depends(requires(Permission.OPEN))])
async def live(centre: CentreHere) -> JSONResponse:
    """Answer 200 while requests are answered at all. Who gets no answer should start the process again."""
    return JSONResponse({"status": "pass", "version": centre.version})


@router.get("/health/ready", responses={503: {}}, dependencies=[Depends(requires(Permission.OPEN))])
async def ready(centre: CentreHere) -> JSONResponse:
    """Answer 200 when samples can be taken and figures given, 503 with what is in the way; a restart is no help."""
    checks: dict[str, str] = {}
    for name, check in (("store", _unreadable), ("disk", _full), ("accounts", _without_accounts)):
        checks[name] = await asyncio.to_thread(check, centre)
    failed = any(checks.values())
    body = {
        "status": "fail" if failed else "pass",
        "checks": {
            name: {"status": "fail", "output": why} if why else {"status": "pass"} for name, why in checks.items()
        },
    }
    return JSONResponse(body, 503 if failed else 200)


def _unreadable(centre: Centre) -> str:
    try:
        centre.historian.latest([])
    except ProvenlineError as error:
        return str(error)
    return ""


def _full(centre: Centre) -> str:
    folder = store_folder(centre)
    if folder is None:
        return ""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"the store's folder cannot be reached: {error.strerror}"
    return f"{free // 2**20} MiB are free on the store's disk" if free < _LEAST_FREE else ""


def _without_accounts(centre: Centre) -> str:
    try:
        centre.audit.page(most=1)
    except ProvenlineError as error:
        return str(error)
    return ""


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[Depends(requires(Permission.METRICS))])
async def metrics(centre: CentreHere) -> Response:
    """Give the counts for Prometheus; docs/operations.md lists them."""
    registry = CollectorRegistry()
    registry.register(CentreMeters(centre, tasks()))
    ProcessCollector(registry=registry)
    text = await asyncio.to_thread(generate_latest, registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.post(RELOAD)
async def reload(
    centre: CentreHere, actor: Annotated[Actor, Depends(requires(Permission.CONFIGURE))], audit: AuditHere
) -> JSONResponse:
    """Load the configuration again and take over what changed; sources that did not keep their connection.

    Answers 422 with every fault, and 409 where the configuration cannot be exchanged; nothing has changed then.
    """
    if centre.reloading is None:
        raise HTTPException(409, "this centre runs by one configuration to its end; start it again")

    async def note(change: Change) -> None:
        folder = str(centre.configuration.folder)
        await audit(actor, "configuration.reload", folder, before=change.before, after=change.after)

    try:
        change = await centre.reloading(note)
    except ConfigError as error:
        return JSONResponse({"detail": [{"msg": str(fault), **asdict(fault)} for fault in error.faults]}, 422)
    return JSONResponse(change.as_dict())
