"""Choosing from a configuration: some of its scenes, under another network profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from configs.configuration import Configuration
from configs.schema import SceneDocument
from plant.errors import ProvenlineError


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody asked for: scenes by id (all when none), and a network profile for those that have one."""

    scenes: tuple[str, ...] = ()
    profile: str | None = None

    @property
    def arguments(self) -> list[str]:
        """The choice as arguments of a command line."""
        return [*self.scenes, *(["--profile", self.profile] if self.profile else [])]

    def of(self, configuration: Configuration) -> Configuration:
        """Return the configuration with only what was chosen. Raises ProvenlineError for what is not there."""
        scenes = self._scenes(configuration)
        if self.profile is not None:
            scenes = {name: self._under(scene, configuration) for name, scene in scenes.items()}
        site = configuration.site
        return replace(
            configuration,
            scenes=scenes,
            site=replace(site, scenes=tuple(scene for scene in site.scenes if scene.id in scenes)),
            bindings=tuple(binding for binding in configuration.bindings if binding.scene in scenes),
        )

    def _scenes(self, configuration: Configuration) -> dict[str, SceneDocument]:
        _check("scene", self.scenes, configuration.scenes)
        return {name: configuration.scenes[name] for name in self.scenes or configuration.scenes}

    def _under(self, scene: SceneDocument, configuration: Configuration) -> SceneDocument:
        _check("network profile", [self.profile or ""], configuration.networks)
        simulation = scene.simulation
        if simulation is None or simulation.profile is None:
            return scene
        return scene.model_copy(update={"simulation": simulation.model_copy(update={"profile": self.profile})})


def _check(noun: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            raise ProvenlineError(f"no {noun} {name!r}; there are: {', '.join(known)}")
