"""What is due by the rules goes, oldest first; what a campaign or a hold protects stays, and is said to."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from configs.loader import load
from evidence.campaign import Campaigns
from evidence.plan import Plan, RecordedArm, Window
from historian.buckets import DAY
from historian.embedded import EmbeddedHistorian
from historian.influxdb import InfluxHistorian, Server
from historian.port import Dropped
from plant.batch import Batch, BatchBuilder
from plant.clock import SECOND, VirtualClock
from provenline import doctor_retention
from provenline.backup import back_up
from provenline.backup_archive import Manifest
from provenline.doctor import patient
from provenline.restore_command import app as restoring
from provenline.retention import Due, carry_out, groups, plan, protections
from provenline.retention_command import app
from tests.operations.conftest import small_configuration
from tests.peers.influxd import influxd

PRESS = "cq/first-light/line-1/press"
CYCLE, REASON, FOREIGN = f"{PRESS}/cycle", f"{PRESS}/stop-reason", "cq/first-light/line-1/robot/speed"
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND
NOW = 20_000 * DAY + 5
RULES = "retention: {raw: 40d, rollups: [{step: 1min, keep: 60d}, {step: 1h, keep: 90d}], holds: [%s]}\n"
HOLD = '{id: claim, start: "2024-07-10T06:00:00Z", stop: "2024-07-10T07:00:00Z", reason: claim 17}'


def configured(folder: Path, *, holds: str = "") -> Path:
    return small_configuration(folder / "configuration", centre=RULES % holds)


class Days:
    """A store of so many rows a day, which notes what is thinned."""

    def __init__(self, held: dict[int, dict[int, int]]) -> None:
        self._held = held
        self.thinned: list[tuple[int, int]] = []

    def held(self, groups, before: int, *, step: int = 0):
        days = {day: rows for day, rows in self._held.get(step, {}).items() if (day + 1) * DAY <= before}
        return [days for _ in groups]

    def thin(self, paths, day: int, step: int) -> Dropped:
        self.thinned.append((day, step))
        return Dropped(samples=7, bytes=70)


def test_each_day_goes_to_the_step_of_its_age(tmp_path: Path) -> None:
    chosen = groups(load(configured(tmp_path)), [])
    today = NOW // DAY
    held = {0: {today - age: 10 for age in (30, 40, 41, 61, 95)}, MINUTE: {today - age: 5 for age in (50, 61, 95)}}
    due = plan(Days(held), chosen, [], now=NOW)
    assert [(today - one.day, one.source, one.target) for one in due] == [
        (95, 0, 0),
        (95, MINUTE, 0),
        (61, 0, HOUR),
        (61, MINUTE, HOUR),
        (41, 0, MINUTE),
    ]


def test_states_and_texts_stay_and_undeclared_tags_go_by_the_rule_for_all(tmp_path: Path) -> None:
    (group,) = groups(load(configured(tmp_path)), [CYCLE, REASON, FOREIGN])
    assert {CYCLE, FOREIGN} <= set(group.paths)
    assert REASON not in group.paths


def test_nothing_is_due_without_rules(tmp_path: Path) -> None:
    assert groups(load(small_configuration(tmp_path / "configuration")), [CYCLE]) == []


def test_windows_of_campaigns_and_holds_stay_with_a_day_on_both_sides(tmp_path: Path) -> None:
    configuration = load(configured(tmp_path, holds=HOLD))
    campaigns = Campaigns(tmp_path / "campaigns")
    window = Window(start=(NOW // DAY - 50) * DAY + HOUR, stop=(NOW // DAY - 50) * DAY + 2 * HOUR)
    frozen = Plan(
        id="faster",
        name={"en": "Faster"},
        scene="first-light",
        catalogue="cq-2020-1",
        clause="any",
        clause_digest="0" * 64,
        improved=RecordedArm(windows=(window,)),
        author="Li Wei",
    )
    campaigns.create(frozen, clock=VirtualClock(NOW))
    spared = protections(configuration, campaigns)
    assert [one.why for one in spared] == ["hold claim: claim 17", "campaign faster"]
    today = NOW // DAY
    store = Days({0: {today - age: 10 for age in range(48, 53)}})
    due = plan(store, groups(configuration, []), spared, now=NOW)
    assert {today - one.day: one.protected for one in due} == {
        52: "",
        51: "campaign faster",
        50: "campaign faster",
        49: "campaign faster",
        48: "",
    }
    first: list[int] = []
    done = carry_out(store, due, first=lambda _, day: first.append(today - day), going=lambda: True)
    assert [(today - day, step) for day, step in store.thinned] == [(52, MINUTE), (48, MINUTE)]
    assert first == [52, 48]
    assert (done.days, done.samples, done.bytes) == (2, 14, 140)


def test_a_round_that_is_broken_off_says_what_is_left(tmp_path: Path) -> None:
    chosen = groups(load(configured(tmp_path)), [])
    store = Days({0: {NOW // DAY - age: 1 for age in (41, 42)}})
    due = plan(store, chosen, [], now=NOW)
    going = iter([True, False])
    left: list[Due] = carry_out(store, due, first=lambda *_: None, going=lambda: next(going)).left
    assert [NOW // DAY - one.day for one in left] == [41]


# ------------------------------------------------------------------------- the command, whole
@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a sample an hour on some days, and its configuration beside it."""
    root = tmp_path_factory.mktemp("retention")
    configured(root)
    with closing(EmbeddedHistorian(root / "data" / "historian", seal_every=None)) as store:
        store.write(some_days())
        store.seal()
    return root


def some_days() -> Batch:
    today = time.time_ns() // DAY
    batch = BatchBuilder()
    for age in (70, 45, 10):
        for hour in range(24):
            moment = (today - age) * DAY + hour * HOUR
            batch.add(CYCLE, moment, hour / 7, received=moment)
            batch.add(REASON, moment, "x", received=moment)
    return batch.build()


def said(stored: Path, *words: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    folders = ["--data", str(stored / "data"), "--config", str(stored / "configuration")]
    done = CliRunner().invoke(app, [*words, *folders])
    assert done.exit_code == 0, done.output
    return done.output


def test_what_is_shown_is_planned_and_what_is_planned_is_done(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "40 days → 1 min values 60 days → 1 h values 90 days" in said(stored, "show", monkeypatch=monkeypatch)
    rows = [json.loads(line) for line in said(stored, "plan", "--json", monkeypatch=monkeypatch).splitlines()]
    assert [(row["rows"], row["to_step_s"]) for row in rows] == [(24, 3600.0), (24, 60.0)]
    with closing(EmbeddedHistorian(stored / "data" / "historian", seal_every=None)):
        busy = CliRunner().invoke(
            app, ["apply", "--data", str(stored / "data"), "--config", str(stored / "configuration")]
        )
        assert busy.exit_code != 0
    assert "dropped 48 samples and 0 buckets" in said(stored, "apply", monkeypatch=monkeypatch)
    assert "nothing is due" in said(stored, "plan", monkeypatch=monkeypatch)
    assert "dropped so far: 48 samples" in said(stored, "show", monkeypatch=monkeypatch)
    backed_up_and_restored(stored)


@pytest.mark.needs("influxd")
def test_an_influxdb_shows_plans_and_does_likewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        influxd(tmp_path / "influxd") as server,
        closing(InfluxHistorian(Server(url=server.url, version=1))) as there,
    ):
        where = f"historian: {{type: influxdb, version: 1, url: '{server.url}'}}\n"
        small_configuration(tmp_path / "configuration", centre=RULES % "" + where)
        (tmp_path / "data").mkdir()
        there.write(some_days())
        assert "40 days → 1 min values 60 days → 1 h values 90 days" in said(tmp_path, "show", monkeypatch=monkeypatch)
        rows = [json.loads(line) for line in said(tmp_path, "plan", "--json", monkeypatch=monkeypatch).splitlines()]
        assert [(row["rows"], row["to_step_s"], row["bytes"]) for row in rows] == [(24, 3600.0, None), (24, 60.0, None)]
        whole = there.rollup(CYCLE, 0, time.time_ns(), 1)
        assert "dropped 48 samples and 0 buckets" in said(tmp_path, "apply", monkeypatch=monkeypatch)
        assert "nothing is due" in said(tmp_path, "plan", monkeypatch=monkeypatch)
        assert "dropped so far: 48 samples" in said(tmp_path, "show", monkeypatch=monkeypatch)
        left = there.rollup(CYCLE, 0, time.time_ns(), 1)
    assert left.count.tolist() == whole.count.tolist() == [72]
    assert left.mean.tolist() == pytest.approx(whole.mean.tolist(), rel=1e-12)
    assert left.step.tolist() == [HOUR]


def backed_up_and_restored(stored: Path) -> None:
    """What stands for samples is in a backup as they are."""
    manifest = Manifest(made="2026-11-21T00:00:00Z", version="0", site="cq", keys=False)
    back_up(stored / "a.tar", data=stored / "data", configuration=stored / "configuration", manifest=manifest)
    target = [str(stored / "a.tar"), "--data", str(stored / "b" / "data"), "--config", str(stored / "b" / "c")]
    done = CliRunner().invoke(restoring, target)
    assert done.exit_code == 0, done.output
    found = []
    for data in (stored / "data", stored / "b" / "data"):
        with closing(EmbeddedHistorian(data / "historian", seal_every=None)) as store:
            found.append(store.rollup(CYCLE, 0, time.time_ns(), 1))
    assert found[0].count.tolist() == found[1].count.tolist() == [72]
    assert found[0].mean.tolist() == found[1].mean.tolist()
    assert found[1].step.tolist() == [HOUR]


def test_a_doctor_warns_when_the_disk_is_full_before_anything_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = configured(tmp_path)
    batch, now = BatchBuilder(), time.time_ns()
    for n in range(2_000):
        batch.add(CYCLE, now - 3 * DAY + n * 100 * SECOND, float(n), received=now)
    with closing(EmbeddedHistorian(tmp_path / "data" / "historian", seal_every=None)) as store:
        store.write(batch.build())
        store.seal()
    someone = patient(folder, tmp_path / "data")
    usage = type("Usage", (), {"free": 50_000})
    assert list(doctor_retention.retention(someone)) == []
    monkeypatch.setattr(doctor_retention.shutil, "disk_usage", lambda _: usage)
    (finding,) = doctor_retention.retention(someone)
    assert finding.id == "disk-before-retention"
    assert "retention first frees some in 37 days" in finding.what.en
