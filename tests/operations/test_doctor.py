"""Everything a doctor can find is provoked once; what is well is not spoken of."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dashboard_api.access import Actor, Kind
from dashboard_api.audit import AuditLog
from historian.embedded import EmbeddedHistorian
from plant.batch import Batch, BatchBuilder
from plant.batchlog import BatchLog, Bounds
from plant.clock import SECOND, SystemClock, VirtualClock
from plant.errors import Unavailable
from plant.health import LINE
from provenline import doctor_aside, doctor_machine, doctor_network, doctor_stores
from provenline.doctor import Finding, Patient, Weight, examine, language, patient
from provenline.doctor_command import CHECKS
from tests.operations.conftest import provenline
from tests.peers.processes import free_port

SITE = "type: site\nid: cq\nname: Centre\n"


def scene(port: int, **source: object) -> str:
    more = "".join(f", {key}: {value}" for key, value in source.items())
    return f"""
type: scene
id: hall
name: Hall
sources:
  - {{type: modbus, id: plc, link: {{type: tcp, host: 127.0.0.1, port: {port}}}{more}}}
lines:
  - id: line
    name: Line
    devices:
      - {{id: press, name: Press, source: plc, tags: [{{id: speed, kind: analog, address: {{register: 0}}}}]}}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "configuration").mkdir()
    (tmp_path / "configuration" / "site.yaml").write_text(SITE)
    return tmp_path / "configuration"


@pytest.fixture
def listening() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def found(check, someone: Patient) -> dict[str, Finding]:
    return {finding.id: finding for finding in check(someone)}


def test_a_sound_installation_has_no_faults(folder: Path, data: Path, listening: int, tmp_path: Path) -> None:
    (folder / "scene.yaml").write_text(scene(listening))
    (folder / "centre.yaml").write_text(f"type: centre\nport: {free_port()}\n")
    EmbeddedHistorian(data / "historian", seal_every=None).close()
    faults = [f for f in examine(patient(folder, data), CHECKS) if f.weight is Weight.FAULT and f.id != "disk"]
    assert faults == []


def test_every_fault_of_a_configuration_is_a_finding(folder: Path, data: Path) -> None:
    (folder / "scene.yaml").write_text(scene(502, period="soon", block="900"))
    findings = list(doctor_machine.configuration(patient(folder, data)))
    assert len(findings) == 2
    assert {finding.id for finding in findings} == {"configuration"}


def test_a_secret_that_is_not_there_is_found(folder: Path, data: Path) -> None:
    (folder / "centre.yaml").write_text(
        "type: centre\nwrite_tokens: [{env: NOT_SET_ANYWHERE}, {file: /no/such/file}]\n"
    )
    findings = list(doctor_machine.secrets(patient(folder, data)))
    assert [f.id for f in findings] == ["secret", "secret"]
    assert "NOT_SET_ANYWHERE" in findings[0].what.en


def test_a_data_folder_that_is_missing_is_found(folder: Path, tmp_path: Path) -> None:
    assert "data-missing" in found(doctor_machine.data_folder, patient(folder, tmp_path / "nowhere"))


def test_a_data_folder_that_cannot_be_written_is_found(
    folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:  # root may write anything
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    else:
        data.chmod(0o500)
    assert "data-read-only" in found(doctor_machine.data_folder, patient(folder, data))


def test_files_that_others_can_read_are_found(folder: Path, data: Path) -> None:
    (data / "write-token").write_text("secret")
    (data / "write-token").chmod(0o644)
    assert "open-to-others" in found(doctor_machine.data_folder, patient(folder, data))
    (data / "write-token").chmod(0o600)
    assert found(doctor_machine.data_folder, patient(folder, data)) == {}


@pytest.mark.parametrize(("free", "weight"), [(2**20, Weight.FAULT), (2**30, Weight.WARNING)])
def test_a_disk_that_runs_full_is_found(
    folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch, free: int, weight: Weight
) -> None:
    usage = shutil.disk_usage(data)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert found(doctor_machine.disk, patient(folder, data))["disk"].weight is weight


def test_a_disk_without_inodes_is_found(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = list(os.statvfs(data))
    values[5], values[7] = 1_000_000, 3
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
    assert "inodes" in found(doctor_machine.disk, patient(folder, data))


def test_too_little_memory_and_too_few_files_are_found(
    folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal: 4000000 kB\nMemAvailable:    1024 kB\n")
    assert doctor_machine.available_memory(table) == 2**20
    monkeypatch.setattr(doctor_machine, "available_memory", lambda _: 2**20)
    monkeypatch.setattr(doctor_machine.resource, "getrlimit", lambda _: (256, 256))
    assert found(doctor_machine.memory, patient(folder, data)).keys() == {"memory", "open-files"}


def test_a_clock_that_is_wrong_or_that_nobody_keeps_right_is_found(
    folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_machine, "synchronised", lambda: False)
    assert found(doctor_machine.clock, Patient(folder, data, None, now=0)).keys() == {
        "clock-wrong",
        "clock-unsynchronised",
    }
    monkeypatch.setattr(doctor_machine, "synchronised", lambda: True)
    assert found(doctor_machine.clock, patient(folder, data)) == {}


def test_the_kernel_is_asked_about_its_clock() -> None:
    assert doctor_machine.synchronised() in (True, False, None)


def stored(data: Path, path: str, value: float, moment: int) -> None:
    batch = BatchBuilder()
    batch.add(path, moment, value, received=moment)
    with closing(EmbeddedHistorian(data / "historian", seal_every=None)) as store:
        store.write(batch.build())
        store.seal()


def test_samples_ahead_of_the_clock_are_found(folder: Path, data: Path) -> None:
    stored(data, "cq/hall/line/press/speed", 1.0, time.time_ns() + 3_600 * SECOND)
    assert "clock-behind" in found(doctor_machine.clock, patient(folder, data))


def test_a_time_zone_without_data_is_found(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise doctor_machine.zoneinfo.ZoneInfoNotFoundError

    someone = patient(folder, data)
    monkeypatch.setattr(doctor_machine.zoneinfo, "ZoneInfo", missing)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    assert found(doctor_machine.versions, someone).keys() == {"time-zone", "sqlite"}


def test_leftovers_and_rescued_databases_are_found(folder: Path, data: Path) -> None:
    (data / ".backup-x1").mkdir()
    (data / "alarms.db.damaged-123").touch()
    assert found(doctor_machine.leftovers, patient(folder, data)).keys() == {"leftover", "rescued"}


def test_a_damaged_database_is_found(folder: Path, data: Path) -> None:
    stored(data, "cq/hall/line/press/speed", 1.0, time.time_ns())
    file = data / "historian" / "historian.db"
    assert found(doctor_stores.databases, patient(folder, data)) == {}
    blob = bytearray(file.read_bytes())
    blob[4096:12288] = b"\xff" * 8192
    file.write_bytes(blob)
    assert "database" in found(doctor_stores.databases, patient(folder, data))


def test_a_segment_that_is_damaged_or_gone_is_found(folder: Path, data: Path) -> None:
    stored(data, "cq/hall/line/press/speed", 1.0, time.time_ns())
    assert found(doctor_stores.store, patient(folder, data, deep=True)) == {}
    [segment] = (data / "historian" / "segments").glob("*.parquet")
    segment.unlink()
    assert "segment" in found(doctor_stores.store, patient(folder, data))
    with closing(sqlite3.connect(data / "historian" / "historian.db")) as database, database:
        database.execute("INSERT INTO lost (name, rows, at) VALUES ('x', 7, 0)")
    assert "7 samples" in found(doctor_stores.store, patient(folder, data))["samples-lost"].what.en


def test_an_audit_log_that_was_altered_is_found(folder: Path, data: Path) -> None:
    log = AuditLog(data / "audit.db", clock=SystemClock())
    log.add(Actor("li", None, Kind.SESSION, frozenset()), "alarm.shelve", "a-1")
    log.close()
    assert found(doctor_stores.audit, patient(folder, data)) == {}
    with closing(sqlite3.connect(data / "audit.db")) as database, database:
        for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE record SET actor = 'wang'")
    assert "audit" in found(doctor_stores.audit, patient(folder, data))


def test_an_outbox_that_fills_waits_or_gave_something_up_is_found(folder: Path, data: Path) -> None:
    (folder / "edge.yaml").write_text("type: edge\noutbox: {max_bytes: 1000000}\n")
    then = VirtualClock(time.time_ns() - 7_200 * SECOND)
    log = BatchLog.open(data / "edge" / "outbox.sqlite", bounds=Bounds(bytes=1_000_000), clock=then)
    batch = BatchBuilder()
    for number in range(20_000):
        batch.add("cq/hall/line/press/speed", number, float(number) * 1.1, received=number)
    block = batch.build()
    while not log.totals.dropped:
        log.put(block)
    log.close()
    findings = found(doctor_stores.outbox, patient(folder, data))
    assert findings.keys() >= {"outbox-waits", "outbox-lost"}
    (folder / "edge.yaml").write_text("type: edge\noutbox: {max_bytes: 1000000}\n")
    with closing(sqlite3.connect(data / "edge" / "outbox.sqlite")) as database, database:
        database.execute("UPDATE log_size SET bytes = 950000")
    assert found(doctor_stores.outbox, patient(folder, data))["outbox-filling"].weight is Weight.FAULT


def readings(count: int) -> Batch:
    batch = BatchBuilder()
    for number in range(count):
        batch.add("cq/hall/line/press/speed", number, float(number), received=number)
    return batch.build()


@pytest.mark.parametrize("name", ["edge/outbox.sqlite", "historian/historian.db"])
def test_batches_that_could_not_be_read_are_found(folder: Path, data: Path, name: str) -> None:
    with closing(BatchLog.open(data / name)) as log:
        for count in (3, 4, 5):
            log.put(readings(count))
    assert found(doctor_aside.batches, patient(folder, data)) == {}
    with closing(sqlite3.connect(data / name)) as database, database:
        database.execute("UPDATE log SET blob = zeroblob(40) WHERE id = 2")
    with closing(BatchLog.open(data / name)) as log:
        assert [len(entry.batch) for entry in log.oldest(9)] == [3, 5]
    finding = found(doctor_aside.batches, patient(folder, data))["batches-aside"]
    assert finding.what.en.startswith(f"1 batches in {data / name} could not be read; 1 of them (4 samples)")
    with closing(sqlite3.connect(data / name)) as database, database:
        database.execute("INSERT INTO rescued VALUES (0, 'outbox.sqlite.damaged-0', 'log', 6)")
    finding = found(doctor_aside.batches, patient(folder, data))["batches-aside"]
    assert finding.what.en.startswith(f"7 batches in {data / name} could not be read; 1 of them")


def test_what_the_centre_refused_for_good_is_found(folder: Path, data: Path) -> None:
    with closing(BatchLog.open(data / "edge" / "rejected.sqlite")) as log:
        assert found(doctor_aside.refused, patient(folder, data)) == {}
        log.put(readings(3))
    assert "1 batches (3 samples)" in found(doctor_aside.refused, patient(folder, data))["batches-refused"].what.en


def test_segments_that_were_put_aside_are_found(folder: Path, data: Path) -> None:
    stored(data, "cq/hall/line/press/speed", 1.0, time.time_ns())
    [segment] = (data / "historian" / "segments").glob("*.parquet")
    assert found(doctor_aside.segments, patient(folder, data)) == {}
    segment.write_bytes(segment.read_bytes()[:-20])
    with closing(EmbeddedHistorian(data / "historian", seal_every=None)) as store, suppress(Unavailable):
        store.history(["cq/hall/line/press/speed"], 0, time.time_ns())
    assert "1 segments" in found(doctor_aside.segments, patient(folder, data))["segments-aside"].what.en


def test_what_a_damaged_database_holds_aside_is_not_asked_for(folder: Path, data: Path) -> None:
    (data / "edge").mkdir()
    for name in ("outbox.sqlite", "rejected.sqlite"):
        (data / "edge" / name).write_bytes(b"\xff" * 8192)
    assert found(doctor_aside.batches, patient(folder, data)) == {}
    assert found(doctor_aside.refused, patient(folder, data)) == {}


def test_a_device_whose_clock_is_off_is_found(folder: Path, data: Path) -> None:
    (folder / "scene.yaml").write_text(scene(502))
    stored(data, f"cq/hall/{LINE}/plc/clock-offset", 42.0, time.time_ns())
    assert "42.0 s" in found(doctor_stores.said_of_themselves, patient(folder, data))["device-clock"].what.en


def test_a_port_that_somebody_has_is_found(folder: Path, data: Path, listening: int) -> None:
    (folder / "centre.yaml").write_text(f"type: centre\nport: {listening}\n")
    assert "port-taken" in found(doctor_network.port, patient(folder, data))


def test_a_port_that_only_root_may_have_is_found(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "centre.yaml").write_text("type: centre\nport: 443\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "port-privileged" in found(doctor_network.port, patient(folder, data))


def test_a_centre_that_does_not_answer_is_found(folder: Path, data: Path) -> None:
    (data / "console.json").write_text(f'{{"url": "http://127.0.0.1:{free_port()}/", "key": "k"}}')
    assert "not-ready" in found(doctor_network.port, patient(folder, data))


@pytest.mark.parametrize(("days", "weight"), [(-1, Weight.FAULT), (10, Weight.WARNING)])
def test_a_certificate_that_ends_is_found(folder: Path, data: Path, days: int, weight: Weight) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=90)).not_valid_after(now + timedelta(days=days))
    (data / "tls").mkdir()
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (data / "tls" / "certificate.pem").write_bytes(pem)
    assert found(doctor_network.certificates, patient(folder, data))["certificate"].weight is weight


def test_a_source_that_nothing_answers_for_is_found(folder: Path, data: Path, listening: int) -> None:
    (folder / "scene.yaml").write_text(scene(listening))
    assert found(doctor_network.reachable, patient(folder, data)) == {}
    (folder / "scene.yaml").write_text(scene(free_port()))
    assert "hall/plc" in found(doctor_network.reachable, patient(folder, data))["source-unreachable"].what.en


def test_a_check_that_may_not_look_says_so(folder: Path, data: Path) -> None:
    def disk(_: Patient):
        raise PermissionError(13, "Permission denied", str(data))
        yield

    [finding] = examine(patient(folder, data), [disk])
    assert (finding.id, finding.weight) == ("not-permitted", Weight.FAULT)


@pytest.mark.parametrize(
    ("locale", "spoken"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "en_GB.UTF-8"}, "en"), ({"LC_ALL": "C", "LANG": "zh_CN"}, "en")],
)
def test_the_locale_says_which_language(locale: dict[str, str], spoken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert language() == spoken


def test_the_command_speaks_the_locales_language_and_its_exit_code_says_whether_something_is_wrong(
    folder: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    env = {**os.environ, "LC_ALL": "zh_CN.UTF-8"}
    assert "数据目录" in provenline("doctor", "--data", nowhere, "--config", folder, code=1, env=env)
    said = provenline("doctor", "--json", "--data", nowhere, "--config", folder, code=1)
    assert '"data-missing"' in said
    assert "首次启动会建立" in said
