"""What a scene's pack draws is where its model has it: the same radios, the same walls, the same hall."""

from __future__ import annotations

import pytest

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.network_profile import FloorPlan
from plant.floor import Floor
from simulators.scenes.agv.hall import PLACES, RADIO
from simulators.scenes.digital_workshop_survey import LENGTH, WIDTH, floor_plan


@pytest.fixture(scope="module")
def packs() -> Configuration:
    return load(PACKAGED)


def drawn(packs: Configuration, scene: str) -> Floor:
    found = packs.site.scene(scene)
    assert found is not None
    assert found.floor is not None
    return found.floor


def same(floor: Floor, plan: FloorPlan) -> bool:
    points = {(p.id, p.x, p.y) for p in floor.access_points} == {(p.id, p.x, p.y) for p in plan.access_points}
    walls = {(w.x1, w.y1, w.x2, w.y2) for w in floor.walls} == {(o.x1, o.y1, o.x2, o.y2) for o in plan.obstacles}
    return points and walls


def test_vehicles_drive_in_the_hall_that_is_drawn(packs: Configuration) -> None:
    floor = drawn(packs, "agv")
    assert same(floor, RADIO)
    assert all(0 <= x <= floor.width and 0 <= y <= floor.height for x, y in PLACES.values())


def test_the_workshop_is_surveyed_where_it_is_drawn(packs: Configuration) -> None:
    floor = drawn(packs, "digital-workshop")
    assert same(floor, floor_plan(-45.0))
    assert (floor.width, floor.height) == (LENGTH, WIDTH)
