"""What a role measures: a tag whose unit measures something else is refused before it is collected.

An ideal cycle in millimetres or an energy in kilowatts would be noticed by nobody until a
figure made no sense. Roles that may come in many units (a set point, a stock) are not here.
"""

from __future__ import annotations

from collections.abc import Mapping

from plant.errors import UnitError
from plant.tags import Role
from plant.units import parse

_TIME, _NUMBER = ("a time", "ms"), ("a plain number", "1")

MEASURED: Mapping[Role, tuple[str, str]] = {
    **dict.fromkeys(
        (
            Role.IDEAL_CYCLE,
            Role.CYCLE_TIME,
            Role.LATENCY,
            Role.LATENCY_UP,
            Role.LATENCY_DOWN,
            Role.JITTER,
            Role.CLOCK_ERROR,
            Role.DURATION,
        ),
        _TIME,
    ),
    **dict.fromkeys(
        (
            Role.GOOD_COUNT,
            Role.REJECT_COUNT,
            Role.REWORK_COUNT,
            Role.TOTAL_COUNT,
            Role.PLANNED_COUNT,
            Role.TRANSPORT_COUNT,
            Role.LOSS,
            Role.CONTROL_CYCLES,
            Role.CORRECT_CYCLES,
            Role.EVENT_NUMBER,
            Role.IDENTIFIED_COUNT,
            Role.HEADCOUNT,
        ),
        _NUMBER,
    ),
    Role.ENERGY: ("an energy", "kW.h"),
    Role.POWER: ("a power", "kW"),
}
"""What a role measures, in words, and a unit of it."""
_BY_NAME = {role.value: measured for role, measured in MEASURED.items()}


def misfit(role: str, unit: str) -> tuple[str, str]:
    """Return what is wrong with a role's unit and what to do; two empty texts when nothing is.

    A role or unit that does not exist is somebody else's fault, and passes.
    """
    if role not in _BY_NAME:
        return "", ""
    noun, example = _BY_NAME[role]
    try:
        fits = parse(unit).dimension == parse(example).dimension
    except UnitError:
        return "", ""
    return ("", "") if fits else (f"role {role!r} is {noun}, and {unit!r} is none", f"write a unit such as {example!r}")
