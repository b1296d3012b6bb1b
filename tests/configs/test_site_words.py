"""What a site says of its wall and of why machines stop: checked against the scenes there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.losses import Loss
from configs.configuration import Configuration
from configs.loader import PACKAGED, examine, load
from configs.stop_reasons import ReasonLoss

SITE = "type: site\nid: cq\nname: centre\n"
SCENE = """
type: scene
id: press-shop
name: Press shop
sources: [{type: modbus, id: plc, link: {type: tcp, host: 127.0.0.1, port: 1502}}]
lines: [{id: line, name: Line, devices: [{id: press, name: Press}]}]
"""


def faults(folder: Path, site: str, scene: str = "") -> list[str]:
    (folder / "site.yaml").write_text(SITE + site, encoding="utf-8")
    (folder / "scene.yaml").write_text(SCENE + scene, encoding="utf-8")
    return [f"{fault.file}:{fault.path}: {fault.message}" for fault in examine(folder)[1]]


@pytest.mark.parametrize(
    ("overview", "path"),
    [
        ("{tiles: [paint-shop]}", "site.yaml:overview.tiles.0"),
        ("{tiles: [press-shop, {scene: paint-shop}]}", "site.yaml:overview.tiles.1.scene"),
    ],
)
def test_a_tile_of_a_scene_that_is_not_there_is_a_fault_with_its_place(
    tmp_path: Path, overview: str, path: str
) -> None:
    [fault] = faults(tmp_path, f"overview: {overview}\n")
    assert fault.replace("[", ".").replace("]", "").startswith(path)
    assert "paint-shop" in fault
    assert faults(tmp_path, "overview: {tiles: [press-shop], columns: 2}\n") == []


def test_one_scene_has_one_tile(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, "overview: {tiles: [press-shop, {scene: press-shop, size: wide}]}\n")
    assert "two tiles" in fault


def reasons(folder: Path, site: str, scene: str) -> dict[str, str]:
    assert faults(folder, f"stop_reasons: [{site}]\n", f"stop_reasons: [{scene}]\n") == []
    found: Configuration = load(folder)
    return {code: reason.name.en for code, reason in found.reasons("press-shop").items()}


def test_a_scene_adds_reasons_to_those_of_the_site_and_may_say_otherwise(tmp_path: Path) -> None:
    site = "{code: E1, name: jam, loss: breakdown}, {code: E2, name: empty, loss: waiting}"
    scene = "{code: E2, name: no coil, loss: waiting}, {code: E3, name: die change, loss: set-up}"
    assert reasons(tmp_path, site, scene) == {"E1": "jam", "E2": "no coil", "E3": "die change"}


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("{code: E1, name: a, loss: waiting}, {code: E1, name: b, loss: waiting}", "twice"),
        ("{code: E1, name: a, loss: bad-luck}", "loss"),
        ("{code: E1, name: '', loss: waiting}", "no name"),
        ("{code: ' ', name: a, loss: waiting}", "code"),
        ("{code: E1, loss: waiting}", "name"),
    ],
)
def test_a_doubtful_reason_is_a_fault(tmp_path: Path, listed: str, said: str) -> None:
    found = faults(tmp_path, f"stop_reasons: [{listed}]\n")
    assert found
    assert said in found[0]


def test_reasons_know_the_losses_that_the_waterfall_has() -> None:
    assert {loss.value for loss in ReasonLoss} == {loss.value for loss in Loss} - {Loss.UNKNOWN}


def test_every_reason_of_the_packaged_catalogue_is_in_both_languages() -> None:
    listed = load(PACKAGED).stop_reasons
    assert listed
    assert all(one.name.zh and one.name.en and one.name.zh != one.name.en for one in listed)
