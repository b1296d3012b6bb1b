"""Alarms of a running plant in virtual time: what data raises, what it must not, and what a restart leaves standing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.alarms.annunciator import LATE, Annunciator
from analytics.alarms.conditions import InState, Limit, OutOfControl, Rate, Side
from analytics.alarms.detection import Delays
from analytics.alarms.log import AlarmLog, Question
from analytics.alarms.rules import AlarmRule, OfFigure, OfSilence, OfTag, Suppression
from analytics.alarms.states import Action, AlarmState, Definition, Do
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, evaluate
from analytics.spc import Chart, Limits
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, VirtualClock
from plant.errors import Unavailable
from plant.packml import PackState
from plant.quality import Quality
from plant.text import Text

OIL, STATE, METER = ("cq/first/line/press/" + signal for signal in ("oil", "state", "meter"))
FOREVER = (0, 2**62)


def rule(name: str, watched, *, delays: Delays | None = None, suppression: Suppression | None = None) -> AlarmRule:
    definition = Definition(id=f"cq/first:{name}", name=Text(name, name), scope="cq/first/line/press")
    return AlarmRule(definition=definition, watched=watched, delays=delays or Delays(), suppression=suppression)


def oil(**more) -> AlarmRule:
    return rule("oil", OfTag(path=OIL, condition=Limit(side=Side.ABOVE, limit=70, hysteresis=2)), **more)


SILENT = rule("silent", OfSilence(paths=(OIL, METER), after=10), delays=Delays(on=5))


class Plant:
    """An annunciator whose clock and data the test holds in hand."""

    def __init__(self, folder: Path, *rules: AlarmRule) -> None:
        self.folder, self.rules, self.clock = folder, rules, VirtualClock()
        self.log = AlarmLog(folder / "alarms.db")
        self.annunciator = Annunciator(rules, self.log, clock=self.clock)

    def restart(self, *rules: AlarmRule, after: float = 0.0) -> None:
        self.log.close()
        self.clock.set(self.clock.now() + round(after * SECOND))
        self.rules = rules or self.rules
        self.log = AlarmLog(self.folder / "alarms.db")
        self.annunciator = Annunciator(self.rules, self.log, clock=self.clock)

    def tell(self, value, path: str = OIL, *, age: float = 0.0, way: float = 0.0, **more) -> None:
        """A sample `age` seconds old when it was received, `way` seconds ago; then the alarms look."""
        builder, now = BatchBuilder(), self.clock.now()
        received = now - round(way * SECOND)
        builder.add(path, received - round(age * SECOND), value, received=received, **more)
        self.annunciator.observe(builder.build())
        self.annunciator.evaluate()

    def wait(self, seconds: float) -> None:
        self.clock.set(self.clock.now() + round(seconds * SECOND))
        self.annunciator.evaluate()

    def do(self, do: Do, *names: str, reason: str = "because", **more):
        chosen = [f"cq/first:{name}" for name in names]
        until = {"until": self.clock.now() + round(more.pop("hours", 0) * 3600 * SECOND)} if do is Do.SHELVE else {}
        return self.annunciator.people(chosen, lambda now: Action(time=now, do=do, by="li", reason=reason, **until))

    def state(self, name: str = "oil") -> AlarmState:
        return next(a.state for a in self.annunciator.panel.alarms if a.definition.id == f"cq/first:{name}")

    def happened(self) -> list[Do]:
        return [entry.event.action.do for entry in reversed(self.log.find(Question(window=FOREVER)))]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., Plant]]:
    made: list[Plant] = []

    def plant(*rules: AlarmRule) -> Plant:
        made.append(Plant(tmp_path, *rules))
        return made[-1]

    yield plant
    for one in made:
        one.log.close()


def test_a_value_beyond_its_limit_raises_once_and_clears_beyond_the_hysteresis(build) -> None:
    plant = build(oil())
    for value in (60.0, 71.0, 75.0, 69.0, 67.9, 60.0):
        plant.tell(value)
        plant.wait(1)
    assert plant.happened() == [Do.RAISE, Do.CLEAR]
    assert plant.state() is AlarmState.RETURNED


def test_delays_end_by_the_clock_without_another_sample(build) -> None:
    plant = build(oil(delays=Delays(on=5, off=5)))
    plant.tell(71.0)
    plant.wait(4.9)
    assert plant.state() is AlarmState.NORMAL
    plant.wait(0.2)
    assert plant.state() is AlarmState.UNACKNOWLEDGED


def test_the_log_says_when_the_condition_held_and_what_it_saw(build) -> None:
    plant = build(oil(delays=Delays(on=5)))
    begun = plant.clock.now()
    plant.tell(71.5, origin=Origin.SIMULATED)
    plant.wait(9)
    (entry,) = plant.log.find(Question(window=FOREVER))
    assert (entry.event.action.time, entry.event.action.value) == (begun + 5 * SECOND, 71.5)
    assert entry.event.simulated


@pytest.mark.parametrize(
    "past",
    [
        {"origin": Origin.REPLAYED},
        {"age": LATE / SECOND + 1},
        {"way": LATE / SECOND + 1},
        {"age": 2.0},
    ],
    ids=["replayed", "stored by the device", "kept by the edge", "older than what is known"],
)
def test_data_about_the_past_raises_and_clears_nothing(build, past) -> None:
    plant = build(oil())
    plant.tell(60.0, age=1.0)
    plant.tell(99.0, **past)
    assert plant.state() is AlarmState.NORMAL
    plant.wait(5)
    plant.tell(99.0)
    plant.tell(60.0, **{**past, **({"age": 7.0} if past == {"age": 2.0} else {})})
    assert plant.happened() == [Do.RAISE]


def test_bad_data_neither_raises_nor_clears(build) -> None:
    plant = build(oil())
    plant.tell(99.0, quality=Quality.BAD_SENSOR_FAILURE)
    assert plant.state() is AlarmState.NORMAL
    plant.wait(1)
    plant.tell(99.0)
    plant.wait(1)
    plant.tell(20.0, quality=Quality.BAD_SENSOR_FAILURE)
    assert plant.state() is AlarmState.UNACKNOWLEDGED


def test_a_device_whose_clock_is_ahead_is_still_followed(build) -> None:
    plant = build(oil())
    plant.tell(60.0, age=-3600.0)
    plant.wait(1)
    plant.tell(99.0)
    assert plant.state() is AlarmState.UNACKNOWLEDGED


def test_silence_is_noticed_by_the_clock_and_ends_with_any_usable_sample(build) -> None:
    plant = build(SILENT)
    plant.tell(1.0)
    plant.wait(10.1)
    assert plant.state("silent") is AlarmState.NORMAL
    plant.wait(5.1)
    assert plant.state("silent") is AlarmState.UNACKNOWLEDGED
    plant.tell(1.0, METER, quality=Quality.BAD_NO_COMMUNICATION)
    plant.tell(1.0, origin=Origin.REPLAYED)
    assert plant.state("silent") is AlarmState.UNACKNOWLEDGED
    plant.tell(1.0, METER)
    assert plant.state("silent") is AlarmState.RETURNED


def test_a_device_never_heard_of_is_silent_too(build) -> None:
    plant = build(SILENT)
    plant.wait(40)
    plant.wait(5)
    assert plant.state("silent") is AlarmState.NORMAL
    plant.wait(0.2)
    plant.wait(5.1)
    assert plant.state("silent") is AlarmState.UNACKNOWLEDGED


def test_what_stands_is_not_raised_again_after_a_restart(build) -> None:
    plant = build(oil(), SILENT)
    plant.tell(99.0)
    plant.wait(16)
    plant.wait(6)
    plant.do(Do.ACKNOWLEDGE, "oil", "silent")
    before = plant.happened()
    plant.restart(after=3600)
    assert plant.state("oil") is plant.state("silent") is AlarmState.ACKNOWLEDGED
    plant.annunciator.evaluate()
    plant.wait(60)
    assert plant.happened() == before
    plant.tell(99.0)
    assert plant.happened() == [*before, Do.CLEAR]
    assert (plant.state("oil"), plant.state("silent")) == (AlarmState.ACKNOWLEDGED, AlarmState.NORMAL)
    plant.wait(1)
    plant.tell(20.0)
    assert plant.state("oil") is AlarmState.NORMAL


def test_devices_get_their_time_after_a_restart(build) -> None:
    plant = build(SILENT)
    plant.tell(1.0)
    plant.restart(after=3600)
    plant.wait(39)
    plant.wait(5)
    assert plant.happened() == []
    plant.wait(2)
    plant.wait(6)
    assert plant.happened() == [Do.RAISE]


def test_shelving_survives_a_restart_and_ends_at_its_time(build) -> None:
    plant = build(oil())
    plant.do(Do.SHELVE, "oil", hours=1)
    plant.tell(99.0)
    plant.restart(after=1800)
    assert plant.state() is AlarmState.SHELVED
    plant.wait(1801)
    assert plant.state() is AlarmState.UNACKNOWLEDGED
    assert plant.happened() == [Do.SHELVE, Do.RAISE, Do.EXPIRE]


def test_a_shelving_that_the_configuration_no_longer_allows_is_over_after_a_restart(build) -> None:
    plant = build(oil())
    plant.do(Do.SHELVE, "oil", hours=2)
    plant.tell(99.0)
    shorter = Definition(id="cq/first:oil", name=Text("", "oil"), scope="x", max_shelving=60 * SECOND)
    plant.restart(AlarmRule(definition=shorter, watched=oil().watched))
    assert plant.state() is AlarmState.UNACKNOWLEDGED


def test_an_alarm_taken_out_of_the_configuration_leaves_only_its_history(build) -> None:
    plant = build(oil(), SILENT)
    plant.tell(99.0)
    plant.restart(SILENT)
    assert [a.definition.id for a in plant.annunciator.panel.alarms] == ["cq/first:silent"]
    assert plant.happened() == [Do.RAISE]


def test_many_are_acknowledged_at_once_and_those_that_cannot_be_say_why(build) -> None:
    plant = build(oil(), SILENT)
    plant.tell(99.0)
    outcome = plant.do(Do.ACKNOWLEDGE, "oil", "silent", "nonsense")
    assert outcome.done == ("cq/first:oil",)
    assert set(outcome.refused) == {"cq/first:silent", "cq/first:nonsense"}
    assert plant.do(Do.ACKNOWLEDGE, "oil").done == ()


def test_a_comment_is_kept_and_moves_nothing(build) -> None:
    plant = build(oil())
    plant.tell(99.0)
    number = plant.annunciator.number
    plant.do(Do.COMMENT, "oil", reason="cooler is being cleaned")
    assert plant.state() is AlarmState.UNACKNOWLEDGED
    assert plant.annunciator.number == number + 1
    newest = plant.log.find(Question(window=FOREVER))[0].event
    assert (newest.action.by, newest.action.reason, newest.before) == ("li", "cooler is being cleaned", newest.after)


RUNNING = Suppression(path=STATE, within=InState(states=frozenset(PackState) - {PackState.EXECUTE}), stale_after=10)


def test_an_alarm_is_silent_by_design_while_its_machine_does_not_run(build) -> None:
    plant = build(oil(suppression=RUNNING))
    plant.tell(2, STATE)
    plant.tell(99.0)
    assert plant.state() is AlarmState.SUPPRESSED
    plant.wait(1)
    plant.tell(6, STATE)
    assert plant.state() is AlarmState.UNACKNOWLEDGED
    assert plant.happened() == [Do.SUPPRESS, Do.RAISE, Do.UNSUPPRESS]


def test_a_machine_whose_state_is_no_longer_known_suppresses_nothing(build) -> None:
    plant = build(oil(suppression=RUNNING))
    plant.tell(2, STATE)
    plant.tell(99.0)
    plant.wait(9)
    assert plant.state() is AlarmState.SUPPRESSED
    plant.wait(2)
    assert plant.state() is AlarmState.UNACKNOWLEDGED


def test_rates_charts_and_states_look_back_over_batches(build) -> None:
    chart = OutOfControl(limits=Limits(Chart.INDIVIDUALS, 50.0, 1.0, 1, 0))
    plant = build(
        rule("fast", OfTag(path=OIL, condition=Rate(per_second=2, over=10))),
        rule("chart", OfTag(path=OIL, condition=chart)),
        rule("stopped", OfTag(path=STATE, condition=InState(states=frozenset({PackState.ABORTED})))),
    )
    for value in (50.0, 50.5, 50.1, 50.6, 50.4, 50.2, 50.3, 50.2, 50.9):
        plant.tell(value)
        plant.wait(1)
    assert plant.state("chart") is AlarmState.UNACKNOWLEDGED
    assert plant.state("fast") is AlarmState.NORMAL
    plant.tell(75.0)
    plant.tell(9, STATE)
    assert plant.state("fast") is plant.state("stopped") is AlarmState.UNACKNOWLEDGED


def figure(value: float | None, now: int) -> Indicator:
    basis = Basis(scope="cq/first", window=(now - 3600 * SECOND, now), coverage=1.0 if value is not None else 0.1)
    return evaluate(FORMULAS["defect-rate"], quantities({"SQ": (value or 0) * 100, "RQ": 0.0, "PQ": 100.0}), basis)


def test_a_figure_beyond_its_limit_raises_and_one_without_a_value_says_nothing(build) -> None:
    limit = Limit(side=Side.ABOVE, limit=0.05)
    plant = build(rule("defects", OfFigure(scene="first", key="cq/first:defect-rate", limit=limit, window=3600)))
    assert plant.annunciator.figures_wanted() == {("first", 3600)}
    for value, state in ((0.01, "A"), (0.2, "B"), (None, "B"), (0.2, "B"), (0.01, "D")):
        plant.wait(30)
        plant.annunciator.take_figures([figure(value, plant.clock.now())], 3600)
        assert plant.state("defects") == state
    plant.annunciator.take_figures([figure(0.9, plant.clock.now())], 0)
    assert plant.state("defects") == "D"


def test_a_flood_is_noticed_while_it_happens_and_after_a_restart(build) -> None:
    plant = build(oil())
    for _ in range(11):
        plant.tell(99.0)
        plant.wait(1)
        plant.tell(20.0)
        plant.wait(1)
        plant.do(Do.ACKNOWLEDGE, "oil")
    panel = plant.annunciator.panel
    assert panel.flood is not None
    assert panel.lately == 11
    plant.restart()
    assert plant.annunciator.panel.flood == panel.flood
    number = plant.annunciator.number
    plant.wait(700)
    assert plant.annunciator.panel.flood is None
    assert plant.annunciator.number > number


def test_a_disk_that_takes_nothing_silences_no_alarm_and_loses_no_event(build, monkeypatch) -> None:
    plant = build(oil())

    def full(_) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(plant.log, "add", full)
        plant.tell(99.0)
        assert plant.state() is AlarmState.UNACKNOWLEDGED
        with pytest.raises(Unavailable):
            plant.do(Do.ACKNOWLEDGE, "oil")
        assert plant.state() is AlarmState.UNACKNOWLEDGED
    plant.do(Do.ACKNOWLEDGE, "oil")
    assert plant.happened() == [Do.RAISE, Do.ACKNOWLEDGE]


def test_the_log_cannot_be_altered(build) -> None:
    plant = build(oil())
    plant.tell(99.0)
    for statement in ("UPDATE event SET author = 'nobody'", "DELETE FROM event"):
        with plant.log._database.transaction() as connection, pytest.raises(Exception, match="only added"):
            connection.execute(statement)


def test_the_log_answers_by_window_alarm_scene_and_page(build) -> None:
    plant = build(oil(), rule("other", OfTag(path=METER, condition=Limit(side=Side.ABOVE, limit=1))))
    moments = []
    for value in (99.0, 20.0, 99.0):
        moments.append(plant.clock.now())
        plant.tell(value)
        plant.tell(value, METER)
        plant.wait(10)
    find = plant.log.find
    assert len(find(Question(window=(moments[1], moments[2])))) == 1
    assert len(find(Question(window=FOREVER, alarm="cq/first:oil"))) == 3
    assert find(Question(window=FOREVER, below="cq/fir")) == []
    assert len(find(Question(window=FOREVER, below="cq/first"))) == 4
    page = find(Question(window=FOREVER, most=2))
    rest = find(Question(window=FOREVER, before=page[-1].number))
    assert [e.number for e in (*page, *rest)] == [4, 3, 2, 1]


def test_an_inbox_that_nobody_empties_is_bounded(build) -> None:
    plant, now = build(oil()), VirtualClock().now()
    times = now - SECOND + 1_000 * np.arange(50_000)
    batch = Batch.floats((OIL,), times * 0, times, times * 0 + 99.0, received=now)
    for _ in range(5):
        plant.annunciator.observe(batch)
    assert plant.happened() == [Do.RAISE]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.sampled_from([60.0, 69.0, 71.0, 99.0]), min_size=1, max_size=25),
    cuts=st.sets(st.integers(1, 24)),
)
def test_how_data_is_cut_into_batches_changes_nothing(tmp_path_factory, values, cuts) -> None:
    def run(edges: list[int]) -> list[tuple[Do, int]]:
        folder = tmp_path_factory.mktemp("cut")
        plant = Plant(folder, oil(delays=Delays(on=2, off=2)))
        start = plant.clock.now()
        for begin, end in zip([0, *edges], [*edges, len(values)], strict=True):
            plant.clock.set(start + (min(end, len(values)) - 1) * SECOND)
            builder = BatchBuilder()
            for second in range(begin, min(end, len(values))):
                builder.add(OIL, start + second * SECOND, values[second], received=plant.clock.now())
            if len(builder):
                plant.annunciator.observe(builder.build())
                plant.annunciator.evaluate()
        found = [(e.event.action.do, e.event.action.time) for e in plant.log.find(Question(window=FOREVER))]
        plant.log.close()
        return found

    whole = run([])
    assert run(sorted(cut for cut in cuts if cut < len(values))) == whole
