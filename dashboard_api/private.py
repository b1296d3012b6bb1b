"""Files that only their owner reads, from their first moment on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def private(path: Path) -> Path:
    """Return a path at which a file is, private if it was not there before; SQLite's files beside it follow it.

    Where none can be made, whoever opens it says why.
    """
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    return path
