"""A machine: one PackML unit with its state, the reason for it, and its electricity meter.

States change only along the transitions of `plant.packml`; asking for another is a bug in
the model and raises. Energy is the exact integral of the power shown, so the two can never
disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from plant.packml import Command, PackState, after, done
from simulators.kernel.floor import Floor, Steps
from simulators.truth import What

_S = PackState


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a machine is not producing: the code a PLC gives, and a name people know."""

    code: int
    id: str


RUNNING = Cause(0, "")
STARVED = Cause(1, "starved")
BLOCKED = Cause(2, "blocked")
NOT_PLANNED = Cause(3, "not-planned")
CHANGEOVER = Cause(4, "changeover")


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerDraw:
    """Electrical power in kW by what the machine is doing; `ripple` = relative deviation."""

    off: float
    standby: float
    execute: float
    ripple: float = 0.03

    def at(self, state: PackState) -> float:
        """Return the mean power in `state`."""
        if state in (_S.EXECUTE, _S.STARTING):
            return self.execute
        return self.off if state in (_S.STOPPED, _S.ABORTED) else self.standby


@dataclass(frozen=True, slots=True)
class ActingTimes:
    """Seconds that the transient states last; those not named last `default`."""

    default: float = 0.2
    by_state: dict[PackState, float] = field(
        default_factory=lambda: {_S.STARTING: 3.0, _S.RESETTING: 2.0, _S.CLEARING: 2.0, _S.STOPPING: 1.0}
    )

    def of(self, state: PackState) -> float:
        """Return how long `state` lasts."""
        return self.by_state.get(state, self.default)


class NotAllowed(RuntimeError):
    """A model asked for a transition that PackML does not have."""


class Machine:
    """One unit. Signals: `<name>.state`, `.reason`, `.cause`, `.power`, `.energy`.

    `wear` raises power while executing (1 = new); `leak` is power lost in every state, kW.
    """

    def __init__(self, floor: Floor, name: str, power: PowerDraw, acting: ActingTimes | None = None) -> None:
        self.floor = floor
        self.name = name
        self.state = PackState.STOPPED
        self.cause = NOT_PLANNED
        self.wear = 1.0
        self.leak = 0.0
        self.energy = 0.0
        self.seconds: dict[PackState, float] = dict.fromkeys(PackState, 0.0)
        self._power = power
        self._acting = acting or ActingTimes()
        self._rng = floor.rng(name, "power")
        self._since = self._metered = floor.seconds()
        signals = floor.signals
        self._shown_state = signals.add(f"{name}.state", int(self.state))
        self._shown_reason = signals.add(f"{name}.reason", self.cause.code)
        self._shown_cause = signals.add(f"{name}.cause", self.cause.id)
        self._shown_power = signals.add(f"{name}.power", 0.0, digits=3)
        self._shown_energy = signals.add(f"{name}.energy", 0.0, digits=4)
        self._draw = self._fresh_draw()
        self._shown_power.set(self._draw)

    @property
    def producing(self) -> bool:
        """Whether the machine executes."""
        return self.state is PackState.EXECUTE

    def command(self, command: Command, cause: Cause) -> Steps:
        """Obey `command` and pass through the acting states it leads to.

        Raises NotAllowed when PackML has no such transition.
        """
        follows = after(self.state, command)
        if follows is None:
            raise NotAllowed(f"{self.name}: {command.name} in {self.state.name}")
        while follows is not None:
            self._enter(follows, cause)
            follows = done(self.state)
            if follows is not None:
                yield self.floor.env.timeout(self._acting.of(self.state))

    def start(self) -> Steps:
        """Bring the machine from STOPPED or COMPLETE to EXECUTE."""
        yield from self.command(Command.RESET, self.cause)
        yield from self.command(Command.START, self.cause)
        self.explain(RUNNING)

    def explain(self, cause: Cause) -> None:
        """Give the reason for the present state."""
        self.cause = cause
        self._shown_reason.set(cause.code)
        self._shown_cause.set(cause.id)

    def measure(self) -> None:
        """Read the meter: energy since the last reading at the power shown since then."""
        now = self.floor.seconds()
        self.energy += self._draw * (now - self._metered) / 3600.0
        self._metered = now
        self._draw = self._fresh_draw()
        self._shown_energy.set(self.energy)
        self._shown_power.set(self._draw)

    def close(self) -> None:
        """Record the state that is still going on, so that durations add up to the time run."""
        self._account()

    def _fresh_draw(self) -> float:
        mean = self._power.at(self.state) * (self.wear if self.state is PackState.EXECUTE else 1.0)
        return max(0.0, self.leak + mean * (1 + self._power.ripple * float(self._rng.standard_normal())))

    def _account(self) -> None:
        now = self.floor.seconds()
        lasted = now - self._since
        self.seconds[self.state] += lasted
        self.floor.record(
            What.STATE,
            self.name,
            state=self.state.name,
            cause=self.cause.id,
            began=self.floor.now() - round(lasted * 1e9),
            seconds=lasted,
            energy=self.energy,
        )
        self._since = now

    def _enter(self, state: PackState, cause: Cause) -> None:
        self._account()
        self.state = state
        if state is PackState.EXECUTE:
            cause = RUNNING
        if cause is not self.cause:
            self.explain(cause)
        self.measure()
        self._shown_state.set(int(state))
