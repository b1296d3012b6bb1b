"""The documents a configuration folder may hold, told apart by `type`.

    type: site               one centre: its name, zone and calendars       (exactly one)
    type: scene              one demonstration scene: sources, lines, devices, tags
    type: centre             the server: where it listens, where samples are kept
    type: edge               an edge: outbox and uplink
    type: network-profile    a link: delay, loss, roaming, coverage (see `network_profile`)
    type: acceptance-catalogue  what a public document asks for (see `catalogue`)

Only shape is checked here; what refers to what is checked by `crossrefs`, and `loader`
reports both together.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from configs.access import AccessConfig, TlsConfig
from configs.alarms import AlarmConfig, Derived
from configs.base import Identifier, Port, Seconds, Secret, State, Strict, Words
from configs.commands import CommandConfig
from configs.exploration import ExplorationConfig
from configs.figures import AgreedConfig, EnergyConfig, ToleranceConfig, WarningConfig
from configs.floor import FloorConfig
from configs.guard import GuardConfig
from configs.overview import OverviewConfig
from configs.panels import Panel
from configs.retention import RetentionConfig
from configs.sources import SourceConfig
from configs.stop_reasons import StopReasons
from plant.assets import Access
from plant.calendar import zone_of
from plant.errors import UnitError
from plant.packml import PackState
from plant.tags import Kind, OnDecrease, Role
from plant.units import check_unit


def _zone(name: str) -> str:
    return zone_of(name).key


def _unit(code: str) -> str:
    try:
        check_unit(code)
    except UnitError as error:
        raise ValueError(str(error)) from error
    return code


def _number_as_text(value: object) -> object:
    # YAML reads 99.9 as a number; which percentile is meant is told by its digits.
    return f"{value:g}" if isinstance(value, (int, float)) else value


Zone = Annotated[str, AfterValidator(_zone)]
Unit = Annotated[str, AfterValidator(_unit), Field(description="UCUM code, e.g. kW.h, Cel, mm/s, {part}")]
PercentileText = Annotated[
    Literal["50", "90", "95", "99", "99.9", "99.99", "99.999"],
    BeforeValidator(_number_as_text, json_schema_input_type=str | float),
]
_PACKML = {str(int(s)): s for s in PackState}


# ---------------------------------------------------------------------------- calendar
class Weekday(StrEnum):
    """Days of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class BreakConfig(Strict):
    """A planned pause inside a shift, in local time; it may lie after midnight."""

    start: time
    end: time


class ShiftConfig(Strict):
    """A shift in local time. An end not later than its start lies on the next day."""

    id: Identifier
    name: Words = Words()
    days: tuple[Weekday, ...] = tuple(Weekday)
    start: time
    end: time
    breaks: tuple[BreakConfig, ...] = ()


class CalendarConfig(Strict):
    """When production is planned. `holidays` have no shifts, whatever the weekday.

    `extra` days are worked although their weekday is not: they follow `extra_as`'s pattern.
    """

    shifts: tuple[ShiftConfig, ...] = Field(min_length=1)
    holidays: frozenset[date] = frozenset()
    extra: frozenset[date] = frozenset()
    extra_as: Weekday = Weekday.MON


class SiteDocument(Strict):
    """One centre."""

    type: Literal["site"]
    id: Identifier
    name: Words
    zone: Zone = "Asia/Shanghai"
    calendars: dict[Identifier, CalendarConfig] = Field(default_factory=dict)
    energy: EnergyConfig = EnergyConfig()
    overview: OverviewConfig = OverviewConfig()
    stop_reasons: StopReasons = ()


# ------------------------------------------------------------------------------- scene
class CounterConfig(Strict):
    """How a cumulative tag may step back; see `plant.tags.CounterPolicy`."""

    on_decrease: OnDecrease = OnDecrease.RESET
    modulus: int = Field(default=2**32, ge=2)
    largest_step: float | None = Field(default=None, gt=0)


class TagConfig(Strict):
    """One signal of a device. `address` has the form that the source's type asks for.

    `states`: `packml` when the raw value already is the PackTag number, else a map from raw
    value to PackML state name.
    """

    id: Identifier
    kind: Kind
    role: Role | None = None
    label: str = Field(default="", max_length=64)
    unit: Unit = "1"
    low: float | None = None
    high: float | None = None
    deadband: float = Field(default=0.0, ge=0)
    min_interval: Seconds = 0.0
    stale_after: Seconds = 10.0
    description: Words = Words()
    states: dict[str, State] = Field(default_factory=dict)
    counter: CounterConfig = CounterConfig()
    tolerance: ToleranceConfig | None = None
    warning: WarningConfig | None = None
    source: Identifier | None = None
    address: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _packml(cls, value: Any) -> Any:  # noqa: ANN401 - raw YAML
        if isinstance(value, dict) and isinstance(value.get("states"), dict):
            return {**value, "states": {str(k): v for k, v in value["states"].items()}}
        if isinstance(value, dict) and value.get("states") == "packml":
            return {**value, "states": _PACKML}
        return value

    @model_validator(mode="after")
    def _consistent(self) -> TagConfig:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.kind is Kind.STATE and self.role is Role.STATE and not self.states:
            raise ValueError("a state tag needs states: packml, or a map from raw value to PackML state")
        if self.states and self.kind is not Kind.STATE:
            raise ValueError(f"states belong to kind state, not {self.kind.value}")
        if self.tolerance is not None and self.role is not Role.PROCESS_VALUE:
            raise ValueError("a tolerance belongs to role process-value")
        if self.warning is not None and self.kind is not Kind.ANALOG:
            raise ValueError(f"a warning belongs to kind analog, not {self.kind.value}")
        return self


def _ideal(value: object) -> object:
    return value if isinstance(value, dict) else {"": value}


class DeviceConfig(Strict):
    """One machine, vehicle, station or probe; `ideal_cycle` is one figure or one per product."""

    id: Identifier
    name: Words
    type: Identifier = "machine"
    access: Access = Access.WIRED
    position: tuple[float, float] | None = None
    ideal_cycle: Annotated[dict[str, Annotated[Seconds, Field(gt=0)]], BeforeValidator(_ideal)] = Field(
        default_factory=dict
    )
    source: Identifier | None = None
    tags: tuple[TagConfig, ...] = ()


class LineConfig(Strict):
    """Devices that make something together; see `plant.assets.Line` for `serial`."""

    id: Identifier
    name: Words
    serial: bool = True
    devices: tuple[DeviceConfig, ...] = Field(min_length=1)


class BaselineConfig(Strict):
    """The plant before: what differs from the scene as it stands, for campaigns that compare."""

    profile: Identifier | None = None
    parameters: dict[str, float | int | bool | str] = Field(default_factory=dict)
    description: Words = Words()


class SimulationConfig(Strict):
    """The model behind a simulated scene.

    `faces`: which source each of the model's protocol faces answers to. `guards`: what an OPC UA
    face demands of clients. `baseline`: the plant before, None where every target of the scene is absolute.
    """

    model: Identifier
    seed: int = Field(default=1, ge=0, lt=2**63)
    profile: Identifier | None = None
    parameters: dict[str, float | int | bool | str] = Field(default_factory=dict)
    faces: dict[Identifier, Identifier] = Field(default_factory=dict)
    guards: dict[Identifier, GuardConfig] = Field(default_factory=dict)
    baseline: BaselineConfig | None = None


def _each_once(panels: tuple[Panel, ...]) -> tuple[Panel, ...]:
    twice = next((panel for n, panel in enumerate(panels) if panel in panels[:n]), None)
    if twice is not None:
        raise ValueError(f"lists {twice.value!r} twice")
    return panels


class SceneDocument(Strict):
    """One demonstration scene. `page`: the panels of its page in order; empty = all that its roles support."""

    type: Literal["scene"]
    id: Identifier
    name: Words
    description: Words = Words()
    calendar: Identifier | None = None
    agreed: AgreedConfig = AgreedConfig()
    floor: FloorConfig | None = None
    page: Annotated[tuple[Panel, ...], AfterValidator(_each_once)] = ()
    stop_reasons: StopReasons = ()
    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    lines: tuple[LineConfig, ...] = Field(min_length=1)
    alarms: tuple[AlarmConfig, ...] = Field(default=(), max_length=2_000)
    derived_alarms: frozenset[Derived] = frozenset(Derived)
    simulation: SimulationConfig | None = None


# ----------------------------------------------------------------------- centre and edge
class EmbeddedConfig(Strict):
    """Samples are kept by the centre itself, in its data folder."""

    type: Literal["embedded"] = "embedded"
    seal_every: Seconds = 5.0

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, data: Any) -> Any:  # noqa: ANN401 - YAML is of any shape
        if isinstance(data, dict) and "keep" in data:
            raise ValueError("`keep` has moved: write `retention: {raw: 400d}` beside `historian`")
        return data


class InfluxConfig(Strict):
    """Samples are kept in an InfluxDB. `version` decides what is spoken and how it is asked."""

    type: Literal["influxdb"]
    url: str = Field(pattern=r"^https?://\S+$")
    version: Literal[1, 2, 3] = 2
    bucket: str = "provenline"
    organisation: str = "provenline"
    token: Secret | None = None
    user: str | None = None
    password: Secret | None = None
    timeout: Seconds = 10.0
    check_late: Annotated[Seconds, Field(ge=1)] = Field(
        default=300.0, description="how often closed shifts are looked at for samples that others wrote late"
    )
    late_for: Seconds = Field(default=3 * 86_400.0, description="how long after a shift that is still looked for")


class RulesConfig(Strict):
    """How figures are made; one set for tile, report and labs. See `analytics.unit.Rules`.

    `micro_stop`: a delay shorter than this is a minor stop everywhere. `start_up`: rejects
    within it after a start are start-up losses. `mean_times_by`: what MTBF and MTTR are
    divided by; ISO 22400-2 divides by failures + 1. `percentiles` of delay, in per cent.
    """

    micro_stop: Annotated[Seconds, Field(gt=0)] = 300.0
    start_up: Seconds = 0.0
    mean_times_by: Literal["failures-plus-one", "failures"] = "failures-plus-one"
    percentiles: tuple[PercentileText, ...] = Field(default=("50", "95", "99", "99.9"), min_length=1)


class CentreDocument(Strict):
    """The server. Listens on loopback unless told otherwise."""

    type: Literal["centre"]
    host: str = "127.0.0.1"
    port: Port = 8000
    names: tuple[str, ...] = Field(default=(), description="host names it answers to when not on loopback; none = all")
    historian: Annotated[EmbeddedConfig | InfluxConfig, Field(discriminator="type")] = EmbeddedConfig()
    retention: RetentionConfig = RetentionConfig()
    access: AccessConfig = AccessConfig()
    exploration: ExplorationConfig = ExplorationConfig()
    tls: TlsConfig | None = Field(default=None, description="HTTPS; needed beyond loopback")
    insecure: bool = Field(default=False, description="listen beyond loopback without TLS; passwords travel in clear")
    commands: tuple[CommandConfig, ...] = Field(default=(), max_length=500, description="tags that may be written to")
    write_tokens: tuple[Secret, ...] = Field(default=(), description="who may write samples over HTTP")
    body_limit: int = Field(default=25_000_000, ge=1_000, description="bytes of one write, after unpacking")
    min_coverage: float = Field(default=0.95, ge=0, le=1, description="indicators below it are insufficient data")
    rules: RulesConfig = RulesConfig()


class OutboxConfig(Strict):
    """What the edge keeps while the centre is away."""

    max_bytes: int = Field(default=20_000_000_000, ge=1_000_000)
    max_age: Seconds = 7 * 86_400.0


class UplinkConfig(Strict):
    """Where the edge delivers: a provenline centre or any InfluxDB that takes `/api/v2/write`."""

    url: str = Field(pattern=r"^https?://\S+$")
    bucket: str = "provenline"
    organisation: str = "provenline"
    token: Secret | None = None
    ca: str | None = Field(
        default=None, description="file with the certificate to trust under https; else the system's"
    )
    batch: int = Field(default=5_000, ge=1, le=100_000)
    timeout: Seconds = 10.0


class EdgeDocument(Strict):
    """An edge. Without `uplink` it delivers to the centre in its own process."""

    type: Literal["edge"]
    outbox: OutboxConfig = OutboxConfig()
    uplink: UplinkConfig | None = None
