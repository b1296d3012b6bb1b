"""Where a live simulation is controlled, and who may do it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """Who may do what; `grader` may do all that `control` may, and read the truth."""

    control: str
    grader: str


@dataclass(frozen=True, slots=True)
class ControlAddress:
    """Where a simulation is controlled, and a token for it."""

    host: str
    port: int
    token: str
