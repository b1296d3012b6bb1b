"""Turns at a span of time: many may write into it or read from it at once, or one has it alone.

An InfluxDB has no locks; this is one among the threads of a process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Lets many into a span of time at once, or one alone."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._inside: list[tuple[int, int]] = []
        self._alone: tuple[int, int] | None = None

    @contextmanager
    def among(self, first: int, last: int) -> Iterator[None]:
        """Be in a span, both ends included, as soon as nobody is alone there."""
        span = first, last
        with self._change:
            self._change.wait_for(lambda: self._alone is None or not meet(self._alone, span))
            self._inside.append(span)
        try:
            yield
        finally:
            with self._change:
                self._inside.remove(span)
                self._change.notify_all()

    @contextmanager
    def alone(self, first: int, last: int) -> Iterator[None]:
        """Be alone in a span, as soon as everybody else has left it."""
        span = first, last
        with self._change:
            self._change.wait_for(lambda: self._alone is None)
            self._alone = span
            self._change.wait_for(lambda: not any(meet(one, span) for one in self._inside))
        try:
            yield
        finally:
            with self._change:
                self._alone = None
                self._change.notify_all()


def meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Say whether two spans, both ends included, have an instant in common."""
    return one[0] <= other[1] and other[0] <= one[1]
