"""The audit log: what was done stays as it was written, or the walk along the chain says where it does not."""

from __future__ import annotations

import ast
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.alarms.states import BY_PEOPLE
from dashboard_api.access import PERMISSIONS, Actor, Kind, Role
from dashboard_api.audit import LONGEST, AuditLog, Head, records, verify
from plant.clock import VirtualClock
from plant.errors import Rejected, Unavailable
from tests.api.shapes import SHAPES, Shape

LI = Actor("li", Role.OPERATOR, Kind.SESSION, PERMISSIONS[Role.OPERATOR], "s-1", "192.0.2.7")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    log = AuditLog(tmp_path / "audit.db", clock=VirtualClock())
    yield log
    log.close()


@pytest.fixture
def five(log: AuditLog) -> Path:
    """A closed log with five records."""
    for number in range(1, 6):
        log.add(LI, "alarm.acknowledge", f"alarm-{number}", before={"state": "active"}, after={"state": "seen"})
    log.close()
    return log.path


def tamper(path: Path, *statements: str) -> None:
    """Do what somebody with the file and no respect for triggers can do."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("DROP TRIGGER record_stays; DROP TRIGGER record_is_kept")
        for statement in statements:
            connection.execute(statement)


def test_a_record_says_who_did_what_when_from_where_before_and_after(log: AuditLog) -> None:
    log.add(LI, "alarm.shelve", "cq/line/press", before=None, after={"until": "10:00", "why": "模具"})
    (record,) = log.page()
    told = record.payload()
    assert (told["actor"], told["role"], told["kind"], told["address"]) == ("li", "operator", "session", "192.0.2.7")
    assert (told["action"], told["subject"]) == ("alarm.shelve", "cq/line/press")
    assert (told["before"], told["after"]) == (None, {"until": "10:00", "why": "模具"})
    assert told["time"].startswith("2023-11-14T22:13:20")


def test_an_untouched_log_verifies_and_goes_on_after_a_restart(five: Path) -> None:
    again = AuditLog(five, clock=VirtualClock())
    again.add(LI, "alarm.acknowledge", "alarm-6")
    found = verify(five)  # beside the writer
    assert (found.records, found.faults) == (6, ())
    assert found.head == again.head
    again.close()


@pytest.mark.parametrize(
    "column", ["time", "actor", "role", "kind", "address", "action", "subject", "before", "after", "previous", "hash"]
)
def test_an_altered_record_is_named_whatever_was_altered(five: Path, column: str) -> None:
    tamper(five, f"UPDATE record SET {column} = '\"x\"' WHERE seq = 3")
    assert any("record 3" in fault or "record 4 does not follow" in fault for fault in verify(five).faults)


def test_an_altered_record_with_a_hash_made_to_fit_is_named_by_the_next_one(five: Path) -> None:
    (third,) = (record for record in records(five) if record.seq == 3)
    tamper(five, "UPDATE record SET actor = 'wang' WHERE seq = 3")
    (forged,) = (record for record in records(five) if record.seq == 3)
    tamper_again = f"UPDATE record SET hash = '{forged.digest()}' WHERE seq = 3"
    with closing(sqlite3.connect(five)) as connection, connection:
        connection.execute(tamper_again)
    assert third.hash != forged.digest()
    assert verify(five).faults == ("record 4 does not follow the record before it",)


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["DELETE FROM record WHERE seq = 1"], "records 1 to 1 are missing"),
        (["DELETE FROM record WHERE seq IN (2, 3)"], "records 2 to 3 are missing"),
        (["DELETE FROM record WHERE seq = 5"], "records 5 to 5 are missing at the end"),
        (["DELETE FROM record"], "records 1 to 5 are missing at the end"),
        (
            [
                "UPDATE record SET seq = 9 WHERE seq = 2",
                "UPDATE record SET seq = 2 WHERE seq = 3",
                "UPDATE record SET seq = 3 WHERE seq = 9",
            ],
            "record 2 does not follow the record before it",
        ),
    ],
)
def test_records_removed_or_moved_are_named(five: Path, statements: list[str], named: str) -> None:
    tamper(five, *statements)
    assert any(named in fault for fault in verify(five).faults)


def test_a_log_cut_short_together_with_its_head_is_told_by_a_head_that_was_noted(five: Path) -> None:
    noted = verify(five).head
    kept = next(record for record in records(five) if record.seq == 4)
    tamper(five, "DELETE FROM record WHERE seq = 5")
    five.with_name("audit.db.head").write_text(f"4:{kept.hash}\n")
    assert verify(five).faults == ()
    assert verify(five, noted=Head.of(str(noted))).faults == (
        "records 5 to 5 are missing at the end: the noted head knows them",
    )


def test_what_is_written_after_a_cut_does_not_cover_it(five: Path) -> None:
    tamper(five, "DELETE FROM record WHERE seq > 3")
    again = AuditLog(five, clock=VirtualClock())
    again.add(LI, "alarm.acknowledge", "alarm-6")
    again.close()
    assert "records 4 to 5 are missing" in verify(five).faults


def test_a_log_written_anew_from_the_first_record_does_not_fit_a_noted_head(five: Path, tmp_path: Path) -> None:
    noted = verify(five).head
    forged = AuditLog(tmp_path / "forged" / "audit.db", clock=VirtualClock())
    for number in range(5):
        forged.add(LI, "alarm.acknowledge", f"other-{number}")
    forged.close()
    for file in (tmp_path / "forged").iterdir():
        shutil.copy(file, five.parent)
    assert verify(five).faults == ()
    assert verify(five, noted=noted).faults == ("record 5 is not the one that the noted head knows",)


@pytest.mark.parametrize("change", ["UPDATE record SET actor = ''", "DELETE FROM record"])
def test_the_file_itself_refuses_changes(five: Path, change: str) -> None:
    with closing(sqlite3.connect(five)) as connection, pytest.raises(sqlite3.IntegrityError, match="only grows"):
        connection.execute(change)


@pytest.mark.parametrize(
    "state",
    ["x" * (LONGEST + 1), float("nan"), {"when": object()}, "\ud800", 2**60],
    ids=["long", "no number", "no JSON", "no text", "large"],
)
def test_what_cannot_be_recorded_is_refused_and_leaves_the_chain_whole(log: AuditLog, state: object) -> None:
    with pytest.raises(Rejected):
        log.add(LI, "a.b", "c", after=state)
    log.add(LI, "a.b", "c")
    assert (verify(log.path).records, verify(log.path).faults) == (1, ())


def test_pages_are_newest_first_and_can_be_searched(five: Path) -> None:
    log = AuditLog(five, clock=VirtualClock())
    assert [record.seq for record in log.page(most=2)] == [5, 4]
    assert [record.seq for record in log.page(before=4, most=2)] == [3, 2]
    assert [record.subject for record in log.page(text="alarm-2")] == ["alarm-2"]
    assert log.page(text="nobody") == []
    log.close()


def test_a_missing_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        verify(tmp_path / "none.db")


WORDS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2.0**53), 2.0**53)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None)
@given(states=st.lists(st.tuples(JSON, JSON), max_size=4))
def test_whatever_json_is_recorded_comes_back_and_verifies(
    tmp_path_factory: pytest.TempPathFactory, states: list[tuple]
) -> None:
    log = AuditLog(tmp_path_factory.mktemp("audit") / "audit.db", clock=VirtualClock())
    for before, after in states:
        log.add(LI, "a.b", "c", before=before, after=after)
    found = [(r.payload()["before"], r.payload()["after"]) for r in records(log.path)]
    assert found == states
    assert verify(log.path).faults == ()
    log.close()


@pytest.mark.parametrize("text", ["", "5", "5:abc", "x:" + "0" * 64, "5:" + "z" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"head|invalid literal"):
        Head.of(text)


# ------------------------------------------------------------------------- before and after
RECORDED = [path for folder in ("dashboard_api", "provenline") for path in sorted(Path(folder).glob("*.py"))]


def written_by(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield each action that a module writes down by name, and the sides that it gives."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        for action in (word for word in words if word in SHAPES):
            yield action, {one.arg for one in node.keywords if one.arg in ("before", "after")}


def actions(path: Path) -> Iterator[str]:
    """Yield whatever a module hands to the log as an action, known or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("audit", "audit.add", "_told")):
            places = [one for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            yield from (one.value for one in places if re.fullmatch(r"[a-z]+\.[a-z-]+", one.value))


def test_every_action_that_is_written_down_has_a_shape() -> None:
    found = {action for path in RECORDED for action in actions(path)}
    assert found <= SHAPES.keys()
    assert len(found) > 40
    assert {f"alarm.{one}" for one in BY_PEOPLE} <= SHAPES.keys()


def test_every_record_gives_the_sides_of_its_shape() -> None:
    wanted = {Shape.CHANGE: {"before", "after"}, Shape.CREATION: {"after"}, Shape.REMOVAL: {"before"}}
    wrong = [
        (path.name, action, sides)
        for path in RECORDED
        for action, sides in written_by(path)
        if SHAPES[action] in wanted and sides != wanted[SHAPES[action]]
    ]
    assert wrong == []
