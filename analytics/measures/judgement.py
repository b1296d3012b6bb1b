"""Measures of being right: verdicts, decisions, control cycles, and sessions that count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analytics import confusion
from analytics.counters import MICRO
from analytics.details import Judged
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Quantity, evaluate
from analytics.intervals import clopper_pearson
from analytics.measures.measurement import Measured, Measurement, Part, Trials
from analytics.measures.parameters import Chosen
from analytics.measures.together import Together, numbers, together
from analytics.measures.view import View, look, look_at
from analytics.spans import Spans, any_of
from plant.assets import Device
from plant.batch import Mask
from plant.calendar import Span
from plant.tags import Role, Tag

SESSION = "session"
"""Label of what glasses say of a whole session, beside what they say every few seconds."""
LIMITS = {"training": 0.06, "remote-maintenance": 0.3}
"""Motion to photon in s that a session of each kind may have at most, where a catalogue says nothing else."""


# ------------------------------------------------------------------- verdicts and decisions
def misjudgement(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the share of parts judged to be what they are not. `good`: verdicts that let a part pass."""
    accepted = given.words("good")
    view, found, basis = _judged(measured, window, Role.VERDICT, accepted)
    binary = [one.binary for one in found if one.binary is not None]
    matrix = sum(binary, confusion.Confusion())
    return view.of_trials(confusion.indicators(matrix, basis)[0], Trials(matrix.wrong, matrix.judged))


def decision_correctness(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute the share of decisions that are what should have been decided."""
    del given
    view, found, basis = _judged(measured, window, Role.DECISION, frozenset())
    right, wrong = sum(one.right for one in found), sum(one.wrong for one in found)
    inputs = quantities({"DECOK": float(right), "DECN": float(right + wrong)})
    return _counted(view, "decision-correctness", inputs, basis, Trials(right, right + wrong))


def _judged(measured: Measured, window: Span, role: Role, accepted: frozenset[str]) -> tuple[View, list[Judged], Basis]:
    view = look_at(measured, window, (role, Role.TRUTH))
    pairs = list(view.playing(role, Role.TRUTH))
    agreed = replace(view.agreed, accepted=accepted) if accepted else None
    details = (view.details(device, agreed).judged for device, _ in pairs)
    found = [one for one in details if one is not None]
    compared = sum(one.right + one.wrong for one in found)
    told = compared + sum(one.alone for one in found)
    return view, found, view.known([tags for _, tags in pairs], counted=compared, told=told)


# ---------------------------------------------------------------------------------- control
def closed_loop_correctness(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute correct control cycles over all, summed over loops."""
    del given
    return _cycles(measured, window, "closed-loop-correctness", ("CYOK", Role.CORRECT_CYCLES))


def deadline_miss_rate(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Compute control cycles whose command came too late or never over all, summed over loops."""
    del given
    return _cycles(measured, window, "deadline-miss-rate", ("CYLATE", Role.DEADLINE_MISSED))


def _cycles(measured: Measured, window: Span, formula: str, counted: tuple[str, Role]) -> Measurement:
    symbol, role = counted
    roles = (Role.CONTROL_CYCLES, role)
    view = look_at(measured, window, roles)
    loops = [[view.readings.increments(tag) for tag in pair] for _, pair in view.playing(*roles)]
    cycles, part = (sum(loop[n].total for loop in loops) // MICRO for n in (0, 1))
    basis = view.known([pair for _, pair in view.playing(*roles)])
    if part > cycles:  # the counters contradict each other
        return view.unanswered(evaluate(FORMULAS[formula], {}, basis))
    inputs = quantities({symbol: float(part), "CYN": float(cycles)})
    return _counted(view, formula, inputs, basis, Trials(part, cycles))


# --------------------------------------------------------------------------------- sessions
def completed_sessions(measured: Measured, window: Span, given: Chosen) -> Measurement:
    """Count the sessions of a kind that were completed within the limits of delay and standstills.

    A session counts in the window in which it ended. `latency`: motion to photon in s, 0 =
    the kind's own of `LIMITS`. `freezes`: standstills a minute. Without a session the count is 0
    if the devices were there to hold one.
    """
    kind = given.text("kind")
    devices = [device for device in measured.scene.devices if device.role(Role.SESSION, kind) is not None]
    view = look(measured, window, (tag for device in devices for tag in device.tags))
    fields = [(device, tags) for device in devices if (tags := _session_tags(device, kind)) is not None]
    found = [(together(view, tags), tags) for _, tags in fields]
    limit = given.number("latency") or LIMITS.get(kind, 0.0)
    counting = sum(int(_counts(rows, tags, limit, given.number("freezes")).sum()) for rows, tags in found)
    rows = [one for one, _ in found]
    ended, told, good = sum(map(len, rows)), sum(one.told for one in rows), sum(one.good for one in rows)
    present = sum(_present(view, device).total for device, _ in fields) * (ended / told if told else 1.0)
    share = good / ended if ended else 1.0
    basis = view.basis(known=present, whole=view.asked.total * len(fields), good=present * share)
    indicator = evaluate(FORMULAS["completed-sessions"], quantities({"SESOK": float(counting)}), basis)
    if indicator.coverage is None:
        return view.unanswered(indicator)
    part = Part(float(counting), float(ended))
    return Measurement(indicator=indicator, parts={"": part}, trials=Trials(counting, ended), late=view.late)


def _session_tags(device: Device, kind: str) -> tuple[Tag, ...] | None:
    asked = (
        device.role(Role.SESSION, kind),
        device.role(Role.VERDICT, ""),
        device.role(Role.DURATION, SESSION),
        device.role(Role.LATENCY, SESSION),
        device.role(Role.FREEZE_COUNT, SESSION),
    )
    found = tuple(tag for tag in asked if tag is not None)
    return found if len(found) == len(asked) else None


def _counts(rows: Together, tags: tuple[Tag, ...], limit: float, freezes: float) -> Mask:
    completed = np.array([result == "completed" for result in rows.texts(1)], np.bool_)
    minutes = numbers(rows.fields[2], tags[2], "min")
    delay, standstills = numbers(rows.fields[3], tags[3], "s"), numbers(rows.fields[4], tags[4])
    return completed & (delay <= limit) & (standstills <= freezes * minutes)


def _present(view: View, device: Device) -> Spans:
    """Return when a device was there, by whatever it says."""
    return any_of([view.heard(tag)[0] for tag in device.tags])


# ----------------------------------------------------------------------------------- common
def _counted(view: View, formula: str, inputs: dict[str, Quantity], basis: Basis, trials: Trials) -> Measurement:
    interval = clopper_pearson(trials.successes, trials.total)
    return view.of_trials(evaluate(FORMULAS[formula], inputs, basis, uncertainty=interval), trials)
