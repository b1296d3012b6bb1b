"""One SQLite file that exactly one connection writes, and that outlives what happens to files.

- a commit is on the disk when it returns (write-ahead log, `synchronous=FULL`)
- a second writer is refused, in this process or another; readers are welcome beside the writer
- a full, read-only or missing disk is `Unavailable` with the reason, and nothing is half done
- a damaged file is put aside whole, what can still be read is carried over into a fresh one,
  and what cannot is counted: a bad page must never stop a plant from recording

One writer also keeps clear of the fault SQLite had before 3.51.3, in which several writers that
checkpoint could corrupt the file.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from plant.errors import Unavailable

logger = logging.getLogger(__name__)

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HINTS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; does its folder exist, and may this user write there?",
    sqlite3.SQLITE_IOERR: "the disk does not answer or is full",
    sqlite3.SQLITE_BUSY: "another process holds it",
}
_BEYOND = 2**31
"""Where ids go on after a rescue that could not even tell how far they had come; some have 32 bits."""
_RESCUED = "CREATE TABLE IF NOT EXISTS rescued (at INTEGER, aside TEXT, name TEXT, lost INTEGER)"


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database: `script` creates what is missing, `version` is written into the file.

    `derived`: tables that triggers keep, so a rescue does not copy them. All tables have rowids.
    `steps`: for a version, the statements that make a file of the version before into one of it,
    where creating what is missing is not enough. `counted`: for a table, the query that tells how
    many rows it has without reading them, so that a rescue tells lost rows from ids long gone.
    """

    version: int
    script: str
    derived: frozenset[str] = frozenset()
    steps: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    counted: Mapping[str, str] = field(default_factory=dict)


class Database:
    """The writing connection to one file; safe to use from any thread, one at a time.

    Raises Unavailable when the file cannot be had, belongs to another writer, or was written
    by a newer version of this program.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path
        self.schema = schema
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._claim = _claim(path)
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}") from error
        try:
            self._connection = self._connect()
        except BaseException:
            self._claim.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one durable transaction; inside another one, become part of it.

        Raises Unavailable, with nothing changed, when the disk does not take it.
        """
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self._roll_back()
                raise self._explain(error) from error
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for reading without a transaction of its own."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.DatabaseError as error:
                raise self._explain(error) from error

    def mend(self) -> None:
        """Put the file aside if it is damaged, as somebody who only reads it says; what is readable is carried over.

        Raises Unavailable when it cannot be replaced.
        """
        with self._lock:
            # Nobody's word alone is enough; and a transaction of this thread will meet the damage itself.
            if self._connection.in_transaction or _sound(self.path):
                return
            self._replace()

    def close(self) -> None:
        """Finish the log file and give up the claim to write."""
        with self._lock:
            self._connection.close()
            self._claim.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise _unavailable(self.path, error) from error
        try:
            _rescue(self.path, self.schema)
            return self._prepared()
        except (sqlite3.DatabaseError, OSError) as error:
            raise Unavailable(f"{self.path} is damaged and could not be replaced: {error}") from error

    def _prepared(self) -> sqlite3.Connection:
        connection = _open(self.path)
        try:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > self.schema.version:
                raise Unavailable(
                    f"{self.path} was written by a newer version (schema {found}; this one reads {self.schema.version})"
                )
            if found:
                _bring_up(connection, self.schema, found)
            connection.executescript(f"{_RESCUED};{self.schema.script};PRAGMA user_version={self.schema.version}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _replace(self) -> None:
        self._connection.close()
        try:
            _rescue(self.path, self.schema)
            self._connection = self._prepared()
        except (sqlite3.DatabaseError, OSError) as error:
            raise Unavailable(f"{self.path} is damaged and could not be replaced: {error}") from error

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _explain(self, error: sqlite3.DatabaseError) -> Unavailable | sqlite3.DatabaseError:
        code = _code(error)
        if code in _DAMAGE:
            try:
                self._replace()
            except Unavailable as second:
                return second
            return Unavailable(f"{self.path} was damaged; it was put aside and what was readable kept", retry_after=0.0)
        if code == sqlite3.SQLITE_FULL:
            # Starting the write-ahead log over makes room for the deletions that free the disk.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(RESTART)")
        return _unavailable(self.path, error) if code in _HINTS else error


def _bring_up(connection: sqlite3.Connection, schema: Schema, found: int) -> None:
    """Take an older file to the present version in one transaction: a crash leaves it as it was, or brought up."""
    steps = [
        statement for version in range(found + 1, schema.version + 1) for statement in schema.steps.get(version, ())
    ]
    if not steps:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in steps:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={schema.version}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def reader(path: Path) -> sqlite3.Connection:
    """Open a database for reading beside its writer, in this process or another.

    Raises Unavailable when there is none.
    """
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None, check_same_thread=False
        )
    except sqlite3.DatabaseError as error:
        raise _unavailable(path, error) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether an error means that the file itself is not sound."""
    return _code(error) in _DAMAGE


def _sound(path: Path) -> bool:
    # Not by the writer's own connection, which may remember a page as it was.
    try:
        with closing(reader(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError as error:
        return not is_damage(error)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA journal_size_limit=67108864")
    except BaseException:
        connection.close()
        raise
    return connection


def _claim(path: Path) -> sqlite3.Connection:
    # A lock that the system lets go of when the process dies, on every platform.
    claim = sqlite3.connect(f"{path}.writer", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        claim.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        claim.close()
        if _code(error) == sqlite3.SQLITE_BUSY:
            raise Unavailable(f"{path} is being written by another process or object") from error
        raise _unavailable(path, error) from error
    return claim


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _unavailable(path: Path, error: sqlite3.Error) -> Unavailable:
    hint = _HINTS.get(_code(error))
    return Unavailable(f"{path}: {hint} ({error})" if hint else f"{path}: {error}")


def _rescue(path: Path, schema: Schema) -> None:
    """Put a damaged file aside and carry what is readable over into a fresh one in its place."""
    now = time.time_ns()
    aside = path.with_name(f"{path.name}.damaged-{now}")
    fresh = path.with_name(f"{path.name}.fresh")
    fresh.unlink(missing_ok=True)
    for tail in ("", "-wal"):
        if Path(f"{path}{tail}").exists():
            Path(f"{path}{tail}").rename(f"{aside}{tail}")
    Path(f"{path}-shm").unlink(missing_ok=True)
    told = []
    with closing(_open(fresh)) as new, closing(sqlite3.connect(aside, isolation_level=None)) as old:
        new.executescript(f"{_RESCUED};{schema.script};PRAGMA user_version={schema.version};BEGIN")
        tables = [r[0] for r in new.execute("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY rowid")]
        for table in tables:
            if table not in schema.derived and not table.startswith("sqlite_"):
                lost = _carry_over(old, new, table)
                kept = new.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - names are the schema's
                if table in schema.counted:
                    with suppress(sqlite3.DatabaseError):
                        lost = min(lost, max(0, old.execute(schema.counted[table]).fetchone()[0] - kept))
                new.execute("INSERT INTO rescued VALUES (?, ?, ?, ?)", (now, aside.name, table, lost))
                if table != "rescued" and (kept or lost):
                    told.append(f"{table}: {kept} rows carried over, {lost} not readable")
        new.execute("COMMIT")
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fresh.rename(path)
    logger.error("%s was damaged and is kept as %s; %s", path, aside.name, "; ".join(told) or "nothing was readable")


def _carry_over(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> int:
    """Copy a table's readable rows in order of rowid; return how many rowids lay in unreadable stretches."""
    columns = [r[1] for r in new.execute(f"PRAGMA table_info({table})")]
    names = ", ".join(f'"{c}"' for c in columns)
    marks = ", ".join("?" * (len(columns) + 1))
    insert = f"INSERT OR REPLACE INTO {table} (rowid, {names}) VALUES ({marks})"  # noqa: S608 - names are the schema's
    select = f"SELECT rowid, {names} FROM {table} WHERE rowid >= ? ORDER BY rowid"  # noqa: S608
    single = f"{select} LIMIT 1"
    last, lost, at = _last_rowid(old, table), 0, 0
    while at <= last:
        try:
            for row in old.execute(select, (at,)):
                new.execute(insert, row)
                at = row[0] + 1
            break
        except sqlite3.DatabaseError:
            # Python reads one row ahead, so the last one before the damage has not come out yet.
            if _readable(old, single, at):
                if (row := old.execute(single, (at,)).fetchone()) is None:
                    break
                new.execute(insert, row)
                at = row[0] + 1
            else:
                start, at = at, _step_over(old, single, at, last)
                lost += at - start
    # Ids given out before are not given out again: somebody may be about to forget them.
    new.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, table))
    new.execute(
        """INSERT INTO sqlite_sequence SELECT name, ? FROM sqlite_schema WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'
           AND name NOT IN (SELECT name FROM sqlite_sequence)""",
        (last if last >= 0 else _BEYOND, table),
    )
    return lost


def _last_rowid(old: sqlite3.Connection, table: str) -> int:
    """Return how far a table's rowids have come, -1 when that cannot be told."""
    found = []
    for query in (f"SELECT max(rowid) FROM {table}", f"SELECT max(seq) FROM sqlite_sequence WHERE name='{table}'"):  # noqa: S608
        with suppress(sqlite3.DatabaseError):
            found.append(int(old.execute(query).fetchone()[0] or 0))
    return max(found) if len(found) == 2 or any(found) else -1


def _step_over(old: sqlite3.Connection, single: str, at: int, last: int) -> int:
    """Return the rowid from which on reading works again: find one by doubling, the first by halving."""
    step = 1
    while at + step <= last and not _readable(old, single, at + step):
        step *= 2
    low, high = at + step // 2, min(at + step, last + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _readable(old, single, middle) else (middle, high)
    return high


def _readable(old: sqlite3.Connection, single: str, rowid: int) -> bool:
    try:
        old.execute(single, (rowid,)).fetchone()
    except sqlite3.DatabaseError:
        return False
    return True
