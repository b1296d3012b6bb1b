"""What a catalogue says about itself and about measures: unique ids, measures that exist and can answer.

Measures lie above this layer, so whoever knows them hands them in; without them only what a
folder alone can show is checked. Works on plain data, tolerantly, as `crossrefs` does. A clause
may name a scene that is not configured here: the document asks for it all the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from configs.catalogue import Answers
from configs.reading import Place, Reading, dotted
from configs.shape import nearest
from plant.errors import Fault

Part = tuple[Place, dict[str, Any]]


def check_catalogues(readings: list[Reading], measures: Mapping[str, Answers] | None) -> Iterator[Fault]:
    """Yield every fault of reference in the catalogues among the documents of one folder."""
    catalogues = [reading for reading in readings if reading.data.get("type") == "acceptance-catalogue"]
    yield from _unique("catalogue", [(one, ("id",), one.data.get("id")) for one in catalogues])
    for catalogue in catalogues:
        clauses = list(_parts(catalogue.data, (), "clauses"))
        yield from _unique("clause", [(catalogue, (*place, "id"), clause.get("id")) for place, clause in clauses])
        if measures is not None:
            for place, clause in clauses:
                for where, indicator in _parts(clause, place, "indicators"):
                    yield from _measure(catalogue, where, indicator, measures)


def _measure(
    catalogue: Reading, place: Place, indicator: dict[str, Any], measures: Mapping[str, Answers]
) -> Iterator[Fault]:
    name = indicator.get("measure")
    if not isinstance(name, str):
        return
    answers = measures.get(name)
    if answers is None:
        hint = nearest(name, measures) or f"there are: {', '.join(sorted(measures))}"
        yield catalogue.fault((*place, "measure"), f"unknown measure {name!r}", hint)
        return
    statistic = indicator.get("statistic")
    if isinstance(statistic, str) and statistic not in answers.statistics:
        hint = f"it can feed: {', '.join(sorted(answers.statistics))}"
        yield catalogue.fault((*place, "statistic"), f"measure {name!r} cannot feed {statistic!r}", hint)
    given = indicator.get("parameters")
    for key, value in given.items() if isinstance(given, dict) else ():
        where = (*place, "parameters", key)
        if key not in answers.parameters:
            known = nearest(key, answers.parameters) or f"there are: {', '.join(sorted(answers.parameters)) or 'none'}"
            yield catalogue.fault(where, f"measure {name!r} has no parameter {key!r}", known)
        elif isinstance(value, str) != isinstance(answers.parameters[key], str):
            wanted = "a text" if isinstance(answers.parameters[key], str) else "a number"
            yield catalogue.fault(where, f"parameter {key!r} of measure {name!r} is {wanted}, not {value!r}"[:300])


def _unique(noun: str, entries: list[tuple[Reading, Place, Any]]) -> Iterator[Fault]:
    first: dict[Hashable, tuple[Reading, Place]] = {}
    for reading, place, value in entries:
        if isinstance(value, str) and first.setdefault(value, (reading, place)) != (reading, place):
            other, where = first[value]
            hint = f"in {other.file}" if other is not reading else f"as {dotted(where[:-1])}"
            yield reading.fault(place, f"{noun} {value!r} is already there", hint)


def _parts(data: dict[str, Any], place: Place, key: str) -> Iterator[Part]:
    items = data.get(key)
    if isinstance(items, list):
        yield from (((*place, key, i), item) for i, item in enumerate(items) if isinstance(item, dict))
