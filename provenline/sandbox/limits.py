"""What the process of a sandbox may use up, so that one never disturbs another.

The system refuses memory and open files beyond a bound, gives its processor time to others
first, and ends it with the process that started it. A folder's size no system call bounds, so it is
looked at every few seconds.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

_PR_SET_PDEATHSIG = 1
_FIRST_TO_END = 1000
"""When the machine runs out of memory, a sandbox is ended before anything else."""

_BEYOND = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one sandbox. `disk`: bytes of its folder; `memory`: bytes beyond what it shares with the others.

    `campaign`: bytes more where campaigns are run, of which a machine runs one at a time.
    `files`: descriptors; `niceness`: 0 as everybody, 19 last of all.
    """

    disk: int = 300_000_000
    memory: int = 600_000_000
    campaign: int = 600_000_000
    files: int = 512
    niceness: int = 5


def confine(limits: Limits, *, campaigns: bool) -> None:
    """Put this process under its limits, and let it end with whoever forked it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(limits.niceness)
    Path("/proc/self/oom_score_adj").write_text(str(_FIRST_TO_END), encoding="ascii")
    # RLIMIT_DATA counts private memory that can be written; libraries reserve far more addresses than they use.
    most = _data_now() + limits.memory + campaigns * limits.campaign
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.files, limits.files))
    # Beyond what is looked at every few seconds: a file that grows faster than that still ends somewhere.
    largest = limits.disk + _BEYOND
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def give_back() -> None:
    """Give memory that is free by now back to the system: the past of a line needs far more than its present."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


def size_of(folder: Path) -> int:
    """Return how many bytes the files below a folder take; those that vanish meanwhile count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _data_now() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * 1024
