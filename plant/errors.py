"""Everything that can go wrong, under one root.

The class says what the caller may do about it, which is all a caller needs to know:
open again (`Disconnected`), try later (`Unavailable`), set the data aside (`Rejected`),
or ask a person (`ConfigError`).
"""

from __future__ import annotations

from dataclasses import dataclass


class ProvenlineError(Exception):
    """The root of all errors this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a configuration: where it is, what it is, and what to do.

    `path` is dotted as a person would point at it: `lines[0].devices[2].tags[1].unit`.
    """

    file: str
    path: str
    message: str
    hint: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(ProvenlineError):
    """A configuration cannot be used; carries every fault found, not just the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class Disconnected(ProvenlineError):
    """A link is gone for now. The supervisor opens it again; nobody else has to."""


class Unavailable(ProvenlineError):
    """A sink cannot take data now. Keep the data and try again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(ProvenlineError):
    """A sink will never take this data. Set it aside with the reason; do not retry."""


class WireError(ProvenlineError):
    """A line of line protocol cannot be read. `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class UnitError(ProvenlineError):
    """A unit is not UCUM, or two units do not measure the same thing."""
