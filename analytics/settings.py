"""What figures need to know of a plant beyond its data: prices, factors, tolerances, agreed limits.

There are no hidden defaults: without a tariff there is no cost, without a grid factor no
carbon, without a tolerance no capability. One object holds all of it for every scene, so that
no two views can differ; it is made from the configuration in `analytics.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from analytics.capability import Tolerance
from analytics.carbon import ELECTRICITY, Carrier, GridFactor
from analytics.demand import Band, Tariff
from analytics.floor import Floor
from analytics.network import Service
from plant.clock import SECOND
from plant.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorLimit:
    """Which floor a link has to cover, in metres; a cell is covered when its delay percentile is at most `limit` ms."""

    width: float
    depth: float
    cell: float
    limit: float
    share: Fraction = Fraction("0.95")

    @property
    def floor(self) -> Floor:
        """The cells of this floor."""
        return Floor.rectangle(self.width, self.depth, self.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRates:
    """What transport costs beside energy: CNY per hour of a vehicle and of a person, who minds so many vehicles."""

    vehicle_hour: float
    labour_hour: float
    vehicles_per_person: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSettings:
    """What was agreed for one scene; None where nothing was.

    `agreed`: seconds within which an event must be visible. `link_window`: ns after a link
    event in which a stop counts as following it. `accepted`: verdicts that let a piece pass.
    """

    service: Service | None = None
    floor: FloorLimit | None = None
    fleet: FleetRates | None = None
    agreed: float | None = None
    link_window: int = 10 * SECOND
    accepted: frozenset[str] = frozenset(("good", "ok", "pass"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a signal is watched for wear. `healthy`, `block`: ns; see `analytics.warning.DriftRule` for the rest.

    `limit`: the value at which the part is worn out, None where nobody knows.
    """

    healthy: int
    block: int
    allowance: float
    blocks_between_alarms: float
    limit: float | None = None


_PLAIN = SceneSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything of all scenes. `scenes`: by scene path; `tolerances`, `watches`: by tag path, in its unit."""

    tariff: Tariff | None = None
    grid: GridFactor | None = None
    standard_coal: Carrier = ELECTRICITY
    scenes: Mapping[str, SceneSettings] = field(default_factory=dict, hash=False)
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict, hash=False)
    watches: Mapping[str, Watch] = field(default_factory=dict, hash=False)

    @property
    def shaping(self) -> Settings:
        """What of this decides how sums are formed, as far as they are kept; the rest only makes figures of them."""
        tariff = self.tariff
        if tariff is not None:
            bands = tuple(Band(Text(str(n)), 0.0, band.hours) for n, band in enumerate(tariff.bands))
            tariff = Tariff(tariff.zone, bands)
        scenes = {
            path: SceneSettings(service=one.service, agreed=one.agreed, accepted=one.accepted)
            for path, one in self.scenes.items()
        }
        return Settings(tariff=tariff, scenes=scenes)

    def of(self, path: str) -> SceneSettings:
        """Return the settings of the scene that a path of any level lies in."""
        return self.scenes.get("/".join(path.split("/", 2)[:2]), _PLAIN)
