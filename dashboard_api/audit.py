"""The audit log: every change that somebody made, in a chain in which nothing can be altered unseen.

    record 1 ◀─hash─ record 2 ◀─hash─ record 3      head: {seq: 3, hash: …}, in a file of its own

Each record holds who, what, when, from where, before and after, and the hash of the record
before it; its own hash covers all of that, written as canonical JSON (RFC 8785). A record that
was altered, removed or moved breaks the chain; records missing at the end are told by the head.
Whoever can write to the data folder can rewrite log and head together: a head noted elsewhere
(`provenline audit verify` prints it) shows that too.

A route says what was done in one line, after it was done:

    await audit(actor, "alarm.acknowledge", alarm.id, before=old, after=new)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Protocol

import rfc8785
from fastapi import Depends
from fastapi.requests import HTTPConnection

from dashboard_api.access import Actor
from dashboard_api.private import private
from plant.clock import Clock, iso
from plant.database import Database, Schema, reader
from plant.errors import Rejected

LONGEST = 65_536
"""Bytes of `before` or `after`; whoever changes more says what with less."""
MOST = 1_000
"""Records in one page."""
GENESIS = "0" * 64
"""What stands for the record before the first."""

Json = dict[str, Any] | list[Any] | str | int | float | bool | None

_COLUMNS = "seq, time, actor, role, kind, address, action, subject, before, after, previous, hash"
_SCHEMA = Schema(
    version=1,
    script="""
    CREATE TABLE IF NOT EXISTS record (
        seq INTEGER PRIMARY KEY, time TEXT NOT NULL, actor TEXT NOT NULL, role TEXT NOT NULL, kind TEXT NOT NULL,
        address TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
        previous TEXT NOT NULL, hash TEXT NOT NULL
    );
    CREATE TRIGGER IF NOT EXISTS record_stays BEFORE UPDATE ON record
        BEGIN SELECT raise(ABORT, 'the audit log only grows'); END;
    CREATE TRIGGER IF NOT EXISTS record_is_kept BEFORE DELETE ON record
        BEGIN SELECT raise(ABORT, 'the audit log only grows'); END;
    """,
)


@dataclass(frozen=True, slots=True)
class Record:
    """One change. `before` and `after` are canonical JSON texts; `time` is ISO 8601 in UTC."""

    seq: int
    time: str
    actor: str
    role: str
    kind: str
    address: str
    action: str
    subject: str
    before: str
    after: str
    previous: str
    hash: str

    def digest(self) -> str:
        """Return the hash that this record must have."""
        content = {name: value for name, value in asdict(self).items() if name != "hash"}
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()

    def payload(self) -> dict[str, Any]:
        """Return the record as people and programs outside read it."""
        return asdict(self) | {"before": json.loads(self.before), "after": json.loads(self.after)}


@dataclass(frozen=True, slots=True)
class Head:
    """How far the chain has come."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def of(cls, text: str) -> Head:
        """Read what `str` wrote. Raises ValueError for what is none."""
        seq, _, digest = text.strip().partition(":")
        if len(digest) != len(GENESIS) or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"{text[:80]!r} is no head; it reads SEQ:HASH")
        return cls(int(seq), digest)


START = Head(0, GENESIS)


class AuditLog:
    """The log in the file `path`, which it creates; safe to use from any thread.

    Raises Unavailable as `Database` does.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._database = Database(private(path), _SCHEMA)
        # Where the file lacks records that the head knows, the chain goes on from the head: the gap stays visible.
        self._head = max(self._newest(), read_head(path), key=lambda head: head.seq)

    @property
    def head(self) -> Head:
        """How far the chain has come."""
        return self._head

    def add(self, actor: Actor, action: str, subject: str, *, before: Json = None, after: Json = None) -> Record:
        """Append one record; when this returns it is on the disk.

        Raises Rejected, with nothing recorded, for a state that is no JSON or too large.
        """
        texts = _canonical(before), _canonical(after)
        with self._lock:
            draft = Record(
                seq=self._head.seq + 1,
                time=iso(self._clock.now()),
                actor=actor.name,
                role=actor.role.value if actor.role else "",
                kind=actor.kind.value,
                address=actor.address,
                action=action,
                subject=subject,
                before=texts[0],
                after=texts[1],
                previous=self._head.hash,
                hash="",
            )
            record = replace(draft, hash=draft.digest())
            with self._database.transaction() as connection:
                marks = ", ".join("?" * 12)
                connection.execute(f"INSERT INTO record ({_COLUMNS}) VALUES ({marks})", astuple(record))  # noqa: S608
            self._head = Head(record.seq, record.hash)
            _write_head(self.path, self._head)
        return record

    def page(self, *, before: int | None = None, most: int = 100, text: str = "") -> list[Record]:
        """Return the newest records first, those before `before`; with `text`, those with it in who, what or whom."""
        like = f"%{text.replace('%', '').replace('_', '')}%"
        with self._database.reading() as connection:
            rows = connection.execute(
                f"""SELECT {_COLUMNS} FROM record WHERE seq < ? AND (actor LIKE ? OR action LIKE ? OR subject LIKE ?)
                    ORDER BY seq DESC LIMIT ?""",  # noqa: S608 - the columns are ours
                (before if before is not None else 2**62, like, like, like, min(most, MOST)),
            ).fetchall()
        return [Record(*row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _newest(self) -> Head:
        found = self.page(most=1)
        return Head(found[0].seq, found[0].hash) if found else START


# ---------------------------------------------------------------------------------- verifying
@dataclass(frozen=True, slots=True)
class Verified:
    """What a walk along the chain found: records read, where it ends, and every fault in words."""

    records: int
    head: Head
    faults: tuple[str, ...]


def records(path: Path) -> Iterator[Record]:
    """Read the log beside its writer, oldest first. Raises Unavailable when there is none."""
    with closing(reader(path)) as connection:
        for row in connection.execute(f"SELECT {_COLUMNS} FROM record ORDER BY seq"):  # noqa: S608
            yield Record(*row)


def verify(path: Path, *, noted: Head | None = None) -> Verified:
    """Walk the whole chain and name every fault. `noted`: a head that was written down elsewhere.

    Raises Unavailable when there is no log.
    """
    head = read_head(path)  # first: a record written meanwhile is newer than it, never missing
    faults: list[str] = []
    last, count, seen = START, 0, dict[int, str]()
    wanted = {known.seq for known in (head, noted or START)}
    try:
        for record in records(path):
            faults += _link_faults(last, record)
            last, count = Head(record.seq, record.hash), count + 1
            if record.seq in wanted:
                seen[record.seq] = record.hash
    except sqlite3.DatabaseError as error:
        faults.append(f"after record {last.seq} the file cannot be read: {error}")
    for known, name in ((head, "the head file"), (noted or START, "the noted head")):
        if known.seq > last.seq:
            faults.append(f"records {last.seq + 1} to {known.seq} are missing at the end: {name} knows them")
        elif known.seq and seen.get(known.seq) != known.hash:
            faults.append(f"record {known.seq} is not the one that {name} knows")
    return Verified(count, last, tuple(faults))


def _link_faults(last: Head, record: Record) -> Iterator[str]:
    if record.seq > last.seq + 1:
        yield f"records {last.seq + 1} to {record.seq - 1} are missing"
    if record.previous != last.hash:
        yield f"record {record.seq} does not follow the record before it"
    if record.hash != record.digest():
        yield f"record {record.seq} was altered: its content has not its hash"


def read_head(path: Path) -> Head:
    """Return the head kept beside a log; the start where there is none or it cannot be read."""
    with suppress(OSError, ValueError):
        return Head.of(_head_file(path).read_text(encoding="ascii"))
    return START


def _write_head(path: Path, head: Head) -> None:
    fresh = path.with_name(f"{path.name}.head.fresh")
    with fresh.open("w", encoding="ascii") as file:
        file.write(f"{head}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(_head_file(path))


def _head_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


def _canonical(state: Json) -> str:
    try:
        text = rfc8785.dumps(state)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise Rejected(f"this cannot be recorded in the audit log: {error}") from error
    if len(text) > LONGEST:
        raise Rejected(f"{len(text)} bytes are too many for one audit record; {LONGEST} at most")
    return text.decode()


# ------------------------------------------------------------------------------- for routes
class Audit(Protocol):
    """Records a change, durably, before it is answered."""

    async def __call__(
        self, actor: Actor, action: str, subject: str, *, before: Json = None, after: Json = None
    ) -> None:
        """Append one record; `action` reads `area.verb`."""


def log_of(connection: HTTPConnection) -> AuditLog:
    """Return the audit log of this application."""
    log: AuditLog = connection.app.state.audit
    return log


def audit_of(connection: HTTPConnection) -> Audit:
    """Return the function with which a route records what somebody did."""
    log = log_of(connection)

    async def audit(actor: Actor, action: str, subject: str, *, before: Json = None, after: Json = None) -> None:
        await asyncio.to_thread(log.add, actor, action, subject, before=before, after=after)

    return audit


AuditHere = Annotated[Audit, Depends(audit_of)]
