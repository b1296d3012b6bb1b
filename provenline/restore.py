"""Restoring a backup: it is read to its end first, and takes its place as a whole or not at all.

    examine ──▶ unpack beside the place ──▶ open every store once ──▶ rename into place

Opening the stores is the last test: one that a newer version wrote is refused here, while
nothing has changed yet, and an older one is brought up to this version.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from analytics.alarms.log import AlarmLog
from analytics.annotation_log import AnnotationLog
from analytics.shift_results import ShiftResults
from dashboard_api.access import Actor, Kind
from dashboard_api.account_store import AccountStore
from dashboard_api.audit import AuditLog, verify
from edge.dead_letters import DeadLetterBox
from historian.embedded import EmbeddedHistorian
from plant.batchlog import BatchLog
from plant.clock import SystemClock
from plant.errors import ProvenlineError, Rejected
from provenline.backup_archive import Contents, examined, unpack
from provenline.trust import ACCOUNTS, AUDIT

_COMMAND = Actor("provenline restore", None, Kind.LOCAL, frozenset(), address="this machine")


class _Store(Protocol):
    def close(self) -> None: ...


_STORES: dict[str, Callable[[Path], _Store]] = {
    ACCOUNTS: AccountStore,
    AUDIT: lambda path: AuditLog(path, clock=SystemClock()),
    "annotations.db": AnnotationLog,
    "shifts.db": lambda path: ShiftResults(path, clock=SystemClock()),
    "alarms.db": AlarmLog,
    "historian/historian.db": lambda path: EmbeddedHistorian(path.parent, seal_every=None),
    "edge/outbox.sqlite": BatchLog.open,
    "edge/rejected.sqlite": BatchLog.open,
    "edge/dead-letters.sqlite": DeadLetterBox,
}
"""Each store of a data folder, and what opens it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. `audit`: records of the audit log, which is unbroken."""

    contents: Contents
    files: int
    audit: int


def restore(path: Path, *, data: Path, configuration: Path | None) -> Restored:
    """Restore a backup into folders that are empty or not there yet.

    Raises Rejected for a backup that is damaged or cannot be used here, ProvenlineError when a
    folder is in use; nothing has changed then.
    """
    for folder in filter(None, (data, configuration)):
        if folder.exists() and any(folder.iterdir()):
            raise ProvenlineError(f"{folder} is not empty; a restore never overwrites anything")
    contents = examined(path)
    try:
        with _beside(data) as fresh:
            files = unpack(path, contents, "data", fresh)
            audit = _opened(fresh)
            _note(fresh, path, contents)
            if configuration is not None:
                with _beside(configuration) as documents:
                    files += unpack(path, contents, "configuration", documents)
    except OSError as error:
        raise ProvenlineError(f"{data}: {error.strerror or error}") from error
    return Restored(contents, files, audit)


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Lend a folder beside a place; it takes that place when all went well."""
    fresh = place.with_name(f"{place.name}.restoring-{secrets.token_hex(4)}")
    fresh.mkdir(parents=True, mode=0o700)
    try:
        yield fresh
        with suppress(FileNotFoundError):
            place.rmdir()
        fresh.rename(place)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    handle = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _note(data: Path, path: Path, contents: Contents) -> None:
    """Write into the log that was restored that it was: what follows it is another centre's."""
    if not (data / AUDIT).exists():
        return
    made = contents.manifest
    after = {"made": made.made, "version": made.version, "site": made.site, "keys": made.keys, "bytes": contents.bytes}
    with closing(AuditLog(data / AUDIT, clock=SystemClock())) as log:
        log.add(_COMMAND, "backup.restore", str(path.absolute()), after=after)


def _opened(data: Path) -> int:
    """Open every store once and walk the audit log; return its records."""
    for name, opener in _STORES.items():
        if (data / name).exists():
            opener(data / name).close()
    if not (data / AUDIT).exists():
        return 0
    found = verify(data / AUDIT)
    if found.faults:
        raise Rejected(f"the audit log in the backup is not whole: {found.faults[0]}")
    return found.records
