"""Where the radio of a simulated hall is bad, its map of telemetry says so; nobody else can have told it."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from statistics import median

import pytest

from analytics.radio_map import Cell, Measure, RadioMap, radio_map
from configs.loader import PACKAGED, load
from configs.network_profile import network_profile
from plant.clock import SECOND
from plant.floor import Floor
from plant.quality import Quality
from plant.tags import Role
from simulators.faults.kinds import FaultKind, PlannedFault
from simulators.network.interference import Area
from simulators.virtual import fast
from tests.analytics.memory import MemoryHistorian
from tests.analytics.scenery import Plant, Row
from tests.analytics.signals import window

START = 1_772_000_000 * SECOND
SPAN = (START, START + 1800 * SECOND)
JAMMED = Area(18, 8, 9)
"""Over the western half of the south avenue, which every vehicle passes."""


def mapped(profile: str, *faults: PlannedFault) -> RadioMap:
    """Map half an hour of the fleet from what its vehicles say of their places and links."""
    configuration = load(PACKAGED)
    scene = configuration.site.scene("agv")
    assert scene
    told = ("position-x", "position-y", "link-rtt", "link-loss", "link-signal")
    bindings = [
        replace(b, points=tuple(p for p in b.points if p[0].path.endswith(told))) for b in configuration.bindings
    ]
    batches = fast(
        configuration.scenes["agv"],
        bindings,
        start=SPAN[0],
        stop=SPAN[1],
        network=network_profile(profile),
        faults=faults,
    )
    found = radio_map(scene, MemoryHistorian(*batches), SPAN, share=Fraction(1, 2), now=SPAN[1])
    assert found
    return found


def cells(found: RadioMap, measure: Measure) -> list[Cell]:
    """Return the cells that have a value."""
    [layer] = [layer for layer in found.layers if layer.measure is measure]
    return [cell for cell in layer.cells if cell.value is not None]


def off(found: RadioMap, cell: Cell, area: Area) -> float:
    """Return how far the middle of a cell is from the middle of an area."""
    return math.dist(((cell.column + 0.5) * found.size, (cell.row + 0.5) * found.size), (area.x, area.y))


def values(of: list[Cell]) -> list[float]:
    return [cell.value for cell in of if cell.value is not None]


@pytest.fixture(scope="module")
def jammed() -> RadioMap:
    return mapped("5g-degraded", PlannedFault(kind=FaultKind.JAMMING, target="all", size=0.75, area=JAMMED, at=0.0))


def test_a_jammed_place_is_the_bad_place_of_the_map_and_no_other_is(jammed: RadioMap) -> None:
    for measure in (Measure.DELAY, Measure.LOSS):
        measured = cells(jammed, measure)
        inside = values([cell for cell in measured if off(jammed, cell, JAMMED) < JAMMED.radius - jammed.size])
        outside = values([cell for cell in measured if off(jammed, cell, JAMMED) > JAMMED.radius + jammed.size])
        assert len(inside) >= 6, measure
        assert len(outside) >= 60, measure
        assert min(inside) > 1.5 * max(outside), measure


def test_beside_the_jammer_the_map_is_what_the_profile_measures_everywhere(jammed: RadioMap) -> None:
    outside = [c for c in cells(jammed, Measure.DELAY) if off(jammed, c, JAMMED) > JAMMED.radius + jammed.size]
    assert median(values(outside)) == pytest.approx(15.7, rel=0.15)  # of the trace that the profile is fitted to


def test_packets_get_lost_where_vehicles_change_their_access_point_and_not_below_one() -> None:
    found = mapped("wifi-roaming")
    [scene] = [scene for scene in load(PACKAGED).site.scenes if scene.id == "agv"]
    assert scene.floor
    lossy = [cell for cell in cells(found, Measure.LOSS) if (cell.value or 0) > 20]
    assert len(lossy) >= 6
    for cell in lossy:
        x, y = ((at + 0.5) * found.size for at in (cell.column, cell.row))
        assert min(abs(x - scene.floor.width / 2), abs(y - scene.floor.height / 2)) < 9, (x, y)
    below = [
        c
        for c in cells(found, Measure.LOSS)
        if any(off(found, c, Area(p.x, p.y, 0)) < 6 for p in scene.floor.access_points)
    ]
    assert len(below) >= 12
    assert max(values(below)) < 12
    strongest = max(cells(found, Measure.SIGNAL), key=lambda cell: cell.value or -math.inf)
    assert min(off(found, strongest, Area(p.x, p.y, 0)) for p in scene.floor.access_points) < 6


# ----------------------------------------------------------------------------- where a probe was
def place_of_a_probe(at: float, x: list[Row]) -> float | None:
    """Return the left edge of the cell of a probe sent at a second, for a device that told its place as given."""
    plant = Plant().device(
        "cart", {Role.POSITION_X: x, Role.POSITION_Y: [(0.0, 0.5)], Role.LATENCY: [(at, 5.0)]}, stale_after=60
    )
    scene = replace(plant.scene, floor=Floor(width=20, height=1))
    found = radio_map(scene, MemoryHistorian(plant.batch), window(0, 100), share=Fraction(1, 2), now=window(0, 100)[1])
    assert found
    return next((cell.column * found.size for cell in found.layers[0].cells), None) if found.layers else None


def test_between_two_words_a_device_is_on_its_way_from_the_one_place_to_the_other() -> None:
    assert [place_of_a_probe(at, [(0, 0.1), (4, 8.1), (8, 8.1)]) for at in (0, 1, 3, 4, 6)] == [0, 2, 6, 8, 8]


def test_after_a_long_silence_it_stood_where_it_was() -> None:
    assert [place_of_a_probe(at, [(0, 0.1), (30, 8.1)]) for at in (29, 30)] == [0, 8]


def test_towards_a_place_that_cannot_be_believed_it_stays_where_it_was_and_then_nobody_knows() -> None:
    told: list[Row] = [(0, 0.1), (4, 8.1, int(Quality.BAD_SENSOR_FAILURE))]
    assert [place_of_a_probe(at, told) for at in (3, 5)] == [0, None]
