"""The asset tree: site, scene, line, device. Devices own tags and are asked for roles.

Built once from configuration and never changed; a new configuration is a new tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from plant.floor import Floor
from plant.tags import Role, Tag
from plant.text import Text


class Access(StrEnum):
    """How a device reaches the network."""

    WIRED = "wired"
    WIFI = "wifi"
    LTE = "lte"
    FIVE_G = "5g"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One machine, vehicle, sensor group or probe.

    `ideal_cycle`: seconds per part at design speed, by product; the key `""` is the default.
    `position`: metres on the scene's floor plan.
    """

    path: str
    name: Text
    type: str = "machine"
    access: Access = Access.WIRED
    position: tuple[float, float] | None = None
    ideal_cycle: dict[str, float] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()

    @property
    def id(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    def role(self, role: Role, label: str | None = None) -> Tag | None:
        """Return the tag that plays `role` (with `label`, if given), or None."""
        return next(self.roles(role, label), None)

    def roles(self, role: Role, label: str | None = None) -> Iterator[Tag]:
        """Yield every tag that plays `role`, in the order of declaration."""
        return (t for t in self.tags if t.role is role and (label is None or t.label == label))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Devices that make something together.

    `serial`: parts pass the devices in the order listed, so the line's output is the last
    device's; otherwise the devices work side by side and their outputs add up.
    """

    path: str
    name: Text
    serial: bool = True
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One demonstration scene: its lines and the calendar they are planned by."""

    path: str
    name: Text
    calendar: str = ""
    simulated: bool = False
    lines: tuple[Line, ...] = ()
    floor: Floor | None = None

    @property
    def id(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def devices(self) -> tuple[Device, ...]:
        """Every device of every line, in order."""
        return tuple(device for line in self.lines for device in line.devices)

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Every tag of every device, in order."""
        return tuple(tag for device in self.devices for tag in device.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One centre: the root of the tree. `zone`: IANA name of its local time."""

    id: str
    name: Text
    zone: str = "Asia/Shanghai"
    scenes: tuple[Scene, ...] = ()

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Every tag of every scene, in order."""
        return tuple(tag for scene in self.scenes for tag in scene.tags)

    def scene(self, scene_id: str) -> Scene | None:
        """Return the scene called `scene_id`, or None."""
        return next((s for s in self.scenes if s.id == scene_id), None)
