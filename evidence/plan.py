"""A campaign's plan: fixed before there is data, and known by its hash ever after.

    Plan        what is compared, how, and what would count as a pass
    Frozen      a plan with its hash and the moment it was fixed; a change is a new revision

The hash is SHA-256 over the plan's canonical JSON (see `canonical`), so anybody can recompute it.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from configs.base import Identifier, Strict, Words
from evidence.canonical import digest
from plant.clock import from_iso

FORMAT = 1


def _moment(value: object) -> object:
    if isinstance(value, datetime):  # what YAML makes of a moment that is not quoted
        return from_iso(value.isoformat())
    return from_iso(value) if isinstance(value, str) else value


Moment = Annotated[
    int,
    BeforeValidator(_moment, json_schema_input_type=int | str),
    Field(description="ns UTC, or ISO 8601 with a zone"),
]


Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class SimulatedArm(Strict):
    """A side that is simulated: a network profile and model parameters, shift after shift."""

    source: Literal["simulated"] = "simulated"
    profile: Identifier
    parameters: dict[str, float | int | bool | str] = Field(default_factory=dict)
    shifts: int = Field(ge=1, le=1000)
    seed: int = Field(ge=0)


class Window(Strict):
    """A stretch of recorded time; ns UTC, half open. Written by hand as 2026-11-21T08:00:00+08:00."""

    start: Moment
    stop: Moment

    @model_validator(mode="after")
    def _forward(self) -> Window:
        if self.stop <= self.start:
            raise ValueError("a window ends after it starts")
        return self

    def touches(self, other: Window) -> bool:
        """Say whether the two have a moment in common."""
        return self.start < other.stop and other.start < self.stop


class RecordedArm(Strict):
    """A side that was recorded: windows of a real (or replayed) line's history."""

    source: Literal["recorded"] = "recorded"
    windows: tuple[Window, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _apart(self) -> RecordedArm:
        ordered = sorted(self.windows, key=lambda one: one.start)
        if any(after.start < before.stop for before, after in pairwise(ordered)):
            raise ValueError("two windows overlap: what happened then would count twice")
        return self


Arm = Annotated[SimulatedArm | RecordedArm, Field(discriminator="source")]


class ExclusionRule(Strict):
    """What may be left out, agreed beforehand; whatever is left out names one of these."""

    id: Identifier
    text: Words


class Plan(Strict):
    """What is compared, how, and what would count as a pass.

    `clause_digest`: of the clause as the catalogue had it (see `canonical.digest`), so that bounds,
    statistics and least evidence are fixed with the plan. `mix`: share of each product for
    standardisation; empty: the baseline's own mix. `baseline` is None only where every indicator of
    the clause is absolute or a count. `scene` and `improved` are None where the clause speaks of no
    scene (a centre, a node, a cluster) and rests on records alone.
    """

    format: Literal[1] = 1
    id: Identifier
    name: Words
    scene: Identifier | None = None
    catalogue: Identifier
    clause: str
    clause_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    baseline: Arm | None = None
    improved: Arm | None = None
    mix: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=dict)
    exclusion_rules: tuple[ExclusionRule, ...] = ()
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    resamples: int = Field(default=2000, ge=200, le=100_000)
    seed: int = Field(default=7, ge=0)
    author: str = Field(min_length=1, max_length=80)
    purpose: Words = Words()

    @model_validator(mode="after")
    def _whole(self) -> Plan:
        if (self.scene is None) != (self.improved is None) or (self.scene is None and self.baseline is not None):
            raise ValueError("a plan names a scene and its improved side, or, where only records count, neither")
        return self

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return digest(self.model_dump(mode="json"))


class Frozen(Strict):
    """A plan that may no longer change. `at`: ns UTC. `previous`: hash of the revision before, or None."""

    plan: Plan
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    at: int
    revision: int = Field(default=1, ge=1)
    previous: str | None = None
    reason: str = Field(default="", max_length=500, description="why it was changed; empty for the first")

    @model_validator(mode="after")
    def _true(self) -> Frozen:
        if self.hash != self.plan.hash:
            raise ValueError("the hash is not that of the plan")
        return self


class Exclusion(Strict):
    """A window left out by a person, under a rule of the plan. `at`: ns UTC, when it was entered."""

    window: Window
    rule: Identifier
    reason: Said
    author: Name
    at: int


class HandedIn(Strict):
    """A record that a person hands in for `measure: records`: `number` of so many, by a document. `at`: ns UTC."""

    side: Literal["baseline", "improved"] = "improved"
    kind: Identifier
    window: Window
    number: float = Field(ge=0)
    of: float = Field(default=1.0, gt=0)
    source: Said
    author: Name
    at: int
