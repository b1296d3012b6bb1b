"""Thinning while a centre runs: every few hours what is due, shift figures first.

A shift nobody has looked at yet has no kept figures, and could never have any once its samples
are gone. So before a day is thinned, every closed shift in it is computed and kept.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeGuard

import structlog

from analytics.periods import pieces
from dashboard_api.access import Actor, Kind
from dashboard_api.centre import Centre
from historian.buckets import DAY
from historian.port import Historian, Thinnable
from plant.errors import ProvenlineError
from provenline.retention import Done, carry_out, groups, plan, protections

log = structlog.get_logger(__name__)

_RULES = Actor("retention", None, Kind.LOCAL, frozenset(), address="this process")
"""Who lets go: the rules of the configuration."""

SETTLE = 120.0
"""Seconds after the start before the first round: a centre has better to do then."""
EVERY = 6 * 3_600.0


class Thinned(Historian, Thinnable, Protocol):
    """A store that is read by figures and can let go."""


def can_thin(store: Historian) -> TypeGuard[Thinned]:
    """Say whether a store can let go of samples."""
    return hasattr(store, "thin") and hasattr(store, "held")


@asynccontextmanager
async def thinning(centre: Centre) -> AsyncIterator[None]:
    """Keep thinning while the context is open, if the configuration lets anything go."""
    if not centre.configuration.centre.retention.lets_go:
        yield
        return
    ending = threading.Event()

    async def rounds() -> None:
        await centre.clock.sleep(SETTLE)
        while True:
            await asyncio.to_thread(one_round, centre, ending)
            await centre.clock.sleep(EVERY)

    task = asyncio.create_task(rounds(), name="retention")
    try:
        yield
    finally:
        ending.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def one_round(centre: Centre, ending: threading.Event) -> Done | None:
    """Thin what is due now and note it among the centre's counts; None when it could not be done."""
    store = centre.historian
    if not can_thin(store):
        return None
    counts = centre.counts
    try:
        spared = protections(centre.configuration, centre.desk.store if centre.desk else ())
        due = plan(store, groups(centre.configuration, store.paths()), spared, now=centre.clock.now())
        counts.retention_overdue = len({one.day for one in due if not one.protected})
        done = carry_out(
            store, due, first=lambda scene, day: figures_first(centre, scene, day), going=lambda: not ending.is_set()
        )
    except ProvenlineError as error:
        counts.retention_failures += 1
        log.warning("retention will try again", reason=str(error))
        return None
    counts.retention_overdue = len({one.day for one in done.left})
    counts.retention_run = centre.clock.now()
    if done.days:
        told = {"days": done.days, "samples": done.samples, "buckets": done.buckets, "bytes": done.bytes}
        log.info("retention", **told)
        centre.audit.add(_RULES, "retention.thin", str(centre.configuration.folder), after=told)
    return done


def figures_first(centre: Centre, scene_id: str, day: int) -> None:
    """Compute and keep the figures of every shift that a UTC day, or the day after it, has a part of.

    Of the day after too, for what happens in its first minutes is judged by what was before them.
    """
    scene = centre.configuration.site.scene(scene_id)
    if scene is None:
        return
    calendar = centre.configuration.calendar(scene_id)
    shifts = calendar.shifts(day * DAY, (day + 2) * DAY)
    if not shifts:
        return
    for piece in pieces(calendar, (shifts[0].start, max(shift.stop for shift in shifts))):
        centre.results.of(scene, centre.historian, piece, calendar=calendar, rules=centre.rules)
