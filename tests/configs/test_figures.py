"""What figures need to know is checked where it is written, and arrives as written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from analytics.rules import of_centre, settings
from configs.figures import (
    AgreedConfig,
    BandConfig,
    EnergyConfig,
    FloorConfig,
    GridFactorConfig,
    ServiceConfig,
    TariffConfig,
    ToleranceConfig,
    WarningConfig,
)
from configs.loader import PACKAGED, load
from configs.schema import TagConfig

NIGHT = {"name": "night", "price": 0.3, "hours": [{"start": "22:00", "end": "06:00"}]}
DAY = {"name": "day", "price": 0.9, "hours": [{"start": "06:00", "end": "22:00"}]}
GRID = {"value": 0.53, "year": 2023, "scope": "regional", "region": "Central", "source": "notice"}


def test_what_is_written_is_what_figures_are_made_of() -> None:
    energy = EnergyConfig.model_validate(
        {
            "tariff": {"bands": [NIGHT, DAY], "source": "contract"},
            "grid_factor": GRID,
            "standard_coal": {"factor": 0.3, "source": "own"},
        }
    )
    known = settings(energy, {}, site="cq", zone="Asia/Shanghai")
    assert known.tariff is not None
    assert [band.price for band in known.tariff.bands] == [0.3, 0.9]
    assert (known.tariff.zone, known.tariff.source.en) == ("Asia/Shanghai", "contract")
    assert known.grid is not None
    assert (known.grid.value, known.grid.year, known.grid.region) == (0.53, 2023, "Central")
    assert known.grid.source.en == "notice"
    assert (known.standard_coal.factor, known.standard_coal.source.en) == (0.3, "own")


def test_the_packaged_scenes_say_what_was_agreed() -> None:
    known = of_centre(load(PACKAGED)).settings
    assert known.tariff is not None
    assert known.grid is not None
    assert known.of("cq/digital-workshop").floor is not None
    assert known.of("cq/agv/fleet/agv-1").fleet is not None
    assert known.of("cq/material").agreed == 0.05
    service = known.of("cq/wireless-control").service
    assert service is not None
    assert (service.interval, service.survival) == (500, 500)
    force = "cq/first-light/line-1/press/force"
    assert known.tolerances[force].upper == 432
    assert known.watches[force].block == 60_000_000_000
    assert known.of("cq/nowhere").service is None


def test_what_only_makes_figures_of_sums_does_not_shape_them() -> None:
    tariff = {"bands": [NIGHT, DAY], "source": "contract"}
    dearer = {"bands": [NIGHT, {**DAY, "price": 2.0}], "source": "another"}
    moved = {
        "bands": [
            {**NIGHT, "hours": [{"start": "23:00", "end": "06:00"}]},
            {**DAY, "hours": [{"start": "06:00", "end": "23:00"}]},
        ],
        "source": "contract",
    }
    made = [
        settings(EnergyConfig.model_validate({"tariff": one, "grid_factor": GRID}), {}, site="cq", zone="UTC")
        for one in (tariff, dearer, moved)
    ]
    assert made[0].shaping == made[1].shaping != made[2].shaping


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TariffConfig(bands=(BandConfig(**NIGHT),), source="x"), "no price at 06:00"),
        (
            lambda: TariffConfig(bands=(BandConfig(**NIGHT), BandConfig(**DAY), BandConfig(**DAY)), source="x"),
            "more than one price",
        ),
        (lambda: BandConfig(**{**DAY, "price": -1}), "greater than or equal to 0"),
        (lambda: GridFactorConfig(**{**GRID, "value": 530}), "less than or equal to 2"),
        (lambda: GridFactorConfig(**{**GRID, "scope": "green"}), "national"),
        (lambda: FloorConfig(width=1e6, depth=1e6, cell=1, limit=1), "make them larger"),
        (lambda: ServiceConfig(interval=0, deadline=1, survival=1), "greater than 0"),
        (lambda: AgreedConfig(visible_within="0s"), "greater than 0"),
        (lambda: ToleranceConfig(target=3), "at least one limit"),
        (lambda: ToleranceConfig(lower=3, upper=3), "below the upper"),
        (lambda: WarningConfig(healthy="10min", block="1min"), "at least 20 blocks"),
        (lambda: WarningConfig(false_alarm_every="1s"), "two blocks"),
        (lambda: TagConfig(id="a", kind="analog", address={}, tolerance={"upper": 1}), "role process-value"),
        (lambda: TagConfig(id="a", kind="text", address={}, warning={}), "kind analog"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        make()
