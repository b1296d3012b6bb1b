"""Why machines stop, as a catalogue: what a code means in both languages, and which of the big losses it is.

    stop_reasons:
      - {code: E12, name: {zh: 缺料, en: Out of material}, loss: waiting}

A machine that tells a code (role `stop-reason`) is understood by it, people choose from it when they
say why a machine stood, and whatever is not in it may still be said in words. The site's catalogue
holds in every scene; a scene adds its own and may say otherwise about a code.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from configs.base import Strict, Words


class ReasonLoss(StrEnum):
    """The big losses after Nakajima (1988), and waiting, which is kept apart; as `analytics.losses` names them."""

    BREAKDOWN = "breakdown"
    SETUP = "set-up"
    WAITING = "waiting"
    MINOR_STOP = "minor-stop"
    REDUCED_SPEED = "reduced-speed"
    DEFECTS = "defects"
    START_UP = "start-up"


class StopReasonConfig(Strict):
    """One reason. `code`: what the machine tells, or a word of your own."""

    code: str = Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")
    name: Words
    loss: ReasonLoss


def _each_once(reasons: tuple[StopReasonConfig, ...]) -> tuple[StopReasonConfig, ...]:
    seen = set[str]()
    for reason in reasons:
        if reason.code in seen:
            raise ValueError(f"has code {reason.code!r} twice")
        if not (reason.name.zh or reason.name.en):
            raise ValueError(f"code {reason.code!r} has no name")
        seen.add(reason.code)
    return reasons


StopReasons = Annotated[
    tuple[StopReasonConfig, ...],
    Field(max_length=500, description="why machines stop: code, name, loss"),
    AfterValidator(_each_once),
]


def merged(site: Iterable[StopReasonConfig], scene: Iterable[StopReasonConfig]) -> dict[str, StopReasonConfig]:
    """Return a scene's reasons by code: the site's, and over them its own."""
    return {reason.code: reason for reason in (*site, *scene)}
