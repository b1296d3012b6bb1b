"""How the process of the simulated devices says where they are: one line of JSON."""

from __future__ import annotations

import json

from simulators.faces.endpoint import Endpoint

Endpoints = dict[str, dict[str, Endpoint]]
"""Scene id to source id to where it is really served."""


def announce(endpoints: Endpoints) -> str:
    """Write addresses as one line of JSON; `heard` reads it."""
    return json.dumps(
        {scene: {s: [e.scheme, e.host, e.port] for s, e in sources.items()} for scene, sources in endpoints.items()}
    )


def heard(line: str) -> Endpoints:
    """Read what `announce` wrote."""
    return {
        scene: {source: Endpoint(*where) for source, where in sources.items()}
        for scene, sources in json.loads(line).items()
    }
