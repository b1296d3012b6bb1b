"""How far this machine's clock can be trusted, as the kernel knows it from its NTP or PTP daemon.

One-way delay is worth no more than the clocks at both ends, so every packet says how wrong
its timestamps may be. The kernel keeps the daemon's own bound (`maxerror`) and whether there
is a daemon at all (`STA_UNSYNC`); `adjtimex` reads both without privilege. Source: adjtimex(2).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

from collectors.stamp.packet import ErrorEstimate, Sync

UNKNOWN = ErrorEstimate.of(16.0, Sync.UNSYNCHRONISED)
"""What a machine says that cannot tell: 16 s is the kernel's own figure for "no idea"."""

_UNSYNCHRONISED = 0x40
_MICROSECONDS = 1e6


class _Timex(ctypes.Structure):
    # The head of struct timex; the tail is read by nobody here, but the kernel writes it.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("tail", ctypes.c_byte * 256),
    )


def clock_error() -> ErrorEstimate:
    """Return the kernel's present bound on this clock's error; `UNKNOWN` off Linux."""
    if not sys.platform.startswith("linux"):
        return UNKNOWN
    state = _Timex()
    if _libc().adjtimex(ctypes.byref(state)) < 0:
        return UNKNOWN
    sync = Sync.UNSYNCHRONISED if state.status & _UNSYNCHRONISED else Sync.SYNCHRONISED
    return ErrorEstimate.of(state.maxerror / _MICROSECONDS, sync)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
