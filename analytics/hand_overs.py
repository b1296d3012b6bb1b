"""How parts passed from machine to machine: each hand-shake with the time that each of its words took.

    giver    ──ready──▶ ┊          ──taken──▶ ┊
    receiver            ◀──free──  ┊          ◀──released──
             ├────────────── handshake ─────────────────────┤

The giver tells of a hand-shake when it is over: a duration with the label `handshake`, and
beside it, at the same time, durations with labels `handshake-…`, one a word, in the order in
which they are declared. Giver and receiver speak in turn. A part that the giver counted as
good and that no hand-shake came for is a missed one: the message about it, or the agreement
itself, was lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytics.counters import MICRO
from analytics.readings import Readings, read
from historian.port import Historian
from plant.assets import Device, Scene
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import good, usable
from plant.tags import Role, Tag

HAND_SHAKE = "handshake"
READ_ROLES = (Role.DURATION, Role.GOOD_COUNT)
"""The roles this module asks for; nothing else is read."""

_LOOK_BACK = tuple(minutes * 60 * SECOND for minutes in (3, 30))
"""How far back the newest hand-shakes are looked for before the whole window is read, in ns."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a hand-shake; `seconds` until it was heard, None where that is not known."""

    name: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """One part handed on. `time`: ns UTC when it was over; `seconds` and `words`: None and empty for a missed one."""

    time: int
    seconds: float | None
    words: tuple[Word, ...]
    trusted: bool = True

    @property
    def missed(self) -> bool:
        """Whether a part was counted but no hand-shake was told of."""
        return self.seconds is None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two machines and the newest hand-overs between them, oldest first; `receiver` None at the end of a line."""

    giver: Device
    receiver: Device | None
    words: tuple[str, ...]
    hand_overs: tuple[HandOver, ...]
    simulated: bool


def pairs(scene: Scene, historian: Historian, window: Span, *, most: int) -> list[Pair]:
    """Return the newest hand-overs of every pair of machines in a window, at most `most` of each."""
    givers = [
        (device, line.devices[n + 1] if line.serial and n + 1 < len(line.devices) else None)
        for line in scene.lines
        for n, device in enumerate(line.devices)
        if device.role(Role.DURATION, HAND_SHAKE) is not None
    ]
    found: list[Pair] = []
    for back in (*_LOOK_BACK, window[1] - window[0]):
        part = max(window[0], window[1] - back), window[1]
        tags = [tag for giver, _ in givers for tag in _tags(giver)]
        readings = read(historian, tags, part, margin=0, now=window[1])
        found = [_pair(giver, receiver, readings, most, simulated=scene.simulated) for giver, receiver in givers]
        if part[0] == window[0] or all(len(pair.hand_overs) >= most for pair in found):
            break
    return found


def _tags(giver: Device) -> list[Tag]:
    told = [tag for tag in giver.roles(Role.DURATION) if _is_word(tag) or tag.label == HAND_SHAKE]
    return [*told, *giver.roles(Role.GOOD_COUNT)]


def _is_word(tag: Tag) -> bool:
    return tag.label.startswith(f"{HAND_SHAKE}-")


def _pair(giver: Device, receiver: Device | None, readings: Readings, most: int, *, simulated: bool) -> Pair:
    words = [tag for tag in giver.roles(Role.DURATION) if _is_word(tag)]
    done = list(_done(giver, words, readings))
    missed = list(_missed(giver, [one.time for one in done], readings))
    both = sorted([*done, *missed], key=lambda one: one.time)
    return Pair(
        giver=giver,
        receiver=receiver,
        words=tuple(_name(tag) for tag in words),
        hand_overs=tuple(both[-most:]),
        simulated=simulated or readings.simulated(_tags(giver)),
    )


def _name(tag: Tag) -> str:
    return tag.label.removeprefix(f"{HAND_SHAKE}-")


def _done(giver: Device, words: list[Tag], readings: Readings) -> Iterator[HandOver]:
    whole = giver.role(Role.DURATION, HAND_SHAKE)
    if whole is None:
        return
    samples, seconds = readings.of(whole), readings.seconds(whole)
    inside = (samples.time >= readings.window[0]) & (samples.time < readings.window[1]) & usable(samples.quality)
    told = [(_name(tag), _by_time(readings, tag)) for tag in words]
    fine = good(samples.quality)
    for row in np.flatnonzero(inside & np.isfinite(seconds)).tolist():
        time = int(samples.time[row])
        spoken = tuple(Word(name, took.get(time)) for name, took in told)
        yield HandOver(time, float(seconds[row]), spoken, trusted=bool(fine[row]))


def _by_time(readings: Readings, tag: Tag) -> dict[int, float]:
    seconds, samples = readings.seconds(tag), readings.of(tag)
    fine = usable(samples.quality) & np.isfinite(seconds)
    return dict(zip(samples.time[fine].tolist(), seconds[fine].tolist(), strict=True))


def _missed(giver: Device, told: list[int], readings: Readings) -> Iterator[HandOver]:
    """Yield a hand-over for each part beyond one that was counted since the hand-shake before.

    A part is counted before it is handed on, and the next one only after that; so of the parts
    between two hand-shakes the last belongs to the second. Before the first nothing is known.
    """
    counter = giver.role(Role.GOOD_COUNT)
    if counter is None or not told:
        return
    grown = readings.increments(counter)
    counted = grown.in_time & (grown.micro > 0) & (grown.time > told[0])
    moments = np.repeat(grown.time[counted], grown.micro[counted] // MICRO)
    turn = np.searchsorted(np.array(told, np.int64), moments, side="left")
    # The last of each turn is the one that was handed over then, or is being handed over now.
    left = np.append(turn[1:] == turn[:-1], [False])[: len(turn)]
    for time in moments[left].tolist():
        yield HandOver(int(time), None, ())
