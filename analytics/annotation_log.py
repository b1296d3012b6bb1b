"""Annotations on the disk: one table that is only ever added to.

Neither an entry nor machine data is changed by what people write later; triggers in the
file itself refuse it, whoever opens it.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from analytics.annotations import Annotation, Annotations
from plant.calendar import Span
from plant.database import Database, Schema, reader
from plant.errors import Rejected

MOST = 500_000
"""Entries one log takes; a plant that writes a hundred a day fills it in fourteen years."""

_SCHEMA = Schema(
    version=1,
    script="""
    CREATE TABLE IF NOT EXISTS annotation (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        scope TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
        reason TEXT NOT NULL, comment TEXT NOT NULL, author TEXT NOT NULL, made INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS annotation_by_scope ON annotation (scope, start);
    CREATE TRIGGER IF NOT EXISTS annotation_stays BEFORE UPDATE ON annotation
        BEGIN SELECT raise(ABORT, 'annotations are only added'); END;
    CREATE TRIGGER IF NOT EXISTS annotation_is_kept BEFORE DELETE ON annotation
        BEGIN SELECT raise(ABORT, 'annotations are only added'); END;
    """,
)


class AnnotationLog:
    """The log in the file `path`, which it creates. Raises Unavailable as `Database` does."""

    def __init__(self, path: Path, *, most: int = MOST) -> None:
        self._database = Database(path, _SCHEMA)
        self._most = most

    def add(self, added: Annotation) -> None:
        """Append one entry; when this returns it is on the disk. Raises Rejected when the log is full."""
        with self._database.transaction() as connection:
            if connection.execute("SELECT count(*) FROM annotation").fetchone()[0] >= self._most:
                raise Rejected(f"the log has {self._most} annotations and takes no more")
            connection.execute(
                """INSERT INTO annotation (scope, start, stop, reason, comment, author, made)
                   VALUES (?, ?, ?, ?, ?, ?, ?)""",
                (added.scope, *added.span, added.reason, added.comment, added.author, added.made),
            )

    def within(self, path: str, span: Span, *, most: int = MOST) -> Annotations:
        """Return what was said about a device, or all devices below a path, that touches a span of time.

        In the order it was written, corrected entries too; of more than `most`, the newest.
        """
        with self._database.reading() as connection:
            return _within(connection, path, span, most)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def written(file: Path, path: str, span: Span) -> Annotations:
    """Return what `AnnotationLog.within` does, beside whoever has the log open; nothing where there is no log."""
    if not file.exists():
        return Annotations()
    with closing(reader(file)) as connection:
        return _within(connection, path, span, MOST)


def _within(connection: Connection, path: str, span: Span, most: int) -> Annotations:
    rows = connection.execute(
        """SELECT scope, start, stop, reason, comment, author, made FROM annotation
           WHERE (scope = ? OR substr(scope, 1, ?) = ?) AND start < ? AND stop > ? ORDER BY id DESC LIMIT ?""",
        (path, len(path) + 1, f"{path}/", span[1], span[0], most),
    ).fetchall()
    return Annotations(
        tuple(
            Annotation(scope=scope, span=(start, stop), reason=reason, comment=comment, author=author, made=made)
            for scope, start, stop, reason, comment, author, made in reversed(rows)
        )
    )
