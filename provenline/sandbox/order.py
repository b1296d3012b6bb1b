"""What a sandbox is made of: handed to its process when it starts, and again when it is reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provenline.sandbox.limits import Limits
from provenline.sandbox.restrictions import file_of
from simulators.faults import PlannedFault


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """The line of a lab. `plant`: the folder with its scene pack; `past`: s that it has run before anybody looks.

    `faults` count their `at` from the begin of the past. `speed`: plant seconds a second.
    """

    plant: Path
    scene: str
    network: str | None = None
    past: float = 0.0
    speed: float = 1.0
    faults: tuple[PlannedFault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One sandbox. `folder` is its own and holds all it writes; `socket` is where its application listens.

    `files`: the configuration it starts with, by name; None is the line's own, which cannot be changed.
    `campaigns`: whether acceptance campaigns can be run in it.
    """

    owner: str
    line: LinePlan
    seed: int
    folder: Path
    socket: Path
    files: Mapping[str, str] | None = None
    limits: Limits = Limits()
    campaigns: bool = False

    def first_files(self) -> dict[str, str]:
        """Return the files it starts with as text; the line's own are for reading only."""
        if self.files is not None:
            return dict(self.files)
        name = file_of(self.line.plant, self.line.scene)
        return {Path(name).name: (self.line.plant / name).read_text(encoding="utf-8")} if name else {}
