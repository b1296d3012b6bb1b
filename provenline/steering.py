"""The note a running demonstration leaves in its data folder, so that `provenline fault` finds its devices.

It holds an address and a token and can be read by its owner alone. The grader's token is
not in it: what really happened is nobody's to look up who can only break things.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from plant.errors import ProvenlineError
from simulators.access import ControlAddress

NOTE = "control.json"


@contextmanager
def steerable(data: Path, address: ControlAddress) -> Iterator[None]:
    """Leave the note while the context is open."""
    note = data / NOTE
    note.unlink(missing_ok=True)  # one that was left by a process that was killed may be open to others
    with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(address), file)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def steered(data: Path) -> ControlAddress:
    """Return where the demonstration in a data folder is controlled. Raises ProvenlineError when none runs there."""
    try:
        return ControlAddress(**json.loads((data / NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ProvenlineError(f"no demonstration runs in {data}; start one, or name its folder with --data") from error
