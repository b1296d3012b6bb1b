"""Accounts at work: who has one, who is signed in, and which token opens what.

What is looked up on every request lies in memory; every change is on the disk before it is
answered, and then takes effect at once, also on connections that are already open: they wait
on `over`, which ends with their session or token.

An account begins without a password. Its owner gets a one-time code instead, sets a password
with it, and the code is gone; a reset is the same again.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from dashboard_api.access import PERMISSIONS, Actor, Kind, Permission, Role
from dashboard_api.account_store import AccountStore, Session, Token, User, fingerprint
from dashboard_api.passwords import Passwords, check
from plant.clock import SECOND, Clock
from plant.errors import ProvenlineError

CODE_LASTS = 72 * 3_600 * SECOND
MOST_USERS = 2_000
MOST_SESSIONS = 20
"""Sessions of one user; the one not used for longest ends when there is another."""
MOST_TOKENS = 50
LONGEST_TOKEN = 400 * 86_400 * SECOND
FIRST = "admin"
"""The name of the account that a new installation starts with."""

_NAME = re.compile(r"\w[\w.-]{0,31}")
_NOTE_EVERY = 60 * SECOND


class Refused(ProvenlineError):
    """A change to accounts that is not possible; the text says why."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long a session lasts: unused, and at most, in seconds."""

    idle: float = 3_600.0
    longest: float = 43_200.0


class Accounts:
    """All accounts, of the file behind `store`. Call it from one event loop.

    `configured`: tokens of the configuration, which are not in the file. Raises Unavailable when
    a change cannot be written; then nothing has changed.
    """

    def __init__(
        self,
        store: AccountStore,
        *,
        clock: Clock,
        lasting: Lasting | None = None,
        configured: Iterable[Token] = (),
        passwords: Passwords | None = None,
    ) -> None:
        self._store = store
        self.clock = clock
        self.lasting = lasting or Lasting()
        self._passwords = passwords or Passwords()
        self._users = {user.name: user for user in store.users()}
        self._sessions = {session.key: session for session in store.sessions()}
        self._tokens = {token.key: token for token in (*store.tokens(), *configured)}
        self._noted = {key: session.seen for key, session in self._sessions.items()}
        self._over: dict[str, asyncio.Event] = {}
        self._changing = asyncio.Lock()

    # ---------------------------------------------------------------------- who asks
    def by_session(self, secret: str, address: str) -> Actor | None:
        """Return who holds a session, and note that it was used; None when it is over."""
        session = self._sessions.get(fingerprint(secret))
        user = self._users.get(session.user) if session else None
        now = self.clock.now()
        if session is None or user is None or not user.enabled or now >= self._ends(session):
            return None
        self._sessions[session.key] = replace(session, seen=now)
        return Actor(user.name, user.role, Kind.SESSION, PERMISSIONS[user.role], session.id, address)

    def by_token(self, secret: str, address: str) -> Actor | None:
        """Return who holds a token; None when it is no longer one."""
        token = self._tokens.get(fingerprint(secret))
        if token is None or (token.until is not None and self.clock.now() >= token.until):
            return None
        if not token.user:
            return Actor(token.label, None, Kind.TOKEN, token.permissions, token.id, address)
        user = self._users.get(token.user)
        if user is None or not user.enabled:
            return None
        return Actor(user.name, user.role, Kind.TOKEN, token.permissions & PERMISSIONS[user.role], token.id, address)

    async def over(self, actor: Actor) -> None:
        """Wait until an actor's session or token ends, however it ends; for ever for who has neither."""
        if actor.kind is Kind.ANONYMOUS:
            await asyncio.Event().wait()
        if not self._open(actor.credential):
            return
        ending = self._over.setdefault(actor.credential, asyncio.Event())
        expiring = asyncio.ensure_future(self._expire(actor.credential))
        revoked = asyncio.ensure_future(ending.wait())
        try:
            await asyncio.wait((revoked, expiring), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (revoked, expiring):
                task.cancel()
            await asyncio.gather(revoked, expiring, return_exceptions=True)

    def _open(self, credential: str) -> bool:
        ids = [session.id for session in self._sessions.values()] + [token.id for token in self._tokens.values()]
        return credential in ids

    async def _expire(self, credential: str) -> None:
        # A connection that is open is use, so only the longest time of a session counts here.
        ends = [s.opened + round(self.lasting.longest * SECOND) for s in self._sessions.values() if s.id == credential]
        ends += [token.until for token in self._tokens.values() if token.id == credential and token.until is not None]
        if not ends:
            await asyncio.Event().wait()
        await self.clock.sleep((min(ends) - self.clock.now()) / SECOND)

    def _ends(self, session: Session) -> int:
        idle, longest = round(self.lasting.idle * SECOND), round(self.lasting.longest * SECOND)
        return min(session.seen + idle, session.opened + longest)

    # ------------------------------------------------------------------------- users
    def users(self) -> list[User]:
        """Return all accounts by name."""
        return sorted(self._users.values(), key=lambda user: user.name)

    def user(self, name: str) -> User:
        """Return one account. Raises Refused when there is none."""
        found = self._users.get(normal(name))
        if found is None:
            raise Refused(f"there is no user {name!r}")
        return found

    async def add(self, name: str, role: Role) -> str:
        """Make an account and return its one-time code. Raises Refused for a name that is taken or none."""
        name = normal(name)
        if not _NAME.fullmatch(name):
            raise Refused("a name has 1 to 32 letters and digits, and . _ - but not first")
        async with self._changing:
            if name in self._users:
                raise Refused(f"there is a user {name!r} already")
            if len(self._users) >= MOST_USERS:
                raise Refused(f"there are {MOST_USERS} users, and no more")
            return await self._invite(User(name, role, enabled=True, created=self.clock.now()))

    async def change(self, name: str, *, role: Role | None = None, enabled: bool | None = None) -> User:
        """Give an account another role, or close or open it; a closed one is signed out everywhere.

        Raises Refused when no administrator would be left.
        """
        async with self._changing:
            old = self.user(name)
            new = replace(old, role=role or old.role, enabled=old.enabled if enabled is None else enabled)
            others = [u for u in self._users.values() if u.name != old.name and u.enabled and u.role is Role.ADMIN]
            if not others and old.role is Role.ADMIN and (new.role is not Role.ADMIN or not new.enabled):
                raise Refused(f"{old.name} is the last administrator")
            await self._put(new)
        if not new.enabled or new.role is not old.role:
            # What is open was opened with other permissions.
            await self.end(lambda session: session.user == old.name)
            self._signal(token.id for token in self._tokens.values() if token.user == old.name)
        return new

    async def reset(self, name: str) -> str:
        """Take an account's password away, sign it out everywhere, and return a new one-time code."""
        async with self._changing:
            code = await self._invite(replace(self.user(name), password=None))
        await self.end(lambda session: session.user == normal(name))
        return code

    async def first_code(self) -> tuple[str, str] | None:
        """Return name and one-time code for a first administrator; None when there is one with a password."""
        admins = [user for user in self.users() if user.role is Role.ADMIN and user.enabled]
        if any(user.password for user in admins):
            return None
        name = admins[0].name if admins else FIRST
        return name, await (self.reset(name) if admins else self.add(name, Role.ADMIN))

    # --------------------------------------------------------------------- passwords
    async def sign_in(self, name: str, password: str) -> User | None:
        """Return the account that name and password open; None when they open none."""
        user = self._users.get(normal(name))
        fits = await self._passwords.fits(password, user.password if user and user.enabled else None)
        return self._users.get(normal(name)) if fits else None

    async def set_first(self, code: str, password: str) -> User | None:
        """Set a password with a one-time code, which is then gone; None when the code opens no account.

        Raises passwords.Unfit.
        """
        key, now = fingerprint(code), self.clock.now()
        async with self._changing:
            found = [u for u in self._users.values() if u.code == key and u.enabled and now < (u.code_until or 0)]
            if not found:
                return None
            check(password, found[0].name)
            kept = await self._passwords.hash(password)
            return await self._put(replace(found[0], password=kept, code=None, code_until=None))

    async def change_password(self, actor: Actor, old: str, new: str) -> bool:
        """Set another password and end the account's other sessions; False when the old one is not right.

        Raises passwords.Unfit.
        """
        user = self.user(actor.name)
        if not await self._passwords.fits(old, user.password):
            return False
        check(new, user.name)
        kept = await self._passwords.hash(new)
        async with self._changing:
            await self._put(replace(self.user(actor.name), password=kept))
        await self.end(lambda session: session.user == user.name and session.id != actor.credential)
        return True

    # ---------------------------------------------------------------------- sessions
    async def open(self, user: User, *, address: str, agent: str) -> tuple[str, Session]:
        """Begin a session; return the secret for its cookie, and the session."""
        secret, now = secrets.token_urlsafe(32), self.clock.now()
        session = Session(fingerprint(secret), user.name, now, now, address, agent[:200])
        async with self._changing:
            await asyncio.to_thread(self._store.put_sessions, [session])
            self._sessions[session.key] = session
        mine = sorted(self.sessions(user.name), key=lambda other: other.seen)
        surplus = {other.key for other in mine[: max(0, len(mine) - MOST_SESSIONS)]}
        await self.end(lambda other: other.key in surplus or self.clock.now() >= self._ends(other))
        return secret, session

    def sessions(self, name: str) -> list[Session]:
        """Return the sessions of an account that are not over."""
        now = self.clock.now()
        return [s for s in self._sessions.values() if s.user == normal(name) and now < self._ends(s)]

    async def end(self, which: Callable[[Session], bool]) -> int:
        """End sessions at once, open connections too; return how many there were."""
        async with self._changing:
            ended = [session for session in self._sessions.values() if which(session)]
            await asyncio.to_thread(self._store.drop_sessions, [session.key for session in ended])
            for session in ended:
                self._sessions.pop(session.key, None)
                self._noted.pop(session.key, None)
        self._signal(session.id for session in ended)
        return len(ended)

    async def note_use(self) -> None:
        """Write down when sessions were used, where that moved by a minute: a restart must not end them."""
        moved = [s for s in self._sessions.values() if s.seen - self._noted.get(s.key, 0) >= _NOTE_EVERY]
        if not moved:
            return
        async with self._changing:
            known = [session for session in moved if session.key in self._sessions]
            await asyncio.to_thread(self._store.put_sessions, known)
            self._noted |= {session.key: session.seen for session in known}

    # ------------------------------------------------------------------------ tokens
    async def add_token(
        self, name: str, *, label: str, permissions: frozenset[Permission], lasts: float
    ) -> tuple[str, Token]:
        """Make a token and return its secret, which is shown once. Raises Refused beyond the owner's role."""
        user = self.user(name)
        beyond = permissions - PERMISSIONS[user.role]
        if beyond:
            raise Refused(f"{user.name} may not {', '.join(sorted(beyond))}, so no token of theirs may")
        secret, now = f"pl_{secrets.token_urlsafe(32)}", self.clock.now()
        until = now + min(round(lasts * SECOND), LONGEST_TOKEN)
        token = Token(fingerprint(secret), user.name, label, permissions, now, until)
        async with self._changing:
            if len(self.tokens(user.name)) >= MOST_TOKENS:
                raise Refused(f"{user.name} has {MOST_TOKENS} tokens, and no more; revoke one first")
            await asyncio.to_thread(self._store.put_token, token)
            self._tokens[token.key] = token
        return secret, token

    def tokens(self, name: str) -> list[Token]:
        """Return an account's tokens, those over too until they are revoked; of no name, the configuration's."""
        return sorted((t for t in self._tokens.values() if t.user == normal(name)), key=lambda token: token.made)

    async def revoke(self, name: str, id_: str) -> Token:
        """Revoke a token at once, open connections too. Raises Refused when the account has no such token."""
        async with self._changing:
            found = next((token for token in self.tokens(name) if token.id == id_), None)
            if found is None or not found.user:
                raise Refused(f"{name} has no token {id_!r}")
            await asyncio.to_thread(self._store.drop_tokens, [found.key])
            self._tokens.pop(found.key, None)
        self._signal([found.id])
        return found

    # --------------------------------------------------------------------- inner parts
    async def _invite(self, user: User) -> str:
        code = secrets.token_urlsafe(16)
        await self._put(replace(user, code=fingerprint(code), code_until=self.clock.now() + CODE_LASTS))
        return code

    async def _put(self, user: User) -> User:
        await asyncio.to_thread(self._store.put_user, user)
        self._users[user.name] = user
        return user

    def _signal(self, credentials: Iterable[str]) -> None:
        for credential in credentials:
            ending = self._over.pop(credential, None)
            if ending is not None:
                ending.set()


def accounts_of(connection: HTTPConnection) -> Accounts:
    """Return the accounts of this application."""
    accounts: Accounts = connection.app.state.accounts
    return accounts


AccountsHere = Annotated[Accounts, Depends(accounts_of)]


def normal(name: str) -> str:
    """Return a name as it is kept: the same letters however they were typed."""
    return unicodedata.normalize("NFKC", name).strip().casefold()
