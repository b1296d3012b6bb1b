"""A scripted run through a lab, by which the lab itself is tested: what is done, and what it should earn.

scripts/<lab>/right.yaml     earns everything
scripts/<lab>/empty.yaml     does nothing and earns nothing
scripts/<lab>/wrong-*.yaml   a typical mistake, graded as one

speed: 30                    plant seconds per second, so that it is quick
do:
  - apply: {scene.yaml: right/scene.yaml}
  - wait: {until: "tag('plc/temperature').quality == 'good'", minutes: 5}
  - answer: {order: 2, share: "100 * indicator('availability', hours=1)"}
expect: full
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from configs.base import Identifier, Strict
from configs.reading import Reading, read
from configs.shape import shape_faults
from labs.course import Inside
from plant.errors import ConfigError, Fault

Text = Annotated[str, Field(max_length=2_000)]
ScriptAnswer = int | float | Text | Annotated[tuple[int, ...], Field(max_length=12)]
"""As a trainee would answer; to a question for a number also an expression, which may look at the truth."""


class Edit(Strict):
    """Replace a passage of a file; it must stand there exactly once."""

    find: Annotated[str, Field(min_length=1, max_length=20_000)]
    put: Annotated[str, Field(max_length=20_000)]


class Wait(Strict):
    """Let the line run until something is true, for so many minutes of plant time at most."""

    until: Text = "False"
    minutes: float = Field(gt=0, le=24 * 60)


class Acknowledge(Strict):
    """Acknowledge the alarms of a code, of one device or of all."""

    code: str = Field(max_length=64)
    device: str | None = None


class Annotate(Strict):
    """Say why a device stood, for its last stop."""

    device: Identifier
    reason: Text
    text: Text = ""


class ScriptClaim(Strict):
    """Say what is wrong, and where; without a cause, that something is. `begun`: expression, s since 1970 UTC."""

    cause: Annotated[str, Field(max_length=48)] = ""
    place: Annotated[str, Field(max_length=200)]
    begun: Text | None = None


class ScriptCampaign(Strict):
    """Freeze a plan as a campaign, or change the one of that id for a reason; and carry it out.

    `plan`: a file with the body of `POST /api/v1/campaigns`; its `reason` says why an existing campaign is changed.
    """

    plan: Inside
    run: bool = False


class Act(Strict):
    """One thing that is done: exactly one of these."""

    apply: dict[Inside, Inside] | None = None
    edit: dict[Inside, tuple[Edit, ...]] | None = None
    wait: Wait | None = None
    answer: dict[Identifier, ScriptAnswer] | None = None
    acknowledge: Acknowledge | None = None
    annotate: Annotate | None = None
    claim: ScriptClaim | None = None
    hint: Identifier | None = None
    campaign: ScriptCampaign | None = None

    @model_validator(mode="after")
    def _one(self) -> Act:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"one thing at a time: {', '.join(type(self).model_fields)}")
        return self


class Expected(Strict):
    """What a run should earn. `failed`: ids of checks and questions that must not be passed."""

    points: float | None = Field(default=None, ge=0)
    failed: tuple[Identifier, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Expected:
        if self.points is None and not self.failed:
            raise ValueError("say the points, or what must fail")
        return self


class Script(Strict):
    """A scripted run. `full`: every point; `none`: not one."""

    speed: float = Field(default=30.0, ge=0.1, le=120)
    do: tuple[Act, ...] = Field(default=(), max_length=100)
    expect: Literal["full", "none"] | Expected


def read_script(path: Path, name: str) -> Script:
    """Read a script. Raises ConfigError with everything that is wrong with its shape."""
    script, faults, _ = examine_script(path, name)
    if script is None:
        raise ConfigError(tuple(faults))
    return script


def examine_script(path: Path, name: str) -> tuple[Script | None, list[Fault], Reading]:
    """Return a script, or None with everything that is wrong with its shape; and the file as it was read."""
    reading = read(path, name)
    if reading.faults:
        return None, reading.faults, reading
    if not isinstance(reading.data, dict):
        return None, [reading.fault((), "not a mapping of keys to values", "write do: and expect:")], reading
    try:
        return Script.model_validate(reading.data), [], reading
    except ValidationError as error:
        return None, list(shape_faults(reading, error, Script)), reading
