"""The models a scene's `simulation.model` can name."""

from __future__ import annotations

from simulators.plantmodel import Build
from simulators.scenes.assembly_line import build as assembly_line

MODELS: dict[str, Build] = {
    "assembly-line": assembly_line,
}
"""How to build each model."""
