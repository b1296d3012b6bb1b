"""The resolution service: the registry over HTTP, in the shape of the Handle System's REST interface.

    GET  /api/handles/<prefix>/<suffix>[?type=URL&index=1]    resolve: anybody
    PUT  /api/handles/<prefix>/<suffix>   {"values": […]}     register: with the token
    POST /api/handles                     {"handles": […]}    register many in one transaction: with the token
    GET  /api/count                                           how many are registered

Every answer carries `responseCode`. Identifiers are never overwritten. Bodies are limited,
and there is no default token: who starts the service chooses one.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plant.clock import SECOND
from simulators.identifiers.registry import MOST_VALUES, Answer, Code, Handle, HandleValue, Registry

BODY_LIMIT = 8_000_000
MOST_HANDLES = 20_000
SHORTEST_TOKEN = 16

_STATUS = {
    Code.SUCCESS: 200,
    Code.ERROR: 500,
    Code.NOT_FOUND: 404,
    Code.EXISTS: 409,
    Code.INVALID: 400,
    Code.VALUES_NOT_FOUND: 404,
    Code.NOT_RESPONSIBLE: 400,
    Code.NOT_AUTHENTICATED: 401,
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Data(_Strict):
    format: str = Field(default="string", pattern="^string$")
    value: str


class _Value(_Strict):
    index: int
    type: str
    data: _Data
    ttl: int = 86_400


class _Record(_Strict):
    values: Annotated[tuple[_Value, ...], Field(min_length=1, max_length=MOST_VALUES)]


class _NamedRecord(_Record):
    handle: str


class _Records(_Strict):
    handles: Annotated[tuple[_NamedRecord, ...], Field(min_length=1, max_length=MOST_HANDLES)]


class TooLarge(ValueError):
    """A body beyond the limit."""


def application(registry: Registry, *, token: str) -> Starlette:
    """Return the service over `registry`. Raises ValueError for a token that is too short."""
    if len(token) < SHORTEST_TOKEN:
        raise ValueError(f"the token has fewer than {SHORTEST_TOKEN} characters")
    service = _Service(registry, token)
    return Starlette(
        routes=[
            Route("/api/handles/{name:path}", service.resolve, methods=["GET"]),
            Route("/api/handles/{name:path}", service.register, methods=["PUT"]),
            Route("/api/handles", service.register_all, methods=["POST"]),
            Route("/api/count", service.count, methods=["GET"]),
        ]
    )


class _Service:
    def __init__(self, registry: Registry, token: str) -> None:
        self._registry = registry
        self._bearer = f"Bearer {token}".encode()

    async def resolve(self, request: Request) -> Response:
        name = request.path_params["name"]
        asked = request.query_params
        try:
            indexes = [int(index) for index in asked.getlist("index")]
        except ValueError:
            return _answer(Answer(Code.INVALID, name))
        # A look-up by key takes some microseconds: less than handing it to a thread would.
        return _answer(self._registry.resolve(name, types=asked.getlist("type"), indexes=indexes))

    async def register(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._authentic(request):
            return _answer(Answer(Code.NOT_AUTHENTICATED, name))
        try:
            record = _Record.model_validate_json(await _body(request))
        except TooLarge as error:
            return _refusal(413, str(error))
        except ValidationError as error:
            return _refusal(400, _reasons(error))
        answer = await run_in_threadpool(self._registry.register, Handle(name, _values(record)))
        return _answer(answer, created=True)

    async def register_all(self, request: Request) -> Response:
        if not self._authentic(request):
            return _answer(Answer(Code.NOT_AUTHENTICATED, ""))
        try:
            records = _Records.model_validate_json(await _body(request))
        except TooLarge as error:
            return _refusal(413, str(error))
        except ValidationError as error:
            return _refusal(400, _reasons(error))
        handles = [Handle(record.handle, _values(record)) for record in records.handles]
        answers = await run_in_threadpool(self._registry.register_all, handles)
        refused = [{"handle": a.handle, "responseCode": a.code} for a in answers if a.code is not Code.SUCCESS]
        return _json(200, {"responseCode": 1, "registered": len(answers) - len(refused), "refused": refused})

    async def count(self, request: Request) -> Response:
        del request
        return _json(200, {"responseCode": 1, "count": await run_in_threadpool(self._registry.__len__)})

    def _authentic(self, request: Request) -> bool:
        return secrets.compare_digest(request.headers.get("authorization", "").encode(), self._bearer)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise TooLarge(f"more than {BODY_LIMIT} bytes")
    return bytes(body)


def _values(record: _Record) -> tuple[HandleValue, ...]:
    return tuple(HandleValue(v.index, v.type, v.data.value, v.ttl) for v in record.values)


def _answer(answer: Answer, *, created: bool = False) -> Response:
    content: dict[str, object] = {"responseCode": answer.code, "handle": answer.handle}
    if answer.values:
        stamp = datetime.fromtimestamp(answer.time // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        content["values"] = [
            {
                "index": v.index,
                "type": v.type,
                "data": {"format": "string", "value": v.data},
                "ttl": v.ttl,
                "timestamp": stamp,
            }
            for v in answer.values
        ]
    status = 201 if created and answer.code is Code.SUCCESS else _STATUS[answer.code]
    return _json(status, content)


def _reasons(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])


def _refusal(status: int, reason: str) -> Response:
    return _json(status, {"responseCode": Code.INVALID, "message": reason})


def _json(status: int, content: dict[str, object]) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
