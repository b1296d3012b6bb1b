"""What is photographed: every page there is, and what a page becomes when somebody uses it.

A page that no healthy demonstration shows - a centre without scenes, a refusal - is shown by answering
one request of the page in the centre's place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.web.every_page import Subjects, addresses

HOUR_MS = 3_600_000
SCENE = "first-light"
COUNTED = "cq-2024-5/centre-comprehensive/null"
"""A clause that counts what nobody can simulate, as the form of a plan names it."""
BIG = frozenset(("wall", "wall-4k"))
FAULT = {
    "file": "scenes/agv.yaml",
    "path": "lines.0.devices.2.tags.4.address.register",
    "message": "Input should be less than or equal to 65535",
    "hint": "registers are counted from 0 to 65535",
    "line": 118,
}


@dataclass(frozen=True)
class Act:
    """Something done to a page: a click, or with `text` the filling of a field or the choice of an option."""

    target: str
    text: str | None = None


@dataclass(frozen=True)
class Answer:
    """What is answered in the centre's place."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shot:
    """One picture.

    `acts`: what is done before it is taken, and `shows` what is there then. `views`: only these, None = all.
    `answers`: by method and path, what the centre is not asked.
    """

    name: str
    address: str
    acts: tuple[Act, ...] = ()
    shows: str | None = None
    views: frozenset[str] | None = None
    signed_in: bool = True
    answers: Mapping[str, Answer] = field(default_factory=dict)


def shots(subjects: Subjects, now: float | None = None) -> Iterator[Shot]:
    """Yield every page, then the wall's round, the past, dialogs, forms, refusals and empty pages."""
    for name, address in addresses(subjects):
        yield Shot(name, address, signed_in=not address.startswith(("/sign-in", "/welcome")))
    yield from _scenes(subjects, int((time.time() if now is None else now) * 1000) // 60_000 * 60_000)
    yield from _desk()
    yield from _refusals()


def _scenes(subjects: Subjects, over: int) -> Iterator[Shot]:
    span, scene = f"{over - HOUR_MS}", f"/scene/{SCENE}"
    yield Shot("kiosk", "/?kiosk=1&every=3600", views=BIG)
    yield Shot("kiosk-scene", f"{scene}?kiosk=1&every=3600", views=BIG)
    yield Shot("past", f"{scene}?start={span}&stop={over}")
    yield Shot("comparison", f"{scene}?compare=prev")
    yield Shot("replay", f"{scene}/replay?from={span}&to={over}&at={over - HOUR_MS // 2}")
    yield Shot("explain", scene, (Act("[data-indicator] button"),), "dialog[open]")
    yield Shot("stop", scene, (Act("[data-panel=stops] .why"),), "dialog[open]")
    yield Shot("device-press", f"{scene}/device/{subjects.scenes[SCENE]}")
    yield Shot("device-probe", f"{scene}/device/line-1/vision")


def _desk() -> Iterator[Shot]:
    for view in ("flood", "history", "performance"):
        yield Shot(f"alarms-{view}", f"/alarms?view={view}")
    yield Shot("alarm", "/alarms", (Act("[data-test=alarm] .name"),), "[data-test=alarm] .details")
    yield Shot("shelve", "/alarms", (Act("[data-test=alarm] [data-act=shelve]"),), "dialog[open]")
    plan, clause = Act("[data-test=plan]"), "[data-test=clause]"
    yield Shot("plan-simulated", "/campaigns", (plan,), "[data-test=plan-form]")
    yield Shot("plan-recorded", "/campaigns", (plan, Act("[data-test=source-recorded]")), "[data-side=improved]")
    yield Shot("plan-counted", "/campaigns", (plan, Act(clause, COUNTED)), "[data-test=counted]")
    sheet = (("down", "38"), ("setUp", "15"), ("produced", "23800"), ("rejected", "310"))
    filled = tuple(Act(f"[data-test={name}]", text) for name, text in sheet)
    yield Shot("calculated", "/calculator", (*filled, Act("[data-test=calculate]")), "[data-figure]")
    target, look = Act("[data-test=target]", "first-light/plc"), Act("[data-test=open]")
    picked = (target, look, Act("[data-test=scan]"), Act("[data-register] .cell"), Act("[data-test=draft]"))
    yield Shot("configuration-draft", "/configuration", picked, "[data-test=yaml]")
    yield Shot("configuration-test", "/configuration", (Act("[data-test=try]"),), "[data-test=advice]")


def _refusals() -> Iterator[Shot]:
    entered = (Act("[data-test=name]", "li"), Act("[data-test=password] input", "not this"))
    signing, session = (*entered, Act("[data-test=sign-in]")), "POST /api/v1/session"
    for name, refusal in (("wrong", Answer({}, 401)), ("too-many", Answer({}, 429, {"Retry-After": "27"}))):
        answers = {session: refusal}
        yield Shot(f"sign-in-{name}", "/sign-in", signing, "[data-test=failure]", signed_in=False, answers=answers)
    faulty = {"documents": [], "faults": [FAULT], "changed": True}
    check = {"GET /api/v1/configuration/check": Answer(faulty)}
    yield Shot("configuration-fault", "/configuration", shows="[data-test=fault]", answers=check)
    yield Shot("overview-empty", "/", answers={"GET /api/v1/scenes": Answer([])})
    yield Shot("overview-failed", "/", answers={"GET /api/v1/scenes": Answer({"detail": "out of order"}, 500)})
