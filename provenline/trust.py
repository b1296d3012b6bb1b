"""Accounts and audit log of one centre: opened with it, and in reach of the commands beside it.

Only one process writes the accounts. A command such as `provenline user add` works on them
itself while no centre runs, and else asks the running one, over HTTP, with a key from a file
in the data folder that only its owner can read: whoever may read that folder administers it.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from configs.configuration import Configuration
from dashboard_api.access import Permission, Role
from dashboard_api.account_store import AccountStore, Token, fingerprint
from dashboard_api.accounts import Accounts, Lasting
from dashboard_api.audit import AuditLog
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from provenline.certificate import Certificate

log = structlog.get_logger(__name__)

ACCOUNTS, AUDIT, CONSOLE = "accounts.db", "audit.db", "console.json"
_EVERYTHING = frozenset(Permission)
_WRITING = frozenset({Permission.OPEN, Permission.WRITE_SAMPLES})


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may do what at a centre, and what was done. `console` is the key for commands on this machine."""

    accounts: Accounts
    audit: AuditLog
    console: str


@asynccontextmanager
async def trust(data: Path, configuration: Configuration | None = None) -> AsyncIterator[Trust]:
    """Open accounts and audit log; real time counts for them, however fast the plant's runs."""
    clock = SystemClock()
    console = secrets.token_urlsafe(32)
    configured = [_configured("console", console, _EVERYTHING)]
    lasting = Lasting()
    if configuration is not None:
        settings = configuration.centre.access
        lasting = Lasting(idle=settings.idle, longest=settings.longest)
        names = [f"write token {number}" for number in range(1, 1 + len(configuration.centre.write_tokens))]
        for name, secret in zip(names or ["write token"], write_tokens(configuration, data), strict=True):
            configured.append(_configured(name, secret, _WRITING))
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(AccountStore, data / ACCOUNTS)
        stack.callback(store.close)
        audit = await asyncio.to_thread(lambda: AuditLog(data / AUDIT, clock=clock))
        stack.callback(audit.close)
        accounts = Accounts(store, clock=clock, lasting=lasting, configured=configured)
        yield Trust(accounts, audit, console)
        await accounts.note_use()


def _configured(label: str, secret: str, permissions: frozenset[Permission]) -> Token:
    return Token(fingerprint(secret), "", label, permissions, made=0, until=None)


def write_tokens(configuration: Configuration, data: Path) -> list[str]:
    """Return the secrets that may write over HTTP: the configured ones, else one made at first start, in a file."""
    configured = configuration.centre.write_tokens
    try:
        if configured:
            return [secret.reveal() for secret in configured]
    except ValueError as error:
        raise ProvenlineError(f"centre: write_tokens: {error}") from error
    file = data / "write-token"
    if not file.exists():
        _write_private(file, secrets.token_urlsafe(32))
        log.info("a write token was made", file=str(file))
    return [file.read_text(encoding="utf-8").strip()]


def visitors(configuration: Configuration, *, loopback: bool) -> Role | None:
    """Return what somebody may do who does not sign in; beyond loopback nothing, unless configured."""
    configured = configuration.centre.access.anonymous
    if configured is None:
        return Role.VIEWER if loopback else None
    return Role.VIEWER if configured.value == "viewer" else None


# ------------------------------------------------------------------------------- the console
@dataclass(frozen=True, slots=True)
class Console:
    """Where a running centre is, the key that opens it, and its certificate when it has TLS."""

    url: str
    key: str
    certificate: str | None = None


@asynccontextmanager
async def welcoming(trusted: Trust, data: Path, url: str, tls: Certificate | None = None) -> AsyncIterator[None]:
    """While the context is open, let commands on this machine in; at a first start, say how to sign in."""
    file = data / CONSOLE
    first = await trusted.accounts.first_code()
    _write_private(file, json.dumps(asdict(Console(url, trusted.console, tls.certificate if tls else None))))
    try:
        if first is not None:
            name, code = first
            log.info(
                "nobody has signed in yet: open this link once and set a password", user=name, link=link(url, code)
            )
        else:
            log.info("sign in on the page", forgotten=f"provenline user reset NAME --data {data}")
        yield
    finally:
        file.unlink(missing_ok=True)


def link(url: str, code: str) -> str:
    """Return where a one-time code sets a password; behind the `#` it reaches no log of any server."""
    return f"{url}welcome#{code}"


def console_of(data: Path) -> Console:
    """Return how to reach the centre that runs on a data folder. Raises ProvenlineError when that is not said."""
    file = data / CONSOLE
    try:
        return Console(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ProvenlineError(f"a centre has {data} open, but {file} does not say where it is: {error}") from error


def _write_private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as private:
        private.write(text)
