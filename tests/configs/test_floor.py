"""Every packaged scene can be drawn: a floor, named zones, and devices that stand on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.configuration import Configuration
from configs.loader import PACKAGED, examine, load
from plant.floor import Floor

SITE = "type: site\nid: s\nname: S\n"
SCENE = """
type: scene
id: hall
name: Hall
floor: {width: 20, height: 10, FLOOR}
sources: [{id: a, type: modbus, link: {type: tcp, host: h}}]
lines: [{id: l, name: L, devices: [{id: d, name: D, position: POSITION, source: a}]}]
"""


@pytest.fixture(scope="module")
def packs() -> Configuration:
    return load(PACKAGED)


def faults(folder: Path, floor: str = "zones: []", position: str = "[1, 1]") -> list[str]:
    (folder / "site.yaml").write_text(SITE)
    (folder / "hall.yaml").write_text(SCENE.replace("FLOOR", floor).replace("POSITION", position))
    return [str(fault) for fault in examine(folder)[1]]


def test_every_packaged_scene_has_a_floor_with_zones_in_both_languages(packs: Configuration) -> None:
    assert len(packs.site.scenes) >= 9
    for scene in packs.site.scenes:
        assert isinstance(scene.floor, Floor), scene.id
        assert scene.floor.zones, scene.id
        assert all(zone.name.zh and zone.name.en for zone in scene.floor.zones), scene.id


def test_every_device_of_a_packaged_scene_has_a_place_of_its_own(packs: Configuration) -> None:
    for scene in packs.site.scenes:
        places = [device.position for device in scene.devices if device.type != "collector"]
        assert None not in places, scene.id
        assert len(set(places)) == len(places), scene.id


def test_radio_scenes_show_their_access_points(packs: Configuration) -> None:
    for scene in packs.site.scenes:
        radio = any(device.access.value == "5g" for device in scene.devices)
        assert scene.floor is not None
        assert bool(scene.floor.access_points) == radio, scene.id


def test_what_stands_on_the_floor_is_sound(tmp_path: Path) -> None:
    floor = "zones: [{id: z, name: Z, x: 0, y: 0, width: 20, height: 10}], walls: [{x1: 0, y1: 0, x2: 20, y2: 10}]"
    assert faults(tmp_path, floor, "[20, 10]") == []


@pytest.mark.parametrize(
    ("floor", "position", "message"),
    [
        (
            "zones: []",
            "[20.5, 1]",
            "lines[0].devices[0].position: this lies outside the floor (the floor is 20 m by 10 m)",
        ),
        ("zones: []", "[1, -1]", "lines[0].devices[0].position: this lies outside the floor"),
        ("zones: [{id: z, name: Z, x: 15, y: 0, width: 6, height: 1}]", "[1, 1]", "floor.zones[0]: this lies outside"),
        ("walls: [{x1: 0, y1: 0, x2: 0, y2: 11}]", "[1, 1]", "floor.walls[0]: this lies outside"),
        ("access_points: [{id: a, x: 30, y: 1}]", "[1, 1]", "floor.access_points[0]: this lies outside"),
    ],
)
def test_what_lies_outside_the_floor_is_a_fault(tmp_path: Path, floor: str, position: str, message: str) -> None:
    found = faults(tmp_path, floor, position)
    assert len(found) == 1
    assert message in found[0]


def test_a_floor_without_size_is_a_fault_of_shape_alone(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    (tmp_path / "hall.yaml").write_text(
        SCENE.replace("width: 20, height: 10, FLOOR", "width: wide").replace("POSITION", "[1, 1]")
    )
    messages = [str(fault) for fault in examine(tmp_path)[1]]
    assert len(messages) == 2
    assert all("floor" in message for message in messages)
