"""Who may reach a centre and how: visitors, sessions, and TLS."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from configs.base import Seconds, Strict


class Visitors(StrEnum):
    """What somebody may do who does not sign in."""

    VIEWER = "viewer"
    NONE = "none"


class AccessConfig(Strict):
    """Visitors may look, without signing in, where the centre listens on loopback only; else nobody may.

    `anonymous` settles it either way; labs and evidence are never open. A session ends when it was
    not used for `idle`, and after `longest` in any case.
    """

    anonymous: Visitors | None = Field(default=None, description="viewer or none; default: viewer on loopback only")
    idle: Annotated[Seconds, Field(gt=0)] = 3_600.0
    longest: Annotated[Seconds, Field(gt=0)] = 43_200.0


class TlsConfig(Strict):
    """HTTPS. With `certificate` and `key` (PEM files, the chain in the first); else one is made at first start."""

    certificate: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _both(self) -> TlsConfig:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("give certificate and key, or neither")
        return self
