"""How a plant's figures are made, as its configuration says; read in one place for every view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from analytics.capability import Tolerance
from analytics.carbon import ELECTRICITY, GridFactor, Scope
from analytics.demand import Band, Tariff
from analytics.network import Service
from analytics.reliability import Denominator
from analytics.settings import FleetRates, FloorLimit, SceneSettings, Settings, Watch
from analytics.time_model import TimeModel
from analytics.unit import Rules
from configs.configuration import Configuration
from configs.figures import (
    AgreedConfig,
    EnergyConfig,
    FleetConfig,
    FloorConfig,
    GridFactorConfig,
    ServiceConfig,
    TariffConfig,
    ToleranceConfig,
    WarningConfig,
)
from configs.schema import RulesConfig, SceneDocument, TagConfig
from plant.clock import SECOND


def configured(settings: RulesConfig, *, min_coverage: float, known: Settings | None = None) -> Rules:
    """Return the rules that a document asks for; `known`: what figures need to know beside them."""
    return Rules(
        model=TimeModel(
            micro_stop=round(settings.micro_stop * SECOND),
            start_up=round(settings.start_up * SECOND),
        ),
        min_coverage=min_coverage,
        denominator=Denominator(settings.mean_times_by),
        percentiles=tuple(settings.percentiles),
        settings=known or Settings(),
    )


def of_centre(configuration: Configuration) -> Rules:
    """Return the rules of a whole centre: one object for every scene and every view."""
    centre = configuration.centre
    site = configuration.site
    known = settings(configuration.energy, configuration.scenes, site=site.id, zone=site.zone)
    return configured(centre.rules, min_coverage=centre.min_coverage, known=known)


def settings(energy: EnergyConfig, scenes: Mapping[str, SceneDocument], *, site: str, zone: str) -> Settings:
    """Return what figures need to know: prices and factors of the site, agreements and tolerances of its scenes."""
    coal = energy.standard_coal
    factor, source = (coal.factor, coal.source.text) if coal else (ELECTRICITY.factor, ELECTRICITY.source)
    return Settings(
        tariff=_tariff(energy.tariff, zone) if energy.tariff else None,
        grid=_grid(energy.grid_factor) if energy.grid_factor else None,
        standard_coal=ELECTRICITY.at(factor, source),
        scenes={f"{site}/{scene.id}": _scene(scene.agreed) for scene in scenes.values()},
        tolerances={path: _tolerance(tag.tolerance) for path, tag in _tags(scenes, site) if tag.tolerance is not None},
        watches={path: _watch(tag.warning) for path, tag in _tags(scenes, site) if tag.warning is not None},
    )


def _tariff(config: TariffConfig, zone: str) -> Tariff:
    bands = tuple(
        Band(band.name.text, band.price, tuple((hours.start, hours.end) for hours in band.hours))
        for band in config.bands
    )
    return Tariff(zone, bands, config.source.text)


_SCOPES = {
    "national": Scope.NATIONAL,
    "regional": Scope.REGIONAL,
    "without-traded-renewables": Scope.WITHOUT_TRADED_RENEWABLES,
    "fossil": Scope.FOSSIL,
}


def _grid(config: GridFactorConfig) -> GridFactor:
    return GridFactor(
        value=config.value,
        year=config.year,
        scope=_SCOPES[config.scope],
        source=config.source.text,
        region=config.region,
    )


def _scene(agreed: AgreedConfig) -> SceneSettings:
    return SceneSettings(
        service=_service(agreed.service) if agreed.service else None,
        floor=_floor(agreed.floor) if agreed.floor else None,
        fleet=_fleet(agreed.fleet) if agreed.fleet else None,
        agreed=agreed.visible_within,
        link_window=round(agreed.link_window * SECOND),
        accepted=agreed.accepted,
    )


def _service(config: ServiceConfig) -> Service:
    return Service(interval=config.interval * 1000, deadline=config.deadline * 1000, survival=config.survival * 1000)


def _fleet(config: FleetConfig) -> FleetRates:
    return FleetRates(
        vehicle_hour=config.vehicle_hour,
        labour_hour=config.labour_hour,
        vehicles_per_person=config.vehicles_per_person,
    )


def _floor(config: FloorConfig) -> FloorLimit:
    return FloorLimit(
        width=config.width,
        depth=config.depth,
        cell=config.cell,
        limit=config.limit * 1000,
        share=Fraction(str(config.share)),
    )


def _tags(scenes: Mapping[str, SceneDocument], site: str) -> Iterator[tuple[str, TagConfig]]:
    for scene in scenes.values():
        for line in scene.lines:
            for device in line.devices:
                for tag in device.tags:
                    yield f"{site}/{scene.id}/{line.id}/{device.id}/{tag.id}", tag


def _watch(config: WarningConfig) -> Watch:
    return Watch(
        healthy=round(config.healthy * SECOND),
        block=round(config.block * SECOND),
        allowance=config.shift / 2,
        blocks_between_alarms=config.false_alarm_every / config.block,
        limit=config.limit,
    )


def _tolerance(config: ToleranceConfig) -> Tolerance:
    middle = (config.lower + config.upper) / 2 if config.lower is not None and config.upper is not None else None
    return Tolerance(lower=config.lower, upper=config.upper, target=middle if config.target is None else config.target)
