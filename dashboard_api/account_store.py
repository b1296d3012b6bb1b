"""Accounts on the disk: users, their sessions and their tokens, in one SQLite file.

No secret is kept: of a password its Argon2id hash, of session keys, tokens and one-time codes
their SHA-256 (they are random and long, so that is enough). Times are ns since 1970 UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard_api.access import Permission, Role
from dashboard_api.private import private
from plant.database import Database, Schema

_SCHEMA = Schema(
    version=1,
    script="""
    CREATE TABLE IF NOT EXISTS user (
        name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, enabled INTEGER NOT NULL, created INTEGER NOT NULL,
        password TEXT, code TEXT UNIQUE, code_until INTEGER
    );
    CREATE TABLE IF NOT EXISTS session (
        key TEXT NOT NULL UNIQUE, user TEXT NOT NULL, opened INTEGER NOT NULL, seen INTEGER NOT NULL,
        address TEXT NOT NULL, agent TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS token (
        key TEXT NOT NULL UNIQUE, user TEXT NOT NULL, label TEXT NOT NULL, permissions TEXT NOT NULL,
        made INTEGER NOT NULL, until INTEGER NOT NULL
    );
    """,
)


@dataclass(frozen=True, slots=True)
class User:
    """One person. `password` is an Argon2id hash, None until one was set; `code` the hash of a one-time code."""

    name: str
    role: Role
    enabled: bool
    created: int
    password: str | None = None
    code: str | None = None
    code_until: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in in one browser. `key` is the hash of what its cookie holds."""

    key: str
    user: str
    opened: int
    seen: int
    address: str
    agent: str

    @property
    def id(self) -> str:
        """What it is called in lists and in the audit log; opens nothing."""
        return self.key[:16]


@dataclass(frozen=True, slots=True)
class Token:
    """A key for a program. It may do those of `permissions` that its owner's role has, until `until`.

    A token of the configuration has no owner and no end.
    """

    key: str
    user: str
    label: str
    permissions: frozenset[Permission]
    made: int
    until: int | None

    @property
    def id(self) -> str:
        """What it is called in lists and in the audit log; opens nothing."""
        return self.key[:16]


def fingerprint(secret: str) -> str:
    """Return the form in which a random secret is kept and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


class AccountStore:
    """The file `path`, which it creates. Each method is one durable transaction.

    Raises Unavailable as `Database` does.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(private(path), _SCHEMA)

    def users(self) -> list[User]:
        """Return every account."""
        rows = self._all("SELECT name, role, enabled, created, password, code, code_until FROM user ORDER BY name")
        return [User(row[0], Role(row[1]), bool(row[2]), *row[3:]) for row in rows]

    def sessions(self) -> list[Session]:
        """Return every session that was not ended."""
        return [Session(*row) for row in self._all("SELECT key, user, opened, seen, address, agent FROM session")]

    def tokens(self) -> list[Token]:
        """Return every token that was not revoked."""
        rows = self._all("SELECT key, user, label, permissions, made, until FROM token")
        return [
            Token(key, user, label, _permissions(names), made, until) for key, user, label, names, made, until in rows
        ]

    def put_user(self, user: User) -> None:
        """Write an account, new or changed."""
        row = (user.name, user.role.value, user.enabled, user.created, user.password, user.code, user.code_until)
        self._do("INSERT OR REPLACE INTO user VALUES (?, ?, ?, ?, ?, ?, ?)", [row])

    def put_sessions(self, sessions: Iterable[Session]) -> None:
        """Write sessions, new or used again."""
        rows = [(s.key, s.user, s.opened, s.seen, s.address, s.agent) for s in sessions]
        self._do("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?)", rows)

    def put_token(self, token: Token) -> None:
        """Write a new token."""
        names = " ".join(sorted(token.permissions))
        row = (token.key, token.user, token.label, names, token.made, token.until)
        self._do("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)", [row])

    def drop_sessions(self, keys: Iterable[str]) -> None:
        """End sessions."""
        self._do("DELETE FROM session WHERE key = ?", [(key,) for key in keys])

    def drop_tokens(self, keys: Iterable[str]) -> None:
        """Revoke tokens."""
        self._do("DELETE FROM token WHERE key = ?", [(key,) for key in keys])

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _all(self, query: str) -> list[Any]:
        with self._database.reading() as connection:
            return list(connection.execute(query))

    def _do(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._database.transaction() as connection:
            connection.executemany(statement, rows)


def _permissions(names: str) -> frozenset[Permission]:
    # A permission that a newer or older version knows under another name opens nothing here.
    return frozenset(Permission(name) for name in names.split() if name in set(Permission))
