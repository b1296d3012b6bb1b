"""The names that the check language knows, and what each of them is.

    tag('plc/temperature').value        `tag` gives a TAG, whose member `value` is a VALUE
    [f.kind for f in truth.faults]      `truth` is a TRUTH, its `faults` a list of FAULT

An expression reaches what stands here, by the kind that was worked out before it ran, and
nothing else: there is no way from a value to the Python object behind it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What something is. `items`: what a list is made of, None for what is no list."""

    name: str
    items: Kind | None = None


VALUE = Kind("value")
"""A number, a text, true, false, or nothing."""
FIELDS = Kind("fields")
"""What was configured: names to values; whatever name is asked for, it may be missing."""
TAG = Kind("tag")
CONFIG = Kind("config")
FIGURE = Kind("figure")
LOSSES = Kind("losses")
TRUTH = Kind("truth")
ALARM = Kind("alarm")
ANNOTATION = Kind("annotation")
FAULT = Kind("fault")
CLAIM = Kind("claim")
CAMPAIGN = Kind("campaign")
OBSERVATION = Kind("observation")


def list_of(kind: Kind) -> Kind:
    """Return the kind of a list of these."""
    return Kind(f"list of {kind.name}", kind)


@dataclass(frozen=True, slots=True)
class Member:
    """Something that can be asked of a kind. `takes`: the names of its arguments; None for what is not called.

    `least`: how many arguments there must be. `secret`: it is not shown to whoever is graded.
    """

    gives: Kind
    takes: tuple[str, ...] | None = None
    least: int = 0
    secret: bool = False


_PLAIN = Member(VALUE)
_MINUTES = Member(VALUE, ("minutes",), 1)
_SPAN = ("minutes", "hours", "period")
_FIGURE = Member(VALUE, ("id", "device", *_SPAN), 1)


def _plain(*names: str) -> dict[str, Member]:
    return dict.fromkeys(names, _PLAIN)


MEMBERS: dict[Kind, dict[str, Member]] = {
    OBSERVATION: {
        "tag": Member(TAG, ("path",), 1),
        "indicator": _FIGURE,
        "indicator_status": _FIGURE,
        "figure": Member(FIGURE, ("id", "device", *_SPAN), 1),
        "losses": Member(LOSSES, ("device", *_SPAN), 1),
        "config": Member(CONFIG),
        "alarms": Member(list_of(ALARM), ("code", "device")),
        "annotations": Member(list_of(ANNOTATION), ("device",)),
        "messages": Member(VALUE, ("source",)),
        "campaigns": Member(list_of(CAMPAIGN), ()),
        "truth": Member(TRUTH, secret=True),
        "answer": Member(VALUE, ("id",), 1),
        "claims": Member(list_of(CLAIM)),
        "elapsed": _PLAIN,
    },
    TAG: {
        **_plain("exists", "value", "quality", "age", "time", "unit", "simulated"),
        **dict.fromkeys(("count", "mean", "min", "max"), _MINUTES),
        "within": Member(VALUE, ("value", "minutes"), 2),
    },
    CONFIG: {
        "source": Member(FIELDS, ("id",), 1),
        "tag": Member(FIELDS, ("path",), 1),
        "sources": Member(list_of(FIELDS)),
        "tags": Member(list_of(FIELDS)),
        "alarms": Member(list_of(FIELDS)),
        "energy": Member(FIELDS),
        "text": Member(VALUE, ("file",), 1),
    },
    FIGURE: {
        **_plain("value", "status", "low", "high", "coverage"),
        "flags": Member(list_of(VALUE)),
        "input": Member(VALUE, ("symbol",), 1),
    },
    LOSSES: _plain(
        *("planned", "unknown", "breakdown", "setup", "waiting", "minor_stop", "reduced_speed", "defects", "start_up"),
        *("valuable", "largest"),
    ),
    TRUTH: {
        "faults": Member(list_of(FAULT)),
        "tag": Member(VALUE, ("path",), 1),
        "mean": Member(VALUE, ("path", "minutes"), 2),
        "share": Member(VALUE, ("path", "value", "minutes"), 3),
        "count": Member(VALUE, ("kind",), 1),
    },
    ALARM: _plain("code", "device", "state", "acknowledged", "shelved"),
    ANNOTATION: _plain("device", "reason", "text"),
    FAULT: _plain("kind", "target", "started", "ended"),
    CLAIM: _plain("cause", "place", "time", "made"),
    CAMPAIGN: {
        **_plain("id", "scene", "clause", "stage", "revision", "frozen", "reason", "confidence", "seed", "shifts"),
        **_plain("baseline", "improved", "package", "verified"),
        "verdict": Member(VALUE, ("indicator",)),
    },
}
"""What can be asked of each kind."""

SUBMITTED = ("answer", "claims", "elapsed")
"""What of an observation was handed in rather than seen."""

LENGTHS = {"minutes": 100_000.0, "hours": 1_700.0}
"""Arguments that are a length of time, and the longest there is."""

PERIODS = ("last-shift",)
"""What `period` may be: the last whole shift before the attempt began, which does not move while somebody works."""

NUMBERS = ("value",)
"""Arguments that are a number; every other argument is a text."""
