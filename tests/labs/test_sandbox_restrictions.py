"""What a trainee's configuration may not be: each refused thing is named with its place, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.loader import PACKAGED
from configs.sources import OpcuaSource
from labs.library import PACKAGED as COURSES
from plant.errors import ConfigError
from provenline.sandbox.line import chosen
from provenline.sandbox.order import LinePlan
from provenline.sandbox.restrictions import LARGEST_FILE, Admission, wired
from simulators.faces.endpoint import Endpoint
from tests.labs.tiny_course import SCENE

LINE = LinePlan(plant=PACKAGED, scene="first-light")
MODBUS = "{type: modbus, id: plc, link: {type: tcp, host: elsewhere, port: 5020}, period: 200ms}"
TAG = "          - {id: t%d, kind: analog, address: {register: 2}}\n"


@pytest.fixture
def admission(tmp_path: Path) -> Admission:
    return Admission(chosen(LINE), tmp_path / "configuration")


def refused(admission: Admission, files: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as error:
        admission.admit(files)
    assert not admission.folder.exists()
    assert str(admission.folder.parent) not in str(error.value)
    return str(error.value)


def test_hosts_and_ports_are_filled_in_by_source_id_and_everything_is_marked_as_simulated(admission: Admission) -> None:
    configuration = admission.admit({"scene.yaml": SCENE})
    there = wired(configuration, {"plc": Endpoint("modbus", "127.0.0.1", 4711)})
    assert [(b.source.id, b.source.link.host, b.source.link.port) for b in there.bindings] == [  # type: ignore[union-attr]
        ("plc", "127.0.0.1", 4711)
    ]
    assert all(tag.simulated for tag in configuration.site.tags if "/edge/" not in tag.path)
    assert configuration.site.id == "cq"


def test_the_folder_holds_what_was_admitted_last(admission: Admission) -> None:
    admission.admit({"scene.yaml": SCENE})
    with pytest.raises(ConfigError):
        admission.admit({"scene.yaml": "type: scene\n"})
    assert (admission.folder / "scene.yaml").read_text(encoding="utf-8") == SCENE
    assert not admission.folder.with_name("configuration.draft").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{type: replay, id: plc, file: scene.yaml}", "a recording has no place here"),
        ("{type: modbus, id: plc, link: {type: serial, device: /dev/ttyS0}}", "there is no serial line here"),
        (MODBUS.replace("id: plc", "id: other"), "this line has no source 'other'"),
        ("{type: stamp, id: plc, host: here}", "plc does not speak stamp"),
    ],
)
def test_a_source_reads_this_line_and_nothing_else(admission: Admission, source: str, said: str) -> None:
    scene = SCENE.replace(MODBUS, source)
    assert scene != SCENE
    assert said in refused(admission, {"scene.yaml": scene})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("user: me, password: {env: HOME}", "no secret of this machine"),
        ("user: me, password: {file: /etc/passwd}", "no secret of this machine"),
        ("user_certificate: /etc/hosts", "a file outside of the configuration"),
        ("security: {trust_list: ../../trust}", "a file outside of the configuration"),
    ],
)
def test_secrets_and_files_of_the_machine_are_out_of_reach(admission: Admission, words: str, said: str) -> None:
    scene = SCENE.replace("{type: opcua, id: press, ", f"{{type: opcua, id: press, {words}, ")
    assert said in refused(admission, {"scene.yaml": scene})


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("type: edge\nuplink: {url: 'http://elsewhere:8086'}\n", "an edge here delivers to its own centre"),
        ("type: centre\nhost: 0.0.0.0\n", "not yours to change here"),
        ("type: centre\nhistorian: {type: influxdb, url: 'http://elsewhere'}\n", "not yours to change here"),
        ("type: centre\nwrite_tokens: [{env: HOME}]\n", "not yours to change here"),
        ("type: network-profile\nid: mine\n", "has no place here"),
        ("type: acceptance-catalogue\nid: mine\n", "has no place here"),
    ],
)
def test_only_what_concerns_this_line_and_its_figures_is_set(admission: Admission, document: str, said: str) -> None:
    assert said in refused(admission, {"scene.yaml": SCENE, "more.yaml": document})


def test_rules_of_figures_may_be_set(admission: Admission) -> None:
    files = {"scene.yaml": SCENE, "centre.yaml": "type: centre\nmin_coverage: 0.5\nrules: {micro_stop: 60}\n"}
    assert admission.admit(files).centre.min_coverage == 0.5


def test_the_model_behind_the_line_is_not_the_trainees(admission: Admission) -> None:
    other = SCENE + "simulation: {model: assembly-line, seed: 99, faces: {press: press, plc: plc, vision: broker}}\n"
    assert "the simulated line is not yours to change" in refused(admission, {"scene.yaml": other})
    configuration = admission.admit({"scene.yaml": SCENE})
    assert configuration.scenes["first-light"].simulation == admission.plant.scenes["first-light"].simulation


def test_another_scene_is_not_there(admission: Admission) -> None:
    assert "there is no scene 'agv' here" in refused(admission, {"scene.yaml": SCENE.replace("first-light", "agv")})
    assert "no document of type scene" in refused(admission, {"site.yaml": "type: site\nid: x\nname: x\n"})


@pytest.mark.parametrize(
    "name",
    ["../scene.yaml", "/etc/scene.yaml", "a/b/c.yaml", "x\\y.yaml", "site.lent.yaml", "a\n.yaml", "x" * 90 + ".yaml"],
)
def test_a_file_stays_in_its_folder(admission: Admission, name: str) -> None:
    assert "cannot be the name of a file" in refused(admission, {"scene.yaml": SCENE, name: "x: 1\n"})


def test_sizes_are_bounded(admission: Admission) -> None:
    assert "larger than" in refused(admission, {"scene.yaml": SCENE + "#" * LARGEST_FILE})
    assert "more than 20 files" in refused(admission, {f"{i}.yaml": SCENE for i in range(21)})
    assert "has only" in refused(admission, {"scene.yaml": SCENE, "run.sh": "rm"})
    assert "not UTF-8" in refused(admission, {"scene.yaml": SCENE, "x.yaml": "\ud800"})
    many = SCENE.replace("          - {id: speed,", "".join(TAG % i for i in range(501)) + "          - {id: speed,")
    assert "more than 500 tags" in refused(admission, {"scene.yaml": many})
    deep = SCENE + "description: " + "[" * 60 + "]" * 60 + "\n"
    assert "deep" in refused(admission, {"scene.yaml": deep})


GUARDED = LinePlan(plant=COURSES / "opcua" / "guarded", scene="guarded-press")
SECURED = """
type: scene
id: guarded-press
name: mine
sources:
  - type: opcua
    id: press
    endpoint: "opc.tcp://elsewhere:4840"
    security: {policy: basic256sha256, certificate: collector.pem, key: collector-key.pem, trust_list: trust}
    user: maintenance
    password: {file: maintenance.password}
lines:
  - id: line-1
    name: Line
    devices:
      - id: press
        name: Press
        source: press
        tags: [{id: force, kind: analog, unit: kN, address: {node: "ns=2;s=Press.Process.Force"}}]
"""


def test_the_password_of_a_guarded_device_and_the_collectors_certificate_are_lent_and_no_other_secret(
    tmp_path: Path,
) -> None:
    admission = Admission(chosen(GUARDED), tmp_path / "configuration")
    (binding,) = admission.admit({"scene.yaml": SECURED}).bindings
    assert isinstance(binding.source, OpcuaSource)
    assert binding.source.password is not None
    there = Path(chosen(GUARDED).folder / "maintenance.password").read_text(encoding="utf-8").strip()
    assert binding.source.password.reveal() == there
    assert b"PRIVATE KEY" in Path(str(binding.source.security.key)).read_bytes()
    for other in ("press.password", "../guarded/maintenance.password", "/etc/passwd"):
        with pytest.raises(ConfigError, match="no secret of this machine"):
            admission.admit({"scene.yaml": SECURED.replace("maintenance.password", other)})
