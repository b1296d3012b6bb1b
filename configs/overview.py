"""The overview of all scenes, as a wall shows it: which tiles, in what order, how large, and what each tells.

Nothing said means every scene in order of declaration, in tiles of one size that tell everything.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from configs.base import Identifier, Seconds, Strict


class Told(StrEnum):
    """What a tile can tell of its scene."""

    STATE = "state"
    """The worst that any machine is in."""
    OEE = "oee"
    OUTPUT = "output"
    """Good pieces, against the plan where there is one."""
    DEFECTS = "defects"
    ENERGY = "energy"
    LINK = "link"
    """Delay and loss of the link, collectors, and how many values can be trusted."""
    ALARMS = "alarms"
    MACHINES = "machines"
    """The last states of each machine."""


class TileSize(StrEnum):
    """How much room a tile takes: of one column, two columns, or two columns and two rows."""

    NORMAL = "normal"
    WIDE = "wide"
    LARGE = "large"


class TileConfig(Strict):
    """The tile of one scene. `plan`: good pieces per hour of planned time that its output is held against."""

    scene: Identifier
    size: TileSize = TileSize.NORMAL
    shows: tuple[Told, ...] = Field(default=(), description="none = what the overview shows")
    plan: float | None = Field(default=None, gt=0, description="good pieces per hour of planned time")


def _tile(value: object) -> object:
    return {"scene": value} if isinstance(value, str) else value


class OverviewConfig(Strict):
    """The overview, and the round of a kiosk: overview and scenes, `rotate` seconds each."""

    tiles: tuple[Annotated[TileConfig, BeforeValidator(_tile, json_schema_input_type=str | TileConfig)], ...] = Field(
        default=(), description="scenes by id, or with size and content; none = every scene"
    )
    shows: tuple[Told, ...] = Field(default=tuple(Told), min_length=1)
    window: Literal["15min", "1h", "8h", "shift"] = Field(default="15min", description="of all figures")
    columns: int | None = Field(default=None, ge=1, le=8, description="none = as many as fit")
    rotate: Annotated[Seconds, Field(ge=3, le=3600)] = 20.0
    visits: Literal["all", "overview", "scenes"] = Field(default="all", description="what a kiosk's round leads to")

    @model_validator(mode="after")
    def _once(self) -> OverviewConfig:
        scenes = [tile.scene for tile in self.tiles]
        twice = next((scene for n, scene in enumerate(scenes) if scene in scenes[:n]), None)
        if twice is not None:
            raise ValueError(f"scene {twice!r} has two tiles")
        return self
