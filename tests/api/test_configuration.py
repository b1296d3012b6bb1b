"""Looking at devices through the API: what others built answers, nothing else is connected to, drafts are sound."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.configuration import Configuration
from configs.drafting import Pick, draft, identifier, kind_of, ucum
from configs.exploration import ExplorationConfig
from configs.loader import examine, load
from configs.schema import SceneDocument
from dashboard_api.access import Role
from dashboard_api.centre import Centre
from dashboard_api.exploration import Busy, ModbusTarget, NotPermitted, OpcuaTarget, Range, SourceTarget
from plant.batch import BatchBuilder
from plant.clock import SECOND, SystemClock
from plant.tags import Kind
from provenline.exploring import MOST, Exploring, aside
from tests.collectors.modbus_rig import Device, device
from tests.collectors.opcua_peer import Server
from tests.peers.processes import free_port
from tests.people import People

BASE = "/api/v1/configuration"
SITE = "type: site\nid: cq\nname: {zh: 实训中心, en: Training centre}\n"
SCENE = """\
type: scene
id: shop
name: {{zh: 车间, en: Shop}}
sources:
  - {{type: opcua, id: ua, endpoint: "opc.tcp://127.0.0.1:{opcua}", user: li, password: {{env: NO_SUCH}}}}
  - {{type: opcua, id: open, endpoint: "opc.tcp://127.0.0.1:{opcua}"}}
  - {{type: modbus, id: plc, link: {{type: tcp, host: 127.0.0.1, port: {modbus}}}, timeout: 2s}}
  - {{type: modbus, id: gone, link: {{type: tcp, host: 127.0.0.1, port: {closed}}}, timeout: 500ms}}
  - {{type: modbus, id: nowhere, link: {{type: tcp, host: no-such-host.invalid, port: 502}}}}
lines:
  - id: line
    name: Line
    devices:
      - id: press
        name: Press
        source: open
        tags:
          - {{id: force, kind: analog, address: {{node: "ns=2;s=Press.Force"}}}}
          - {{id: level, kind: analog, source: plc, address: {{register: 10, format: float32}}}}
          - {{id: lost, kind: analog, source: gone, address: {{register: 0}}}}
          - {{id: far, kind: analog, source: nowhere, address: {{register: 0}}}}
          - {{id: secured, kind: analog, source: ua, address: {{node: "ns=2;s=Press.Force"}}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    it = Server(tmp_path_factory.mktemp("pki"))
    it.start()
    yield it
    it.kill()


@pytest.fixture(scope="module")
def plc() -> Iterator[Device]:
    with device(refuse={"1/5": 2}, vendor={1: "Peer Ltd"}) as it:
        it.write(1, 10, *struct.unpack(">HH", struct.pack(">f", 12.5)))
        it.write(1, 12, *reversed(struct.unpack(">HH", struct.pack(">f", -7.25))))
        it.write(1, 14, 0xFFFE)
        yield it


@pytest.fixture(scope="module")
def configuration(server: Server, plc: Device, tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("config")
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    scene = SCENE.format(opcua=server.port, modbus=plc.port, closed=free_port())
    (folder / "scene.yaml").write_text(scene, encoding="utf-8")
    return load(folder)


@pytest.fixture
def explorer(centre: Centre) -> Exploring:
    centre.explorer = Exploring(centre.configuration, clock=SystemClock())
    return centre.explorer


def target(source: str) -> dict[str, str]:
    return {"type": "source", "scene": "shop", "source": source}


# ------------------------------------------------------------------------------ what runs
async def test_a_visitor_sees_what_runs_but_neither_addresses_nor_files(visitor: httpx.AsyncClient) -> None:
    answer = (await visitor.get(BASE)).json()
    assert [source["id"] for source in answer["sources"]] == ["ua", "open", "plc", "gone", "nowhere"]
    assert {str(source["shown"]) for source in answer["sources"]} == {"None"}
    assert "127.0.0.1" not in str(answer)
    assert not answer["explorable"]


async def test_an_operator_sees_address_security_file_and_line_and_no_secret(
    centre: Centre, known: People, explorer: Exploring, visitor: httpx.AsyncClient
) -> None:
    answer = (await visitor.get(BASE, headers=await known.signed_in(Role.OPERATOR))).json()
    shown = {source["id"]: source["shown"] for source in answer["sources"]}
    assert shown["ua"]["security"] == "none+user"
    assert shown["plc"]["address"].startswith("127.0.0.1:")
    assert (shown["ua"]["file"], shown["ua"]["line"]) == ("scene.yaml", 5)
    assert "NO_SUCH" not in str(answer)
    assert "li" not in {*shown["ua"].values()}


async def test_condition_reason_and_samples_a_second_are_those_that_the_edge_reports(
    centre: Centre, client: httpx.AsyncClient
) -> None:
    now, builder = centre.clock.now(), BatchBuilder()
    for ago, count in ((20, 100), (10, 150), (0, 200)):
        builder.add("cq/shop/edge/plc/samples", now - ago * SECOND, count, received=now)
    builder.add("cq/shop/edge/gone/connected", now, False, received=now)
    builder.add("cq/shop/edge/gone/reason", now, "cannot be reached", received=now)
    await asyncio.to_thread(centre.write, builder.build())
    sources = {one["id"]: one for one in (await client.get(BASE)).json()["sources"]}
    assert sources["plc"]["rate"] == pytest.approx(5.0)
    assert sources["gone"]["health"]["connected"] is False
    assert sources["gone"]["health"]["reason"] == "cannot be reached"
    assert sources["ua"]["health"]["connected"] is None


async def test_faults_of_the_files_are_told_with_their_place_as_soon_as_they_are_there(
    centre: Centre, client: httpx.AsyncClient
) -> None:
    sound = (await client.get(f"{BASE}/check")).json()
    assert (sound["faults"], sound["changed"]) == ([], False)
    assert {"file": "scene.yaml", "type": "scene", "id": "shop"}.items() <= sound["documents"][0].items()
    bad = centre.configuration.folder / "bad.yaml"
    bad.write_text("type: centre\nprot: 8000\n")
    try:
        found = (await client.get(f"{BASE}/check")).json()
    finally:
        bad.unlink()
    (fault,) = found["faults"]
    assert (fault["file"], fault["line"], fault["path"]) == ("bad.yaml", 2, "prot")
    assert "port" in fault["hint"]
    assert found["changed"]


# ---------------------------------------------------------------------------- connections
async def steps(client: httpx.AsyncClient, source: str) -> dict[str, tuple[str, str]]:
    answer = await client.post(f"{BASE}/sources/shop/{source}/test")
    assert answer.status_code == 200, answer.text
    return {step["stage"]: (step["outcome"], step["finding"]) for step in answer.json()["steps"]}


@pytest.mark.needs("node")
async def test_a_server_that_answers_passes_every_step(explorer: Exploring, client: httpx.AsyncClient) -> None:
    found = await steps(client, "open")
    assert list(found) == ["resolve", "connect", "open", "read", "clock"]
    assert {outcome for outcome, _ in found.values()} == {"passed"}


@pytest.mark.needs("node")
async def test_a_modbus_device_passes_but_for_the_clock_that_it_has_not(
    explorer: Exploring, client: httpx.AsyncClient
) -> None:
    found = await steps(client, "plc")
    assert found["read"] == ("passed", "fine")
    assert found["clock"] == ("skipped", "no-clock")


async def test_the_step_that_fails_is_named_with_why_and_the_rest_is_not_tried(
    explorer: Exploring, client: httpx.AsyncClient
) -> None:
    assert (await steps(client, "gone"))["connect"] == ("failed", "refused")
    found = await steps(client, "nowhere")
    assert found["resolve"] == ("failed", "unknown-host")
    assert {found[stage] for stage in ("connect", "open", "read", "clock")} == {("skipped", "not-reached")}
    assert (await steps(client, "ua"))["open"] == ("failed", "not-accepted")


async def test_a_device_that_accepts_and_says_nothing_is_told_from_one_that_is_away(
    configuration: Configuration, tmp_path: Path
) -> None:
    from collectors.trial import Place, trial
    from provenline.sources import reader

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        binding = next(one for one in configuration.bindings if one.source.id == "open")
        config = binding.source.model_copy(update={"endpoint": f"opc.tcp://127.0.0.1:{port}", "timeout": 0.3})
        found = await trial(reader(config, [], SystemClock(), lambda _: None), Place("127.0.0.1", port), patience=5)
    assert [(step.stage.value, step.finding.value) for step in found[1:3]] == [
        ("connect", "fine"),
        ("open", "no-answer"),
    ]


async def test_a_test_behind_a_broker_never_takes_the_collectors_name() -> None:
    from configs import sources as configs

    mqtt = aside(configs.MqttSource(type="mqtt", id="b", host="h", client_id="edge-1"))
    sparkplug = aside(configs.SparkplugSource(type="sparkplug", id="b", host="h", client_id="edge-1", host_id="centre"))
    assert (mqtt.client_id, mqtt.session) == (None, 0.0)
    assert (sparkplug.client_id, sparkplug.host_id) == (None, None)


# ----------------------------------------------------------------------- browsing, scanning
@pytest.mark.needs("node")
async def test_a_server_is_browsed_level_by_level_with_values_types_and_units(
    explorer: Exploring, client: httpx.AsyncClient
) -> None:
    async def below(node: str | None) -> dict[str, dict]:
        answer = (await client.post(f"{BASE}/browse", json={"target": target("open"), "node": node})).json()
        assert answer["failure"] == ""
        return {entry["name"]: entry for entry in answer["entries"]}

    top = await below(None)
    assert "Server" not in top
    line = await below(top["Line"]["node"])
    press, oven = await below(line["Press"]["node"]), await below(line["Oven"]["node"])
    assert (press["Job"]["value"], press["Job"]["data_type"]) == ("J-1", "String")
    assert press["Guard"]["variable"]
    assert (oven["Temperature"]["unit"], oven["Temperature"]["value"]) == ("°C", "20.0")
    wrong = (await client.post(f"{BASE}/browse", json={"target": target("open"), "node": "ns=2;i=x"})).json()
    assert wrong["failure"] == "not-accepted"


@pytest.mark.needs("node")
async def test_registers_are_shown_as_every_way_to_read_them_and_one_refusal_hides_no_other(
    explorer: Exploring, client: httpx.AsyncClient
) -> None:
    asked = {"target": target("plc"), "range": {"unit": 1, "table": "holding", "start": 0, "count": 20}}
    answer = (await client.post(f"{BASE}/scan", json=asked)).json()
    assert (answer["vendor"], answer["complete"]) == ("Peer Ltd", True)
    names = [f"{one['format']} {one['order']}" for one in answer["decodings"]]
    rows = [dict(zip(names, row["values"], strict=False)) for row in answer["registers"]]
    assert rows[10]["float32 ABCD"] == 12.5
    assert rows[12]["float32 CDAB"] == -7.25
    assert (rows[14]["uint16 ABCD"], rows[14]["int16 ABCD"]) == (0xFFFE, -2)
    assert [row["register"] for row in answer["registers"] if row["refused"] is not None] == [5]
    assert answer["registers"][5]["refused"] == 2
    assert rows[4]["float32 ABCD"] is None  # its other half was refused


@pytest.mark.needs("node")
async def test_what_a_device_does_is_an_answer_and_no_error_of_ours(
    explorer: Exploring, client: httpx.AsyncClient
) -> None:
    asked = {"target": target("gone"), "range": {}}
    answer = await client.post(f"{BASE}/scan", json=asked)
    assert answer.status_code == 200
    assert answer.json()["failure"] in ("lost", "refused")


# ------------------------------------------------------------------------- where it may go
@pytest.mark.parametrize(
    "where",
    [
        {"type": "modbus", "host": "127.0.0.1", "port": 22},
        {"type": "modbus", "host": "169.254.169.254", "port": 80},
        {"type": "opcua", "endpoint": "opc.tcp://localhost:4840"},
        {"type": "source", "scene": "shop", "source": "none"},
    ],
)
async def test_nothing_is_connected_to_that_is_neither_configured_nor_listed(
    explorer: Exploring, client: httpx.AsyncClient, where: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", never)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    for path, more in (("browse", {}), ("scan", {})):
        assert (await client.post(f"{BASE}/{path}", json={"target": where} | more)).status_code == 422


def test_a_listed_host_is_permitted_on_the_port_that_is_listed_and_on_no_other() -> None:
    allowed = ExplorationConfig(hosts=("plc-1.line", "10.0.0.7:502"))
    assert allowed.permits("PLC-1.line", 4840)
    assert allowed.permits("10.0.0.7", 502)
    assert not allowed.permits("10.0.0.7", 503)
    assert not allowed.permits("10.0.0.71", 502)
    assert not allowed.permits("evil.plc-1.line", 502)


@pytest.mark.needs("node")
async def test_a_listed_device_can_be_looked_at_without_being_configured(
    configuration: Configuration, plc: Device, server: Server
) -> None:
    listed = ExplorationConfig(hosts=(f"127.0.0.1:{plc.port}", f"127.0.0.1:{server.port}"))
    centre = configuration.centre.model_copy(update={"exploration": listed})
    explorer = Exploring(replace(configuration, centre=centre), clock=SystemClock())
    found = await explorer.scan(ModbusTarget(type="modbus", host="127.0.0.1", port=plc.port), Range(start=10, count=2))
    assert found.answer["registers"][0]["word"] == 0x4148
    tree = await explorer.browse(OpcuaTarget(type="opcua", endpoint=server.endpoint), None)
    assert "Line" in {entry["name"] for entry in tree.answer["entries"]}


async def test_one_looks_at_a_time_and_not_too_often(configuration: Configuration) -> None:
    explorer = Exploring(configuration, clock=SystemClock())
    gone = SourceTarget(type="source", scene="shop", source="gone")
    async with explorer._alone():
        with pytest.raises(Busy):
            await explorer.trial(gone)
    explorer._lately.extend([explorer._real.monotonic()] * MOST)
    with pytest.raises(Busy):
        await explorer.scan(gone, Range())
    with pytest.raises(NotPermitted):
        await explorer.browse(gone, None)  # a Modbus device has no address space


async def test_every_exploration_is_in_the_audit_log(
    explorer: Exploring, client: httpx.AsyncClient, known: People
) -> None:
    await client.post(f"{BASE}/sources/shop/gone/test")
    await client.post(f"{BASE}/scan", json={"target": target("gone"), "range": {"start": 7}})
    newest = known.audit.page(most=2)
    assert [(record.actor, record.action, record.subject) for record in newest] == [
        ("tester", "configuration.scan", "shop/gone"),
        ("tester", "configuration.test", "shop/gone"),
    ]


async def test_a_viewer_may_not_explore(explorer: Exploring, known: People, visitor: httpx.AsyncClient) -> None:
    headers = await known.signed_in(Role.VIEWER)
    for path in ("sources/shop/gone/test", "scan", "browse", "draft"):
        assert (await visitor.post(f"{BASE}/{path}", headers=headers, json={})).status_code == 403


# ---------------------------------------------------------------------------------- drafts
PICKS = [
    {"name": "Force", "address": {"node": "ns=2;s=Press.Force"}, "type": "Double", "unit": ""},
    {"name": "GoodCount", "address": {"node": "ns=2;s=Press.Count"}, "type": "Int64", "unit": ""},
    {"name": "Temperature", "address": {"node": "ns=2;s=Oven.Temperature"}, "type": "Double", "unit": "°C"},
    {"name": "Guard", "address": {"node": "ns=2;s=Press.Guard"}, "type": "Boolean", "unit": ""},
    {"name": "温度", "address": {"node": "ns=2;s=Oven.T2"}, "type": "Double", "unit": "Schritte"},
]


async def test_a_draft_passes_the_check_alone_and_beside_what_is_there(
    explorer: Exploring, client: httpx.AsyncClient, centre: Centre, tmp_path: Path
) -> None:
    answer = (await client.post(f"{BASE}/draft", json={"target": target("ua"), "picks": PICKS})).json()
    assert answer["faults"] == []
    (tmp_path / answer["file"]).write_text(answer["yaml"], encoding="utf-8")
    for name in ("site.yaml", "scene.yaml"):
        (tmp_path / name).write_text((centre.configuration.folder / name).read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "provenline", "check", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    drafted = yaml.safe_load(answer["yaml"])
    assert drafted["sources"][0]["password"] == {"env": "NO_SUCH"}
    tags = {tag["id"]: tag for tag in drafted["lines"][0]["devices"][0]["tags"]}
    assert {name: (tag["kind"], tag.get("unit")) for name, tag in tags.items()} == {
        "force": ("analog", None),
        "good-count": ("counter", None),
        "temperature": ("analog", "Cel"),
        "guard": ("event", None),
        "tag": ("analog", None),
    }
    assert "[Schritte]" in tags["tag"]["description"]


ANY_ADDRESS = st.integers(0, 65_000).map(lambda n: {"register": n, "format": "float32", "order": "CDAB"})
ANY_PICK = st.builds(Pick, st.text(min_size=1, max_size=80), ANY_ADDRESS, st.text(max_size=20), st.text(max_size=20))


@settings(max_examples=15, deadline=None)
@given(st.lists(ANY_PICK, min_size=1, max_size=8), st.text(max_size=50))
def test_whatever_a_device_calls_its_things_the_draft_is_sound(
    tmp_path_factory: pytest.TempPathFactory, picks: list[Pick], place: str
) -> None:
    source = {"type": "modbus", "id": "plc", "link": {"type": "tcp", "host": "10.0.0.7"}}
    folder = tmp_path_factory.mktemp("draft")
    text = draft(source, picks, place=place, taken={"draft-plc"})
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / "draft.yaml").write_text(text, encoding="utf-8")
    documents, faults = examine(folder)
    assert faults == []
    (scene,) = (one for one in documents if isinstance(one, SceneDocument))
    assert scene.id == "draft-plc-2"
    assert len(scene.lines[0].devices[0].tags) == len(picks)


def test_names_units_and_kinds_are_proposed_as_a_person_would() -> None:
    taken: set[str] = set()
    assert [identifier(name, taken) for name in ("OilTemp", "oil temp", "油温", "油压")] == [
        "oil-temp", "oil-temp-2", "tag", "tag-2",
    ]  # fmt: skip
    assert [ucum(unit) for unit in ("°C", "kWh", "mm/s", "", "Umdr.")] == ["Cel", "kW.h", "mm/s", "1", None]
    assert kind_of("ActiveEnergyImport", "Double", "kW.h") is Kind.ENERGY
    assert kind_of("PartsTotal", "UInt32", "1") is Kind.COUNTER
    assert kind_of("Job", "LocalizedText", "1") is Kind.TEXT
