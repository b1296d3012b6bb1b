"""Accounts over REST: who has one, their sessions and their tokens.

An administrator may see to all of them, everybody else to their own sessions and tokens.
Secrets leave once: a one-time code when it is made, a token when it is made.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from pydantic import Field

from dashboard_api.access import FOR_TOKENS, Actor, Json, Permission, Role, requires
from dashboard_api.account_store import Session, Token, User
from dashboard_api.accounts import LONGEST_TOKEN, AccountsHere, normal
from dashboard_api.audit import AuditHere
from dashboard_api.sign_in import Oneself, Strict, moment_ms
from plant.clock import SECOND

router = APIRouter(prefix="/api/v1/users", tags=["account"])

Administrator = Annotated[Actor, Depends(requires(Permission.USER_ADMIN))]
Name = Annotated[str, Path(max_length=64)]


class UserBody(Strict):
    """A new account."""

    name: str = Field(min_length=1, max_length=64)
    role: Role


class ChangeBody(Strict):
    """What shall be different about an account."""

    role: Role | None = None
    enabled: bool | None = None


class TokenBody(Strict):
    """A new token: what it is for, what it may do, and for how many days."""

    label: str = Field(min_length=1, max_length=100)
    permissions: set[Permission] = Field(min_length=1)
    days: float = Field(gt=0, le=LONGEST_TOKEN / SECOND / 86_400)


@router.get("")
async def users(_: Administrator, accounts: AccountsHere) -> list[Json]:
    """List all accounts."""
    return [_user(user) for user in accounts.users()]


@router.post("", status_code=201)
async def add(body: UserBody, actor: Administrator, accounts: AccountsHere, audit: AuditHere) -> Json:
    """Make an account. The answer holds a one-time code with which its owner sets a password."""
    code = await accounts.add(body.name, body.role)
    user = accounts.user(body.name)
    await audit(actor, "user.add", user.name, after=_state(user))
    return _user(user) | {"code": code}


@router.patch("/{name}")
async def change(name: Name, body: ChangeBody, actor: Administrator, accounts: AccountsHere, audit: AuditHere) -> Json:
    """Give an account another role, or close or open it; either ends its sessions."""
    before = _known(accounts, name)
    user = await accounts.change(name, role=body.role, enabled=body.enabled)
    await audit(actor, "user.change", user.name, before=_state(before), after=_state(user))
    return _user(user)


@router.post("/{name}/code")
async def reset(name: Name, actor: Administrator, accounts: AccountsHere, audit: AuditHere) -> Json:
    """Take an account's password away and end its sessions. The answer holds a new one-time code."""
    before = _known(accounts, name)
    code = await accounts.reset(name)
    user = accounts.user(name)
    await audit(actor, "user.reset", user.name, before=_state(before), after=_state(user))
    return _user(user) | {"code": code}


@router.get("/{name}/sessions")
async def sessions(name: Name, actor: Oneself, accounts: AccountsHere) -> list[Json]:
    """List where an account is signed in."""
    _own_or_administrator(actor, name)
    return [_session(session, actor) for session in accounts.sessions(_known(accounts, name).name)]


@router.delete("/{name}/sessions")
async def end_sessions(
    name: Name, actor: Oneself, accounts: AccountsHere, audit: AuditHere, id: str | None = None  # noqa: A002 - as it is called outside
) -> Json:  # fmt: skip
    """End one session of an account by its id, or all of them, the one that asks too."""
    _own_or_administrator(actor, name)
    user = _known(accounts, name)
    ended = await accounts.end(lambda session: session.user == user.name and id in (None, session.id))
    await audit(actor, "session.end", user.name, after={"ended": ended, "id": id})
    return {"ended": ended}


@router.get("/{name}/tokens")
async def tokens(name: Name, actor: Oneself, accounts: AccountsHere) -> list[Json]:
    """List an account's tokens, without their secrets."""
    _own_or_administrator(actor, name)
    return [_token(token) for token in accounts.tokens(_known(accounts, name).name)]


@router.post("/{name}/tokens", status_code=201)
async def add_token(name: Name, body: TokenBody, actor: Oneself, accounts: AccountsHere, audit: AuditHere) -> Json:
    """Make a token. The answer holds its secret, which is shown this once."""
    _own_or_administrator(actor, name)
    user, asked = _known(accounts, name), frozenset(body.permissions)
    if asked - FOR_TOKENS:
        raise HTTPException(409, f"no token may {', '.join(sorted(asked - FOR_TOKENS))}")
    lasts = body.days * 86_400
    secret, token = await accounts.add_token(user.name, label=body.label, permissions=asked, lasts=lasts)
    await audit(actor, "token.add", user.name, after=_token(token))
    return _token(token) | {"token": secret}


@router.delete("/{name}/tokens/{id}", status_code=204)
async def revoke_token(name: Name, id: str, actor: Oneself, accounts: AccountsHere, audit: AuditHere) -> Response:  # noqa: A002
    """Revoke a token at once."""
    _own_or_administrator(actor, name)
    token = await accounts.revoke(_known(accounts, name).name, id)
    await audit(actor, "token.revoke", token.user, before=_token(token))
    return Response(status_code=204)


def _own_or_administrator(actor: Actor, name: str) -> None:
    if normal(name) != actor.name and not actor.may(Permission.USER_ADMIN):
        raise HTTPException(403, "this belongs to somebody else")


def _known(accounts: AccountsHere, name: str) -> User:
    found = {user.name: user for user in accounts.users()}.get(normal(name))
    if found is None:
        raise HTTPException(404, f"there is no user {name!r}")
    return found


def _state(user: User) -> Json:
    return {"role": user.role.value, "enabled": user.enabled, "password": user.password is not None}


def _user(user: User) -> Json:
    invited = moment_ms(user.code_until if user.code else None)
    return {"name": user.name} | _state(user) | {"created": moment_ms(user.created), "code_until": invited}


def _session(session: Session, actor: Actor) -> Json:
    return {
        "id": session.id,
        "opened": moment_ms(session.opened),
        "seen": moment_ms(session.seen),
        "address": session.address,
        "agent": session.agent,
        "this": session.id == actor.credential,
    }


def _token(token: Token) -> Json:
    return {
        "id": token.id,
        "label": token.label,
        "permissions": sorted(token.permissions),
        "made": moment_ms(token.made),
        "until": moment_ms(token.until),
    }
