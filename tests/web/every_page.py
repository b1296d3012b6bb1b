"""Every page there is, each with an address at which it can be opened; the router decides which must be here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from configs.configuration import Configuration

ROUTER = Path(__file__).parents[2] / "web" / "src" / "router.ts"
_PATH = re.compile(r"\bpath: '([^']+)'")

EXAMPLES = {
    "/": "/",
    "/scene/:id": "/scene/{scene}",
    "/scene/:id/device/:device(.+)": "/scene/{scene}/device/{device}",
    "/scene/:id/replay": "/scene/{scene}/replay",
    "/alarms": "/alarms",
    "/sign-in": "/sign-in",
    "/welcome": "/welcome",
    "/account": "/account",
    "/users": "/users",
    "/audit": "/audit",
    "/campaigns": "/campaigns",
    "/campaigns/:id": "/campaigns/{campaign}",
    "/configuration": "/configuration",
    "/calculator": "/calculator",
    "/labs": "/labs",
    "/labs/:course/:lab": "/labs/modbus/map-registers",
    "/attempts/:attempt": "/attempts/{attempt}",
    "/teach/:part?": (
        "/teach",
        "/teach/exercises",
        "/teach/incidents",
        "/teach/grades",
        "/teach/attendance",
        "/teach/courses",
    ),
    "/teach/classes/:group": "/teach/classes/{group}",
    "/teach/lines/:attempt/:sandbox": "/teach/lines/{attempt}/none",
    "/incidents/:incident": "/incidents/{incident}",
    "/certificate/:code?": "/certificate",
    "/:rest(.*)*": "/there/is/no/such/page",
}
"""Each route of the router, and an address of it; several where one route has several faces."""


@dataclass(frozen=True)
class Subjects:
    """What the pages with parameters are about; `scenes` maps each scene to one of its devices."""

    scenes: dict[str, str]
    campaign: str
    attempt: str = "no-such-attempt"
    group: str = "0"
    incident: str = "0"

    @classmethod
    def of(cls, configuration: Configuration, *, campaign: str = "no-such-campaign") -> Subjects:
        """Take every scene of a configuration, each with its first machine."""
        first = {scene.id: scene.devices[0].path for scene in configuration.site.scenes}
        return cls({scene: path.split("/", 2)[2] for scene, path in first.items()}, campaign)


def routes() -> list[str]:
    """Return the paths of all routes, as the router has them."""
    return _PATH.findall(ROUTER.read_text(encoding="utf-8"))


def addresses(subjects: Subjects) -> Iterator[tuple[str, str]]:
    """Yield a name and an address for every page: a scene's page once a scene, a device's once in all."""
    scenes = list(subjects.scenes.items())
    others = {"campaign": subjects.campaign, "attempt": subjects.attempt, "group": subjects.group}
    others["incident"] = subjects.incident
    for route, example in EXAMPLES.items():
        several = scenes if route == "/scene/:id" else scenes[:1]
        faces = (example,) if isinstance(example, str) else example
        for face, (scene, device) in product(faces, several):
            address = face.format(scene=scene, device=device, **others)
            name = address.strip("/").partition("/device/")[0].replace("/", "-") or "overview"
            yield (f"device-{scene}" if "/device/" in address else name), address
