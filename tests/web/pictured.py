"""What is photographed: every page there is, and what a page becomes when somebody uses it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.web.every_page import Subjects, addresses

HOUR_MS = 3_600_000
SCENE = "first-light"
BIG = frozenset(("wall", "wall-4k"))


@dataclass(frozen=True)
class Shot:
    """One picture. `press`: what is clicked before it is taken; `views`: only these, None = all."""

    name: str
    address: str
    press: str | None = None
    views: frozenset[str] | None = None
    signed_in: bool = True


def shots(subjects: Subjects, now: float | None = None) -> Iterator[Shot]:
    """Yield every page, then the wall's round, the past, a comparison, a replay and a derivation."""
    for name, address in addresses(subjects):
        yield Shot(name, address, signed_in=not address.startswith(("/sign-in", "/welcome")))
    over = int((time.time() if now is None else now) * 1000) // 60_000 * 60_000
    span, scene = f"{over - HOUR_MS}", f"/scene/{SCENE}"
    yield Shot("kiosk", "/?kiosk=1&every=3600", views=BIG)
    yield Shot("kiosk-scene", f"{scene}?kiosk=1&every=3600", views=BIG)
    yield Shot("past", f"{scene}?start={span}&stop={over}")
    yield Shot("comparison", f"{scene}?compare=prev")
    yield Shot("replay", f"{scene}/replay?from={span}&to={over}&at={over - HOUR_MS // 2}")
    yield Shot("explain", scene, press="[data-indicator] button")
    yield Shot("stop", scene, press="[data-panel=stops] tbody button")
    yield Shot("device-press", f"{scene}/device/{subjects.scenes[SCENE]}")
    yield Shot("device-probe", f"{scene}/device/line-1/vision")
