"""Be called at a moment, to a tenth of a millisecond.

asyncio's own timers are rounded up to whole milliseconds by epoll, which is longer than a
5G URLLC link takes. Linux's timerfd is not; the event loop waits for it as for any file.
Elsewhere the loop's timer has to do.
"""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Protocol

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_FLAGS = 0o2004000  # TFD_NONBLOCK | TFD_CLOEXEC


class Alarm(Protocol):
    """One moment to be called at; setting it again replaces the moment before."""

    def set(self, at: float) -> None:
        """Call back at `at`, in seconds of `time.monotonic`; at once when that has passed."""

    def close(self) -> None:
        """Never call back again."""


def alarm(callback: Callable[[], None]) -> Alarm:
    """Return the most precise alarm this system has, on the running event loop."""
    return _Timerfd(callback) if sys.platform.startswith("linux") else _LoopTimer(callback)


class _LoopTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        self.close()
        self._handle = self._loop.call_at(at, self._callback)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("ns", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class _Timerfd:
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._fd = _libc().timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
        if self._fd < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self._loop.add_reader(self._fd, self._ring)

    def set(self, at: float) -> None:
        fraction, whole = math.modf(max(at, 1e-6))  # a time of zero would disarm it
        setting = _Setting(_Timespec(0, 0), _Timespec(int(whole), int(fraction * 1e9)))
        _libc().timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(setting), None)

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # set to another moment between ringing and being heard
            return
        self._callback()


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
