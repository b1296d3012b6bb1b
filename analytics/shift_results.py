"""What closed shifts came to: computed once, kept, and revised by number when late data arrives.

    1  computed when the shift was closed
    2  revised: 12 samples of the shift arrived late
    3  …

Nothing that was reported is overwritten; a report can say which revision it shows, and the
one before can still be read. A shift is known by its scene, its window and the `basis`:
rules, plan, tags and ideal cycles. Other rules are another result, not a revision.

A shift is closed when all has happened that can change how its last stop is judged. Until
then, and for the rest of a period, figures are computed from raw data and not kept. Which
kept results newer samples may change is written down before those samples are stored, so
that no crash in between leaves a stale figure standing.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analytics.periods import pieces
from analytics.record import SHAPE, decode, encode
from analytics.revision import Revision
from analytics.scene import Analysis, Rules, analyse, roll_up
from historian.port import Historian
from plant.assets import Scene
from plant.batch import Batch, Ints
from plant.calendar import Plan, ShiftCalendar, Span
from plant.clock import Clock
from plant.database import Database, Schema

_SCHEMA = Schema(
    version=1,
    script="""
    CREATE TABLE IF NOT EXISTS subject (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        scene TEXT NOT NULL, basis TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
        closes INTEGER NOT NULL, doubts INTEGER NOT NULL DEFAULT 0, settled INTEGER NOT NULL DEFAULT -1,
        late INTEGER NOT NULL DEFAULT 0,
        UNIQUE (scene, basis, start, stop)
    );
    CREATE INDEX IF NOT EXISTS subject_by_end ON subject (scene, closes);
    CREATE TABLE IF NOT EXISTS revision (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        subject INTEGER NOT NULL REFERENCES subject (id), number INTEGER NOT NULL, computed INTEGER NOT NULL,
        late INTEGER NOT NULL, units BLOB NOT NULL,
        UNIQUE (subject, number)
    );
    CREATE TABLE IF NOT EXISTS census (
        scene TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, held INTEGER NOT NULL,
        PRIMARY KEY (scene, start, stop)
    );
    """,
)


_SUMS = 32  # periods of several scenes that are summed up once for all viewers


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A closed window's figures and the revision they are."""

    revision: Revision
    analysis: Analysis


@dataclass(frozen=True, slots=True)
class _Subject:
    id: int
    doubts: int
    settled: int
    late: int


class ShiftResults:
    """Kept results in the file `path`, which it creates; `remembered` of them stay in memory.

    Raises Unavailable as `Database` does.
    """

    def __init__(self, path: Path, *, clock: Clock, remembered: int = 1_000) -> None:
        self._database = Database(path, _SCHEMA)
        self._clock = clock
        self._remembered = remembered
        self._memory: OrderedDict[int, Result] = OrderedDict()
        self._lock = threading.Lock()
        self._sums: deque[tuple[list[Result], Analysis]] = deque(maxlen=_SUMS)
        self._described: dict[str, tuple[Scene, str]] = {}
        self._horizons = self._read_horizons()

    def of(self, scene: Scene, historian: Historian, window: Span, *, calendar: ShiftCalendar, rules: Rules) -> Result:
        """Return a closed window's newest result, computed if there is none or late data put it in doubt.

        Where its samples are no longer kept, what was computed of them holds; without that, the
        result has no figures, says why, and is number 0. Raises ValueError for a window that is not closed.
        """
        closes = _closes(window, rules)
        if self._clock.now() < closes:
            raise ValueError("the window is not closed: what ends it can still change")
        basis = self._basis(scene, calendar.plan(*window), rules)
        subject = self._subject(scene, basis, window, closes)
        kept = self._newest(subject, scene, window, rules)
        if kept is not None and subject.settled == subject.doubts:
            return kept
        analysis = analyse(scene, historian, window, calendar=calendar, rules=rules, now=closes, detailed=True)
        if analysis.thinned:
            # It can no longer be computed: what was kept holds, and that nothing was is not kept.
            nothing = Revision(scene=scene.path, window=window, number=0, computed=self._clock.now(), late=0)
            return kept or Result(nothing, analysis)
        return self._record(subject, kept, scene, analysis)

    def period(
        self,
        scene: Scene,
        historian: Historian,
        window: Span,
        *,
        calendar: ShiftCalendar,
        rules: Rules,
        detailed: bool = False,
    ) -> Analysis:
        """Sum up a window, as far as it has happened: closed pieces as kept, the rest from raw data.

        `detailed`: with what lies behind the figures, which closed pieces always keep.
        """
        now = self._clock.now()
        window = (window[0], min(window[1], now))
        closed = [piece for piece in pieces(calendar, window) if _closes(piece, rules) <= now]
        kept = [self.of(scene, historian, piece, calendar=calendar, rules=rules) for piece in closed]
        parts = [self._summed(kept)] if kept else []
        rest = (closed[-1][1] if closed else window[0], window[1])
        if rest[0] < rest[1] or not parts:
            parts.append(analyse(scene, historian, rest, calendar=calendar, rules=rules, now=now, detailed=detailed))
        return roll_up(parts) if len(parts) > 1 else parts[0]

    def _summed(self, kept: list[Result]) -> Analysis:
        # A week is looked at more often than its closed shifts change.
        with self._lock:
            for results, summed in self._sums:
                if len(results) == len(kept) and all(a is b for a, b in zip(results, kept, strict=True)):
                    return summed
        summed = roll_up([result.analysis for result in kept])
        with self._lock:
            self._sums.append((kept, summed))
        return summed

    def revisions(self, scene: Scene, window: Span) -> list[Revision]:
        """Return every revision of what was kept within a window, in order of time and number."""
        with self._database.reading() as connection:
            rows = connection.execute(
                """SELECT start, stop, number, computed, revision.late
                   FROM revision JOIN subject ON subject.id = subject
                   WHERE scene = ? AND start >= ? AND stop <= ? ORDER BY start, stop, revision.id""",
                (scene.path, *window),
            ).fetchall()
        return [
            Revision(scene=scene.path, window=(start, stop), number=number, computed=computed, late=late)
            for start, stop, number, computed, late in rows
        ]

    def kept(self, scene: Scene, since: int) -> list[Span]:
        """Return the windows of a scene that are kept and closed after `since`, in order."""
        query = "SELECT DISTINCT start, stop FROM subject WHERE scene = ? AND closes > ? ORDER BY start, stop"
        with self._database.reading() as connection:
            return [(start, stop) for start, stop in connection.execute(query, (scene.path, since)).fetchall()]

    def recount(self, scene: Scene, window: Span, held: int) -> bool:
        """Say how many samples the store holds of a kept window; return whether that puts it in doubt.

        For a store that others write to as well. It does when the number changed, and when it
        was not counted before, for nobody knows what came since it was computed. What turns out
        unchanged is no revision.
        """
        key = (scene.path, *window)
        with self._database.transaction() as connection:
            query = "SELECT held FROM census WHERE scene = ? AND start = ? AND stop = ?"
            row = connection.execute(query, key).fetchone()
            connection.execute("INSERT OR REPLACE INTO census VALUES (?, ?, ?, ?)", (*key, held))
        if row is not None and row[0] == held:
            return False
        came = held - row[0] if row is not None else 0
        self._doubt(scene.path, np.full(max(came, 1), window[0]), count=came > 0)
        return True

    @contextmanager
    def noting(self, batch: Batch) -> Iterator[None]:
        """Put in doubt what a batch may change, before and after the block that stores it."""
        times = self._late(batch)
        for scene, late in times.items():
            self._doubt(scene, late)
        yield
        # Whoever computed meanwhile may have read the store before the batch was in it.
        for scene, late in times.items():
            self._doubt(scene, late[:1], count=False)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _late(self, batch: Batch) -> dict[str, Ints]:
        # Sorted times of the samples that lie before the end of something kept, by scene.
        if not len(batch) or not self._horizons or int(batch.time.min()) >= max(self._horizons.values()):
            return {}
        scenes = np.array(["/".join(name.split("/", 2)[:2]) for name in batch.names])
        of_row = scenes[batch.tag]
        found = {}
        for scene, horizon in list(self._horizons.items()):
            late = np.sort(batch.time[(of_row == scene) & (batch.time < horizon)])
            if len(late):
                found[scene] = late
        return found

    def _doubt(self, scene: str, late: Ints, *, count: bool = True) -> None:
        with self._database.transaction() as connection:
            query = "SELECT id, start, stop FROM subject WHERE scene = ? AND closes > ?"
            touched = connection.execute(query, (scene, int(late[0]))).fetchall()
            for subject, start, stop in touched:
                inside = int(np.searchsorted(late, stop) - np.searchsorted(late, start)) if count else 0
                connection.execute(
                    "UPDATE subject SET doubts = doubts + 1, late = late + ? WHERE id = ?", (inside, subject)
                )

    def _basis(self, scene: Scene, plan: Plan, rules: Rules) -> str:
        described, digest = self._described.get(scene.path, (None, ""))
        if described is not scene:
            # A tree of a thousand tags is written out once, not for each shift.
            digest = _digest(SHAPE, repr(scene))
            self._described[scene.path] = (scene, digest)
        # What only makes figures of the sums may change without another computation.
        shaping = replace(rules, min_coverage=0.0, percentiles=(), settings=rules.settings.shaping)
        return _digest(digest, repr(shaping), repr(plan))

    def _subject(self, scene: Scene, basis: str, window: Span, closes: int) -> _Subject:
        key = (scene.path, basis, *window)
        select = (
            "SELECT id, doubts, settled, late FROM subject WHERE scene = ? AND basis = ? AND start = ? AND stop = ?"
        )
        with self._database.reading() as connection:
            row = connection.execute(select, key).fetchone()
        if row is None:
            # Known before its data is read, so that what arrives meanwhile puts it in doubt.
            with self._database.transaction() as connection:
                insert = "INSERT OR IGNORE INTO subject (scene, basis, start, stop, closes) VALUES (?, ?, ?, ?, ?)"
                connection.execute(insert, (*key, closes))
                row = connection.execute(select, key).fetchone()
            with self._lock:
                self._horizons[scene.path] = max(self._horizons.get(scene.path, closes), closes)
        return _Subject(*row)

    def _newest(self, subject: _Subject, scene: Scene, window: Span, rules: Rules) -> Result | None:
        with self._lock:
            if (kept := self._memory.get(subject.id)) is not None:
                self._memory.move_to_end(subject.id)
                return (
                    kept if kept.analysis.rules == rules else Result(kept.revision, replace(kept.analysis, rules=rules))
                )
        return self._read(subject, scene, window, rules)

    def _read(self, subject: _Subject, scene: Scene, window: Span, rules: Rules) -> Result | None:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT number, computed, late, units FROM revision WHERE subject = ? ORDER BY number DESC LIMIT 1",
                (subject.id,),
            ).fetchone()
        if row is None:
            return None
        number, computed, late, units = row
        revision = Revision(scene=scene.path, window=window, number=number, computed=computed, late=late)
        return self._remember(subject, Result(revision, Analysis(windows=(window,), rules=rules, units=decode(units))))

    def _record(self, subject: _Subject, kept: Result | None, scene: Scene, analysis: Analysis) -> Result:
        units = encode(analysis.units)
        settle = "UPDATE subject SET settled = max(settled, ?) WHERE id = ?"
        with self._database.transaction() as connection:
            [settled] = connection.execute("SELECT settled FROM subject WHERE id = ?", (subject.id,)).fetchone()
            newest = connection.execute(
                "SELECT number, units FROM revision WHERE subject = ? ORDER BY number DESC LIMIT 1", (subject.id,)
            ).fetchone()
            overtaken = settled > subject.doubts and newest is not None
            if overtaken and (found := self._read(subject, scene, analysis.windows[0], analysis.rules)):
                # Somebody else read later than this, and has recorded what came of it.
                return found
            connection.execute(settle, (subject.doubts, subject.id))
            if kept is not None and newest is not None and newest[1] == units:
                return kept
            revision = self._insert(connection, subject, scene, analysis, units, number=newest[0] + 1 if newest else 1)
        return self._remember(subject, Result(revision, analysis))

    def _insert(
        self,
        connection: sqlite3.Connection,
        subject: _Subject,
        scene: Scene,
        analysis: Analysis,
        units: bytes,
        *,
        number: int,
    ) -> Revision:
        [told] = connection.execute("SELECT total(late) FROM revision WHERE subject = ?", (subject.id,)).fetchone()
        revision = Revision(
            scene=scene.path,
            window=analysis.windows[0],
            number=number,
            computed=self._clock.now(),
            late=max(subject.late - int(told), 0),
        )
        connection.execute(
            "INSERT INTO revision (subject, number, computed, late, units) VALUES (?, ?, ?, ?, ?)",
            (subject.id, number, revision.computed, revision.late, units),
        )
        return revision

    def _remember(self, subject: _Subject, result: Result) -> Result:
        with self._lock:
            self._memory[subject.id] = result
            self._memory.move_to_end(subject.id)
            while len(self._memory) > self._remembered:
                self._memory.popitem(last=False)
        return result

    def _read_horizons(self) -> dict[str, int]:
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT scene, max(closes) FROM subject GROUP BY scene").fetchall())


def _closes(window: Span, rules: Rules) -> int:
    return window[1] + max(rules.model.micro_stop, rules.model.start_up)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
