"""Signing in and out, and one's own password: `/api/v1/session`.

Whoever guesses waits longer and longer, by account and by address; while one waits, nothing
is compared, so guessing costs this machine nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.requests import HTTPConnection
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.access import Actor, Json, Kind, Permission, Refusal, Responses, requires
from dashboard_api.account_store import User
from dashboard_api.accounts import Accounts, AccountsHere, normal
from dashboard_api.audit import AuditHere
from dashboard_api.back_off import FOR_ACCOUNTS, FOR_ADDRESSES, BackOff
from dashboard_api.gate import address_of, cookie_name, give_cookie
from dashboard_api.passwords import LONGEST, Unfit
from plant.clock import MILLISECOND, Clock

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/v1/session", tags=["account"])

Anyone = Annotated[Actor, Depends(requires(Permission.OPEN))]
Oneself = Annotated[Actor, Depends(requires(Permission.SELF))]
Password = Annotated[str, Field(min_length=1, max_length=LONGEST)]
_WRONG: Responses = {429: {"model": Refusal, "description": "too many tries; see Retry-After"}}


class Strict(BaseModel):
    """A body in which every key is known."""

    model_config = ConfigDict(extra="forbid")


class SignInBody(Strict):
    """Name and password."""

    name: str = Field(min_length=1, max_length=64)
    password: Password


class CodeBody(Strict):
    """A one-time code, and the password to set with it."""

    code: str = Field(min_length=1, max_length=64)
    password: Password


class PasswordBody(Strict):
    """The password as it is, and as it shall be."""

    old: Password
    new: Password


@dataclass
class Guesses:
    """How often somebody tried, by account and by address."""

    clock: Clock
    accounts: BackOff = field(init=False)
    addresses: BackOff = field(init=False)

    def __post_init__(self) -> None:
        self.accounts, self.addresses = BackOff(FOR_ACCOUNTS, self.clock), BackOff(FOR_ADDRESSES, self.clock)

    def begin(self, account: str, address: str) -> None:
        """Count a try. Answers 429 when it comes too early, and counts nothing then."""
        wait = max(self.accounts.wait(account), self.addresses.wait(address))
        if wait > 0:
            log.warning("sign-in held back", account=account, address=address, seconds=round(wait))
            seconds = int(wait) + 1
            raise HTTPException(429, f"too many tries; try again in {seconds} s", headers={"Retry-After": str(seconds)})
        self.accounts.tried(account)
        self.addresses.tried(address)


def guesses_of(connection: HTTPConnection) -> Guesses:
    """Return the tries that this application counts."""
    guesses: Guesses = connection.app.state.guesses
    return guesses


GuessesHere = Annotated[Guesses, Depends(guesses_of)]


@router.get("")
async def who(actor: Anyone, accounts: AccountsHere) -> Json:
    """Say who asks, and what that one may do."""
    if actor.kind is Kind.SESSION:
        await accounts.note_use()
    return _who(actor)


@router.post("", responses=_WRONG)
async def sign_in(
    body: SignInBody, actor: Anyone, request: Request, response: Response,
    accounts: AccountsHere, guesses: GuessesHere, audit: AuditHere,
) -> Json:  # fmt: skip
    """Sign in with name and password; the answer sets the session's cookie."""
    name = normal(body.name)
    guesses.begin(name, actor.address)
    user = await accounts.sign_in(name, body.password)
    if user is None:
        log.warning("sign-in failed", account=name, address=actor.address)
        raise HTTPException(401, "wrong name or password")
    guesses.accounts.succeeded(name)
    opened = await _opened(accounts, user, request, response)
    await audit(opened, "session.open", user.name)
    return _who(opened)


@router.post("/code", responses=_WRONG)
async def set_first_password(
    body: CodeBody, actor: Anyone, request: Request, response: Response,
    accounts: AccountsHere, guesses: GuessesHere, audit: AuditHere,
) -> Json:  # fmt: skip
    """Set a password with a one-time code, and sign in."""
    guesses.begin("", actor.address)
    guesses.accounts.succeeded("")  # codes are too long to guess; only the address counts
    try:
        user = await accounts.set_first(body.code, body.password)
    except Unfit as error:
        raise HTTPException(422, str(error)) from error
    if user is None:
        raise HTTPException(401, "this code was used, is too old, or never was one")
    opened = await _opened(accounts, user, request, response)
    await audit(opened, "user.set-password", user.name)
    return _who(opened)


@router.delete("", status_code=204)
async def sign_out(actor: Oneself, request: Request, accounts: AccountsHere, audit: AuditHere) -> Response:
    """End the session that asks."""
    await accounts.end(lambda session: session.id == actor.credential)
    await audit(actor, "session.end", actor.name)
    answer = Response(status_code=204)
    give_cookie(request, answer, "", lasts=0)
    return answer


@router.post("/password", status_code=204, responses=_WRONG)
async def change_password(
    body: PasswordBody, actor: Oneself, accounts: AccountsHere, guesses: GuessesHere, audit: AuditHere
) -> Response:
    """Set another password; all other sessions of the account end."""
    guesses.begin(actor.name, actor.address)
    try:
        right = await accounts.change_password(actor, body.old, body.new)
    except Unfit as error:
        raise HTTPException(422, str(error)) from error
    if not right:
        raise HTTPException(403, "the present password is another one")
    guesses.accounts.succeeded(actor.name)
    await audit(actor, "user.change-password", actor.name)
    return Response(status_code=204)


async def _opened(accounts: Accounts, user: User, request: Request, response: Response) -> Actor:
    address = address_of(request)
    # What the browser held before ends: nobody goes on in a session that somebody else put there.
    before = accounts.by_session(request.cookies.get(cookie_name(request), ""), address)
    if before is not None:
        await accounts.end(lambda session: session.id == before.credential)
    secret, session = await accounts.open(user, address=address, agent=request.headers.get("user-agent", ""))
    give_cookie(request, response, secret, lasts=accounts.lasting.longest)
    actor = accounts.by_session(secret, address)
    assert actor is not None, session.id
    return actor


def _who(actor: Actor) -> Json:
    return {
        "kind": actor.kind.value,
        "name": actor.name or None,
        "role": actor.role.value if actor.role else None,
        "permissions": sorted(actor.permissions),
    }


def moment_ms(time: int | None) -> int | None:
    """Give a moment in ms, as all times leave this API."""
    return None if time is None else time // MILLISECOND
