"""Backups are taken while samples arrive, are checked before they are used, and give the same figures elsewhere."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sqlite3
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import pytest

from dashboard_api.audit import records, verify
from historian.embedded import EmbeddedHistorian, EmbeddedReader
from plant.clock import MILLISECOND
from plant.errors import ProvenlineError, Rejected
from provenline.backup import back_up
from provenline.backup_archive import Manifest, examined
from provenline.fast_forward import FastRun
from provenline.restore import restore
from provenline.trust import AUDIT
from tests.operations.conftest import SCENE, Place, provenline, serving
from tests.peers.processes import free_port

COUNTED = "cq/first-light/line-1/tester/count"


@dataclass
class Writer:
    """Writes 0, 1, 2, … to a centre and knows which of them it took."""

    place: Place
    taken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        token = (self.place.data / "write-token").read_text().strip()
        headers = {"Authorization": f"Token {token}"}
        with httpx.Client(base_url=self.place.url, headers=headers, trust_env=False, timeout=60) as client:
            for number in itertools.count():
                if self._stop.is_set():
                    return
                line = f"tester,site=cq,scene=first-light,line=line-1,device=tester count={number}i {time.time_ns()}"
                if client.post("/api/v2/write", content=line).status_code == 204:
                    self.taken.append(number)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def has(self, count: int) -> None:
        deadline = time.monotonic() + 120
        while len(self.taken) < count:
            assert time.monotonic() < deadline, f"only {len(self.taken)} were taken"
            time.sleep(0.02)


def figures(place: Place, run: FastRun) -> list[dict]:
    start, stop = run.windows[0]
    asked = {"start": start // MILLISECOND, "stop": stop // MILLISECOND}
    with place.client() as client:
        answer = client.get(f"/api/v1/scenes/{SCENE}/indicators", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["indicators"]


def stored(folder: Path) -> list[int]:
    with closing(EmbeddedReader(folder / "historian")) as store:
        return [int(s.value) for s in store.history([COUNTED], 0, 2**62).samples()]


@dataclass(frozen=True)
class Moved:
    """A centre's figures before, the archive, what had been taken before it began, and the restored folders."""

    before: list[dict]
    archive: Path
    taken: int
    told: str
    restored: Place


@pytest.fixture(scope="module")
def moved(place: Place, shift: FastRun, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    folder = tmp_path_factory.mktemp("elsewhere")
    archive = folder / "centre.tar"
    with serving(place), Writer(place) as writer:
        before = figures(place, shift)
        provenline("user", "add", "li", "--role", "operator", "--data", place.data)
        writer.has(20)
        taken = len(writer.taken)
        told = provenline("backup", archive, "--data", place.data, "--config", place.configuration)
        ended = len(writer.taken)
        writer.has(ended + 20)
    restored = Place(folder / "configuration", folder / "data", free_port())
    provenline("restore", archive, "--data", restored.data, "--config", restored.configuration)
    return Moved(before, archive, taken, told, restored)


def test_a_restored_centre_gives_the_same_figures_to_the_last_digit(moved: Moved, shift: FastRun) -> None:
    assert len(moved.before) > 20
    assert any(figure["value"] not in (None, 0.0) for figure in moved.before)
    with serving(moved.restored):
        assert figures(moved.restored, shift) == moved.before
        assert "li" in provenline("user", "list", "--data", moved.restored.data)
    assert "unbroken" in provenline("audit", "verify", "--data", moved.restored.data)


def test_all_that_was_taken_before_a_backup_began_is_in_it(moved: Moved) -> None:
    found = stored(moved.restored.data)
    assert found[: moved.taken] == list(range(moved.taken))
    assert found == list(range(len(found)))


def test_an_archive_is_for_its_owner_only_and_any_tool_can_check_it(moved: Moved, tmp_path: Path) -> None:
    assert moved.archive.stat().st_mode & 0o777 == 0o600
    subprocess.run(["tar", "-xf", moved.archive, "-C", tmp_path], check=True)
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_keys_are_left_out_unless_asked_for_and_that_is_said(moved: Moved, place: Place, tmp_path: Path) -> None:
    assert "data/write-token" in moved.told
    assert "data/write-token" not in examined(moved.archive).files
    assert not any("key" in name for name in examined(moved.archive).files)
    with_keys = tmp_path / "keys.tar"
    provenline("backup", with_keys, "--keys", "--data", place.data, "--config", place.configuration)
    files = examined(with_keys).files
    assert {"data/write-token", "data/accounts.db", "configuration/site.yaml"} <= files.keys()
    token = hashlib.sha256((place.data / "write-token").read_bytes()).hexdigest()
    assert files["data/write-token"] == token


def test_who_took_a_backup_and_where_it_was_restored_is_in_the_audit_log(tmp_path: Path) -> None:
    data, archive, fresh = tmp_path / "data", tmp_path / "taken.tar", tmp_path / "fresh"
    data.mkdir()
    provenline("user", "add", "li", "--role", "operator", "--data", str(data))
    provenline("backup", str(archive), "--data", str(data))
    provenline("restore", str(archive), "--data", str(fresh))
    assert [(r.actor, r.action, r.subject) for r in records(data / AUDIT)][1:] == [
        ("console", "backup.take", str(archive))
    ]
    restored = list(records(fresh / AUDIT))
    assert [r.action for r in restored] == ["user.add", "backup.restore"]
    assert json.loads(restored[-1].after)["bytes"] > 0
    assert verify(fresh / AUDIT).faults == ()


def test_a_restore_overwrites_nothing(moved: Moved, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "something").write_text("of somebody's")
    with pytest.raises(ProvenlineError, match="not empty"):
        restore(moved.archive, data=taken, configuration=None)
    with pytest.raises(ProvenlineError, match="not empty"):
        restore(moved.archive, data=tmp_path / "fresh", configuration=taken)
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]
    assert (taken / "something").read_text() == "of somebody's"


def test_a_backup_overwrites_no_other_and_needs_something_to_back_up(place: Place, tmp_path: Path) -> None:
    manifest = Manifest(made="now", version="0", site="", keys=False)
    (tmp_path / "old.tar").write_text("an older backup")
    with pytest.raises(ProvenlineError, match="never overwrites"):
        back_up(tmp_path / "old.tar", data=place.data, configuration=place.configuration, manifest=manifest)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProvenlineError, match="nothing that a centre wrote"):
        back_up(tmp_path / "new.tar", data=tmp_path / "empty", configuration=place.configuration, manifest=manifest)
    assert not (tmp_path / "new.tar").exists()
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An archive of a small store."""
    data, configuration = tmp_path / "data", tmp_path / "configuration"
    EmbeddedHistorian(data / "historian", seal_every=None).close()
    configuration.mkdir()
    manifest = Manifest(made="2026-01-01T00:00:00Z", version="0.1.0", site="cq", keys=False)
    back_up(tmp_path / "small.tar", data=data, configuration=configuration, manifest=manifest)
    return tmp_path / "small.tar"


@contextmanager
def refused(archive: Path, words: str) -> Iterator[None]:
    """Have the archive changed inside; then it is refused with these words, and nothing is written."""
    yield
    place = archive.parent / "fresh"
    with pytest.raises(Rejected, match=words):
        restore(archive, data=place, configuration=None)
    assert not list(archive.parent.glob("fresh*"))


def test_a_flipped_bit_anywhere_in_a_store_is_found(small: Path) -> None:
    with refused(small, r"damaged: data/historian/historian\.db was altered"):
        blob = bytearray(small.read_bytes())
        blob[blob.index(b"SQLite format 3") + 3_000] ^= 1
        small.write_bytes(blob)


def test_an_archive_that_was_cut_off_is_refused(small: Path) -> None:
    with refused(small, "cut off|no backup"):
        small.write_bytes(small.read_bytes()[: small.stat().st_size // 2])


def test_what_is_no_backup_is_refused(small: Path) -> None:
    with refused(small, "no backup"):
        small.write_bytes(b"PK\x03\x04 something else" * 100)


def rewritten(archive: Path, *, manifest: str | None = None, extra: tarfile.TarInfo | None = None) -> None:
    """Make an archive anew, its sums right, with another manifest or one more member."""
    folder = archive.parent / "unpacked"
    with tarfile.open(archive) as old:
        old.extractall(folder, filter="data")
    if manifest is not None:
        (folder / "backup.json").write_text(manifest)
    names = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
    names.remove("SHA256SUMS")
    sums = "".join(f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names)
    (folder / "SHA256SUMS").write_text(sums)
    with tarfile.open(archive, "w") as new:
        for name in names:
            new.add(folder / name, name)
        if extra is not None:
            new.addfile(extra)
        new.add(folder / "SHA256SUMS", "SHA256SUMS")
    shutil.rmtree(folder)


def test_a_backup_of_a_newer_form_is_refused(small: Path) -> None:
    with refused(small, r"newer version \(9\.0\)"):
        rewritten(small, manifest='{"format": 2, "version": "9.0"}')


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"format": 1e999}', '{"format": 1}', "[" * 100_000])
def test_a_backup_that_does_not_say_what_it_is_is_refused(small: Path, manifest: str) -> None:
    with refused(small, "does not say what it is"):
        rewritten(small, manifest=manifest)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "data/../../outside"])
def test_a_member_that_leads_outside_is_refused(small: Path, name: str) -> None:
    with refused(small, "does not belong"):
        rewritten(small, extra=tarfile.TarInfo(name))


def test_a_link_is_refused(small: Path) -> None:
    link = tarfile.TarInfo("data/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with refused(small, "does not belong"):
        rewritten(small, extra=link)


def test_a_store_that_a_newer_version_wrote_is_refused_while_nothing_has_changed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    EmbeddedHistorian(data / "historian", seal_every=None).close()
    with closing(sqlite3.connect(data / "historian" / "historian.db")) as database:
        database.execute("PRAGMA user_version = 99")
    (tmp_path / "configuration").mkdir()
    manifest = Manifest(made="2026-01-01T00:00:00Z", version="9.0.0", site="cq", keys=False)
    back_up(tmp_path / "b.tar", data=data, configuration=tmp_path / "configuration", manifest=manifest)
    with pytest.raises(ProvenlineError, match=r"written by a newer version \(schema 99"):
        restore(tmp_path / "b.tar", data=tmp_path / "fresh", configuration=None)
    assert not list(tmp_path.glob("fresh*"))
