"""Alarms in a scene's document: what is wrong with one is named with its place, and what is right becomes rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from analytics.alarms.conditions import InState, Limit, OutOfControl, Rate, Side
from analytics.alarms.plan import alarm_rules
from analytics.alarms.rules import AlarmRule, OfFigure, OfSilence, OfTag
from analytics.alarms.states import Priority
from analytics.formulas import FORMULAS
from configs.alarms import INDICATORS, RunRule
from configs.loader import PACKAGED, examine, load
from plant.clock import SECOND
from plant.packml import PackState

SITE = {"type": "site", "id": "cq", "name": "centre"}


def tag(name: str, **more) -> dict:
    return {"id": name, "kind": "analog", "address": {"node": f"ns=2;s={name}"}, **more}


def scene(*alarms: dict, **more) -> dict:
    press = [
        tag("state", kind="state", role="state", states={"1": "execute", "2": "stopped", "3": "aborted"}),
        tag("oil", unit="Cel", stale_after=20),
        tag("note", kind="text"),
        tag("rtt", role="latency", unit="ms"),
        tag("up", role="latency-up", unit="ms"),
    ]
    devices = [
        {"id": "press", "name": "press", "source": "ua", "tags": press},
        {"id": "probe", "name": "probe", "source": "ua", "tags": [tag("signal")]},
    ]
    return {
        "type": "scene",
        "id": "shop",
        "name": "shop",
        "sources": [{"type": "opcua", "id": "ua", "endpoint": "opc.tcp://127.0.0.1:4840"}],
        "lines": [{"id": "line", "name": "line", "devices": devices}],
        "alarms": list(alarms),
        **more,
    }


def alarm(when: dict, **more) -> dict:
    return {"id": "one", "name": {"zh": "报警", "en": "alarm"}, "when": when, "response": "look", **more}


def write(folder: Path, document: dict) -> Path:
    for name, content in (("site.yaml", SITE), ("shop.yaml", document)):
        (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return folder


def rules(folder: Path, *alarms: dict, **more) -> dict[str, AlarmRule]:
    document = scene(*alarms, **{"derived_alarms": [], **more})
    return {rule.definition.id: rule for rule in alarm_rules(load(write(folder, document)))}


OIL = {"type": "limit", "tag": "line/press/oil"}


@pytest.mark.parametrize(
    ("wrong", "place", "says"),
    [
        (alarm({**OIL}), "alarms[0].when", "at least one of"),
        (alarm({**OIL, "high": 70, "low": 80}), "alarms[0].when", "limits rise"),
        (alarm({**OIL, "high": 70, "low": 60, "hysteresis": 10}), "alarms[0].when", "nothing normal"),
        (alarm({**OIL, "high": 70, "hysteresis": -1}), "alarms[0].when.hysteresis", "greater than or equal"),
        (alarm({**OIL, "hgih": 70}), "alarms[0].when.hgih", "unknown key"),
        (alarm({**OIL, "tag": "line/press/oli", "high": 70}), "alarms[0].when.tag", "did you mean 'line/press/oil'"),
        (alarm({**OIL, "tag": "line/press/note", "high": 70}), "alarms[0].when.tag", "kind text"),
        (alarm({**OIL, "tag": "press/oil", "high": 70}), "alarms[0].when.tag", "pattern"),
        (alarm({"type": "rate", "tag": "line/press/oil"}), "alarms[0].when.per_second", "missing"),
        (alarm({"type": "state", "device": "line/probe", "in": ["held"]}), "alarms[0].when.device", "no tag of role"),
        (
            alarm({"type": "state", "device": "line/press", "in": ["held"]}),
            "alarms[0].when.in[0]",
            "never reports held",
        ),
        (
            alarm({"type": "state", "device": "line/press", "in": ["hold"]}),
            "alarms[0].when.in[0]",
            "not a PackML state",
        ),
        (alarm({"type": "state", "device": "line/press", "in": []}), "alarms[0].when.in", "at least 1"),
        (alarm({"type": "stale"}), "alarms[0].when", "either tag or device"),
        (alarm({"type": "kpi", "indicator": "oeee", "below": 0.5}), "alarms[0].when.indicator", "did you mean 'oee'"),
        (alarm({"type": "kpi", "indicator": "oee", "of": "lane", "below": 1}), "alarms[0].when.of", "unknown line"),
        (alarm({"type": "kpi", "indicator": "oee"}), "alarms[0].when", "either above or below"),
        (
            alarm({"type": "kpi", "indicator": "oee", "below": 1, "window": "2d"}),
            "alarms[0].when.window",
            "1min to 24h",
        ),
        (
            alarm({"type": "spc", "tag": "line/press/oil", "mean": 5, "sigma": 0}),
            "alarms[0].when.sigma",
            "greater than",
        ),
        (alarm({"type": "limits"}), "alarms[0].when", "limits"),
        (alarm({**OIL, "high": 70}, response=""), "alarms[0]", "is to do"),
        (alarm({**OIL, "high": 70}, max_shelving="2d"), "alarms[0].max_shelving", "less than or equal"),
        (alarm({**OIL, "high": 70}, suppress={"device": "line/press"}), "alarms[0].suppress", "either in or not_in"),
        (
            alarm({**OIL, "high": 70}, suppress={"device": "line/probe", "in": ["stopped"]}),
            "alarms[0].suppress.device",
            "no tag of role",
        ),
    ],
)
def test_a_fault_names_its_place(tmp_path: Path, wrong: dict, place: str, says: str) -> None:
    _, faults = examine(write(tmp_path, scene(wrong)))
    told = [(fault.path, f"{fault.message} {fault.hint}") for fault in faults]
    assert any(path == place and says in text for path, text in told), told
    assert all(fault.line > 0 for fault in faults)


def test_all_faults_are_told_at_once_and_an_id_only_once(tmp_path: Path) -> None:
    wrong = [alarm({**OIL, "high": 70}), alarm({**OIL}), alarm({"type": "kpi", "indicator": "x", "below": 1}, id="two")]
    _, faults = examine(write(tmp_path, scene(*wrong)))
    assert [fault.path for fault in faults] == ["alarms[1].id", "alarms[1].when", "alarms[2].when.indicator"]


def test_each_limit_is_an_alarm_and_the_outer_ones_are_more_urgent(tmp_path: Path) -> None:
    when = {**OIL, "high_high": 80, "high": 70, "low": 10, "low_low": 5, "hysteresis": 2}
    found = rules(tmp_path, alarm(when, priority="high", on_delay="5s", latching=True, max_shelving="1h"))
    assert {name.rpartition(".")[2]: rule.definition.priority for name, rule in found.items()} == {
        "high-high": Priority.CRITICAL,
        "high": Priority.HIGH,
        "low": Priority.HIGH,
        "low-low": Priority.CRITICAL,
    }
    low = found["cq/shop:one.low"]
    assert low.watched == OfTag(
        path="cq/shop/line/press/oil", condition=Limit(side=Side.BELOW, limit=10, hysteresis=2), unit="Cel"
    )
    assert (low.delays.on, low.definition.latching, low.definition.max_shelving) == (5, True, 3600 * SECOND)
    assert low.definition.name.en == "alarm (low)"


def test_every_kind_becomes_what_it_says(tmp_path: Path) -> None:
    press = "cq/shop/line/press"
    spc = {"type": "spc", "tag": "line/press/oil", "mean": 50, "sigma": 2, "rules": ["nelson-1"]}
    kinds = {
        "rate": {"type": "rate", "tag": "line/press/oil", "per_second": 1, "over": "20s"},
        "state": {"type": "state", "device": "line/press", "in": ["aborted"]},
        "tag": {"type": "stale", "tag": "line/press/oil"},
        "device": {"type": "stale", "device": "line/press", "after": "1min"},
        "spc": spc,
        "shift": {"type": "kpi", "indicator": "oee", "below": 0.5},
        "rtt": {"type": "kpi", "indicator": "latency-p99", "of": "line/press/rtt", "above": 10, "window": "5min"},
        "up": {"type": "kpi", "indicator": "latency-p99", "of": "line/press/up", "above": 10, "window": "5min"},
    }
    found = rules(tmp_path, *(alarm(when, id=name) for name, when in kinds.items()))
    watched = {name.partition(":")[2]: rule.watched for name, rule in found.items()}
    assert watched["rate"].condition == Rate(per_second=1, over=20)
    assert watched["state"].condition == InState(
        states={PackState.ABORTED}, table={"1": PackState.EXECUTE, "2": PackState.STOPPED, "3": PackState.ABORTED}
    )
    assert watched["tag"] == OfSilence(paths=(f"{press}/oil",), after=20)
    assert watched["device"].after == 60
    assert len(watched["device"].paths) == 5
    assert isinstance(watched["spc"].condition, OutOfControl)
    assert watched["spc"].condition.rules == (RunRule.NELSON_1,)
    assert watched["shift"] == OfFigure(scene="shop", key="cq/shop:oee", limit=Limit(side=Side.BELOW, limit=0.5))
    assert (watched["rtt"].key, watched["rtt"].window) == (f"{press}:latency-p99", 300)
    assert watched["up"].key == f"{press}/up:latency-p99"


def test_suppression_by_design_knows_its_states(tmp_path: Path) -> None:
    suppress = {"device": "line/press", "not_in": ["execute"]}
    (found,) = rules(tmp_path, alarm({**OIL, "high": 70}, suppress=suppress)).values()
    assert found.suppression
    assert PackState.EXECUTE not in found.suppression.within.states
    assert PackState.STOPPED in found.suppression.within.states


def test_silence_and_abortion_need_no_configuration_and_can_be_left_out(tmp_path: Path) -> None:
    found = {name.partition(":")[2] for name in rules(tmp_path, derived_alarms=["silent", "aborted"])}
    assert found == {"line.press.silent", "line.press.aborted", "line.probe.silent"}
    assert rules(tmp_path) == {}


def test_what_a_document_may_name_is_what_the_engine_has() -> None:
    assert set(INDICATORS) <= set(FORMULAS)


def test_every_packaged_alarm_says_in_both_languages_what_to_do() -> None:
    found = alarm_rules(load(PACKAGED))
    assert len({rule.definition.id for rule in found}) == len(found)
    for rule in found:
        definition = rule.definition
        for text in (definition.name, definition.consequence, definition.response):
            assert text.zh, definition.id
            assert text.en, definition.id
            assert text.zh != text.en
        assert definition.simulated


@pytest.mark.parametrize("page", ["alarms.md", "alarms.zh-CN.md"])
def test_the_examples_of_the_guide_are_sound(tmp_path: Path, page: str) -> None:
    text = (PACKAGED.parent / "docs" / page).read_text(encoding="utf-8")
    examples = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    document = yaml.safe_load((PACKAGED / "scenes" / "first-light.yaml").read_text(encoding="utf-8"))
    for name, content in (("scene.yaml", {**document, **examples}), ("site.yaml", SITE)):
        (tmp_path / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    told = [str(fault) for fault in examine(tmp_path)[1] if "calendar" not in fault.path]
    assert told == []
    assert {one["when"]["type"] for one in examples["alarms"]} >= {"limit", "kpi"}
