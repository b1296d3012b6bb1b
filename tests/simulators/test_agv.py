"""The fleet in virtual time: nobody is in two places, and the radio alone decides what is lost to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.network_profile import NetworkProfile, network_profile
from plant.clock import SECOND
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant
from simulators.kernel.floor import Floor
from simulators.network import Direction
from simulators.plantmodel import Parameter, Setting
from simulators.scenes.agv.drive import Body, Drive
from simulators.scenes.agv.fleet import Fleet, assemble
from simulators.scenes.agv.hall import BAYS, DROPS, ONWARD, PICKS, PLACES, length, route
from simulators.scenes.agv.manager import Zones
from simulators.scenes.agv.post import Post, Terminal
from simulators.scenes.agv.vehicle import Vehicle
from simulators.truth import What
from simulators.vda5050 import Action, ActionStatus, Edge, InstantActions, Message, Node, Order, State

START = 1_772_000_000 * SECOND
CALM = Body(obstacle=Constant(1e9), lost=Constant(1e9))


def fleet_under(profile: str | NetworkProfile, *, seed: int = 1, **parameters: Parameter) -> tuple[Floor, Fleet]:
    floor = Floor(start=START, seed=seed)
    network = network_profile(profile) if isinstance(profile, str) else profile
    return floor, assemble(Setting(floor, parameters, network))


def transports(fleet: Fleet) -> int:
    return sum(vehicle.transports for vehicle in fleet.vehicles)


def lost_to(floor: Floor, cause: str) -> float:
    """Return the seconds that vehicles stood for a cause, by the truth record."""
    return sum(float(f.detail["seconds"]) for f in floor.truth.of(What.STATE) if f.detail["cause"] == cause)


# -------------------------------------------------------------------------------- the hall
def test_every_place_can_be_driven_to_from_every_other() -> None:
    for start in PLACES:
        for goal in PLACES:
            way = route(start, goal)
            assert (way[0], way[-1]) == (start, goal)
            assert all(b in ONWARD[a] for a, b in itertools.pairwise(way))


def test_the_shortest_ring_has_more_places_than_there_can_be_vehicles() -> None:
    """So vehicles that wait, each on one place, can never wait for each other in a ring."""
    rings = [len(route(following, start)) for start in PLACES for following in ONWARD[start]]
    assert min(rings) > len(BAYS)


def test_stations_and_bays_are_no_thoroughfare() -> None:
    beside = {*PICKS, *DROPS, *BAYS}
    for start in PICKS:
        for goal in (*DROPS, *BAYS):
            assert not beside & set(route(start, goal)[1:-1])


def test_a_way_is_as_long_as_its_pieces() -> None:
    assert length(("S0", "S1", "P0")) == pytest.approx(6 + 5)


# ----------------------------------------------------------------------------- conservation
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["agv-1", "agv-2"]), st.booleans()), max_size=40))
def test_a_zone_has_one_owner_whatever_is_asked_for(steps: list[tuple[str, str, bool]]) -> None:
    zones, model = Zones(), {}
    for zone, vehicle, take in steps:
        if take:
            assert zones.take(zone, vehicle) == (model.setdefault(zone, vehicle) == vehicle)
        else:
            zones.give_back(zone, vehicle)
            if model.get(zone) == vehicle:
                del model[zone]
        assert zones.owner == model


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(1, 10_000),
    profile=st.sampled_from(["wired", "wifi-roaming", "wifi5-loaded", "5g-degraded"]),
    vehicles=st.integers(2, len(BAYS)),
    ahead=st.integers(1, 5),
)
def test_no_place_is_ever_shared_and_no_fleet_gets_stuck(seed: int, profile: str, vehicles: int, ahead: int) -> None:
    floor, fleet = fleet_under(profile, seed=seed, vehicles=vehicles, ahead=ahead)
    assert fleet.manager
    for second in range(1, 901):
        floor.run_through(second)
        taken = [vehicle.zones for vehicle in fleet.vehicles]
        assert sum(map(len, taken)) == len(frozenset().union(*taken))
        for vehicle, zones in zip(fleet.vehicles, taken, strict=True):
            assert all(fleet.manager.zones.owner[zone] == vehicle.name for zone in zones)
        where = [vehicle.drive.where() for vehicle in fleet.vehicles]
        assert all(math.dist(a, b) > 3.9 for i, a in enumerate(where) for b in where[:i])
    assert transports(fleet) >= vehicles  # each has had time for one at least


# ----------------------------------------------------------------------------------- causes
HOUR = 3600.0


@pytest.fixture(scope="module")
def hours() -> dict[str, list[tuple[Floor, Fleet]]]:
    """An hour of each profile under the same seeds: the same calls, troubles and handling times to begin with."""
    runs = {}
    for profile in ("wired", "wifi-roaming"):
        runs[profile] = [fleet_under(profile, seed=seed) for seed in (1, 2)]
        for floor, fleet in runs[profile]:
            floor.run_through(HOUR)
            for vehicle in fleet.vehicles:
                vehicle.drive.machine.close()
    return runs


def test_roaming_costs_transports(hours) -> None:
    done = {profile: [transports(fleet) for _, fleet in runs] for profile, runs in hours.items()}
    assert all(a < b for a, b in zip(done["wifi-roaming"], done["wired"], strict=True))


def test_roaming_costs_them_by_stops_for_want_of_a_heartbeat(hours) -> None:
    for floor, _ in hours["wired"]:
        assert lost_to(floor, "no-heartbeat") == 0
    for floor, fleet in hours["wifi-roaming"]:
        share = lost_to(floor, "no-heartbeat") / (HOUR * len(fleet.vehicles))
        assert 0.02 < share < 0.2


@pytest.mark.parametrize("profile", ["5g-degraded", "wifi5-loaded"])
def test_a_slow_link_without_gaps_hardly_stops_a_vehicle(profile: str) -> None:
    """So these links do not fail the clause by themselves; the fleet forgives delays, and stops for gaps."""
    floor, fleet = fleet_under(profile)
    floor.run_through(HOUR / 2)
    for vehicle in fleet.vehicles:
        vehicle.drive.machine.close()
    assert lost_to(floor, "no-heartbeat") / (HOUR / 2 * len(fleet.vehicles)) < 0.01


def test_states_of_a_vehicle_add_up_to_the_time_run(hours) -> None:
    for floor, fleet in hours["wifi-roaming"]:
        for vehicle in fleet.vehicles:
            facts = floor.truth.of(What.STATE, vehicle.name)
            assert sum(float(f.detail["seconds"]) for f in facts) == pytest.approx(HOUR)


def test_the_same_delays_under_another_name_give_the_same_hour(hours) -> None:
    """The causal path is the link's figures: with Wi-Fi's figures, "5G" gains nothing at all."""
    renamed = network_profile("wifi-roaming").model_copy(update={"id": "5g-urllc"})
    floor, fleet = fleet_under(renamed, seed=1)
    floor.run_through(HOUR)
    assert transports(fleet) == transports(hours["wifi-roaming"][0][1])


def test_a_baseline_gains_nothing_over_a_baseline(hours) -> None:
    """Half an hour each, three seeds against three others: Welch's t of the difference stays within ±4."""
    first, second = (
        [float(transports(run_for(1800, "wifi-roaming", seed))) for seed in seeds] for seeds in ((4, 5, 6), (7, 8, 9))
    )
    error = math.sqrt((stdev(first) ** 2 + stdev(second) ** 2) / 3)
    assert abs(mean(first) - mean(second)) <= 4 * max(error, 1.0)


def run_for(seconds: float, profile: str, seed: int) -> Fleet:
    floor, fleet = fleet_under(profile, seed=seed)
    floor.run_through(seconds)
    return fleet


def test_one_seed_gives_one_history_and_another_seed_another() -> None:
    histories = []
    for seed in (3, 3, 4):
        floor, _ = fleet_under("wifi-roaming", seed=seed)
        floor.run_through(400)
        histories.append(list(floor.truth))
    assert histories[0] == histories[1] != histories[2]


# -------------------------------------------------------------------------- a single vehicle
class Radio:
    """A link that takes `delay` seconds, or loses what is sent while `lost` says so."""

    def __init__(self, delay: float = 0.01, lost: Callable[[float], bool] = lambda _: False) -> None:
        self.waits, self.lost = delay, lost

    def delay(self, now: int, size: int, direction: Direction, *, position: tuple[float, float]) -> float | None:
        return None if self.lost((now - START) / SECOND) else self.waits


class Desk:
    """One vehicle in bay C0 whose manager is the test."""

    def __init__(self, radio: Radio) -> None:
        self.floor = Floor(start=START, seed=1)
        self.post = Post(self.floor)
        self.states: list[State] = []
        self.post.listen = self.states.append
        crew = Crew(self.floor, "attendants", CrewPlan(people=1, response=Constant(1)))
        drive = Drive(self.floor, "agv-1", CALM, PLACES["C0"], crew)
        self.vehicle = Vehicle(drive, self.post, "C0", patience=1.5)
        link = radio
        self.post.connect(
            Terminal(
                name="agv-1", link=link, where=drive.where, receive=self.vehicle.receive, refuse=self.vehicle.refuse
            )
        )
        self.floor.every(0.5, self.vehicle.listen)
        self.floor.every(2.0, self.vehicle.show)

    def order(self, way: str, *, released: int, update: int = 0, first: int = 0, **actions: str) -> Order:
        """Return an order along `way` whose first `released` nodes may be driven; `actions` by node."""
        names = way.split()
        nodes = tuple(
            Node(
                id=name,
                sequence=2 * (first + i),
                released=i < released,
                actions=(Action(f"do-{name}", actions[name]),) if name in actions else (),
            )
            for i, name in enumerate(names)
        )
        edges = tuple(
            Edge(id=f"{a.id}-{b.id}", sequence=a.sequence + 1, released=b.released, start=a.id, end=b.id)
            for a, b in itertools.pairwise(nodes)
        )
        return Order(vehicle="agv-1", id="T1", update=update, nodes=nodes, edges=edges, issued=self.floor.now())

    def tell(self, message: Message, *, wait: float) -> State:
        """Send something, let time pass, return the last state."""
        self.post.send(message)
        self.floor.run_through(self.floor.seconds() + wait)
        return self.states[-1]


WAY = "C0 W-3 W-2 W-1"


def test_a_vehicle_drives_what_is_released_and_not_a_metre_more() -> None:
    desk = Desk(Radio())
    state = desk.tell(desk.order(WAY, released=2), wait=60)
    assert (state.last_node, state.driving, state.wants_base) == ("W-3", False, True)
    assert desk.vehicle.drive.where() == PLACES["W-3"]
    state = desk.tell(desk.order("W-3 W-2 W-1", first=1, released=3, update=1), wait=60)
    assert (state.last_node, state.idle) == ("W-1", True)


def test_a_grant_that_is_under_way_for_long_is_waited_for_and_recorded_as_the_links() -> None:
    waits = {}
    for delay in (0.01, 20.0):
        desk = Desk(Radio(delay))
        desk.post.send(desk.order(WAY, released=2))
        desk.floor.at(1.0, lambda desk=desk: desk.post.send(desk.order("W-3 W-2 W-1", first=1, released=2, update=1)))
        desk.floor.at(24.0, lambda desk=desk: desk.post.send(desk.order("W-2 W-1", first=2, released=2, update=2)))
        desk.floor.run_through(90)
        facts = [f.detail for f in desk.floor.truth.of(What.EVENT) if f.detail["event"] == "wait"]
        waits[delay] = sum(float(f["link"]) for f in facts)
        assert desk.vehicle.zones == {"W-1"}
    assert waits[0.01] < 0.1
    assert waits[20.0] > 5


def test_a_vehicle_without_heartbeat_stops_where_it_is_and_drives_on_when_it_is_back() -> None:
    desk = Desk(Radio(lost=lambda t: 4 < t < 12))
    desk.post.send(desk.order("C0 W-3 W-2 W-1 S0", released=5))
    desk.floor.run_through(6.0)
    stood = desk.vehicle.drive.where()
    desk.floor.run_through(12.0)
    assert desk.vehicle.drive.where() == stood
    assert stood not in PLACES.values()
    assert desk.vehicle.drive.machine.cause.id == "no-heartbeat"
    desk.floor.run_through(60)
    assert desk.vehicle.zones == {"S0"}
    assert lost_to(desk.floor, "no-heartbeat") == pytest.approx(8.5, abs=1.0)  # until it is back, and the restart


def test_a_message_stuck_on_the_radio_arrives_later_and_in_order() -> None:
    desk = Desk(Radio(lost=lambda t: t < 3))
    desk.post.send(desk.order(WAY, released=2))
    desk.post.send(desk.order("W-3 W-2", first=1, released=2, update=1))
    desk.floor.run_through(60)
    assert desk.states[-1].update == 1
    assert not any(state.errors for state in desk.states)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda order: replace(order, nodes=()), "validationError"),
        (lambda order: replace(order, edges=()), "validationError"),
        (lambda order: replace(order, nodes=order.nodes[::-1]), "validationError"),
        (lambda order: replace(order, nodes=(order.nodes[0], replace(order.nodes[1], id="X"))), "validationError"),
        (
            lambda order: replace(order, nodes=(order.nodes[0], replace(order.nodes[1], x=1e300, y=0.0))),
            "validationError",
        ),
        (lambda order: replace(order, nodes=(replace(order.nodes[0], id="S5"), order.nodes[1])), "noRouteError"),
    ],
)
def test_an_order_that_leads_nowhere_is_refused_and_the_vehicle_stays(change, error: str) -> None:
    desk = Desk(Radio())
    state = desk.tell(change(replace(desk.order("C0 W-3", released=2))), wait=20)
    assert [e.kind for e in state.errors] == [error]
    assert ("orderId", "T1") in state.errors[0].about
    assert (state.order, desk.vehicle.drive.where()) == ("", PLACES["C0"])


def test_another_order_is_refused_while_one_is_carried_out_and_a_repetition_is_no_error() -> None:
    desk = Desk(Radio())
    order = desk.order(WAY, released=2)
    desk.tell(order, wait=1)
    assert desk.tell(order, wait=1).errors == ()
    state = desk.tell(replace(order, id="T2"), wait=1)
    assert (state.errors[0].kind, state.order) == ("orderUpdateError", "T1")
    state = desk.tell(desk.order("W-2 W-1", first=2, released=2, update=3), wait=1)
    assert (state.errors[0].kind, state.update) == ("orderUpdateError", 0)


def test_a_load_is_counted_when_it_was_dropped() -> None:
    desk = Desk(Radio())
    order = desk.order("C0 W-3", released=2, **{"W-3": "drop"})
    assert desk.tell(order, wait=5).actions[0].status is ActionStatus.WAITING
    assert desk.vehicle.transports == 0
    assert desk.tell(order, wait=60).actions[0].status is ActionStatus.FINISHED
    assert desk.vehicle.transports == 1


def test_a_vehicle_says_what_it_carries_from_picking_it_up_until_it_has_dropped_it() -> None:
    desk = Desk(Radio())
    state = desk.tell(desk.order("C0 W-3 W-2 W-1", released=4, **{"W-3": "pick", "W-1": "drop"}), wait=3)
    assert state.loads == ()
    assert desk.tell(InstantActions("agv-1", (Action("a", "stateRequest"),), 0), wait=27).loads == ("pallet-T1",)
    assert desk.tell(InstantActions("agv-1", (Action("b", "stateRequest"),), 0), wait=60).loads == ()


def test_instant_actions_pause_and_cancel() -> None:
    desk = Desk(Radio())
    desk.tell(desk.order("C0 W-3 W-2 W-1 S0", released=5), wait=6)
    at_once = [InstantActions("agv-1", (Action(f"a{i}", k),), 0) for i, k in enumerate(("startPause", "stopPause"))]
    state = desk.tell(at_once[0], wait=20)
    stood = desk.vehicle.drive.where()
    assert (state.paused, state.driving) == (True, True)  # it stands between two nodes, on its way
    assert desk.tell(at_once[1], wait=5).paused is False
    assert desk.vehicle.drive.where() != stood
    state = desk.tell(InstantActions("agv-1", (Action("c", "cancelOrder"), Action("d", "fly")), 0), wait=20)
    assert state.idle
    assert desk.vehicle.zones == {state.last_node} != {"S0"}
    assert {a.id: str(a.status) for a in state.actions} == {
        "a0": "FINISHED", "a1": "FINISHED", "c": "FINISHED", "d": "FAILED",
    }  # fmt: skip


def test_a_vehicle_says_something_every_half_minute_at_least() -> None:
    desk = Desk(Radio())
    desk.floor.run_through(300)
    times = [state.time for state in desk.states]
    assert max(b - a for a, b in itertools.pairwise(times)) <= 30 * SECOND


# -------------------------------------------------------------------------- a lossy carrier
def test_orders_that_never_arrive_are_sent_again() -> None:
    """Every third order or update vanishes behind the radio, as QoS 0 allows; transports get done all the same."""
    floor, fleet = fleet_under("wired", vehicles=3)
    count = 0

    def lossy(message: Message) -> None:
        nonlocal count
        count += isinstance(message, Order)
        if not (isinstance(message, Order) and count % 3 == 0):
            fleet.post.hand_over(message)

    fleet.post.relay = lossy
    floor.run_through(1800)
    assert transports(fleet) >= 9
