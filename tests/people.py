"""People of a test's centre: accounts that are quick to open, and browsers that are signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from dashboard_api.access import Permission, Role
from dashboard_api.account_store import AccountStore, Token, User, fingerprint
from dashboard_api.accounts import Accounts, Lasting
from dashboard_api.audit import AuditLog
from dashboard_api.passwords import Passwords
from plant.clock import Clock, SystemClock

WRITE_TOKEN = "a-token-of-the-test"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A password's hash in no time; the real one is made to take long."""


@dataclass(frozen=True, slots=True)
class People:
    """Accounts and audit log of one folder. `accounts` has one configured token, `WRITE_TOKEN`."""

    accounts: Accounts
    audit: AuditLog
    store: AccountStore

    async def signed_in(self, role: Role, name: str = "") -> dict[str, str]:
        """Return the headers of a browser in which somebody of a role is signed in."""
        name = name or f"some-{role.value}"
        if name not in {user.name for user in self.accounts.users()}:
            await self.accounts.add(name, role)
        secret, _ = await self.accounts.open(self.accounts.user(name), address="127.0.0.1", agent="test")
        return {"Cookie": f"provenline={secret}", "Origin": "http://localhost"}

    async def with_password(self, name: str, role: Role, password: str) -> User:
        """Make an account with a password."""
        user = await self.accounts.set_first(await self.accounts.add(name, role), password)
        assert user
        return user


@contextmanager
def people(folder: Path, *, clock: Clock | None = None, lasting: Lasting | None = None) -> Iterator[People]:
    """Open accounts and audit log in a folder."""
    clock = clock or SystemClock()
    store, audit = AccountStore(folder / "accounts.db"), AuditLog(folder / "audit.db", clock=clock)
    writing = frozenset({Permission.OPEN, Permission.WRITE_SAMPLES})
    token = Token(fingerprint(WRITE_TOKEN), "", "write token", writing, made=0, until=None)
    accounts = Accounts(store, clock=clock, lasting=lasting, configured=[token], passwords=Passwords(CHEAP))
    try:
        yield People(accounts, audit, store)
    finally:
        audit.close()
        store.close()
