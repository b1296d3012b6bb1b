"""A plant where everything has another name, unit, register, topic and node: it runs by writing configuration only.

The same cell as the packaged vision inspection, built by other makers. Its moulding machine speaks Modbus
with swapped bytes, states of its own and watts instead of kilowatts; its camera speaks OPC UA; only the audit
still speaks MQTT. What the figures say of it must be what they say of the packaged scene.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from analytics.measures.catalogue import MEASURES
from analytics.measures.measurement import Measured, Measurement
from analytics.scene import Analysis, analyse
from analytics.unit import Rules
from collectors.source import Point, discard
from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.sources import ModbusAddress, ModbusFormat, ModbusTable
from plant.batch import Batch, Origin
from plant.clock import SystemClock, from_iso
from plant.errors import ConfigError
from plant.quality import Severity, severity
from provenline.fast_forward import FastRun, fast_forward
from provenline.sources import reader
from simulators.faces.endpoint import PortPolicy, rewire
from simulators.faces.layout import Message, ModbusLayout, MqttLayout, OpcuaLayout, Register, StampLayout, Variable
from simulators.plantmodel import PlantModel, Setting
from simulators.running import serve
from simulators.scenes import MODELS

# ---------------------------------------------------------------- what the other makers built
_UNIT, _F = 17, ModbusFormat


def _register(signal: str, register: int, form: ModbusFormat, order: str = "BADC", **coding: float) -> Register:
    place = {"unit": _UNIT, "table": ModbusTable.INPUT, "register": register, "format": form, "order": order}
    return Register(f"mould.{signal}", ModbusAddress.model_validate({**place, **coding}))


PRESS = ModbusLayout(
    "spritze",
    (
        _register("state", 400, _F.UINT16, scale=0.1),  # the maker's own numbers: ten times those of PackML
        _register("cause", 420, _F.STRING, "ABCD", length=12),
        _register("total", 1000, _F.UINT32),
        _register("good", 1002, _F.UINT32),
        _register("reject", 1004, _F.UINT32),
        _register("ideal", 1010, _F.FLOAT32, "DCBA", scale=0.001),
        _register("power", 1020, _F.FLOAT32, "DCBA", scale=0.001),
        _register("energy", 1024, _F.UINT64, scale=0.001),
        _register("product", 440, _F.STRING, "ABCD", length=8),
        _register("job", 450, _F.STRING, "ABCD", length=8),
    ),
)
EYE = OpcuaLayout(
    "auge",
    tuple(
        Variable(f"Zelle3.Auge.{path}", f"camera.{signal}")
        for path, signal in {
            "Betrieb.Zustand": "state",
            "Betrieb.Grund": "cause",
            "Betrieb.Artikel": "product",
            "Zaehler.Gesamt": "total",
            "Zaehler.IO": "good",
            "Zaehler.NIO": "reject",
            "Zaehler.Nacharbeit": "rework",
            "Messung.Urteil": "verdict",
            "Strom.Arbeit": "energy",
        }.items()
    ),
)
GAUGE = MqttLayout(
    "nachmessung",
    (
        Message(
            topic="w2/nachmessung/befund",
            on="audit.audited",
            fields={"teil": "audit.part", "urteil": "audit.verdict", "befund": "audit.reference"},
        ),
    ),
)


def rebuilt(setting: Setting) -> PlantModel:
    """The same plant behind the other makers' devices."""
    model = MODELS["vision-inspection"](setting)
    radio = model.faces["camera-radio"]
    assert isinstance(radio, StampLayout)
    faces = {"spritze": PRESS, "auge": EYE, "nachmessung": GAUGE, "funk": replace(radio, name="funk")}
    return replace(model, faces=faces)


OTHER = Path(__file__).parent / "other_names"
PACKAGED_SITE = """
type: site
id: cq
name: Centre
zone: Asia/Shanghai
calendars:
  demo:
    shifts: [{id: day, start: "08:00", end: "09:20"}]
"""


@pytest.fixture(scope="module", autouse=True)
def makers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "other-makers", rebuilt)
        yield


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("other")
    shutil.copytree(OTHER, folder, dirs_exist_ok=True)
    shutil.copytree(PACKAGED / "network", folder / "network")
    return load(folder)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("packaged")
    (folder / "site.yaml").write_text(PACKAGED_SITE)
    shutil.copy(PACKAGED / "scenes" / "vision-inspection.yaml", folder)
    shutil.copytree(PACKAGED / "network", folder / "network")
    return load(folder)


@dataclass(frozen=True)
class Seen:
    """What the figures say of one shift."""

    run: FastRun
    analysis: Analysis
    measured: dict[str, Measurement]

    def indicator(self, scope: str, name: str) -> float:
        found = {(i.scope, i.id): i for i in self.analysis.indicators()}[f"{self.run.scene.path}/{scope}", name]
        assert found.coverage > 0.95
        assert found.value is not None
        return found.value

    def measure(self, name: str) -> float:
        value = self.measured[name].indicator.value
        assert value is not None, name
        return value


ASKED = ("inspection-rate", "defect-share", "yield-share", "misjudgement", "energy-per-piece", "oee", "five-g-access")


def seen(configuration: Configuration, scene: str, into: Path, profile: str = "5g-sa-sub6") -> Seen:
    run = fast_forward(configuration, scene, seed=5, profile=profile, shifts=1, into=into)
    (window,) = run.windows
    with closing(run.historian()) as historian:
        measured = Measured(scene=run.scene, historian=historian, calendar=run.calendar, rules=Rules())
        return Seen(
            run,
            analyse(run.scene, historian, window, calendar=run.calendar),
            {name: MEASURES[name].compute(measured, window, {}) for name in ASKED},
        )


@pytest.fixture(scope="module")
def both(other: Configuration, packaged: Configuration, tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, Seen]:
    folder = tmp_path_factory.mktemp("runs")
    return seen(packaged, "vision-inspection", folder / "packaged"), seen(other, "endkontrolle", folder / "other")


# --------------------------------------------------------------------------------- other, indeed
NAMES = re.compile(r"(?:^|[\s{,])(?:- )?(?:id|topic|node|path|endpoint|port): *\"?([^\s\",}]+)")


def test_nothing_in_it_is_called_as_in_any_packaged_scene() -> None:
    text = (OTHER / "szene.yaml").read_text("utf-8")
    ours = set(NAMES.findall(text))
    theirs = {name for file in (PACKAGED / "scenes").glob("*.yaml") for name in NAMES.findall(file.read_text("utf-8"))}
    assert len(ours) > 30
    assert len(theirs) > 300
    assert ours & theirs == set()
    assert {"ms", "W", "W.h", "J"} <= set(re.findall(r"unit: ([A-Za-z.]+)", text))


def test_no_register_is_where_a_packaged_scene_has_one(other: Configuration) -> None:
    def places(configuration: Configuration) -> set[tuple]:
        addresses = (a for b in configuration.bindings for _, a in b.points if isinstance(a, ModbusAddress))
        return {(a.unit, a.table, a.register_) for a in addresses}

    assert len(places(other)) == 10
    assert places(other) & places(load(PACKAGED)) == set()


def test_an_address_in_the_wrong_order_of_bytes_is_found_before_anything_runs(
    other: Configuration, tmp_path: Path
) -> None:
    """What a collector would misread is nothing that the model has: a fast run says so, as a live one would show."""
    shutil.copytree(other.folder, tmp_path / "wrong")
    scene = tmp_path / "wrong" / "szene.yaml"
    scene.write_text(scene.read_text("utf-8").replace("register: 400, order: BADC", "register: 400"), "utf-8")
    with pytest.raises(ConfigError, match="betriebszustand: the simulator has nothing at"):
        fast_forward(load(tmp_path / "wrong"), "endkontrolle", shifts=1, into=tmp_path / "run")


# -------------------------------------------------------------------------------- the same figures
def test_both_runs_are_of_the_same_hours_and_parts(both: tuple[Seen, Seen]) -> None:
    ours, theirs = both
    assert (
        ours.run.windows == theirs.run.windows == ((start := from_iso("2026-01-05T00:00:00Z"), start + 4800 * 10**9),)
    )


@pytest.mark.parametrize("name", ["oee", "availability", "effectiveness", "quality-ratio"])
def test_effectiveness_of_machines_and_line_is_the_same(both: tuple[Seen, Seen], name: str) -> None:
    ours, theirs = both
    for here, there in (("moulding/mould", "strang-3/spritze-17"), ("moulding/camera", "strang-3/auge-3")):
        assert theirs.indicator(there, name) == pytest.approx(ours.indicator(here, name), abs=0.003)
    assert theirs.indicator("strang-3", "oee") == pytest.approx(ours.indicator("moulding", "oee"), abs=0.003)


@pytest.mark.parametrize("name", ["inspection-rate", "defect-share", "yield-share", "energy-per-piece", "oee"])
def test_what_clauses_ask_for_is_the_same(both: tuple[Seen, Seen], name: str) -> None:
    """Stated error: 0.2 %, for one plant is polled, another subscribed, and reports come once a second."""
    ours, theirs = both
    assert theirs.measure(name) == pytest.approx(ours.measure(name), rel=0.002)
    assert theirs.measured[name].indicator.unit == ours.measured[name].indicator.unit


def test_misjudgement_is_counted_on_the_same_parts(both: tuple[Seen, Seen]) -> None:
    ours, theirs = (each.measured["misjudgement"].trials for each in both)
    assert ours == theirs
    assert ours is not None
    assert ours.total > 2000


def test_a_slow_link_shows_in_the_other_plant_as_well(
    both: tuple[Seen, Seen], other: Configuration, tmp_path: Path
) -> None:
    before = seen(other, "endkontrolle", tmp_path / "before", profile="wifi5-loaded")
    assert both[1].measure("inspection-rate") >= 1.2 * before.measure("inspection-rate")


# ------------------------------------------------------------------------------------------- live
async def test_every_tag_of_it_is_collected_live(other: Configuration) -> None:
    collected: list[Batch] = []
    expected = {tag.path for binding in other.bindings for tag, _ in binding.points}

    async def read(source) -> None:
        async with source.open() as batches:
            async for batch in batches:
                collected.append(batch)  # noqa: PERF401 - it never ends

    def usable() -> set[str]:
        return {s.path for b in collected for s in b.samples() if severity(s.quality) is Severity.GOOD}

    async with AsyncExitStack() as stack:
        scene = other.scenes["endkontrolle"]
        running = await stack.enter_async_context(serve(scene, speed=4.0, ports=PortPolicy.ANY))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        readers = []
        for binding in other.bindings:
            at = rewire(binding.source, running.endpoints[binding.source.id])
            points = [Point(tag, address) for tag, address in binding.points]
            readers.append(tasks.create_task(read(reader(at, points, SystemClock(), discard))))
        async with asyncio.timeout(90):
            while expected - usable():
                await asyncio.sleep(0.5)
        for task in readers:
            task.cancel()
    batch = Batch.concat(collected)
    assert ((batch.origin & Origin.SIMULATED) != 0).all()
    place = "werk2/endkontrolle/strang-3"
    assert max(batch.of(f"{place}/spritze-17/solltakt").numbers) == 1600.0
    assert {s.value for s in batch.of(f"{place}/spritze-17/artikel").samples()} >= {"cap-38"}
    assert 60 in batch.of(f"{place}/spritze-17/betriebszustand").numbers
    assert 15_000 < max(batch.of(f"{place}/spritze-17/leistung").numbers) < 30_000
