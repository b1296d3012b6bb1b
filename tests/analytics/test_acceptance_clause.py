"""A clause is what its indicators make of it: all of them, one of several, two of four."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from pydantic import ValidationError

from analytics.acceptance import Finding, Verdict, conclude
from analytics.acceptance.vocabulary import handed_in
from configs.catalogue import ClauseConfig
from configs.loader import shipped_catalogues
from tests.analytics.acceptance import HOUR, asked, held, rates

MET, UNPROVEN, NOT_MET, UNKNOWN = (
    Verdict.MET,
    Verdict.MET_UNPROVEN,
    Verdict.NOT_MET,
    Verdict.INSUFFICIENT_DATA,
)
SAMPLE = held(asked(), rates([130] * 3), rates([100] * 3))


def clause(*groups: str | None, at_least: int | None = None) -> ClauseConfig:
    """Return a clause with an indicator for each of the groups named; None stands alone."""
    plain = asked().model_dump()
    indicators = [{**plain, "id": f"i{n}", "any_of": group} for n, group in enumerate(groups)]
    said = {"id": "c", "number": "X/1", "scene": "agv", "name": "c", "at_least": at_least, "indicators": indicators}
    return ClauseConfig.model_validate(said)


def findings(*verdicts: Verdict) -> list[Finding]:
    return [replace(SAMPLE, indicator=f"i{n}", verdict=verdict) for n, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((MET, MET), MET),
        ((MET, UNPROVEN), UNPROVEN),
        ((MET, UNKNOWN), UNKNOWN),
        ((UNPROVEN, UNKNOWN), UNKNOWN),
        ((UNKNOWN, NOT_MET), NOT_MET),
        ((MET, NOT_MET), NOT_MET),
    ],
)
def test_all_of_a_clause_must_hold(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    assert conclude(clause(None, None), findings(*verdicts)).verdict is expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((MET, MET, NOT_MET), MET),
        ((MET, UNPROVEN, NOT_MET), UNPROVEN),
        ((MET, UNKNOWN, NOT_MET), UNKNOWN),
        ((MET, NOT_MET, NOT_MET), NOT_MET),
        ((NOT_MET, MET, MET), NOT_MET),
    ],
)
def test_of_indicators_that_stand_for_each_other_one_is_enough(
    verdicts: tuple[Verdict, ...], expected: Verdict
) -> None:
    assert conclude(clause(None, "either", "either"), findings(*verdicts)).verdict is expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((MET, MET, MET, NOT_MET, NOT_MET), MET),
        ((MET, MET, UNPROVEN, NOT_MET, NOT_MET), UNPROVEN),
        ((MET, MET, UNKNOWN, NOT_MET, NOT_MET), UNKNOWN),
        ((MET, MET, NOT_MET, NOT_MET, NOT_MET), NOT_MET),
        ((NOT_MET, MET, MET, MET, MET), NOT_MET),
    ],
)
def test_two_of_four_are_enough_but_the_one_outside_is_not_spared(
    verdicts: tuple[Verdict, ...], expected: Verdict
) -> None:
    two_of_four = clause(None, *["gains"] * 4, at_least=2)
    assert conclude(two_of_four, findings(*verdicts)).verdict is expected


def test_a_better_finding_never_makes_a_clause_worse() -> None:
    better = [NOT_MET, UNKNOWN, UNPROVEN, MET]
    asked_for = clause(None, "g", "g", "g", at_least=2)
    for verdicts in product(better, repeat=4):
        before = conclude(asked_for, findings(*verdicts)).verdict
        for n, verdict in enumerate(verdicts):
            if verdict is not MET:
                raised = (*verdicts[:n], better[better.index(verdict) + 1], *verdicts[n + 1 :])
                after = conclude(asked_for, findings(*raised)).verdict
                assert better.index(after) >= better.index(before)


def test_findings_come_back_in_the_order_of_the_clause() -> None:
    one, two = findings(MET, NOT_MET)
    assert [f.indicator for f in conclude(clause(None, None), [two, one]).findings] == ["i0", "i1"]


@pytest.mark.parametrize("given", [1, 3])
def test_a_missing_or_foreign_finding_is_an_error(given: int) -> None:
    with pytest.raises(ValueError, match="asks for"):
        conclude(clause(None, None), findings(*[MET] * given))


@pytest.mark.parametrize("groups", [(None, None), ("a", "a", "b")])
def test_a_clause_that_can_never_hold_is_refused(groups: tuple[str | None, ...]) -> None:
    with pytest.raises(ValidationError, match="at_least"):
        clause(*groups, at_least=2)


def test_the_centre_is_judged_by_what_was_handed_in() -> None:
    clauses = {one.id: one for catalogue in shipped_catalogues() for one in catalogue.clauses}
    numbers = {"scenes": 9, "scene-classes": 6, "industries": 4, "courses": 8, "person-times": 850}
    for name, expected in (("centre-regional", MET), ("centre-comprehensive", NOT_MET)):
        found = [
            held(one, [handed_in(kind, (0, HOUR), number=numbers[kind])])
            for one in clauses[name].indicators
            if (kind := str(one.parameters["kind"]))
        ]
        assert conclude(clauses[name], found).verdict is expected


def test_resolutions_are_counted_by_the_day() -> None:
    node = next(c for a in shipped_catalogues() for c in a.clauses if c.id == "identifier-node-enterprise")
    daily = next(one for one in node.indicators if one.id == "daily-resolutions")
    months = [handed_in("resolutions", (0, HOUR), number=n, of=30) for n in (120_000, 210_000)]
    assert held(daily, months).estimate == 5_500
