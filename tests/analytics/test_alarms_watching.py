"""The beat of alarms: followed without being asked, figures as the pages have them, and a restart of it all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from analytics.alarms.annunciator import Annunciator
from analytics.alarms.log import AlarmLog, Question
from analytics.alarms.plan import alarm_rules
from analytics.alarms.states import Action, AlarmState, Do
from analytics.alarms.watching import FigureJudge, watching
from analytics.unit import Rules
from configs.configuration import Configuration
from configs.loader import load
from historian.embedded import EmbeddedHistorian
from plant.batch import BatchBuilder
from plant.clock import SECOND, Clock, SystemClock, VirtualClock, from_iso

DOCUMENTS = {
    "site.yaml": """
type: site
id: cq
name: centre
zone: Asia/Shanghai
calendars:
  day: {shifts: [{id: early, start: "08:00", end: "16:00"}]}
""",
    "shop.yaml": """
type: scene
id: shop
name: shop
calendar: day
derived_alarms: []
sources: [{type: opcua, id: ua, endpoint: "opc.tcp://127.0.0.1:4840"}]
lines:
  - id: line
    name: line
    devices:
      - id: probe
        name: probe
        source: ua
        tags:
          - {id: rtt, kind: analog, role: latency, unit: ms, address: {node: "ns=2;s=1"}}
alarms:
  - {id: hot, name: hot, response: look, when: {type: limit, tag: line/probe/rtt, high: 50}}
  - id: slow
    name: slow
    response: look
    when: {type: kpi, indicator: latency-p95, of: line/probe/rtt, above: 10, window: 5min}
  - {id: shift, name: slow, response: look, when: {type: kpi, indicator: latency-p95, of: line/probe/rtt, above: 10}}
""",
}
RTT = "cq/shop/line/probe/rtt"
MORNING = from_iso("2026-03-02T10:00:00+08:00")
NIGHT = from_iso("2026-03-02T22:00:00+08:00")


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    for name, text in DOCUMENTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return load(tmp_path)


class Running:
    """Store, log and alarms in a folder, as a centre has them."""

    def __init__(self, configuration: Configuration, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.historian = EmbeddedHistorian(folder / "historian", seal_every=None)
        self.log = AlarmLog(folder / "alarms.db")
        self.annunciator = Annunciator(alarm_rules(configuration), self.log, clock=clock)
        self.judge = FigureJudge(self.annunciator, configuration, self.historian, Rules(percentiles=("95",)))

    def tell(self, *values: float) -> None:
        """Let the probe have said these, one a second, up to now."""
        builder, now = BatchBuilder(), self.clock.now()
        for back, value in enumerate(reversed(values)):
            builder.add(RTT, now - (back + 1) * SECOND, value, received=now)
        batch = builder.build()
        self.historian.write(batch)
        self.annunciator.observe(batch)

    def state(self, name: str) -> AlarmState:
        return next(a.state for a in self.annunciator.panel.alarms if a.definition.id == f"cq/shop:{name}")

    def close(self) -> None:
        self.log.close()
        self.historian.close()


@pytest.mark.parametrize(("now", "shift"), [(MORNING, AlarmState.UNACKNOWLEDGED), (NIGHT, AlarmState.NORMAL)])
def test_figures_are_those_of_the_pages_and_outside_a_shift_its_figures_say_nothing(
    configuration: Configuration, tmp_path: Path, now: int, shift: AlarmState
) -> None:
    running = Running(configuration, tmp_path, VirtualClock(now))
    running.tell(*[15.0] * 290)
    running.judge.judge(now)
    assert (running.state("slow"), running.state("shift")) == (AlarmState.UNACKNOWLEDGED, shift)
    raised = running.log.find(Question(window=(0, 2**62)))[-1].event.action
    assert raised.value == 15.0
    running.close()


async def test_what_comes_in_is_followed_without_being_asked(configuration: Configuration, tmp_path: Path) -> None:
    running = Running(configuration, tmp_path, SystemClock())
    async with watching(running.judge, clock=running.clock), asyncio.timeout(60):
        running.tell(60.0)
        while running.state("hot.high") is not AlarmState.UNACKNOWLEDGED:
            await asyncio.sleep(0.01)
    running.close()


async def test_what_came_in_last_is_in_the_log_when_the_beat_ends(configuration: Configuration, tmp_path: Path) -> None:
    running = Running(configuration, tmp_path, SystemClock())
    async with watching(running.judge, clock=running.clock):
        running.tell(60.0)
    assert len(running.log.find(Question(window=(0, 2**62)))) == 1
    running.close()


def test_a_whole_restart_raises_nothing_anew(configuration: Configuration, tmp_path: Path) -> None:
    clock = VirtualClock(MORNING)
    running = Running(configuration, tmp_path, clock)
    running.tell(*[60.0] * 200)
    running.annunciator.evaluate()
    running.judge.judge(clock.now())
    running.annunciator.people(["cq/shop:hot.high"], lambda now: Action(time=now, do=Do.ACKNOWLEDGE, by="li"))
    before = running.log.find(Question(window=(0, 2**62)))
    states = [running.state(name) for name in ("hot.high", "slow", "shift")]
    running.close()
    clock.set(clock.now() + 20 * SECOND)
    running = Running(configuration, tmp_path, clock)
    running.annunciator.observe(running.historian.latest([RTT]))
    running.annunciator.evaluate()
    running.judge.judge(clock.now())
    running.tell(60.0)
    running.annunciator.evaluate()
    assert [running.state(name) for name in ("hot.high", "slow", "shift")] == states
    assert running.log.find(Question(window=(0, 2**62))) == before
    running.close()
