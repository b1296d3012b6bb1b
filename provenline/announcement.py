"""What the process of the simulated devices tells whoever started it: lines of JSON, as things come up.

{"control": 40123}                                       where it is controlled
{"scene": "agv", "sources": {"fleet": ["mqtt", "127.0.0.1", 1890], …}}      one line a scene
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from simulators.faces.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Controlled:
    """The process can be controlled, at a port of loopback."""

    port: int


@dataclass(frozen=True, slots=True)
class Served:
    """A scene is up. `endpoints`: source id to where it is really served."""

    scene: str
    endpoints: dict[str, Endpoint]


Announcement = Controlled | Served


def announce(news: Announcement) -> str:
    """Write an announcement as one line of JSON; `heard` reads it."""
    if isinstance(news, Controlled):
        return json.dumps({"control": news.port})
    sources = {source: [e.scheme, e.host, e.port] for source, e in news.endpoints.items()}
    return json.dumps({"scene": news.scene, "sources": sources})


def heard(line: str) -> Announcement:
    """Read what `announce` wrote."""
    news = json.loads(line)
    if "control" in news:
        return Controlled(news["control"])
    return Served(news["scene"], {source: Endpoint(*where) for source, where in news["sources"].items()})
