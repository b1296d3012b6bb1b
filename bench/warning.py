"""Early warning scored on the simulators' injected faults: how late it is, what it misses, how often it cries wolf.

    python -m bench.warning [--quick]

The press of the packaged line, its force as telemetry shows it. Baseline: the first four hours.
Healthy days of several seeds give the false alarms a day; runs with a worn die or a drifting
gauge, injected at a known moment, give the delay. The rule is the packaged one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from analytics.readings import read
from analytics.rules import of_centre
from analytics.settings import Watch
from analytics.warning import DriftRule, Score, baseline, drift, score
from analytics.wear import blocks, running
from configs.loader import PACKAGED, load
from plant.assets import Device
from plant.batch import Batch
from plant.clock import SECOND
from plant.tags import Role
from simulators.faults import FaultKind, PlannedFault
from simulators.virtual import fast
from tests.analytics.memory import MemoryHistorian

START = 20_000 * 86_400 * SECOND
HOUR = 3600 * SECOND
LEARNED = 4  # hours
TARGET = "cq/first-light/line-1/press"
FAULTS = (
    (FaultKind.WEAR, "press", (1.02, 1.05, 1.1)),
    (FaultKind.SENSOR_DRIFT, "press.force", (2.0, 6.0, 20.0)),
)
"""Kind, target, sizes: of wear, the factor of the load; of a drift, units an hour."""


class Plant:
    """The packaged line, of which only the press's force and state are collected."""

    def __init__(self) -> None:
        self.configuration = load(PACKAGED)
        scene = self.configuration.site.scene("first-light")
        assert scene
        self.press: Device = next(d for d in scene.devices if d.path == TARGET)
        force, state = (self.press.role(role) for role in (Role.PROCESS_VALUE, Role.STATE))
        assert force
        assert state
        self.force, self.tags = force, (force, state)
        self.rules = of_centre(self.configuration)
        self.watch: Watch = self.rules.settings.watches[force.path]

    def samples(self, hours: float, seed: int, faults: Sequence[PlannedFault] = ()) -> Batch:
        """Return the force while the press ran."""
        wanted = {tag.path for tag in self.tags}
        bindings = [
            replace(b, points=tuple(p for p in b.points if p[0].path in wanted))
            for b in self.configuration.bindings
            if b.scene == "first-light"
        ]
        window = (START, START + round(hours * HOUR))
        document = self.configuration.scenes["first-light"]
        made = fast(document, bindings, seed=seed, start=window[0], stop=window[1], faults=faults)
        readings = read(MemoryHistorian(Batch.concat(list(made))), self.tags, window, margin=0)
        return running(self.press, self.force, readings, self.rules.model)


def warnings(samples: Batch, watch: Watch, stop: int) -> list[int]:
    """Return when the rule warned; after each warning it watches on from zero."""
    learned = START + LEARNED * HOUR
    healthy = baseline(blocks(samples, (START, learned), watch.block).mean)
    since = blocks(samples, (learned, stop), watch.block)
    starts, values = since.start, since.mean
    rule = DriftRule(allowance=watch.allowance, blocks_between_alarms=watch.blocks_between_alarms)
    found: list[int] = []
    first = 0
    while (warned := drift(values[first:], healthy, rule).warned) is not None:
        found.append(int(starts[first + warned]) + watch.block)
        first += warned + 1
    return found


def scored(plant: Plant, hours: float, seed: int, fault: PlannedFault | None = None) -> Score:
    stop = START + round(hours * HOUR)
    samples = plant.samples(hours, seed, () if fault is None else (fault,))
    spans = [] if fault is None or fault.at is None else [(START + round(fault.at * SECOND), stop)]
    return score(warnings(samples, plant.watch, stop), spans, (START + LEARNED * HOUR, stop))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer seeds")
    seeds = 1 if parser.parse_args().quick else 3
    plant, begun = Plant(), time.perf_counter()
    healthy = [scored(plant, LEARNED + 20, seed) for seed in range(seeds)]
    alarms = np.mean([one.false_per_day for one in healthy])
    asked = 86_400 * SECOND / plant.watch.block / plant.watch.blocks_between_alarms
    print(f"healthy: {seeds} × 20 h, {alarms:.2f} false alarms a day ({asked:.2f} asked for)")
    for kind, target, sizes in FAULTS:
        for size in sizes:
            fault = PlannedFault(kind=kind, target=target, size=size, at=(LEARNED + 1) * 3600.0)
            found = [scored(plant, LEARNED + 5, 100 + seed, fault) for seed in range(seeds)]
            delays = [delay / 60 for one in found for delay in one.delays]
            late = f"median {median(delays):.0f} min, longest {max(delays):.0f} min" if delays else "never"
            print(f"{kind} {size:g}: found after {late}; {sum(one.missed for one in found)} of {len(found)} missed")
    print(f"{time.perf_counter() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
