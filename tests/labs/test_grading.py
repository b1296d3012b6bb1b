"""What work is worth: never below nothing, never above everything, and never more for a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.checking import Outcome, Part, judge
from labs.course import CourseDocument, DiagnosisDocument, LabDocument
from labs.exercise import score
from labs.grading import course_result, grade
from labs.library import read_library
from labs.observation import Claim, Submission, TrueFault
from tests.labs.observed import Observed, Real, Shown, Written

EXAMPLE = read_library([Path(__file__).parent / "example"]).courses["example"].document
LAB = EXAMPLE.labs[0]
RULES = DiagnosisDocument(points=10, detect=300, diagnose=900)
SPEED = 0.4


def line(shown: float, submission: Submission) -> Observed:
    return Observed(
        shown={"conveyor/speed": Shown(True, shown, "good")},
        config=Written(tags=[{"path": "conveyor/speed", "high": 1}]),
        truth=Real({"conveyor/speed": SPEED}),
        submission=submission,
    )


def judged(shown: float, **answers: object) -> dict[str, Outcome]:
    return {one.id: one for one in judge(LAB, line(shown, Submission(answers)))}


def test_checks_look_at_what_is_true() -> None:
    assert [one.passed for one in judged(0.41, factor=2, speed=0.41).values()] == [True] * 4
    wrong = judged(4.0, factor=2, speed=0.41)
    assert [name for name, one in wrong.items() if not one.passed] == ["speed-right", "still-watched"]
    assert wrong["speed-right"].why.zh == "显示的带速与实际带速不符。"
    assert (wrong["speed-right"].points, wrong["speed-right"].of) == (0, 3)
    assert not judged(0.4)["speed"].given


@pytest.mark.parametrize("given_", [1, 3, "2", 2.5, (2,), True, 10**400])
def test_only_the_right_option_is_right(given_: object) -> None:
    assert not judged(SPEED, factor=given_)["factor"].passed


@pytest.mark.parametrize(("given_", "right"), [(0.45, True), (0.36, True), (0.46, False), ("0.4", False)])
def test_a_number_may_be_off_by_so_much(given_: object, right: bool) -> None:
    assert judged(SPEED, speed=given_)["speed"].passed is right


def asking(**question: object) -> LabDocument:
    said = {"zh": "问", "en": "Ask"}
    step = {"id": "s", "questions": [{"id": "q", "points": 2, "ask": said, **question}]}
    lab = {"id": "l", "name": said, "goals": [said], "minutes": 1, "text": "t", "line": {"scene": "x"}, "steps": [step]}
    return LabDocument.model_validate(lab)


@pytest.mark.parametrize(
    ("given_", "right"), [((1, 3), True), ((3, 1), True), ((1,), False), ((1, 2, 3), False), (1, False), ((), False)]
)
def test_of_several_all_and_no_other_must_be_picked(given_: object, right: bool) -> None:
    options = [{"zh": str(n), "en": str(n)} for n in range(3)]
    lab = asking(kind="several", options=options, answer=[1, 3])
    assert judge(lab, line(1, Submission({"q": given_})))[0].passed is right


@pytest.mark.parametrize(("given_", "right"), [("Big  Endian ", True), ("大端", True), ("little", False), (1, False)])
def test_a_word_may_be_written_in_several_ways(given_: object, right: bool) -> None:
    lab = asking(kind="word", answer=["big endian", "大端"])
    assert judge(lab, line(1, Submission({"q": given_})))[0].passed is right


def test_an_answer_that_cannot_be_computed_is_never_right() -> None:
    lab = asking(kind="number", answer="indicator('oee')", within=1e9)
    assert not judge(lab, line(1, Submission({"q": 0})))[0].passed


ANSWERS = st.dictionaries(
    st.sampled_from(["factor", "speed", "gone"]),
    st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=3).map(tuple),
)
HINTS = st.frozensets(st.tuples(st.sampled_from(["look", "repair", "gone"]), st.integers(0, 3)))


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e9, 1e9), ANSWERS, HINTS, HINTS)
def test_points_lie_between_nothing_and_everything_and_no_hint_raises_them(
    shown: float, answers: dict, hints: frozenset, more: frozenset
) -> None:
    outcomes = judge(LAB, line(shown, Submission(answers)))
    before, after = grade(LAB, outcomes, hints), grade(LAB, outcomes, hints | more)
    assert 0 <= after.points <= before.points <= LAB.points
    assert all(0 <= step.points <= step.of for step in before.steps)


@given(st.lists(st.tuples(st.sampled_from(["factor", "speed-right", "forged"]), st.floats(-1e9, 1e9))))
def test_forged_outcomes_earn_no_more_than_there_is(forged: list) -> None:
    outcomes = [Outcome(name, "s", Part.CHECK, True, points, 10**6) for name, points in forged]
    assert 0 <= grade(LAB, outcomes, ()).points <= LAB.points


def test_a_hint_costs_its_step_and_no_other() -> None:
    outcomes = judge(LAB, line(4.0, Submission({"factor": 2})))
    assert grade(LAB, outcomes, {("repair", 0)}).points == 2


@pytest.mark.parametrize(("best", "passed"), [({"belt-speed": 4.2}, True), ({"belt-speed": 4.1}, False), ({}, False)])
def test_a_course_is_passed_from_its_share_of_points_on(best: dict, passed: bool) -> None:
    found = course_result(EXAMPLE, best)
    assert isinstance(EXAMPLE, CourseDocument)
    assert (found.passed, found.of) == (passed, 7)


def test_points_of_a_lab_that_shrank_count_as_much_as_there_is() -> None:
    assert course_result(EXAMPLE, {"belt-speed": 70, "gone": 9}).share == 1


# ------------------------------------------------------------------------------------- exercises
JAM = TrueFault("jam", "press", 1_000.0, 1_500.0)
DRIFT = TrueFault("sensor-drift", "dryer.temperature", 2_000.0)


def test_a_fault_found_in_time_earns_everything() -> None:
    assert score([JAM], [Claim("jam", "press", 1_200.0)], RULES).points == 10


@pytest.mark.parametrize(
    ("claims", "points"),
    [
        ([], 0),
        ([Claim("", "press", 1_100.0)], 5),  # detected, and the place
        ([Claim("", "press", 1_100.0), Claim("jam", "press", 1_800.0)], 10),
        ([Claim("jam", "press", 1_450.0)], 9),  # half the speed of detection
        ([Claim("jam", "press", 9_000.0)], 6),
        ([Claim("leak", "press", 1_100.0)], 0),
        ([Claim("jam", "oven", 1_100.0)], 0),
        ([Claim("jam", "press", 900.0)], 0),  # before it was there: a guess
        ([Claim("leak", "press", 1_100.0), Claim("jam", "press", 1_200.0)], 9),
    ],
)
def test_claims_earn_by_cause_place_and_time(claims: list[Claim], points: float) -> None:
    assert score([JAM], claims, RULES).points == points


def test_the_device_is_nearly_the_place_of_its_signal() -> None:
    found = score([DRIFT], [Claim("sensor-drift", "dryer", 2_010.0)], RULES)
    assert (found.findings[0].place, found.findings[0].diagnosed, found.false) == (0.5, None, ())


def test_time_counts_from_when_somebody_could_look() -> None:
    found = score([JAM], [Claim("jam", "press", 5_100.0)], RULES, begun=5_000.0)
    assert (found.findings[0].detected, found.points) == (100, 10)


def test_naming_everything_earns_nothing() -> None:
    kinds = ("jam", "leak", "wear", "dead-device", "sensor-drift", "clock-jump")
    everywhere = [Claim(kind, place, 2_100.0) for kind in kinds for place in ("press", "dryer", "oven")]
    assert score([JAM, DRIFT], everywhere, RULES).points == 0


def test_where_nothing_was_broken_nothing_is_earned() -> None:
    found = score([], [], RULES)
    assert (found.points, found.why.en) == (0, "Nothing was broken.")


TIMES = st.floats(0, 1e6)
WHERE = st.sampled_from(["press", "press.power", "dryer", "dryer.temperature", ""])
WHAT = st.sampled_from(["jam", "sensor-drift", "leak", ""])
FAULTS = st.lists(st.builds(TrueFault, WHAT, WHERE, TIMES), max_size=4)
CLAIMS = st.lists(st.builds(Claim, WHAT, WHERE, TIMES), max_size=8)


@settings(deadline=None)
@given(FAULTS, CLAIMS, TIMES)
def test_a_score_lies_between_nothing_and_everything(faults: list, claims: list, begun: float) -> None:
    found = score(faults, claims, RULES, begun=begun)
    assert 0 <= found.points <= RULES.points
    assert all(finding.detected is None or finding.detected >= 0 for finding in found.findings)


@settings(deadline=None)
@given(FAULTS, CLAIMS, TIMES)
def test_a_false_claim_never_pays(faults: list, claims: list, time: float) -> None:
    wrong = Claim("never-broken", "nowhere", time)
    assert score(faults, [*claims, wrong], RULES).points <= score(faults, claims, RULES).points
