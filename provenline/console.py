"""How a command reaches accounts: itself while no centre runs on the data folder, else through the running one.

Either way it speaks the same HTTP, so there is one way in which accounts change and are audited.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx
import typer

from dashboard_api.guard import create_console
from plant.errors import ProvenlineError, Unavailable
from provenline.process import fail
from provenline.trust import AUDIT, Console, console_of, trust

DataFolder = Annotated[
    Path | None, typer.Option("--data", help="Data folder of the centre; for the demonstration its demo folder.")
]
OFFLINE = "http://console.invalid"
"""Stands for a centre that does not run."""
_TIMEOUT = 30.0
_Answer = TypeVar("_Answer")


@asynccontextmanager
async def console(data: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client that administers the accounts of a data folder.

    Raises ProvenlineError when a running centre does not say where it is.
    """
    try:
        async with _offline(data) as client:
            yield client
    except Unavailable as busy:
        async with _online(_running(data, busy)) as client:
            yield client


@asynccontextmanager
async def _offline(data: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with trust(data) as trusted:
        transport = httpx.ASGITransport(create_console(trusted.accounts, trusted.audit))
        headers = _key(trusted.console)
        async with httpx.AsyncClient(transport=transport, base_url=OFFLINE, headers=headers) as client:
            yield client


def _running(data: Path, busy: Unavailable) -> Console:
    try:
        return console_of(data)
    except ProvenlineError as error:
        raise ProvenlineError(f"{busy}; {error}") from error


@asynccontextmanager
async def _online(where: Console) -> AsyncIterator[httpx.AsyncClient]:
    verify: ssl.SSLContext | bool = True
    if where.certificate:
        verify = ssl.create_default_context(cafile=where.certificate)
        verify.check_hostname = False  # it is this very certificate, whatever names are in it
    key = _key(where.key)
    async with httpx.AsyncClient(
        base_url=where.url, headers=key, verify=verify, timeout=_TIMEOUT, trust_env=False
    ) as client:
        yield client


def _key(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def asking(data: Path | None, ask: Callable[[httpx.AsyncClient], Awaitable[_Answer]]) -> _Answer:
    """Run a question to the accounts of a data folder; end the command with the reason when it is refused."""

    async def run() -> _Answer:
        async with console(folder(data)) as client:
            return await ask(client)

    try:
        return asyncio.run(run())
    except (ProvenlineError, httpx.HTTPError) as error:
        fail(str(error) or type(error).__name__)


async def answer(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """Return what is answered as JSON, None when that is empty. Raises ProvenlineError with the reason of a refusal."""
    response = await client.request(method, path, json=body)
    if response.is_error:
        detail = response.json().get("detail", response.text) if response.content else response.reason_phrase
        raise ProvenlineError(detail if isinstance(detail, str) else "; ".join(str(d.get("msg", d)) for d in detail))
    return response.json() if response.content else None


def folder(given: Path | None) -> Path:
    """Return the data folder that was given, or the usual one; end the command when there is none."""
    data = given or Path(os.environ.get("PROVENLINE_DATA", "~/.local/share/provenline")).expanduser()
    if not data.is_dir():
        fail(f"there is no data folder {data}; name the centre's with --data")
    return data


def audit_file(given: Path | None) -> Path:
    """Return the audit log of a data folder; end the command when there is none."""
    file = folder(given) / AUDIT
    if not file.is_file():
        fail(f"there is no audit log {file}; name the centre's data folder with --data")
    return file
