"""How a running expression asks the line, and what it may spend on that.

Only members that the kind of a thing is known to have are asked for (see `vocabulary`), with
arguments of the right sort; whatever else comes up at run time is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labs.calculation import number
from labs.observation import Observation
from labs.vocabulary import LENGTHS, NUMBERS, SUBMITTED

MOST_STEPS = 50_000


class TooLong(Exception):
    """More steps than an expression may take."""


@dataclass(slots=True)
class Run:
    """One evaluation: what is looked at, what loops have in hand, what was seen, and what is left to spend."""

    observation: Observation
    names: dict[str, Any] = field(default_factory=dict)
    steps: int = MOST_STEPS
    seen: dict[str, str] = field(default_factory=dict)

    def spend(self, steps: int) -> None:
        """Use up steps. Raises TooLong when there are none left."""
        self.steps -= steps
        if self.steps < 0:
            raise TooLong


def root(run: Run, name: str) -> object:
    """Return what a name of the outermost level is asked of."""
    return run.observation.submission if name in SUBMITTED else run.observation


def items(value: object) -> Iterable[Any]:
    """Return what a loop goes over; nothing where there is no list."""
    return value if isinstance(value, (list, tuple)) else ()


def field_of(value: object, name: str) -> Any:  # noqa: ANN401 - values are of any kind
    """Return one field of what was configured."""
    return _tidy(value.get(name)) if isinstance(value, Mapping) else None


def asked(thing: Any, name: str, given: Mapping[str, Any] | None = None, *, least: int = 0) -> Any:  # noqa: ANN401
    """Ask something for a member that its kind is known to have; a missing thing has nothing.

    `given`: arguments, of which `least` must not be missing; None where it is not called.
    """
    if thing is None:
        return None
    if given is None:
        return _tidy(getattr(thing, name))
    fits = all(_fits(key, value, needed=n < least) for n, (key, value) in enumerate(given.items()))
    return _tidy(getattr(thing, name)(**given)) if fits else None


def _fits(parameter: str, value: object, *, needed: bool) -> bool:
    if value is None:
        return not needed
    if parameter in LENGTHS:
        length = number(value)
        return length is not None and 0 < length <= LENGTHS[parameter]
    if parameter in NUMBERS:
        return number(value) is not None
    return isinstance(value, str)


def _tidy(value: object) -> Any:  # noqa: ANN401 - values are of any kind
    return tuple(value) if isinstance(value, list) else value
