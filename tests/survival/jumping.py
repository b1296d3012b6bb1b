"""Run provenline under a wall clock that somebody moves: `python -m tests.survival.jumping FILE arguments…`.

`FILE` holds an offset in ns, eight bytes, that is added to what `time.time` and `time.time_ns`
tell, from the moment it is written. Native libraries keep the machine's time, as monotonic
time does in an NTP step.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path

_OFFSET = struct.Struct("<q")


def set_offset(file: Path, seconds: float) -> None:
    """Move the clock of whoever runs under `file`."""
    with file.open("r+b" if file.exists() else "w+b") as opened:
        opened.write(_OFFSET.pack(round(seconds * 1e9)))


def _install(file: Path) -> None:
    with file.open("rb") as opened:
        offset = mmap.mmap(opened.fileno(), _OFFSET.size, prot=mmap.PROT_READ)
    real = time.time_ns

    def moved() -> int:
        return real() + int(_OFFSET.unpack(offset)[0])

    time.time_ns = moved
    time.time = lambda: moved() / 1e9


if __name__ == "__main__":
    _install(Path(sys.argv[1]))
    sys.argv = ["provenline", *sys.argv[2:]]
    from provenline.main import run  # after the clock, so that everybody sees the moved one

    run()
