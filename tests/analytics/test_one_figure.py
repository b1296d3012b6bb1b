"""Wherever a figure is shown it is the same figure: tile, API, derivation, command line and kept shift.

Walks every indicator of the packaged scenes' API answer, so that a figure that is added
somewhere is compared without anybody remembering to.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from typer.testing import CliRunner

from analytics.alarms.annunciator import Annunciator
from analytics.alarms.log import AlarmLog
from analytics.annotation_log import AnnotationLog
from analytics.explain import STATUS_TEXTS, StepKind, explain, written
from analytics.formulas import FORMULAS
from analytics.indicator import Indicator, Shown, Status
from analytics.periods import current
from analytics.scene import analyse, scene_indicators
from analytics.shift_results import ShiftResults
from analytics.stations import COUNTING
from analytics.studies import scene_details
from configs.loader import PACKAGED, load
from dashboard_api.access import Role as AccountRole
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from historian.live import LiveTable
from plant.assets import Device
from plant.batch import Batch
from plant.calendar import Period
from plant.clock import SECOND, VirtualClock, from_iso
from plant.tags import Kind, Role, Tag
from provenline.main import app as command_line
from tests.analytics.memory import MemoryHistorian
from tests.analytics.signals import samples
from tests.people import People, people

NOW = from_iso("2026-03-04T11:00:00+08:00")
HOURS = 2
EVERY = 5  # seconds
REJECTS = (Role.REJECT_COUNT, Role.REWORK_COUNT)


def told(tag: Tag, device: Device, second: int) -> object:
    step = second // EVERY
    if tag.role is Role.STATE:
        running = second % 1200 > 90
        return next(
            (raw for raw, state in tag.states.items() if state.name == ("EXECUTE" if running else "ABORTED")), "6"
        )
    if tag.role is Role.TOTAL_COUNT:
        return step + step // 7 * sum(other.role in REJECTS for other in device.tags)
    if tag.role in COUNTING or tag.kind in (Kind.COUNTER, Kind.ENERGY):
        return step // 7 if tag.role in REJECTS else step
    if tag.kind is Kind.TEXT:
        return next(iter(device.ideal_cycle), "part")
    if tag.role is Role.IDEAL_CYCLE:
        return 4.0
    return 3.0 + step % 11 / 7


class Plant:
    """A centre whose every scene has worked for some hours, at a moment that stands still."""

    def __init__(self, folder: Path, known: People) -> None:
        configuration = load(PACKAGED)
        clock = VirtualClock(NOW)
        batches = [
            samples(
                [((NOW / SECOND) - HOURS * 3600 + s, told(tag, device, s)) for s in range(0, HOURS * 3600, EVERY)],
                path=tag.path,
            )
            for scene in configuration.site.scenes
            for device in scene.devices[:3]
            for tag in device.tags
            if tag.role is not None
        ]
        self.historian = MemoryHistorian(Batch.concat(batches))
        self.historian.paths = lambda: ()  # type: ignore[method-assign, attr-defined]
        self.annotations = AnnotationLog(folder / "annotations.db")
        self.results = ShiftResults(folder / "shifts.db", clock=clock)
        self.alarm_log = AlarmLog(folder / "alarms.db")
        alarms = Annunciator((), self.alarm_log, clock=clock)
        live = LiveTable({}, clock=clock)
        self.centre = Centre(
            configuration,
            self.historian,
            live,
            clock,
            self.annotations,
            self.results,
            alarms,
            known.accounts,
            known.audit,
            visitors=AccountRole.VIEWER,
            version="test",
        )

    def computed(self, scene_id: str, window: str, *, details: bool = False) -> list[Indicator]:
        centre = self.centre
        scene = centre.configuration.site.scene(scene_id)
        assert scene
        calendar = centre.configuration.calendar(scene_id)
        span = current(calendar, NOW, Period.DAY) if window == "day" else (NOW - 3600 * SECOND, NOW)
        span = (span[0], min(span[1], NOW))
        analysed = scene_details if details else scene_indicators
        return analysed(scene, self.historian, span, calendar=calendar, rules=centre.rules, now=NOW)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("centre")
    with people(folder) as known:
        found = Plant(folder, known)
        yield found
    found.annotations.close()
    found.results.close()
    found.alarm_log.close()


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(plant.centre))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("window", ["1h", "day"])
async def test_every_figure_of_the_api_is_the_engines_to_the_last_digit(
    client: httpx.AsyncClient, plant: Plant, window: str
) -> None:
    walks = [(scene, route) for scene in plant.centre.scenes for route in ("indicators", "details")]
    for scene, route in walks:
        answer = (await client.get(f"/api/v1/scenes/{scene.id}/{route}", params={"window": window})).json()
        computed = {i.key: i for i in plant.computed(scene.id, window, details=route == "details")}
        assert answer["indicators"], (scene.id, route)
        assert [i["key"] for i in answer["indicators"]] == list(computed)
        for shown in answer["indicators"]:
            expected = computed[shown["key"]]
            assert shown["value"] == expected.payload()["value"], shown["key"]
            assert (shown["status"], shown["unit"], shown["shown"]) == (expected.status, expected.unit, expected.shown)
            assert (shown["coverage"], shown["flags"]) == (expected.coverage, list(expected.flags)), shown["key"]
            assert shown["name"] == {"zh": expected.name.of("zh"), "en": expected.name.of("en")}
            assert shown["formula"] == {"id": expected.formula, "version": FORMULAS[expected.formula].version}


async def test_every_derivation_ends_in_the_figure_of_the_tile_by_one_rounding_rule(
    client: httpx.AsyncClient, plant: Plant
) -> None:
    scene = plant.centre.scenes[0]
    shown = [
        indicator
        for route in ("indicators", "details")
        for indicator in (await client.get(f"/api/v1/scenes/{scene.id}/{route}", params={"window": "1h"})).json()[
            "indicators"
        ]
    ]
    assert len({indicator["key"] for indicator in shown}) == len(shown) > 150
    for indicator in shown:
        params = {"window": "1h", "language": "en"}
        answer = (await client.get(f"/api/v1/indicators/{quote(indicator['key'])}/explain", params=params)).json()
        [result] = [step for step in answer["steps"] if step["kind"] == "result"]
        value, status = indicator["value"], Status(indicator["status"])
        expected = (
            STATUS_TEXTS[status].of("en")
            if value is None
            else written(value, indicator["unit"], Shown(indicator["shown"]), "en")
        )
        if status is Status.UNBOUNDED:
            expected = f"∞ ({STATUS_TEXTS[status].of('en')})"
        assert result["text"] == expected, indicator["key"]
        assert answer["scope"] == indicator["scope"]
        assert answer["window"] == f"{indicator['start']} … {indicator['stop']}"


def test_every_figure_that_is_computed_has_its_formula_in_the_one_catalogue(plant: Plant) -> None:
    found = [
        i for scene in plant.centre.scenes for d in (False, True) for i in plant.computed(scene.id, "1h", details=d)
    ]
    assert {i.formula for i in found} <= FORMULAS.keys()
    assert {i.id for i in found} >= {"oee", "availability", "mtbf", "good-output", "energy"}
    behind = {"first-pass-yield", "rolled-throughput-yield", "idle-energy-share", "energy-cost", "carbon", "cpk"}
    behind |= {"comprehensive-energy", "cost-per-transport", "transports-per-vehicle-hour", "battery-lowest"}
    behind |= {
        "real-time-rate",
        "record-accuracy",
        "wrong-decision-rate",
        "floor-coverage",
        "communication-availability",
    }
    behind |= {"pdv-p95", "peak-demand", "stops-after-link-events", "control-upper"}
    assert {i.id for i in found} >= behind
    for indicator in found:
        kinds = [step.kind for step in explain(indicator, "en").steps]
        assert (kinds[0], kinds[-1]) == (StepKind.FORMULA, StepKind.SOURCE)
        assert (indicator.unit, indicator.shown) == (
            FORMULAS[indicator.formula].unit,
            FORMULAS[indicator.formula].shown,
        )


def test_the_command_line_gives_the_figure_of_the_tile_from_its_inputs(plant: Plant) -> None:
    indicators = plant.computed("first-light", "1h")
    by_id = {i.id: i for i in indicators if i.scope == "cq/first-light/line-1/press" and i.status is Status.OK}
    inputs = {name: quantity.value for i in by_id.values() for name, quantity in i.inputs.items()}
    down = inputs["PBT"] - inputs["UT"] - inputs["APT"] - inputs["AUST"]
    arguments = {
        "--planned-busy-time": inputs["PBT"] - inputs["UT"],
        "--downtime": down,
        "--setup-time": inputs["AUST"],
        "--ideal-cycle": inputs["IPT"] / inputs["PQ"],
        "--produced": inputs["PQ"],
        "--rejected": inputs["PQ"] - inputs["GQ"],
    }
    words = [word for option, value in arguments.items() for word in (option, repr(float(value)))]
    result = CliRunner().invoke(command_line, ["calc", "oee", *words, "--json"])
    assert result.exit_code == 0, result.output
    by_hand = {i["id"]: i for i in json.loads(result.stdout)}
    compared = [
        kpi for kpi in ("oee", "availability", "effectiveness", "quality-ratio", "nee", "defect-rate") if kpi in by_id
    ]
    assert len(compared) >= 5
    for kpi in compared:
        ours = by_id[kpi]
        assert by_hand[kpi]["value"] == pytest.approx(ours.value, rel=1e-9), kpi
        text = written(by_hand[kpi]["value"], by_hand[kpi]["unit"], Shown(by_hand[kpi]["shown"]), "zh")
        assert text == written(ours.value, ours.unit, ours.shown, "zh")
        assert by_hand[kpi]["formula"] == ours.formula


def test_a_kept_shift_shows_the_figures_it_was_closed_with(plant: Plant) -> None:
    scene = plant.centre.configuration.site.scene("first-light")
    assert scene
    calendar = plant.centre.configuration.calendar(scene.id)
    window = (NOW - 3 * 3600 * SECOND, NOW - 3600 * SECOND)
    rules = replace(plant.centre.rules, min_coverage=0.0)
    closed = window[1] + rules.model.micro_stop
    kept = plant.results.of(scene, plant.historian, window, calendar=calendar, rules=rules).analysis.indicators()
    fresh = analyse(scene, plant.historian, window, calendar=calendar, rules=rules, now=closed).indicators()
    assert [i.payload() for i in kept] == [i.payload() for i in fresh]
