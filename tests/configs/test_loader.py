"""A configuration is used whole or refused with everything that is wrong with it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.loader import PACKAGED, examine, load, schema
from configs.reading import read
from plant.errors import ConfigError
from plant.packml import PackState
from plant.tags import Role

SITE = """
type: site
id: cq
name: {zh: 重庆中心, en: Chongqing centre}
zone: Asia/Shanghai
calendars:
  two-shift:
    shifts:
      - {id: early, start: 08:00, end: "16:00", days: [mon, tue], breaks: [{start: "12:00", end: "12:30"}]}
      - {id: night, start: "22:00", end: "06:00"}
    holidays: [2026-10-01]
"""
SCENE = """
type: scene
id: first
name: {zh: 首光, en: First light}
calendar: two-shift
sources:
  - {id: plc, type: modbus, link: {type: tcp, host: 127.0.0.1, port: 1502}}
lines:
  - id: assembly
    name: Assembly
    devices:
      - id: press
        name: Press
        source: plc
        ideal_cycle: 2s
        tags:
          - {id: state, kind: state, role: state, states: packml, address: {register: 1}}
          - {id: power, kind: analog, role: power, unit: kW, address: {register: 2, format: float32}}
"""


def write(folder: Path, **documents: str) -> Path:
    for name, text in documents.items():
        (folder / f"{name}.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def test_a_sound_folder_becomes_an_asset_tree_with_bindings(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, site=SITE, scene=SCENE))
    scene = configuration.site.scene("first")
    assert scene
    press = scene.devices[0]
    assert press.path == "cq/first/assembly/press"
    assert press.ideal_cycle == {"": 2.0}
    state = press.role(Role.STATE)
    assert state
    assert state.states["6"] is PackState.EXECUTE
    (binding,) = configuration.bindings
    assert [tag.path for tag, _ in binding.points] == [tag.path for tag in press.tags]
    assert configuration.calendar("first").shifts(0, 10**18)


def test_every_collector_is_a_device_of_the_scene(tmp_path: Path) -> None:
    scene = load(write(tmp_path, site=SITE, scene=SCENE)).site.scene("first")
    assert scene
    assert scene.devices[-1].path == "cq/first/edge/plc"
    assert {tag.label for tag in scene.devices[-1].tags} >= {"connected", "lag", "gaps", "reconnects"}


def test_ten_different_faults_are_reported_together_with_their_paths(tmp_path: Path) -> None:
    site = SITE.replace("Asia/Shanghai", "Asia/Chongking")  # 1: not a zone
    scene = """
    type: scene
    id: First Light            # 2: not an identifier
    name: x
    calendar: three-shift      # 3: unknown calendar
    sources:
      - {id: plc, type: modbus, link: {type: tcp, host: h, port: 99999}}                  # 4: port
      - {id: plc, type: opcua, endpoint: "http://h"}                                      # 5: twice, 6: endpoint
    lines:
      - id: l
        name: L
        devices:
          - id: d
            name: D
            source: plx                                                                   # 7: unknown source
            tags:
              - {id: a, kind: analog, unit: kWh, address: {}}                             # 8: not UCUM
              - {id: b, kind: analog, lo: 3, address: {}}                                 # 9: unknown key
              - {id: c, kind: analog, source: plc, address: {node: "i=1", path: "x"}}     # 10: both
    """
    _, faults = examine(write(tmp_path, site=site, scene=scene))
    found = {(f.file, f.path) for f in faults}
    assert found == {
        ("site.yaml", "zone"),
        ("scene.yaml", "id"),
        ("scene.yaml", "calendar"),
        ("scene.yaml", "sources[0].link.port"),
        ("scene.yaml", "sources[1].id"),
        ("scene.yaml", "sources[1].endpoint"),
        ("scene.yaml", "lines[0].devices[0].source"),
        ("scene.yaml", "lines[0].devices[0].tags[0].unit"),
        ("scene.yaml", "lines[0].devices[0].tags[1].lo"),
        ("scene.yaml", "lines[0].devices[0].tags[2].address"),
    }
    assert len(faults) == 10
    assert all(f.line for f in faults)
    hints = {f.path: f"{f.message} {f.hint}" for f in faults}
    assert "kW.h" in hints["lines[0].devices[0].tags[0].unit"]
    assert "'low'" in hints["lines[0].devices[0].tags[1].lo"]
    assert "plc" in hints["lines[0].devices[0].source"]


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (("ideal_cycle: 2s", "ideal_cycle: 0"), "lines[0].devices[0].ideal_cycle", "greater than 0"),
        (("ideal_cycle: 2s", "ideal_cycle: soon"), "lines[0].devices[0].ideal_cycle", "not a duration"),
        (("states: packml, ", ""), "lines[0].devices[0].tags[0]", "needs states"),
        (("states: packml", "states: {1: running}"), "lines[0].devices[0].tags[0].states.1", "not a PackML state"),
        (("{register: 1}", "{register: 65536}"), "lines[0].devices[0].tags[0].address.register", "less than or equal"),
        (("format: float32", "format: string"), "lines[0].devices[0].tags[1].address", "needs length"),
        (("role: power", "role: state"), "lines[0].devices[0].tags[1].role", "already played"),
        (("id: power", "id: state"), "lines[0].devices[0].tags[1].id", "already there"),
        (("type: scene", "type: scenes"), "type", "unknown type"),
        (("        source: plc\n", ""), "lines[0].devices[0].tags[0].source", "missing"),
        (
            ("sources:", "simulation: {model: m, profile: 6g}\nsources:"),
            "simulation.profile",
            "unknown network profile",
        ),
        (("id: plc, ", "id: plc, id: plc2, "), "sources[0].id", "written twice"),
    ],
)
def test_each_kind_of_fault_names_its_place(tmp_path: Path, change: tuple[str, str], path: str, words: str) -> None:
    assert change[0] in SCENE
    _, faults = examine(write(tmp_path, site=SITE, scene=SCENE.replace(*change, 1)))
    matching = [f for f in faults if f.path == path]
    assert matching, faults
    assert words in f"{matching[0].message} {matching[0].hint}"


def test_a_secret_written_down_is_refused_and_not_repeated(tmp_path: Path) -> None:
    source = '  - {id: b, type: mqtt, host: h, client_id: c, user: u, password: "hunter2"}\n'
    _, faults = examine(write(tmp_path, site=SITE, scene=SCENE.replace("sources:\n", f"sources:\n{source}")))
    (fault,) = faults
    assert fault.path == "sources[0].password"
    assert "hunter2" not in str(fault)


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from configs.base import Secret

    monkeypatch.setenv("SOME_PASSWORD", "s3cret")
    assert Secret(env="SOME_PASSWORD").reveal() == "s3cret"
    (tmp_path / "secret").write_text("s3cret\n")
    assert Secret(file=str(tmp_path / "secret")).reveal() == "s3cret"
    with pytest.raises(ValueError, match="OTHER is not set"):
        Secret(env="OTHER").reveal()


def test_a_missing_certificate_file_is_found_without_connecting(tmp_path: Path) -> None:
    source = (
        "  - {id: ua, type: opcua, endpoint: opc.tcp://h:4840, security: {policy: basic256sha256,"
        " certificate: c.pem, key: k.pem, server_certificate: s.pem}}\n"
    )
    _, faults = examine(write(tmp_path, site=SITE, scene=SCENE.replace("sources:\n", f"sources:\n{source}")))
    assert {f.path.rpartition(".")[2] for f in faults} == {"certificate", "key", "server_certificate"}


def test_two_clients_of_one_broker_must_not_share_an_id(tmp_path: Path) -> None:
    sources = "".join(f"  - {{id: {i}, type: mqtt, host: h, client_id: same}}\n" for i in "ab")
    _, faults = examine(write(tmp_path, site=SITE, scene=SCENE.replace("sources:\n", f"sources:\n{sources}")))
    assert [f.path for f in faults] == ["sources[1].client_id"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "not YAML"),
        ("a: &x [*x]", ""),
        ("- 1", "not a mapping"),
        ("a: !!python/object/apply:os.system [x]", "type"),
        ("[" * 2000, ""),
        *(("a: " + opened * 100_000, "nested deeper") for opened in ("[", "{a: ")),
        ("- " * 100_000, "nested deeper"),
        ("? " * 100_000, "nested deeper"),
        ("a: &x {<<: *x}", "nested deeper"),
        ("a: &x [0, <<: *x]", "nested deeper"),
    ],
)
def test_hostile_or_broken_yaml_is_a_fault_not_a_crash(tmp_path: Path, text: str, words: str) -> None:
    _, faults = examine(write(tmp_path, bad=text))
    assert faults
    assert any(words in f"{f.path} {f.message}" for f in faults)


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    levels = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))
    _, faults = examine(write(tmp_path, bomb=f"a0: &a0 [x]\n{levels}"))
    assert any("expanding aliases" in f.message for f in faults)


def test_an_empty_or_missing_folder_is_said_so(tmp_path: Path) -> None:
    assert "no YAML" in examine(tmp_path)[1][0].message
    assert "not a folder" in examine(tmp_path / "nowhere")[1][0].message
    with pytest.raises(ConfigError, match="not a folder"):
        load(tmp_path / "nowhere")


def test_clock_times_are_not_read_as_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("start: 08:30\nend: 22:00:00\n")
    assert read(tmp_path / "a.yaml", "a").data == {"start": "08:30", "end": "22:00:00"}


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "a.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    reading = read(file, "a")
    assert reading.data is None or not reading.faults


def test_what_ships_with_the_product_is_sound() -> None:
    assert examine(PACKAGED)[1] == []


def test_the_schema_describes_every_document() -> None:
    names = set(schema()["$defs"])
    assert {"SiteDocument", "SceneDocument", "OpcuaSource", "ModbusSource", "MqttSource", "StampSource"} <= names
