"""People who come when a machine calls, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass

import simpy

from simulators.kernel.draws import Draw
from simulators.kernel.floor import Floor, Steps
from simulators.truth import What


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewPlan:
    """How many people, and how long from the call until one stands at the machine (s)."""

    people: int
    response: Draw


class Crew:
    """A number of people; who is busy elsewhere comes later."""

    def __init__(self, floor: Floor, name: str, plan: CrewPlan) -> None:
        self.name = name
        self._floor = floor
        self._plan = plan
        self._people = simpy.Resource(floor.env, plan.people)
        self._rng = floor.rng("crew", name)

    def attend(self, where: str, cause: str, work: float) -> Steps:
        """Wait for someone, then for `work` seconds of their time; both go into the record."""
        called = self._floor.seconds()
        with self._people.request() as someone:
            yield someone
            yield self._floor.env.timeout(self._plan.response.draw(self._rng))
            waited = self._floor.seconds() - called
            yield self._floor.env.timeout(work)
        self._floor.record(What.REPAIR, where, cause=cause, waited=waited, worked=work)
