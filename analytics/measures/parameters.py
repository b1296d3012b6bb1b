"""What a catalogue may set of a measure: its parameters with their defaults, checked by name and kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from analytics.measures.measurement import Parameters

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The parameters of one computation, complete; see `chosen`."""

    values: Parameters

    def number(self, name: str) -> float:
        """Return a number. Raises KeyError for a name that the measure does not have."""
        value = self.values[name]
        assert not isinstance(value, str)  # as `chosen` has seen to
        return value

    def text(self, name: str) -> str:
        """Return a text. Raises KeyError for a name that the measure does not have."""
        return str(self.values[name])

    def one_of(self, name: str, choices: Mapping[str, T]) -> T:
        """Return what a text stands for. Raises ValueError when it is none of the choices."""
        try:
            return choices[self.text(name)]
        except KeyError:
            raise ValueError(f"parameter {name!r} is one of {', '.join(choices)}") from None

    def words(self, name: str) -> frozenset[str]:
        """Return the words of a text that lists them with commas."""
        return frozenset(word for part in self.text(name).split(",") if (word := part.strip()))


def chosen(defaults: Parameters, given: Parameters) -> Chosen:
    """Complete what a catalogue sets by the defaults.

    Raises ValueError for a name that is not among the defaults, a text in place of a number
    or the reverse, and a number that is not finite: faults of a catalogue, not of data.
    """
    unknown = sorted(given.keys() - defaults.keys())
    if unknown:
        known = ", ".join(sorted(defaults)) or "none"
        raise ValueError(f"no parameter {unknown[0]!r}; there are: {known}")
    for name, value in given.items():
        if isinstance(value, str) != isinstance(defaults[name], str):
            raise ValueError(f"parameter {name!r} is a {'text' if isinstance(defaults[name], str) else 'number'}")
        if not isinstance(value, str) and not math.isfinite(value):
            raise ValueError(f"parameter {name!r} is a finite number")
    return Chosen({**defaults, **given})
