"""What could not be read, kept for a person to look at: the newest messages with their reasons.

Sources hand letters over without waiting; `flush` writes them out from time to time. The
record is bounded; counting never stops (see `collectors.source.Tally.dead_letters`).
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from collectors.source import DeadLetter
from plant.database import Database, Schema

KEPT = 10_000
_WAITING = 1_000
_SCHEMA = Schema(
    version=1,
    script="""CREATE TABLE IF NOT EXISTS dead_letter (
        id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, source TEXT NOT NULL, subject TEXT NOT NULL,
        reason TEXT NOT NULL, payload BLOB NOT NULL)""",
)


class DeadLetterBox:
    """Collects dead letters and keeps the newest `KEPT` of them in a file."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)
        self._waiting: deque[DeadLetter] = deque(maxlen=_WAITING)

    def put(self, letter: DeadLetter) -> None:
        """Take a letter; never blocks. In a flood the oldest not yet written give way."""
        self._waiting.append(letter)

    def flush(self) -> None:
        """Write out what has come in. Raises Unavailable, and keeps it, when the disk does not take it."""
        letters = list(self._waiting)
        if not letters:
            return
        rows = [(x.time, x.source, x.subject, x.reason, x.payload[: DeadLetter.KEEP]) for x in letters]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO dead_letter (time, source, subject, reason, payload) VALUES (?, ?, ?, ?, ?)", rows
            )
            connection.execute("DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?", (KEPT,))
        for _ in letters:
            self._waiting.popleft()

    def newest(self, limit: int = 100) -> list[DeadLetter]:
        """Return the newest letters, newest first, written out or not."""
        query = "SELECT time, source, subject, reason, payload FROM dead_letter ORDER BY id DESC LIMIT ?"
        with self._database.reading() as connection:
            written = [DeadLetter(*row) for row in connection.execute(query, (limit,))]
        return [*reversed(self._waiting), *written][:limit]

    def close(self) -> None:
        """Write out the rest and close the file."""
        self.flush()
        self._database.close()
