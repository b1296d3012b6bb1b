"""A backup of a centre, also while it runs and samples arrive.

    pin the databases ──▶ copy them, link the segments they name ──▶ copy other files ──▶ archive

Each database is read as of one moment, and those with people's work (accounts, audit log, notes,
alarms, kept results) as of one moment together. The order of pinning makes the whole consistent:

- an edge's queue before the store: what is delivered in between is in both, and storing twice changes nothing
- the store before kept results: what arrives in between is noted as a doubt there, never missed

Nobody is held up: readers of a write-ahead log do not block its writer.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from plant.database import reader
from plant.errors import ProvenlineError, Unavailable
from provenline.backup_archive import Manifest, Packing, packing

STAGING = ".backup-"
"""How the folder begins, inside the data folder, in which a backup is gathered."""
STORE, SEGMENTS = "historian.db", "segments"
_SQLITE = b"SQLite format 3\x00"
_PASSING = ("console.json", "control.json", ".writable")
"""Files that are only about the process that runs now."""
_TAILS = ("-wal", "-shm", "-journal", ".writer", ".writer-journal", ".fresh", ".partial", ".tmp")
_LEFT_OUT = ("temporary", "aside", "work")
"""Folders: DuckDB's, what turned out damaged, and runs that are taken up again from their plan."""
_SECRET = ("write-token", "tls/key.pem")
_PRIVATE = b"PRIVATE KEY-----"
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """What went into a backup. `together`: whether all of people's work is as of one moment, to the last commit.

    `keys_left_out`: files that were left out because they hold keys.
    """

    files: int
    bytes: int
    together: bool
    keys_left_out: tuple[str, ...]


def back_up(path: Path, *, data: Path, configuration: Path, manifest: Manifest) -> Taken:
    """Write the backup `path` of a data folder and its configuration; keys go in when the manifest says so.

    Raises ProvenlineError when there is nothing to back up, `path` exists, or the disk does not take it.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=STAGING, dir=data) as staged:
            together = _gather(data, Path(staged))
            with packing(path, manifest) as archive:
                keys = _pack(archive, "data", _files(Path(staged)), Path(staged), keys=manifest.keys)
                keys += _pack(archive, "configuration", _documents(configuration), configuration, keys=manifest.keys)
            return Taken(len(archive.sums), archive.bytes, together, tuple(keys))
    except (OSError, shutil.Error) as error:
        raise ProvenlineError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    except sqlite3.DatabaseError as error:
        raise Unavailable(f"a database in {data} cannot be read: {error}") from error


# ---------------------------------------------------------------------------------- gathering
def _gather(data: Path, staged: Path) -> bool:
    """Put a consistent copy of a data folder into another; return whether people's work is of one moment."""
    files = list(_files(data))
    databases = sorted((file for file in files if _is_database(file)), key=lambda file: _rank(file.relative_to(data)))
    if not databases:
        raise ProvenlineError(f"{data} holds nothing that a centre wrote")
    for head in (file for file in files if file.suffix == ".head"):  # older than its log is sound, newer is not
        _copy(head, staged / head.relative_to(data))
    with ExitStack() as stack:
        pinned, together = _pinned(databases, stack, data)
        for file, connection in zip(databases, pinned, strict=True):
            copy = staged / file.relative_to(data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy_database(connection, copy)
            if file.name == STORE:
                _link_segments(copy, file.parent / SEGMENTS, copy.parent / SEGMENTS)
    known = {*databases, *(file for file in files if file.suffix == ".head")}
    for file in files:
        if file not in known and not _is_segment(file):
            _copy(file, staged / file.relative_to(data))
    return together


def _rank(file: Path) -> int:
    if file.parts[0] == "edge":
        return 0
    return 1 if file.name == STORE else 2


def _pinned(databases: Sequence[Path], stack: ExitStack, data: Path) -> tuple[list[sqlite3.Connection], bool]:
    """Begin reading every database, in order; repeat while somebody commits to people's work in between."""
    connections = [stack.enter_context(closing(reader(file))) for file in databases]
    work = [file for file in databases if _rank(file.relative_to(data)) == 2]
    witnesses = [stack.enter_context(closing(reader(file))) for file in work]
    for _ in range(_ATTEMPTS):
        before = [_version(witness) for witness in witnesses]
        for connection in connections:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if before == [_version(witness) for witness in witnesses]:
            return connections, True
        for connection in connections:
            connection.execute("COMMIT")
        time.sleep(0.05)
    for connection in connections:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return connections, False


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _copy_database(connection: sqlite3.Connection, copy: Path) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as target:
        connection.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, whole, without companions


def _link_segments(catalogue: Path, segments: Path, into: Path) -> None:
    """Link the segments that a copied catalogue names; merged files stay for a minute, longer than this takes."""
    into.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(catalogue, isolation_level=None)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM segment")]
        if connection.execute("PRAGMA user_version").fetchone()[0] >= 2:
            names += [row[0] for row in connection.execute("SELECT name FROM roll")]
    missing = []
    for name in names:
        try:
            _link(segments / name, into / name)
        except FileNotFoundError:
            missing.append(name)
    if missing:
        raise Unavailable(
            f"{len(missing)} segments are not there any more, {missing[0]} among them; try again, and if they stay "
            "away, `provenline doctor` says more"
        )


def _link(source: Path, target: Path) -> None:
    # A segment never changes, so a second name for it is as good as a copy.
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):  # replaced or finished with meanwhile
        shutil.copyfile(source, target)


def _files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in _LEFT_OUT and not f.startswith(STAGING))
        for name in sorted(names):
            if name not in _PASSING and not name.endswith(_TAILS) and ".damaged-" not in name:
                yield Path(at) / name


def _is_segment(file: Path) -> bool:
    return file.parent.name == SEGMENTS and (file.parent.parent / STORE).exists()


def _is_database(file: Path) -> bool:
    with suppress(FileNotFoundError), file.open("rb") as source:
        return source.read(len(_SQLITE)) == _SQLITE
    return False


# ------------------------------------------------------------------------------------ packing
def _pack(archive: Packing, part: str, files: Iterator[Path], folder: Path, *, keys: bool) -> list[str]:
    left_out = []
    for file in files:
        name = file.relative_to(folder).as_posix()
        if not keys and _holds_key(file, name):
            left_out.append(f"{part}/{name}")
        else:
            archive.add(f"{part}/{name}", file)
    return left_out


def _holds_key(file: Path, name: str) -> bool:
    if name in _SECRET or name.startswith("keys/") or file.suffix in (".key", ".p12", ".pfx"):
        return True
    with file.open("rb") as source:
        return _PRIVATE in source.read(65_536)


def _documents(folder: Path) -> Iterator[Path]:
    """Give what makes up a configuration: documents, certificates, keys and what scenes refer to; no programs."""
    for file in _files(folder):
        hidden = any(part.startswith((".", "__")) for part in file.relative_to(folder).parts)
        if not hidden and file.suffix not in (".py", ".pyc") and file.is_file() and not file.is_symlink():
            yield file
