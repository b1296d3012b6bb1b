"""The way to the lines that trainees work on: who has one, how it stands, and its own application behind a prefix.

    /api/v1/sandboxes/<id>/api/v1/scenes  ─▶  /api/v1/scenes of that sandbox, over its Unix socket

A page that knows the prefix works on a sandbox as on the centre. Only whose it is gets there, their
partner, and who teaches. Neither cookies nor tokens go along: the sandbox is told a name, and what somebody
may do in it is its own affair. What really happens in it has no route, here or there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Annotated
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response, WebSocket
from fastapi.requests import HTTPConnection
from fastapi.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from dashboard_api.access import POLICY_VIOLATION, Actor, Permission, requires
from dashboard_api.audit import AuditHere
from dashboard_api.dependencies import centre_of
from dashboard_api.lab_access import REFUSED, LabDeskHere, Learner, Teacher, answering, lab_desk_here
from dashboard_api.query import Json
from labs.sandboxes import NoSandbox, Sandbox, Sandboxes, SandboxState
from plant.clock import MILLISECOND

router = APIRouter(prefix="/api/v1/sandboxes", tags=["labs"])

VISITOR = "x-sandbox-visitor"
"""The header that tells a sandbox who asks."""
HOST = "sandbox"
"""The name under which the application of a sandbox is asked."""
LARGEST = 1_000_000
"""Octets of one request to a sandbox."""

_ASKED = ("accept", "accept-encoding", "accept-language", "content-type", "if-none-match")
_ANSWERED = (
    *("content-type", "content-encoding", "content-disposition", "content-length"),
    *("cache-control", "etag", "last-modified", "retry-after", "vary"),
)
_PATIENCE = httpx.Timeout(60.0, connect=5.0)
_METHODS = ["GET", "HEAD"]
_CHANGING = ["POST", "PUT", "PATCH", "DELETE"]
_TRY_LATER = 1013

PracticePrefix = "practice-"
SandboxId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


async def sandboxes_here(connection: HTTPConnection) -> Sandboxes:
    """Return all sandboxes of the centre that answers."""
    return (await lab_desk_here(centre_of(connection))).sandboxes


Here = Annotated[Sandboxes, Depends(sandboxes_here)]


def reached(sandbox: SandboxId, who: Learner, desk: LabDeskHere) -> Sandbox:
    """Return the sandbox of a path, where it is one's own or a partner's, or one teaches; 404 to everybody else."""
    with suppress(NoSandbox):
        found = desk.sandboxes.get(sandbox)
        # Whoever practises without a name knows the id, which cannot be guessed, and has nothing else to show.
        if found.owner == who.name or found.owner.startswith(PracticePrefix) or who.may(Permission.LAB_TEACH):
            return found
        if desk.register.pairs.shares(found.id, who.name):
            return found
    raise HTTPException(404, "there is no such sandbox of yours, or no longer")


Reached = Annotated[Sandbox, Depends(reached)]


@router.get("", responses=REFUSED)
async def everybodys(_: Teacher, here: Here) -> list[Json]:
    """List every sandbox: whose it is, for which lab, and how it stands."""
    return [payload(sandbox) for sandbox in here.all()]


@router.get("/{sandbox}", responses=REFUSED)
async def standing(sandbox: Reached) -> Json:
    """Say how a sandbox stands; while it starts, how much of its past has been computed."""
    return payload(sandbox)


@router.post("/{sandbox}/reset", responses=REFUSED)
async def reset(sandbox: Reached, who: Learner, here: Here, audit: AuditHere) -> Json:
    """Begin anew: the same line from the begin of its past, with the files its lab starts with."""
    with answering():
        found = await here.reset(sandbox.id)
    await audit(who, "sandbox.reset", f"{found.lab} of {found.owner}")
    return payload(found)


@router.delete("/{sandbox}", status_code=204, responses=REFUSED)
async def stop(sandbox: Reached, who: Learner, here: Here, audit: AuditHere) -> None:
    """Stop a sandbox and remove what it left."""
    with answering():
        await here.close(sandbox.id)
    await audit(who, "sandbox.stop", f"{sandbox.lab} of {sandbox.owner}")


def payload(sandbox: Sandbox) -> Json:
    """Return how a sandbox stands."""
    return {
        "id": sandbox.id,
        "owner": sandbox.owner,
        "course": sandbox.lab.course,
        "lab": sandbox.lab.lab,
        "state": sandbox.state.value,
        "reason": sandbox.reason or None,
        "progress": sandbox.progress,
        "begun": sandbox.begun // MILLISECOND or None,
    }


# -------------------------------------------------------------------------------- its application
@router.api_route("/{sandbox}/api/{path:path}", methods=_METHODS, include_in_schema=False)
async def look(request: Request, sandbox: Reached, who: Learner, path: str) -> Response:
    """Hand a question on to the application of a sandbox."""
    return await _handed_on(request, sandbox, who, path)


@router.api_route("/{sandbox}/api/{path:path}", methods=_CHANGING, include_in_schema=False)
async def act(request: Request, sandbox: Reached, who: Learner, path: str, audit: AuditHere) -> Response:
    """Hand something that changes a sandbox on to its application, which has an audit trail of its own, too."""
    answer = await _handed_on(request, sandbox, who, path)
    subject = f"{sandbox.lab} of {sandbox.owner}: {request.method} /api/{path}"
    await audit(who, "sandbox.act", subject[:300], after={"status": answer.status_code})
    return answer


async def _handed_on(request: Request, sandbox: Sandbox, who: Actor, path: str) -> Response:
    _check_ready(sandbox)
    url = httpx.URL(f"http://{HOST}{_path(path)}", query=request.url.query.encode())
    headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
    asked = httpx.Request(
        request.method, url, headers={**headers, VISITOR: quote(who.name)}, content=await _body(request)
    )
    asked.extensions["timeout"] = _PATIENCE.as_dict()
    transport = httpx.AsyncHTTPTransport(uds=str(sandbox.socket), verify=False)
    with sandbox.using():
        try:
            answer = await transport.handle_async_request(asked)
        except httpx.HTTPError as error:
            await transport.aclose()
            raise HTTPException(503, "this sandbox does not answer now; ask again, or reset it") from error

    async def passed_on() -> AsyncIterator[bytes]:
        try:
            async for part in answer.stream:  # type: ignore[union-attr]  # always one of the asynchronous kind here
                yield part
        finally:
            await answer.aclose()
            await transport.aclose()

    told = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
    return StreamingResponse(passed_on(), answer.status_code, told)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(413, f"more than {LARGEST} octets")
    return bytes(body)


def _path(path: str) -> str:
    if any(part in (".", "..") for part in path.split("/")):
        raise HTTPException(404, "there is no such path")
    return "/api/" + quote(path, safe="/:@!$&'()*+,;=~")


def _check_ready(sandbox: Sandbox) -> None:
    if sandbox.state is not SandboxState.READY:
        why = f": {sandbox.reason}" if sandbox.reason else ""
        raise HTTPException(503, f"this sandbox is {sandbox.state.value}{why}", {"Retry-After": "2"})


# ------------------------------------------------------------------------------------ its live feed
@router.websocket("/{sandbox}/api/{path:path}")
async def live(
    socket: WebSocket, sandbox: SandboxId, who: Annotated[Actor, Depends(requires(Permission.LAB_LEARN))], path: str
) -> None:
    """Hand a live connection on to the application of a sandbox, for as long as who asks may see it."""
    try:
        found = await asyncio.to_thread(reached, sandbox, who, await lab_desk_here(centre_of(socket)))
        _check_ready(found)
        address = f"ws://{HOST}{_path(path)}?{socket.url.query}"
    except HTTPException as error:
        await socket.send_denial_response(Response(str(error.detail), error.status_code))
        return
    headers = {VISITOR: quote(who.name)}
    opening = unix_connect(
        str(found.socket), address, additional_headers=headers, compression=None, max_size=None, open_timeout=10
    )
    try:
        far = await opening
    except InvalidStatus as error:
        await socket.send_denial_response(Response("refused by the sandbox", error.response.status_code))
        return
    except (OSError, TimeoutError, InvalidHandshake):
        await socket.send_denial_response(Response("this sandbox does not answer", 503))
        return
    await socket.accept()
    with found.using():
        await _joined(socket, far, centre_of(socket).accounts.over(who))


async def _joined(socket: WebSocket, far: ClientConnection, over: Coroutine[None, None, None]) -> None:
    """Pass messages both ways until one side leaves, or the one who looks may no longer."""

    async def down() -> None:
        async for message in far:
            await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))

    async def up() -> None:
        while True:
            await far.send(await socket.receive_text())

    tasks = [asyncio.ensure_future(down()), asyncio.ensure_future(up()), asyncio.ensure_future(over)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        code = POLICY_VIOLATION if tasks[2].done() else far.close_code or _TRY_LATER
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await far.close()
    with suppress(RuntimeError, WebSocketDisconnect, ConnectionClosed):
        await socket.close(code)
