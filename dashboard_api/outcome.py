"""What came of a command to a device, and who carries commands out for a centre."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from configs.commands import CommandConfig
from dashboard_api.access import Json


class Result(StrEnum):
    """Confirmed by what was read back; accepted, and not to be asked; refused, nothing changed; or not known."""

    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `read_back`: what the device holds now, None where that is not known."""

    result: Result
    read_back: float | bool | None = None
    detail: str = ""

    def payload(self) -> Json:
        """Return it as an answer has it."""
        return {"result": self.result.value, "read_back": self.read_back, "detail": self.detail}


Commanding = Callable[[str, CommandConfig, float | bool], Awaitable[Outcome]]
"""Sends a command to the device of a tag, once, and says what came of it; never raises for what devices do."""
