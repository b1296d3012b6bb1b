"""Retention rules are refused when they would drop too early, mean a tag twice, or never come true."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.loader import examine, load
from tests.configs.test_loader import SCENE, SITE, write


def faults(folder: Path, retention: str, *, historian: str = "{type: embedded}") -> list[str]:
    centre = f"type: centre\nhistorian: {historian}\nretention: {retention}\n"
    return [str(fault) for fault in examine(write(folder, site=SITE, scene=SCENE, centre=centre))[1]]


def test_nothing_goes_unless_it_is_said(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, site=SITE, scene=SCENE))
    assert not configuration.centre.retention.lets_go


def test_a_ladder_with_rules_and_a_hold_is_sound(tmp_path: Path) -> None:
    retention = """
      {raw: 400d, rollups: [{step: 1min, keep: 800d}, {step: 1h}],
       rules: [{id: power, roles: [power], scenes: [first], raw: 60d}, {id: states, kinds: [state], raw: 1500d}],
       holds: [{id: claim, start: "2026-03-01T00:00:00+08:00", stop: "2026-04-01T00:00:00+08:00", reason: claim 17}]}
    """
    assert faults(tmp_path, " ".join(retention.split())) == []


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        ("{raw: 30d}", "35d"),
        ("{rollups: [{step: 1min}]}", "kept for ever need no rollups"),
        ("{raw: 60d, rollups: [{step: 7s}]}", "does not divide a day"),
        ("{raw: 60d, rollups: [{step: 500ms}]}", "does not divide a day"),
        ("{raw: 60d, rollups: [{step: 1h, keep: 90d}, {step: 1min}]}", "no multiple"),
        ("{raw: 60d, rollups: [{step: 1min}, {step: 1h}]}", "after what is kept for ever"),
        ("{raw: 60d, rollups: [{step: 1min, keep: 50d}]}", "kept longer than the one before"),
        ("{rules: [{id: a, raw: 60d}]}", "names no kinds, roles or scenes"),
        ("{rules: [{id: a, kinds: [state], raw: 60d, rollups: [{step: 1h}]}]}", "cannot be summed up"),
        ("{rules: [{id: a, roles: [power], raw: 60d}, {id: b, kinds: [analog], raw: 90d}]}", "so does rule 'a'"),
        ("{rules: [{id: a, roles: [power]}, {id: a, kinds: [state]}]}", "two rules are called 'a'"),
        ("{rules: [{id: a, scenes: [fist], raw: 60d}]}", "no scene 'fist' is declared"),
        ("{rules: [{id: a, roles: [battery], raw: 60d}]}", "means no tag"),
        ('{holds: [{id: h, start: "2026-03-01T00:00:00Z", stop: "2026-03-01T00:00:00Z", reason: why}]}', "a hold ends"),
        ('{holds: [{id: h, start: "2026-03-01T00:00:00", stop: "2026-04-01T00:00:00Z", reason: why}]}', "timezone"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_with_their_place(tmp_path: Path, retention: str, said: str) -> None:
    found = faults(tmp_path, retention)
    assert len(found) == 1
    assert said in found[0]
    assert "retention" in found[0]


def test_samples_must_outlast_the_outbox_of_an_edge(tmp_path: Path) -> None:
    write(tmp_path, edge="type: edge\noutbox: {max_age: 60d}\n")
    (found,) = faults(tmp_path, "{raw: 60d}")
    assert "60 days old" in found
    assert "count twice" in found


def test_an_influxdb_that_cannot_delete_is_left_to_its_own_rules(tmp_path: Path) -> None:
    there = '{type: influxdb, version: %s, url: "http://127.0.0.1:8086"}'
    assert faults(tmp_path, "{raw: 60d}", historian=there % 1) == []
    assert faults(tmp_path, "{raw: 60d}", historian=there % 2) == []
    (found,) = faults(tmp_path, "{raw: 60d}", historian=there % 3)
    assert "cannot delete" in found


def test_who_still_writes_keep_is_told_where_it_went(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, "{}", historian="{type: embedded, keep: 400d}")
    assert "`retention: {raw: 400d}`" in found
