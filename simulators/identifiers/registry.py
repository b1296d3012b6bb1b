"""The registry: identifiers and their values in one SQLite table, one row each.

An identifier is `<prefix>/<suffix>`: the prefix names the national node, the secondary node
and the enterprise, the suffix is the enterprise's own. Letter case does not distinguish
identifiers, as the Handle System has it for ASCII. Registering is durable when it returns
(the log is synced at every commit), so register in bulk where there is much.
Source: Handle System REST API, HDL.NET technical manual clause 14 (codes); national rules
for prefixes beginning with 88.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from plant.clock import Clock, SystemClock

LONGEST = 255
"""Characters of an identifier."""
MOST_VALUES = 32
LONGEST_VALUE = 4096

_PREFIX = re.compile(r"88\.[0-9]{1,6}\.[0-9]{1,8}")
_SUFFIX = re.compile(r"[^\x00-\x20\x7f]+")


class Code(IntEnum):
    """Response codes of the Handle System that are given here."""

    SUCCESS = 1
    ERROR = 2
    NOT_FOUND = 100
    EXISTS = 101
    INVALID = 102
    VALUES_NOT_FOUND = 200
    NOT_RESPONSIBLE = 301
    NOT_AUTHENTICATED = 402


class InvalidHandle(ValueError):
    """A text that is no identifier."""


@dataclass(frozen=True, slots=True)
class HandleValue:
    """One value of an identifier: `index` from 1, `type` such as URL, `data` as text, `ttl` in seconds."""

    index: int
    type: str
    data: str
    ttl: int = 86_400


@dataclass(frozen=True, slots=True)
class Handle:
    """An identifier with its values."""

    name: str
    values: tuple[HandleValue, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry says. `time`: ns UTC at which the values were registered."""

    code: Code
    handle: str
    values: tuple[HandleValue, ...] = ()
    time: int = 0


def parse(name: str) -> str:
    """Return an identifier as it is kept. Raises InvalidHandle, with the reason."""
    if len(name) > LONGEST:
        raise InvalidHandle(f"longer than {LONGEST} characters")
    prefix, slash, suffix = name.partition("/")
    if not _PREFIX.fullmatch(prefix):
        raise InvalidHandle("the prefix is not 88.<secondary>.<enterprise>")
    if not slash or not _SUFFIX.fullmatch(suffix):
        raise InvalidHandle("the suffix is empty or has blanks")
    return "".join(c.upper() if c.isascii() else c for c in name)


class Registry:
    """Identifiers in a SQLite file, or in memory with path None. Safe to call from several threads.

    `prefixes`: those this node answers for; empty = all.
    """

    def __init__(self, path: Path | None, *, prefixes: Iterable[str] = (), clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._prefixes = frozenset(prefixes)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS handle (name TEXT PRIMARY KEY, time INTEGER NOT NULL, vals TEXT NOT NULL)"
            " WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def __len__(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM handle").fetchone()[0])

    def register(self, handle: Handle) -> Answer:
        """Register one identifier; an existing one is left as it is."""
        return self.register_all([handle])[0]

    def register_all(self, handles: Sequence[Handle]) -> list[Answer]:
        """Register identifiers in one transaction; each gets its own answer."""
        now = self._clock.now()
        answers: list[Answer] = []
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                answers.extend(self._insert(handle, now) for handle in handles)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                raise
        return answers

    def resolve(self, name: str, *, types: Sequence[str] = (), indexes: Sequence[int] = ()) -> Answer:
        """Look an identifier up; only values of `types` or at `indexes` where any are given."""
        refused, key = self._admit(name)
        if refused is not None:
            return refused
        with self._lock:
            row = self._db.execute("SELECT time, vals FROM handle WHERE name = ?", (key,)).fetchone()
        if row is None:
            return Answer(Code.NOT_FOUND, name)
        values = _unpack(row[1])
        if types or indexes:
            values = tuple(v for v in values if v.type in types or v.index in indexes)
            if not values:
                return Answer(Code.VALUES_NOT_FOUND, name)
        return Answer(Code.SUCCESS, name, values, int(row[0]))

    def _insert(self, handle: Handle, now: int) -> Answer:
        refused, key = self._admit(handle.name)
        if refused is not None:
            return refused
        if not _acceptable(handle.values):
            return Answer(Code.INVALID, handle.name)
        done = self._db.execute("INSERT OR IGNORE INTO handle VALUES (?, ?, ?)", (key, now, _pack(handle.values)))
        return Answer(Code.SUCCESS if done.rowcount else Code.EXISTS, handle.name, time=now)

    def _admit(self, name: str) -> tuple[Answer | None, str]:
        try:
            key = parse(name)
        except InvalidHandle:
            return Answer(Code.INVALID, name), ""
        if self._prefixes and key.partition("/")[0] not in self._prefixes:
            return Answer(Code.NOT_RESPONSIBLE, name), ""
        return None, key


def _acceptable(values: tuple[HandleValue, ...]) -> bool:
    indexes = {value.index for value in values}
    return 0 < len(values) <= MOST_VALUES and len(indexes) == len(values) and all(map(_fits, values))


def _fits(value: HandleValue) -> bool:
    sized = 0 < len(value.type) <= 64 and len(value.data) <= LONGEST_VALUE
    clean = not any(mark in text for text in (value.type, value.data) for mark in ("\x1e", "\x1f"))
    return sized and clean and 1 <= value.index < 2**31 and 0 <= value.ttl < 2**31


def _pack(values: tuple[HandleValue, ...]) -> str:
    # ASCII's own separators of records and units: cheaper than JSON, and refused in content.
    return "\x1e".join(f"{v.index}\x1f{v.type}\x1f{v.ttl}\x1f{v.data}" for v in values)


def _unpack(packed: str) -> tuple[HandleValue, ...]:
    rows = (row.split("\x1f") for row in packed.split("\x1e"))
    return tuple(HandleValue(int(index), kind, data, int(ttl)) for index, kind, ttl, data in rows)
