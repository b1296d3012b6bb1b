"""The book of the labs keeps what was done, whatever happens, and certificates that can be checked."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from labs.attendance import by_day, day_of, records
from labs.awards import Certificate, new_code, read_code
from labs.certificate import pdf
from labs.checking import Outcome, Part
from labs.course import DiagnosisDocument, LabKey
from labs.desk import own_seed
from labs.drills import Hidden
from labs.grade_book import as_csv, as_workbook, guarded, rows
from labs.library import read_library
from labs.observation import Claim
from labs.pairs import join_code
from labs.register import Register
from labs.roll import Enrolment, Presence
from labs.work import MOST_CLAIMS, Attempt, NotNow, Result
from plant.clock import from_iso
from plant.errors import ProvenlineError, Unavailable
from plant.text import Text
from provenline.main import app

KEY = LabKey("example", "belt-speed")
GIVEN = Certificate("", "wang", "example", "王小明", Text("示例", "Example"), 6.5, 7, from_iso("2026-03-02T20:00:00Z"))


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    opened = Register(tmp_path / "labs.db")
    yield opened
    opened.close()


def test_what_was_done_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Register(tmp_path / "labs.db")
    attempt = first.work.begin("wang", KEY, 10)
    first.work.on(attempt.id, "s1", plant=20, seed=30)
    first.work.answer(attempt.id, {"one": 2, "two": (1, 3), "three": "ja", "four": 1.5}, 11)
    first.work.hint(attempt.id, ("repair", 0), 12)
    first.work.claim(attempt.id, Claim("jam", "press", 1.5, None))
    outcome = Outcome("one", "look", Part.QUESTION, True, 2, 2, Text("因", "why"), "2")
    first.work.grade(Result(attempt.id, 1.0, 7, (outcome,), 13), fixed=["one"])
    with pytest.raises(Unavailable, match="being written"):
        Register(tmp_path / "labs.db")
    first.close()
    again = Register(tmp_path / "labs.db")
    kept = again.work.attempt(attempt.id)
    assert kept == replace(attempt, sandbox="s1", plant=20, seed=30)
    assert again.work.answers(attempt.id) == ({"one": 2, "two": (1, 3), "three": "ja", "four": 1.5}, {"one"})
    assert again.work.hints(kept) == {("repair", 0)}
    assert again.work.claims(attempt.id) == (Claim("jam", "press", 1.5, None),)
    assert again.work.results(attempt.id)[0].outcomes == (outcome,)
    again.close()


def test_the_best_of_all_attempts_counts_and_practice_does_not(register: Register) -> None:
    for learner, points in [("wang", 3.0), ("wang", 5.0), ("wang", 4.0), ("", 7.0), ("li", 6.0)]:
        attempt = register.work.begin(learner, KEY, 0)
        register.work.grade(Result(attempt.id, points, 7, (), 0), fixed=[])
    assert register.work.best("wang", "example") == {"belt-speed": 5.0}
    assert register.work.best("", "example") == {}


def test_a_new_attempt_ends_the_one_before_but_nobody_elses(register: Register) -> None:
    first, other = register.work.begin("wang", KEY, 1), register.work.begin("li", KEY, 1)
    practice = [register.work.begin("", KEY, 1) for _ in range(2)]
    last = register.work.begin("wang", KEY, 2)
    running = {one.id for one in register.work.running()}
    assert running == {last.id, other.id, *(one.id for one in practice)}
    assert register.work.attempt(first.id).ended == 2


def test_hints_are_remembered_for_a_learner_and_forgotten_after_practice(register: Register) -> None:
    first = register.work.begin("wang", KEY, 1)
    register.work.hint(first.id, ("repair", 0), 1)
    assert register.work.hints(register.work.begin("wang", KEY, 2)) == {("repair", 0)}
    assert register.work.hints(register.work.begin("li", KEY, 2)) == frozenset()
    practice = register.work.begin("", KEY, 3)
    register.work.hint(practice.id, ("repair", 1), 3)
    assert register.work.hints(register.work.begin("", KEY, 4)) == frozenset()


def test_there_is_an_end_to_guessing(register: Register) -> None:
    attempt = register.work.begin("wang", KEY, 1)
    for number in range(MOST_CLAIMS):
        register.work.claim(attempt.id, Claim("jam", "press", float(number)))
    with pytest.raises(NotNow, match="guesses"):
        register.work.claim(attempt.id, Claim("jam", "press", 99.0))


def test_classes_enrol_their_members_and_dissolve_without_a_trace_on_them(register: Register) -> None:
    register.roll.enrol(Enrolment("wang", "example", "王小明", 1))
    formed = register.roll.form("example", "一班", "zhao", 2)
    assert register.roll.put_members(formed.id, ["wang", "li", "wang"], 3).members == ("li", "wang")
    names = {one.learner: one.name for one in register.roll.enrolments(course="example")}
    assert names == {"wang": "王小明", "li": "li"}
    register.roll.dissolve(formed.id)
    with pytest.raises(ProvenlineError, match="no class"):
        register.roll.a_class(formed.id)
    assert len(register.roll.enrolments()) == 2


def test_attendance_counts_one_a_person_course_and_day(register: Register) -> None:
    zone = "Asia/Shanghai"
    late = from_iso("2026-03-02T23:30:00+08:00")
    for learner, course, time in [
        ("a", "x", late),
        ("a", "x", late),
        ("a", "y", late),
        ("b", "x", late + 3_600 * 10**9),
    ]:
        register.roll.attend([Presence(learner, course, day_of(time, zone), time)])
    found = register.roll.attendance("2026-03-01", "2026-03-31")
    assert by_day(found) == {("2026-03-02", "x"): 1, ("2026-03-02", "y"): 1, ("2026-03-03", "x"): 1}
    told = {one.kind: one.number for one in records(found, first=date(2026, 3, 1), last=date(2026, 3, 31), zone=zone)}
    assert told == {"person-times": 3, "training": 3, "courses": 2}
    assert register.roll.attendance("2026-03-03", "2026-03-03", "y") == ()


def test_a_window_of_days_is_local_and_whole_where_clocks_change() -> None:
    record = records([], first=date(2026, 3, 29), last=date(2026, 3, 29), zone="Europe/Berlin")[0]
    assert (record.stop - record.start) == 23 * 3_600 * 10**9


def test_an_exercise_is_kept_with_its_scores(register: Register) -> None:
    rules = DiagnosisDocument(points=5)
    drill = register.drills.begin("c1", "zhao", fault={"kind": "jam", "target": "press"}, rules=rules, at=1)
    register.drills.hide(drill.id, Hidden("a1", "7", 12.5))
    register.drills.end(drill.id, {"a1": {"points": 5.0}}, 9)
    kept = register.drills.drill(drill.id)
    assert (kept.ended, kept.rules, kept.fault["kind"]) == (9, rules, "jam")
    assert kept.hidden == (Hidden("a1", "7", 12.5, {"points": 5.0}),)


def test_everybodys_line_has_a_seed_of_its_own_that_stays() -> None:
    seeds = {own_seed(f"trainee-{n}", "modbus/map") for n in range(200)}
    assert len(seeds) == 200
    assert own_seed("wang", "a/b") == own_seed("wang", "a/b") != own_seed("wang", "a/c")


# ---------------------------------------------------------------------------------------- pairs
def graded(register: Register, attempt: Attempt, points: float, at: int) -> None:
    register.work.grade(Result(attempt.id, points, 7, (), at), fixed=[])


def test_what_a_pair_is_graded_counts_for_both_and_what_comes_after_one_left_for_one(register: Register) -> None:
    attempt = register.work.begin("wang", KEY, 1)
    register.pairs.join(attempt, "li", 2)
    assert register.work.attempt(attempt.id).people == ("wang", "li")
    graded(register, attempt, 4.0, 3)
    register.pairs.part(attempt, 4)
    graded(register, attempt, 6.0, 5)
    assert register.work.best("wang", "example") == {"belt-speed": 6.0}
    assert register.work.best("li", "example") == {"belt-speed": 4.0}
    assert [one.id for one in register.work.attempts("li")] == [attempt.id]
    assert register.pairs.together() == {("wang", KEY): {"li"}, ("li", KEY): {"wang"}}


def test_who_leaves_before_it_is_graded_was_not_there_but_has_read_the_hints(register: Register) -> None:
    attempt = register.work.begin("wang", KEY, 1)
    register.work.hint(attempt.id, ("repair", 0), 2)
    register.pairs.join(attempt, "li", 3)
    register.pairs.part(attempt, 4)
    register.work.hint(attempt.id, ("repair", 1), 5)
    graded(register, attempt, 7.0, 6)
    assert register.work.best("li", "example") == {}
    assert register.work.attempts("li") == ()
    assert register.pairs.together() == {}
    own = register.work.begin("li", KEY, 7)
    assert register.work.hints(own) == {("repair", 0)}


def test_hints_that_a_partner_has_read_before_cost_the_pair(register: Register) -> None:
    earlier = register.work.begin("li", KEY, 1)
    register.work.hint(earlier.id, ("repair", 0), 1)
    register.work.end(earlier.id, 2)
    attempt = register.work.begin("wang", KEY, 3)
    assert register.work.hints(attempt) == frozenset()
    register.pairs.join(attempt, "li", 4)
    assert register.work.hints(register.work.attempt(attempt.id)) == {("repair", 0)}


def test_a_pair_takes_no_third_nobody_busy_and_nobody_without_a_name(register: Register) -> None:
    attempt, practice = register.work.begin("wang", KEY, 1), register.work.begin("", KEY, 1)
    for one, who, why in [
        (attempt, "wang", "your own attempt"),
        (attempt, "", "two names"),
        (practice, "li", "two names"),
    ]:
        with pytest.raises(NotNow, match=why):
            register.pairs.join(one, who, 2)
    register.pairs.join(attempt, "li", 2)
    with pytest.raises(NotNow, match="no third"):
        register.pairs.join(attempt, "chen", 3)
    other = register.work.begin("zhou", KEY, 3)
    for busy in ("wang", "li"):
        with pytest.raises(NotNow, match="end or leave it first"):
            register.pairs.join(other, busy, 4)
    graded(register, other, 1.0, 5)
    with pytest.raises(NotNow, match="graded already"):
        register.pairs.join(other, "chen", 6)
    register.work.end(other.id, 7)
    with pytest.raises(NotNow, match="has ended"):
        register.pairs.join(other, "chen", 8)


def test_a_partner_who_begins_alone_leaves_and_the_other_goes_on(register: Register) -> None:
    attempt = register.work.begin("wang", KEY, 1)
    register.pairs.join(attempt, "li", 2)
    register.work.begin("li", KEY, 3)
    assert register.work.attempt(attempt.id) == attempt


def test_a_register_of_an_earlier_version_is_opened_with_all_that_it_holds(tmp_path: Path) -> None:
    first = Register(tmp_path / "labs.db")
    attempt = first.work.begin("wang", KEY, 1)
    first.close()
    with closing(sqlite3.connect(tmp_path / "labs.db")) as old:
        old.executescript("DROP TABLE pair; PRAGMA user_version=1")
    again = Register(tmp_path / "labs.db")
    again.pairs.join(attempt, "li", 2)
    assert again.work.attempt(attempt.id).people == ("wang", "li")
    again.close()


@given(st.text(max_size=40))
def test_a_code_says_nothing_of_its_attempt_and_is_read_however_it_is_typed(attempt: str) -> None:
    code = join_code(attempt)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
    assert read_code(code.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == code


# --------------------------------------------------------------------------------- certificates
def test_a_certificate_is_given_once_and_found_by_its_code_however_it_is_typed(register: Register) -> None:
    given_ = register.awards.give(GIVEN)
    assert register.awards.give(replace(GIVEN, points=7.0)) == given_
    typed = given_.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert register.awards.find(typed) == given_
    assert register.awards.find("0000-0000-0000-0000") is None


def test_a_certificate_is_checked_by_command_beside_the_centre(register: Register, tmp_path: Path) -> None:
    code = register.awards.give(GIVEN).code
    run, empty = CliRunner(), tmp_path / "empty"
    empty.mkdir()
    genuine = run.invoke(app, ["lab", "certificate", code.lower(), "--data", str(tmp_path)])
    assert (genuine.exit_code, "王小明" in genuine.output) == (0, True)
    assert run.invoke(app, ["lab", "certificate", "0000-0000-0000-0000", "--data", str(tmp_path)]).exit_code == 1
    assert "no register" in run.invoke(app, ["lab", "certificate", code, "--data", str(empty)]).output


@given(st.text(max_size=60))
def test_any_text_can_be_asked_for(text: str) -> None:
    assert read_code(read_code(text)) == read_code(text)


def test_codes_differ_and_cannot_be_misread() -> None:
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500
    assert not set("".join(codes)) & set("ILOU")


@pytest.mark.needs("pdftotext")
@pytest.mark.parametrize(
    ("language", "words"), [("zh", ["结业证书", "王小明", "2026年03月03日"]), ("en", ["Certificate"])]
)
def test_a_certificate_says_who_what_when_and_its_code(tmp_path: Path, language: str, words: list[str]) -> None:
    certificate = replace(GIVEN, code="7K2M-9QXF-0ATB-CJ4W", name="王小明 #[*$_\\")
    (tmp_path / "c.pdf").write_bytes(pdf(certificate, language, issuer=Text("中心", "Centre"), zone="Asia/Shanghai"))
    text = subprocess.run(
        ["pdftotext", str(tmp_path / "c.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    flat = "".join(text.split())
    for word in [*words, "7K2M-9QXF-0ATB-CJ4W", "#[*$_\\"]:
        assert "".join(word.split()) in flat


# ----------------------------------------------------------------------------------- grade book
def test_the_grade_book_has_a_row_a_learner_and_lab(register: Register) -> None:
    library = read_library([Path(__file__).parent / "example"])
    register.roll.enrol(Enrolment("wang", "example", "@SUM(A1)", 1))
    register.roll.enrol(Enrolment("li", "example", "李雷", 1))
    attempt = register.work.begin("wang", KEY, from_iso("2026-03-02T08:00:00+08:00"))
    register.work.hint(attempt.id, ("repair", 0), 1)
    register.work.grade(Result(attempt.id, 5.5, 7, (), 1), fixed=[])
    found = rows(register, library)
    assert [(one.learner, one.attempts, one.gradings, one.hints, one.best) for one in found] == [
        ("li", 0, 0, 0, None),
        ("wang", 1, 1, 1, 5.5),
    ]
    assert rows(register, library, learners=["li"]) == found[:1]
    table = list(csv.reader(io.StringIO(as_csv(found, "en", "Asia/Shanghai").decode("utf-8-sig"))))
    assert table[2][0] == "'@SUM(A1)"
    assert table[2][9] == "2026-03-02 08:00"
    sheet = openpyxl.load_workbook(io.BytesIO(as_workbook(found, "zh", "Asia/Shanghai"))).active
    assert (sheet["A3"].value, sheet["A3"].data_type, sheet["H3"].value) == ("@SUM(A1)", "s", 5.5)
    assert sheet["A1"].value == "姓名"


@given(st.text(max_size=20))
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    cell = str(guarded(text))
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.endswith(text)
