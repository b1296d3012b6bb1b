"""Line coordination: machines that hand parts over by messages, so the takt depends on the link.

    load ─▶ mill ─▶ wash ─▶ join ─▶ test          no buffers: one place between two machines
      └──────┴── hand-shakes ─┴──────┘            each message goes up from one machine and down to the next

Before a part changes hands, giver and receiver agree: part ready, place free, taken,
released. Each word of it is a message that has to arrive, sent again if it is lost; until
the last one has arrived the giver cannot begin its next part. The machines are fast and
unbuffered, so the slowest hand-over of a round is the one that all wait for: the tail of
the delay costs more than its median.

Before the machines spoke to each other, they were islands: each put its word into a
gateway, which the other looked at every `poll` seconds, in a rhythm of its own. A word then
waits for the next look, whatever the link does. With `poll` at 0 machines are told at once.

Assumed, and why plausible: 2.2-2.4 s a part as in small-part indexing lines; four
messages a hand-over, as in the PackML-based and the E84 hand-off sequences; 160 octets a
message (a JSON or OPC UA call without its transport); gateways are polled every 0.2-1 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from simulators.faces.layout import Layout, Message, MqttLayout, OpcuaLayout, StampLayout, Variable
from simulators.kernel.crew import Crew, CrewPlan
from simulators.kernel.draws import Constant, Exponential, LogNormal, Triangular
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.instruments import scan
from simulators.kernel.machine import Cause, PowerDraw
from simulators.kernel.messages import carried
from simulators.kernel.parts import Buffer, JobPlan, Part
from simulators.kernel.station import Failure, Severity, Station, StationPlan
from simulators.kernel.supply import Shipping, Supply
from simulators.network import Direction, Link
from simulators.network.route import Route
from simulators.plantmodel import PlantModel, Setting
from simulators.scenes.packml_face import nameplate, unit_variables
from simulators.truth import What

MACHINES: tuple[tuple[str, str, float, float], ...] = (
    ("load", "Loading robot", 2.2, 1.4),
    ("mill", "Milling cell", 2.4, 7.5),
    ("wash", "Washing cell", 2.3, 4.2),
    ("join", "Joining press", 2.4, 5.0),
    ("test", "Leak test", 2.3, 1.1),
)
"""Name, model, ideal cycle in s, power while executing in kW."""

WORDS = ("ready", "free", "taken", "released")
"""What the words of a hand-over say, giver and receiver in turn; a longer agreement has words without a name."""

_OCTETS = 160


class Coordinated(Station):
    """A station that agrees with the next one before it hands over. Signals: `.latency` (us), `.handshake`, words (s).

    `.latency` is how long the last message between this machine and the next took, `.handshake` the whole agreement;
    `.ready`, `.free`, `.taken`, `.released`: how long each word of the last one took until it was heard.
    """

    def coordinate(self, link: Link, following: Coordinated | None, *, messages: int, poll: float) -> None:
        """Say which link leads from here, and which machine comes next; without one, parts just leave."""
        self.link = link
        self._following = following
        self._messages = messages
        self._poll = poll
        self._rhythm = poll * float(self.floor.rng(self.name, "gateway").random())
        self._latency = self.floor.signals.add(f"{self.name}.latency", 0.0, digits=1)
        self._handshake = self.floor.signals.add(f"{self.name}.handshake", 0.0, digits=5)
        self._words = [self.floor.signals.add(f"{self.name}.{word}", 0.0, digits=5) for word in WORDS]

    def _hand_on(self, part: Part) -> Steps:
        if self._following is not None:
            began = self.floor.seconds()
            for turn in range(self._messages):
                spoken = self.floor.seconds()
                if turn % 2 == 0:
                    yield from self._say(self, self._following)
                else:
                    yield from self._say(self._following, self)
                if turn < len(WORDS):
                    self._words[turn].set(self.floor.seconds() - spoken)
            self._handshake.set(self.floor.seconds() - began)
        yield from super()._hand_on(part)

    def _say(self, speaker: Coordinated, listener: Coordinated) -> Steps:
        env = self.floor.env
        began = self.floor.seconds()
        yield from carried(self.floor, speaker.link, _OCTETS, Direction.UP)
        yield from carried(self.floor, listener.link, _OCTETS, Direction.DOWN)
        latency = (self.floor.seconds() - began) * 1e6
        self._latency.set(latency)
        self.floor.record(What.EVENT, self.name, latency=latency)
        if self._poll:
            yield env.timeout(self._poll - (env.now - listener._rhythm) % self._poll)


def build(setting: Setting) -> PlantModel:
    """Build the line. Parameters: `messages` a hand-over, `poll` (s; 0 = machines are told at once)."""
    floor = setting.floor
    messages = int(setting.number("messages", 4, low=0, high=100))
    poll = setting.number("poll", 0.0, high=10)
    crew = Crew(floor, "maintenance", CrewPlan(people=2, response=Triangular(20, 60, 180)))
    logistics = Crew(floor, "logistics", CrewPlan(people=1, response=Triangular(5, 15, 60)))
    places = [Buffer(floor, 60, "magazine.level"), *(Buffer(floor, 1) for _ in MACHINES[1:]), Buffer(floor, 20)]
    jobs = JobPlan((("valve-12", 500),))
    Supply(floor, jobs, outlet=places[0], lot=250, handling=LogNormal(20, 0.3), crew=logistics)
    stations = [
        Coordinated(floor, name, _plan(cycle, power), inlet=places[i], outlet=places[i + 1], crew=crew)
        for i, (name, _, cycle, power) in enumerate(MACHINES)
    ]
    Shipping(floor, places[-1])
    for station, following in zip(stations, [*stations[1:], None], strict=True):
        station.coordinate(setting.link(station.name), following, messages=messages, poll=poll)
        scan(floor, station.machine)
    return PlantModel(
        floor=floor,
        faces={"cell": _CELL_FACE, "messages": _MESSAGE_FACE, **_probes(floor, stations)},
        stations={s.name: s for s in stations},
    )


def _probes(floor: Floor, stations: Sequence[Coordinated]) -> dict[str, Layout]:
    """Return a STAMP reflector in each machine for the one before it."""
    layouts: dict[str, Layout] = {}
    for near, far in pairwise(stations):
        name, reflector = f"{near.name}-{far.name}", f"{far.name}.reflector"
        floor.signals.add(reflector, initial=True)
        layouts[name] = StampLayout(name, Route(near.link.twin(), far.link.twin()), reflector)
    return layouts


def _plan(cycle: float, power: float) -> StationPlan:
    return StationPlan(
        ideal={"": cycle},
        power=PowerDraw(off=0.05 * power, standby=0.25 * power, execute=power),
        slowness=LogNormal(1.02, 0.01),
        failures=(
            Failure(cause=Cause(20, "drive-fault"), every=Exponential(28_800), lasts=LogNormal(420, 0.5)),
            Failure(
                cause=Cause(30, "gripper-slip"),
                every=Exponential(2_400),
                lasts=Constant(9),
                severity=Severity.MICRO_STOP,
            ),
        ),
        defects={"leak": 0.002},
        detects=0.9,
        patience=4.0,
    )


_CELL_FACE = OpcuaLayout(
    "cell",
    (
        *(variable for name, *_ in MACHINES for variable in unit_variables(name.capitalize(), name)),
        Variable("Magazine.Level", "magazine.level"),
    ),
    nameplate={
        path: text
        for name, model, *_ in MACHINES
        for path, text in nameplate(name.capitalize(), model, f"{name.upper()}-0001").items()
    },
)

_MESSAGE_FACE = MqttLayout(
    "messages",
    tuple(
        Message(
            topic=f"line/{name}/handshake",
            on=f"{name}.handshake",
            fields={
                "handshake": f"{name}.handshake",
                "latency": f"{name}.latency",
                **{word: f"{name}.{word}" for word in WORDS},
            },
        )
        for name, *_ in MACHINES[:-1]
    ),
)
