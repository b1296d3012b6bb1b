"""`POST /api/v2/write`: InfluxDB's write endpoint, so that whatever can write to InfluxDB can write here.

Good lines are stored even when others are refused; the answer then is 400 and names the
refused lines. 204 means: durable.
Source: the public API reference of InfluxDB 2.x, `PostWrite`.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from dashboard_api.access import Actor, Permission, requires
from dashboard_api.centre import Centre
from dashboard_api.dependencies import centre_of
from dashboard_api.series import TooManySeries
from plant import wire
from plant.batch import Batch
from plant.errors import Rejected, Unavailable
from plant.tags import LEVELS

router = APIRouter(tags=["write"])

_SHOWN = 5
_UNFIT = re.compile(r"[\s/#+\\\x00-\x1f]+")


class _TooLarge(Exception):
    pass


@router.post(
    "/api/v2/write",
    status_code=204,
    response_class=Response,
    responses={400: {}, 413: {}, 503: {}},
    openapi_extra={"requestBody": {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def write(
    request: Request,
    centre: Annotated[Centre, Depends(centre_of)],
    _: Annotated[Actor, Depends(requires(Permission.WRITE_SAMPLES))],
    precision: Annotated[Literal["ns", "us", "ms", "s"], Query()] = "ns",
    content_encoding: Annotated[str, Header()] = "identity",
) -> Response:
    """Store line protocol. `org` and `bucket` are accepted and not used: a centre has one store."""
    limit = centre.configuration.centre.body_limit
    try:
        body = await _body(request, content_encoding, limit)
    except _TooLarge:
        return _refusal(413, "request too large", f"more than {limit} bytes; send smaller batches")
    except ClientDisconnect:
        return _refusal(400, "invalid", "the request broke off")  # to nobody: whoever sent it is gone
    except (zlib.error, ValueError) as error:
        return _refusal(400, "invalid", f"the body cannot be unpacked: {error}")
    site, now = centre.configuration.site.id, centre.clock.now()

    def naming(measurement: str, tags: dict[str, str], field: str) -> str:
        return foreign_path(site, measurement, tags, field)

    decoded = await asyncio.to_thread(wire.decode, body, received=now, precision=precision, naming=naming)
    return await _store(centre, decoded)


async def _store(centre: Centre, decoded: wire.Decoded) -> Response:
    batch: Batch = decoded.batch
    try:
        if len(batch):
            await asyncio.to_thread(centre.write, batch)
    except Unavailable as error:
        centre.counts.refused_requests += 1
        after = {"Retry-After": f"{error.retry_after or 1:.0f}"}
        return _refusal(503, "unavailable", f"the store cannot take data now: {error}", headers=after)
    except TooManySeries as error:
        centre.counts.refused_lines += len(decoded.errors)
        message = f"partial write: {error}; {error.stored} samples stored, dropped={error.dropped}"
        return _refusal(400, "invalid", message)
    except Rejected as error:
        centre.counts.refused_requests += 1
        return _refusal(422, "unprocessable entity", str(error))
    if not decoded.errors:
        return Response(status_code=204)
    errors = sorted(decoded.errors, key=lambda e: e.line)
    centre.counts.refused_lines += len(errors)
    shown = "; ".join(str(e) for e in errors[:_SHOWN]) + ("; …" if len(errors) > _SHOWN else "")
    message = f"partial write: {len(batch)} samples stored, {len(errors)} lines refused: {shown}"
    return _refusal(400, "invalid", message, line=errors[0].line)


def foreign_path(site: str, measurement: str, tags: dict[str, str], field: str) -> str:
    """Give a path to a field of a line that is not ours: `site/foreign/measurement/tags/field`.

    Tags named like our levels (`scene`, `line`, `device`) take their level; the values of the
    others, in order of their keys, name the device. Characters a path cannot have become `_`.
    """
    rest = [value for key, value in sorted(tags.items()) if key not in LEVELS]
    levels = (
        tags.get("site", site),
        tags.get("scene", "foreign"),
        tags.get("line", measurement),
        tags.get("device") or ".".join(rest) or measurement,
        field if field != "value" else tags.get("signal", field),
    )
    return "/".join(_UNFIT.sub("_", level)[:64] or "_" for level in levels)


async def _body(request: Request, encoding: str, limit: int) -> bytes:
    if encoding not in ("identity", "gzip", ""):
        raise ValueError(f"content encoding {encoding!r} is not known; use gzip")
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        piece = unpack.decompress(chunk, limit - size + 1) if unpack else chunk
        size += len(piece)
        if size > limit:
            raise _TooLarge
        parts.append(piece)
    if unpack and not unpack.eof:
        raise ValueError("the gzip data is cut short")
    return b"".join(parts)


def _refusal(
    status: int, code: str, message: str, *, line: int | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    content: dict[str, str | int] = {"code": code, "message": message}
    if line is not None:
        content["line"] = line
    return JSONResponse(content, status, headers)
