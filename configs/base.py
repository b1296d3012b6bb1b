"""The ground that every part of the configuration schema stands on.

Unknown keys are errors (a typing slip must not pass as a default), durations are seconds
or written with a unit (`500ms`, `2min`), and a secret is never written down: it is a
reference to an environment variable or a file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from plant.packml import PackState
from plant.text import Text

_DURATION = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(ms|s|min|h|d)\s*")
_FACTORS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class Strict(BaseModel):
    """A part of the configuration: frozen, and every key known."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


def duration(value: object) -> object:
    """Turn `500ms`, `2 min`, `1.5h` or a plain number into seconds.

    Raises ValueError on a text that is neither.
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write 0.5, 500ms, 2min or 8h")
    return float(match[1]) * _FACTORS[match[2]]


Seconds = Annotated[
    float,
    BeforeValidator(duration, json_schema_input_type=float | str),
    Field(ge=0, description="seconds, or with a unit: 500ms, 2min, 8h"),
]


def _state(name: object) -> object:
    if isinstance(name, str):
        try:
            return PackState[name.upper().replace("-", "_")]
        except KeyError:
            known = ", ".join(s.name.lower() for s in PackState)
            raise ValueError(f"{name!r} is not a PackML state; one of {known}") from None
    return name


State = Annotated[PackState, BeforeValidator(_state, json_schema_input_type=str)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Identifier = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$", description="lower-case letters, digits and hyphens")
]


class Words(Strict):
    """A text for people, in Chinese and English; a single string serves both."""

    zh: str = Field(default="", max_length=500)
    en: str = Field(default="", max_length=500)

    @model_validator(mode="before")
    @classmethod
    def _single(cls, value: object) -> object:
        return {"zh": value, "en": value} if isinstance(value, str) else value

    @property
    def text(self) -> Text:
        """The text as the plant's vocabulary has it."""
        return Text(self.zh, self.en)


class Secret(Strict):
    """A reference to a secret: `{env: NAME}` or `{file: PATH}`. Never the secret itself."""

    env: str | None = None
    file: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _reference(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError("a secret is not written here; use {env: NAME} or {file: PATH}")
        return value

    @model_validator(mode="after")
    def _one_of(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("give either env or file")
        return self

    def reveal(self) -> str:
        """Return the secret. Raises ValueError, without its content, when it cannot be had."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if not value:
                raise ValueError(f"environment variable {self.env} is not set")
            return value
        path = Path(self.file or "")
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"secret file {path} cannot be read: {error.strerror}") from error
