"""The audit log over REST: to read, to take away, to have checked, and for commands to say what they did."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.access import Actor, Json, Permission, requires
from dashboard_api.audit import MOST, AuditHere, AuditLog, Head, log_of, records, verify

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])

LogHere = Annotated[AuditLog, Depends(log_of)]
Auditor = Annotated[Actor, Depends(requires(Permission.AUDIT_VIEW))]


@router.get("")
async def page(
    _: Auditor,
    log: LogHere,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    most: Annotated[int, Query(ge=1, le=MOST)] = 100,
    text: Annotated[str, Query(max_length=100)] = "",
) -> list[Json]:
    """Give records, the newest first, those before a number; with `text`, those with it in who, what or whom."""
    found = await asyncio.to_thread(log.page, before=before, most=most, text=text)
    return [record.payload() for record in found]


@router.get("/verify")
async def check(_: Auditor, log: LogHere, noted: Annotated[str | None, Query(max_length=100)] = None) -> Json:
    """Walk the whole chain: where it ends, and every fault. `noted`: a head (`SEQ:HASH`) written down elsewhere."""
    try:
        head = Head.of(noted) if noted else None
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    found = await asyncio.to_thread(verify, log.path, noted=head)
    return {"records": found.records, "head": str(found.head), "faults": list(found.faults)}


@router.get("/export", response_class=StreamingResponse)
async def export(_: Auditor, log: LogHere) -> StreamingResponse:
    """Download every record, the oldest first, one JSON object a line; each can be checked by its hash."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(lines(log), media_type="application/jsonl", headers=headers)


class Backup(BaseModel):
    """What a command tells of a backup that it took."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(max_length=1_000)]
    files: Annotated[int, Field(ge=0, le=2**53)]
    bytes: Annotated[int, Field(ge=0, le=2**53)]
    keys: bool


@router.post("/backups", status_code=204)
async def backup(
    who: Annotated[Actor, Depends(requires(Permission.USER_ADMIN))], taken: Backup, audit: AuditHere
) -> None:
    """Write down that a backup was taken: everything is in it, people's password hashes too."""
    await audit(who, "backup.take", taken.file, after=taken.model_dump(exclude={"file"}))


def lines(log: AuditLog) -> Iterator[bytes]:
    """Write every record as a line of JSON."""
    for record in records(log.path):
        yield orjson.dumps(record.payload(), option=orjson.OPT_APPEND_NEWLINE)
