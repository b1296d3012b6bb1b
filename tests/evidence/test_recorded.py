"""A campaign on a real line: recorded windows, an exclusion a person answers for, evidence that holds.

A press as its counters would have been collected: five hours before and five after a change, one
of them cut short by a power failure. Nothing here is simulated, so nothing may be marked so.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.annotation_log import AnnotationLog
from analytics.annotations import Annotation
from evidence.signing import Signer
from evidence.verify import Result, Step, Verification, verify
from historian.embedded import EmbeddedHistorian
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, from_iso, iso
from plant.packml import PackState
from provenline.acceptance import app
from tests.evidence.test_tampering import Cover, Manipulation, manipulated, told

HOUR = 3600 * SECOND
EVERY = 5 * SECOND
BEFORE, AFTER = from_iso("2025-03-03T08:00:00+08:00"), from_iso("2025-03-10T08:00:00+08:00")
PRESS = "cq/stamping/press-shop/press"
POWER_CUT = 2
"""Which hour after the change the power failed in."""

SITE = """
type: site
id: cq
name: test
zone: Asia/Shanghai
calendars:
  days:
    shifts: [{id: day, start: "08:00", end: "13:00"}]
"""
SCENE = """
type: scene
id: stamping
name: {zh: 冲压线, en: Stamping line}
calendar: days
sources: [{type: mqtt, id: broker, host: 127.0.0.1, port: 1883, client_id: test-stamping}]
lines:
  - id: press-shop
    name: {zh: 冲压车间, en: Press shop}
    devices:
      - id: press
        name: {zh: 压力机, en: Press}
        type: press
        source: broker
        ideal_cycle: 4
        tags:
          - {id: state, kind: state, role: state, states: packml, address: {topic: press/state}}
          - {id: total, kind: counter, role: total-count, unit: "{part}", address: {topic: press/total}}
          - {id: good, kind: counter, role: good-count, unit: "{part}", address: {topic: press/good}}
"""
CATALOGUE = """
type: acceptance-catalogue
id: our-own
document: {number: 2025-1, date: 2025-01-02, title: {zh: 厂内验收单, en: Acceptance sheet of the plant}}
clauses:
  - id: press
    number: 2025-1/3
    scene: stamping
    name: {zh: 冲压提效, en: Faster stamping}
    indicators:
      - {id: gain, name: {zh: 生产效率提升, en: Efficiency gain}, kind: change-up, op: ">=", value: 0.10,
         measure: production-rate, statistic: ratio, minimum: {shifts: 4}}
"""
PLAN = """
id: press-2025
name: {zh: 冲压线改造验收, en: Acceptance of the press line}
scene: stamping
catalogue: our-own
clause: press
baseline: {source: recorded, windows: [BASELINE]}
improved: {source: recorded, windows: [IMPROVED]}
exclusion_rules: [{id: power, text: {zh: 外部停电, en: power cut from outside}}]
author: Li Wei
"""


def window(start: int, hour: int) -> str:
    """Return an hour of a morning as people write it."""
    day = "2025-03-03" if start == BEFORE else "2025-03-10"
    return f"{{start: {day}T{8 + hour:02d}:00:00+08:00, stop: {day}T{9 + hour:02d}:00:00+08:00}}"


def plan_text(*, improved: str | None = None) -> str:
    before = ", ".join(window(BEFORE, hour) for hour in range(5))
    after = improved or ", ".join(window(AFTER, hour) for hour in range(5))
    return PLAN.replace("BASELINE", before).replace("IMPROVED", after)


def morning(start: int, a_minute: float, *, origin: Origin, cut: int | None = None) -> Batch:
    """Return five hours of a press that makes so many parts a minute; in the hour `cut` for ten minutes only."""
    builder, made = BatchBuilder(), 1000.0
    for moment in range(start, start + 5 * HOUR + EVERY, EVERY):
        hour, into = divmod(moment - start, HOUR)
        stands = hour == cut and into > HOUR // 6
        wobble = 1 + 0.01 * ((hour * 7) % 5 - 2)
        made += 0.0 if stands else a_minute * wobble * EVERY / (60 * SECOND)
        state = PackState.STOPPED if stands else PackState.EXECUTE
        for tag, value in (("state", int(state)), ("total", int(made)), ("good", int(made * 0.99))):
            builder.add(f"{PRESS}/{tag}", moment, value, received=moment + SECOND // 10, origin=origin)
    return builder.build()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a configuration and a centre's data: the mornings before and after."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "configuration").mkdir()
    for name, text in (("site", SITE), ("stamping", SCENE), ("our-own", CATALOGUE)):
        (folder / "configuration" / f"{name}.yaml").write_text(text, encoding="utf-8")
    historian = EmbeddedHistorian(folder / "data" / "historian", seal_every=None)
    historian.write(morning(BEFORE, 10, origin=Origin.REPLAYED))  # from the line's own recorder, played into the store
    historian.write(morning(AFTER, 12.5, origin=Origin.DEVICE, cut=POWER_CUT))
    historian.seal()
    historian.close()
    log = AnnotationLog(folder / "data" / "annotations.db")
    for start in (AFTER + HOUR, AFTER + 240 * HOUR):  # the second long after the windows
        span = (start, start + 60 * SECOND)
        log.add(Annotation(scope=PRESS, span=span, reason="tool broken", author="Zhao Min", made=start + HOUR))
    log.close()
    return folder


def say(place: Path, *words: str) -> tuple[int, str]:
    """Run `provenline acceptance …` and return its exit code and what it said."""
    data = ["--data", str(place / "data")]
    folder = [] if words[0] == "exclude" else ["--config", str(place / "configuration")]
    result = CliRunner().invoke(app, [*words, *data, *folder])
    return result.exit_code, " ".join(result.output.split())


def planned(place: Path, text: str, *more: str) -> tuple[int, str]:
    file = place / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    return say(place, "plan", "--file", str(file), *more)


def left_out(place: Path, campaign: str = "press-2025", **changed: str) -> tuple[int, str]:
    said = {
        "start": "2025-03-10T10:10:00+08:00",
        "stop": "2025-03-10T11:00:00+08:00",
        "rule": "power",
        "reason": "power cut of the grid, notice 311",
        "author": "Wang Fang",
        **changed,
    }
    return say(place, "exclude", campaign, *(word for key, value in said.items() for word in (f"--{key}", value)))


@pytest.fixture(scope="module")
def package(place: Path) -> Path:
    assert planned(place, plan_text())[0] == 0
    code, said = left_out(place)
    assert code == 0, said
    code, said = say(place, "run", "press-2025")
    assert code == 0, said
    return place / "data" / "campaigns" / "press-2025" / "press-2025-r1.zip"


def test_what_people_wrote_about_the_windows_goes_along_and_nothing_else(package: Path) -> None:
    (one,) = json.loads(held(package, "annotations.json"))
    assert (one["reason"], one["author"], one["start"]) == ("tool broken", "Zhao Min", iso(AFTER + HOUR))


@pytest.fixture(scope="module")
def checked(package: Path) -> Verification:
    return verify(package)


def held(package: Path, name: str) -> bytes:
    with zipfile.ZipFile(package) as archive:
        return archive.read(f"press-2025/data/{name}")


def test_recorded_windows_make_evidence_that_holds_and_is_not_marked_simulated(checked: Verification) -> None:
    assert checked.holds, told(checked)
    assert checked.simulated is False
    assert checked.finding["verdict"] == "met"
    (finding,) = checked.finding["findings"]
    assert finding["estimate"] == pytest.approx(0.25, abs=0.01)
    assert not finding["improved"]["simulated"]


def test_the_window_an_exclusion_touches_is_left_out_whole(package: Path, checked: Verification) -> None:
    stated = json.loads(held(package, "measurements.json"))
    assert stated["improved"]["excluded"] == [[iso(AFTER + POWER_CUT * HOUR), iso(AFTER + 3 * HOUR)]]
    assert len(stated["improved"]["windows"]) == 4
    assert stated["baseline"]["excluded"] == []
    (finding,) = checked.finding["findings"]
    assert (finding["baseline"]["windows"], finding["improved"]["windows"]) == (5, 4)


def test_what_was_replayed_is_stated_as_such(package: Path) -> None:
    marks = {arm: said["marks"] for arm, said in json.loads(held(package, "completeness.json")).items()}
    assert marks["baseline"]["replayed"] > 0
    assert marks["improved"] == {"simulated": 0, "replayed": 0}
    assert marks["baseline"]["simulated"] == 0


@pytest.mark.needs("pdftotext")
def test_the_report_says_recorded_and_shows_who_left_out_what_and_why(package: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(held(package, "report/report.en.pdf"))
    text = subprocess.run(
        ["pdftotext", "-raw", str(file), "-"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    text = " ".join(text.split())
    assert "recorded data" in text
    assert "simulated" not in text.lower()
    assert "power cut of the grid" in text
    assert "Wang Fang" in text
    assert "5 windows, 5 of which had begun before the plan was fixed" in text  # nobody can claim otherwise


def without_exclusions(folder: Path) -> None:
    (folder / "data" / "exclusions.json").write_text("[]\n")


def changed(**values: object) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        file = folder / "data" / "exclusions.json"
        (one,) = json.loads(file.read_bytes())
        file.write_text(json.dumps([{**one, **values}]))

    return do


def moved(folder: Path) -> None:
    (one,) = json.loads((folder / "data" / "exclusions.json").read_bytes())
    earlier = {name: moment - 2 * HOUR for name, moment in one["window"].items()}
    changed(window=earlier)(folder)


@pytest.mark.parametrize(
    ("what", "do", "step", "message"),
    [
        ("removed", without_exclusions, Step.FIGURES, "improved.excluded"),
        ("moved to another hour", moved, Step.FIGURES, "improved.excluded"),
        ("nobody's", changed(author="  "), Step.PLAN, "author"),
        ("without a reason", changed(reason="     "), Step.PLAN, "reason"),
        ("from no time", changed(at=0), Step.PLAN, "before the plan"),
        ("entered after the run", changed(at=from_iso("2200-01-01T00:00:00Z")), Step.PLAN, "after the campaign"),
        ("under no rule", changed(rule="weather"), Step.PLAN, "does not have"),
    ],
)
def test_an_exclusion_that_is_tampered_with_is_caught_even_when_signed_anew(
    what: str, do: Callable[[Path], None], step: Step, message: str, package: Path, tmp_path: Path
) -> None:
    found = verify(manipulated(Manipulation(what, do, Cover.SIGNATURE, step, message), package, tmp_path))
    (first, *_) = [check for check in found.checks if check.result is Result.FAILS]
    assert first.step is step, told(found)
    assert message in " ".join(detail.en for detail in first.details)


def test_another_reason_is_caught_by_whoever_knows_the_key(package: Path, place: Path, tmp_path: Path) -> None:
    signer = Signer.load(place / "data" / "keys" / "evidence.pem")
    other = Manipulation("reason", changed(reason="a holiday"), Cover.MANIFESTS, Step.SIGNATURE, "")
    assert not verify(manipulated(other, package, tmp_path)).holds
    again = Manipulation("reason", changed(reason="a holiday"), Cover.SIGNATURE, Step.SIGNATURE, "")
    assert not verify(manipulated(again, package, tmp_path), trusted=[signer.fingerprint]).holds


# ------------------------------------------------------------------------- what is refused
@pytest.fixture(scope="module")
def pending(place: Path) -> str:
    """Return the id of a campaign that is planned and not carried out."""
    code, said = planned(place, plan_text().replace("press-2025", "pending"))
    assert code == 0, said
    return "pending"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "weather"}, "no exclusion rule 'weather'; it has power"),
        ({"author": " "}, "author"),
        ({"reason": "    "}, "reason"),
        ({"start": "2025-03-10T10:10:00"}, "time zone"),
        ({"stop": "2025-03-10T10:00:00+08:00"}, "ends after it starts"),
        ({"start": "2025-04-01T08:00:00+08:00", "stop": "2025-04-01T09:00:00+08:00"}, "no window of the plan"),
    ],
)
def test_an_exclusion_that_cannot_stand_is_refused(
    changes: dict[str, str], message: str, place: Path, pending: str
) -> None:
    code, said = left_out(place, pending, **changes)
    assert code == 1
    assert message in said


def test_nothing_is_left_out_of_a_campaign_that_is_done(place: Path, package: Path) -> None:
    assert package.exists()
    code, said = left_out(place, start="2025-03-10T08:00:00+08:00", stop="2025-03-10T08:10:00+08:00")
    assert code == 1
    assert "make a new revision" in said


def test_windows_that_overlap_are_refused(place: Path) -> None:
    twice = f"{window(AFTER, 0)}, {window(AFTER, 0)}"
    code, said = planned(place, plan_text(improved=twice).replace("press-2025", "twice"))
    assert code == 1
    assert "overlap" in said


def test_a_window_in_the_future_can_be_planned_and_is_not_carried_out_before_it_has_ended(place: Path) -> None:
    future = "{start: 2200-01-01T08:00:00+08:00, stop: 2200-01-01T09:00:00+08:00}"
    code, said = planned(place, plan_text(improved=future).replace("press-2025", "future"))
    assert code == 0, said
    code, said = say(place, "run", "future")
    assert code == 1
    assert (
        "has not ended yet"
        in json.loads((place / "data" / "campaigns" / "future" / "status.json").read_bytes())["error"]
    )
