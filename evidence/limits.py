"""How much a process that reads what strangers wrote may use."""

from __future__ import annotations

import sys


def within_limits(memory: int) -> None:
    """Let this process use no more than `memory` bytes of address space from now on, where the system can see to it.

    An allocation beyond it fails as MemoryError or in the library that asked, instead of taking the machine along.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on every system

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
