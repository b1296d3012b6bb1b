"""The check language: what it says, what it refuses, and that nothing said in it can do harm."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.expression import _READERS, ExpressionError, parse
from labs.observation import Claim, SeenAlarm, Submission, TrueFault
from labs.vocabulary import MEMBERS
from tests.labs.observed import Campaigned, Observed, Real, Shown, Written

LINE = Observed(
    shown={"plc/temperature": Shown(True, 21.25, "good", 0.4, 1.0, "Cel"), "plc/name": Shown(True, "A", "good")},
    config=Written(
        sources=[{"id": "plc", "type": "modbus", "link": {"type": "tcp", "port": 5020}}],
        tags=[{"path": "plc/temperature", "scale": 0.1}, {"path": "plc/power", "scale": 1}],
        files={"scene.yaml": "type: scene"},
    ),
    truth=Real({"plc/temperature": 21.0}, [TrueFault("jam", "press", 60.0)]),
    figures={"availability": 0.875},
    standing=[SeenAlarm("T1", "plc", "active", False, False)],
    exchanged=12,
    carried_out=[Campaigned("one", {None: "met", "accuracy": "met-unproven"})],
    submission=Submission({"share": 87.5, "several": (1, 3)}, (Claim("jam", "press", 90.0),), 30.0, 60.0),
)


def value(text: str) -> object:
    return parse(text)(LINE).result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("near(tag('plc/temperature').value, truth.tag('plc/temperature'), 0.5)", True),
        ("near(tag('plc/temperature').value, truth.tag('plc/temperature'), 0.1)", False),
        ("tag('plc/temperature').quality == 'good' and tag('plc/temperature').age < 5", True),
        ("tag('plc/temperature').count(minutes=10)", 10),
        ("tag('plc/temperature').within(21.25, 10) - tag('plc/temperature').within(21, 10)", 1.0),
        ("tag('plc/temperature').within('much', 10) == None", True),
        ("any(c.verdict() == 'met' and c.verified and c.shifts >= 3 for c in campaigns())", True),
        ("len([c.id for c in campaigns() if c.verdict('accuracy') == 'met-unproven'])", 1),
        ("any(c.verdict('gone') == 'met' for c in campaigns())", False),
        ("tag('plc/name').value == 'A'", True),
        ("100 * indicator('availability', hours=1)", 87.5),
        ("indicator_status('oee', device='press', minutes=5)", "insufficient-data"),
        ("config.source('plc').link.port", 5020),
        ("config.source(id='plc').type in ['modbus', 'opcua']", True),
        ("'scene' in config.text('scene.yaml')", True),
        ("len([t.scale for t in config.tags if t.scale < 1])", 1),
        ("any(a.code == 'T1' and not a.acknowledged for a in alarms(device='plc'))", True),
        ("len(alarms('T2'))", 0),
        ("messages('plc') > 10", True),
        ("sum(1 for f in truth.faults if f.kind == 'jam')", 1),
        ("truth.count('part') == 3", True),
        ("answer('share') - elapsed", 27.5),
        ("len(answer('several'))", 2),
        ("any(c.cause == 'jam' and c.made - 60 < 60 for c in claims)", True),
        ("max(1, 5, 3) if min([4, 2]) == 2 else 0", 5),
        ("round(10 / 3, 2) + abs(-1) + 7 % 4 + 7 // 2", 10.33),
        ("all(any(x == y for y in [1, 2]) for x in [2, 1])", True),
    ],
)
def test_an_expression_asks_the_line(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tag('gone').value > 0",
        "tag('gone').value < 0",
        "tag('gone').value == 0",
        "tag('gone').value != 0",
        "tag('gone').value == tag('lost').value",
        "near(tag('gone').value, 0, 10)",
        "config.source('gone').link.port == 5020",
        "answer('gone') in [1, 2]",
        "answer('gone') not in [1, 2]",
        "1 / 0 > 0",
        "1 / 0 == 1 / 0",
        "tag('plc/name').value > 3",
        "'x' in 5",
        "'x' not in 5",
        "tag(3).exists",
        "config.tag(None).scale == 1",
        "tag('plc/temperature').mean(-1) == 21.25",
        "tag('plc/temperature').mean('x') == 21.25",
    ],
)
def test_what_is_missing_or_means_nothing_is_never_true(text: str) -> None:
    assert not value(text)


def test_none_can_be_asked_for() -> None:
    assert value("tag('gone').value is None and tag('plc/temperature').value != None") is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tag('x').valu == 1", "did you mean 'value'"),
        ("tagg('x').value", "did you mean 'tag'"),
        ("tag('x')", "not a value"),
        ("alarms()", "not a value"),
        ("tag.value", "needs brackets"),
        ("truth.faults()", "takes no brackets"),
        ("tag('x', 'y').value", "write tag(path)"),
        ("indicator(hours=1)", "write indicator("),
        ("indicator('a', days=1)", "write indicator("),
        ("near(1, 2)", "near(a, b, tolerance)"),
        ("1 +", "not an expression"),
        ("x = 1", "not an expression"),
        ("(lambda: 1)()", "only what has a name"),
        ("9 ** 9 ** 9", "Pow"),
        ("'a' % 1 if 1 else f'{1}'", "JoinedStr"),
        ("{1: 2}", "Dict"),
        ("[1][0]", "Subscript"),
        ("(x := 1)", "NamedExpr"),
        ("any(x for x in 3)", "not a list"),
        ("any(tag for tag in [1])", "cannot be the name"),
        ("any(x for x in [1] for y in [2])", "one `for`"),
        ("b'x' == 1", "bytes"),
        ("...", "ellipsis"),
        ("1 + " * 900 + "1", "longer than"),
        ("-" * 60 + "1", "nested deeper"),
        ("[" + "1," * 450 + "]", "too large"),
        ("(" * 500 + "1" + ")" * 500, "not an expression"),
    ],
)
def test_a_fault_is_found_before_anything_runs(text: str, says: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "tag('x').__class__",
        "tag.__globals__",
        "''.__class__.__mro__",
        "config.source('plc').__class__",
        "config.source('plc').link.__class__",
        "truth._facts",
        "__import__('os').system('id')",
        "open('/etc/passwd')",
        "eval('1')",
        "getattr(truth, 'faults')",
        "[x.__class__ for x in claims]",
        "[__x for __x in claims]",
        "alarms().append(1)",
        "config.text('scene.yaml').format(1)",
    ],
)
def test_there_is_no_way_to_what_is_behind_a_value(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_no_member_of_the_language_begins_with_an_underscore() -> None:
    assert not [name for members in MEMBERS.values() for name in members if name.startswith("_")]


def test_a_long_run_is_cut_off() -> None:
    many = "[" + ",".join("1" for _ in range(60)) + "]"
    found = parse(f"sum(sum(sum(1 for z in {many}) for y in {many}) for x in {many})")(LINE)
    assert found.exhausted
    assert found.result is None


def test_questions_to_the_line_are_dear() -> None:
    many = "[" + ",".join("1" for _ in range(150)) + "]"
    assert parse(f"sum(sum(tag('x').count(1) for y in {many}) for x in {many})")(LINE).exhausted


def test_what_was_seen_is_the_trainees_own_and_never_the_truth() -> None:
    text = "near(tag('plc/temperature').value, truth.tag('plc/temperature'), 0.5) and answer('share') == 1"
    found = parse(text)(LINE)
    assert found.seen == ("tag('plc/temperature').value = 21.25",)
    assert parse(text).secret
    assert parse(text).truths == ("plc/temperature",)
    assert not parse("any(f.kind == 'jam' for f in truth.faults)")(LINE).seen


NAMES = st.sampled_from(
    [
        *("tag('plc/temperature').value", "tag('gone').value", "truth.tag('plc/temperature')", "elapsed"),
        *("answer('share')", "config.source('plc').link.port", "messages()", "None", "True", "'text'", "1e308"),
        *("0", "-3", "10 ** 3", "claims", "truth.faults", "config.tags", "tag('x').__class__"),
        *("indicator('availability')", "[1, 'a', None]", "9" * 400, "config.source('plc').link"),
    ]
)
TEXTS = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "==", "!=", "<", ">=", "in", "and", "or"]), inner
        ).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["abs", "min", "max", "sum", "len", "any", "all", "round", "not"]), inner).map(
            lambda t: f"{t[0]} ({t[1]})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"near({t[0]}, {t[1]}, {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]} for x in {t[1]}]"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_running_never_raises_and_never_exceeds_its_steps(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError:
        return
    found = expression(LINE)
    assert found.result is None or isinstance(found.result, (bool, int, float, str, tuple))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80) | st.text("()[].,'_abcdefxyz +-*/%=<>1 \\\n", max_size=80))
def test_any_text_is_an_expression_or_a_fault(text: str) -> None:
    with suppress(ExpressionError):
        parse(text)(LINE)


def test_what_is_accepted_is_what_the_language_lists() -> None:
    # Guards against a part of Python slipping in with a newer version: whatever is not listed is refused.
    listed = {"Constant", "List", "Tuple", "BoolOp", "BinOp", "UnaryOp", "IfExp", "Compare", "GeneratorExp"}
    assert {kind.__name__ for kind in _READERS} == listed | {"ListComp", "Name", "Attribute", "Call"}
