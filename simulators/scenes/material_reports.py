"""How a movement of material becomes a record, and an empty bin a call: by messages, or on paper.

By message, a movement is *quantified* by three messages in turn: the gate's reader reports
the bin (up), the server asks the scale under the gate (down), the scale answers (up). The
weight belongs to this bin only while it is on the scale; an exchange that takes longer than
`window` is given up, and the movement is missing in the records. A call passes up from the
shelf and down to the driver's terminal.

On paper, drivers fill in numbered cards and drop them in boxes, and so do those who empty a
bin. A runner comes round, reads out the calls and types the rest; some cards get lost, some
are typed wrongly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulators.kernel.draws import LogNormal
from simulators.kernel.floor import Floor, Steps
from simulators.kernel.messages import carried
from simulators.kernel.signals import Signal
from simulators.network import Direction, Link
from simulators.scenes.material_stock import Movement, Stock
from simulators.truth import What

GATES = ("dock", "aisle")

READ_RATE = 0.9995
"""Share of bins whose tag answers while it passes."""
_TARE, _PIECE, _SCALE_ERROR = 1.2, 0.12, 0.018  # kg; the last is a deviation
_SCAN = 0.005  # s, from one place of the shelf to the next
_REPORT, _REQUEST, _WEIGHT, _CALL = 220, 60, 120, 120  # octets

_TYPING = LogNormal(9.0, 0.4)
_CARD_LOST, _CARD_WRONG = 0.003, 0.01

Called = Callable[[str], None]
"""Receives the material whose call has become known."""


class Reports(Protocol):
    """Carries what happens on the floor to those who should know."""

    def moved(self, gate: str, movement: Movement) -> None:
        """Take note that a bin has passed a gate."""

    def emptied(self, material: str, called: Called) -> None:
        """Take note that a bin is empty; `called` hears of it in time."""


class Panel:
    """What is published of movements and calls, each numbered where it happened, so that a gap is a loss.

    Signals: `<gate>.moves`, `.bin`, `.target` and `shelf.calls`, `.material`.
    Their time is when it happened; they are shown when it became known.
    """

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._numbers = dict.fromkeys((*GATES, "shelf"), 0)
        add = floor.signals.add
        self._moves = {gate: (add(f"{gate}.bin", ""), add(f"{gate}.target", "")) for gate in GATES}
        self._material = add("shelf.material", "")
        self._counters: dict[str, Signal] = {gate: add(f"{gate}.moves", 0) for gate in GATES}
        self._counters["shelf"] = add("shelf.calls", 0)

    def number(self, device: str) -> int:
        """Return the number of the next event at a device."""
        self._numbers[device] += 1
        return self._numbers[device]

    def movement(self, gate: str, number: int, movement: Movement) -> None:
        """Show a movement that is known now."""
        carrier, target = self._moves[gate]
        carrier.set(movement.bin, time=movement.at)
        target.set(movement.target, time=movement.at)
        self._counters[gate].set(number, time=movement.at)
        self._note(gate, number, movement.at, lost=False)

    def call(self, number: int, material: str, at: int) -> None:
        """Show a call that is known now."""
        self._material.set(material, time=at)
        self._counters["shelf"].set(number, time=at)
        self._note("shelf", number, at, lost=False)

    def missing(self, gate: str, number: int, at: int) -> None:
        """Note, for the truth alone, that an event will never be shown."""
        self._note(gate, number, at, lost=True)

    def _note(self, device: str, number: int, at: int, *, lost: bool) -> None:
        late = (self._floor.now() - at) / 1e9
        self._floor.record(What.EVENT, device, number=number, happened=at, late=late, lost=lost)


class ByMessage:
    """Readers, scales and terminals on the link. Signals: `<gate>-scale.pieces`, `.weight` (kg)."""

    def __init__(self, floor: Floor, stock: Stock, panel: Panel, *, link: Callable[[str], Link], window: float) -> None:
        self._floor, self._stock, self._panel = floor, stock, panel
        self._window = window
        self._links = {name: link(name) for name in (*GATES, *(f"{g}-scale" for g in GATES), "shelf", "terminal")}
        self._rng = floor.rng("readers")
        self._scanned = 0.0

    def moved(self, gate: str, movement: Movement) -> None:
        """Begin the exchange about a bin, unless its tag does not answer."""
        if self._rng.random() < READ_RATE:
            self._floor.env.process(self._exchange(gate, movement))
        else:
            self._floor.record(What.EVENT, gate, unread=movement.bin)

    def emptied(self, material: str, called: Called) -> None:
        """Send the call to the driver's terminal."""
        self._floor.env.process(self._call(material, called))

    def _exchange(self, gate: str, movement: Movement) -> Steps:
        number = self._panel.number(gate)
        yield from self._send(gate, _REPORT, Direction.UP)
        yield from self._send(f"{gate}-scale", _REQUEST, Direction.DOWN)
        yield from self._send(f"{gate}-scale", _WEIGHT, Direction.UP)
        if (self._floor.now() - movement.at) / 1e9 > self._window:
            self._panel.missing(gate, number, movement.at)
            return
        pieces = self._weigh(gate, movement.pieces)
        self._stock.record(movement, pieces)
        self._panel.movement(gate, number, movement)

    def _call(self, material: str, called: Called) -> Steps:
        # The shelf looks at its places one after another, so two calls never carry the same millisecond.
        self._scanned = max(self._floor.seconds(), self._scanned + _SCAN)
        yield self._floor.env.timeout(self._scanned - self._floor.seconds())
        at, number = self._floor.now(), self._panel.number("shelf")
        yield from self._send("shelf", _CALL, Direction.UP)
        yield from self._send("terminal", _CALL, Direction.DOWN)
        self._panel.call(number, material, at)
        called(material)

    def _weigh(self, gate: str, pieces: int) -> int:
        weight = _TARE + pieces * _PIECE + _SCALE_ERROR * float(self._rng.standard_normal())
        counted = round((weight - _TARE) / _PIECE)
        self._floor.signals[f"{gate}-scale.weight"].set(weight)
        self._floor.signals[f"{gate}-scale.pieces"].set(counted)
        return counted

    def _send(self, station: str, octets: int, way: Direction) -> Steps:
        yield from carried(self._floor, self._links[station], octets, way)


class OnPaper:
    """Cards, boxes and a runner who comes every `round_` seconds."""

    def __init__(self, floor: Floor, stock: Stock, panel: Panel, *, round_: float) -> None:
        self._floor, self._stock, self._panel = floor, stock, panel
        self._rng = floor.rng("paper")
        self._cards: list[tuple[str, int, Movement]] = []
        self._calls: list[tuple[int, str, int, Called]] = []
        self._typing = False
        floor.every(round_, self._collect)

    def moved(self, gate: str, movement: Movement) -> None:
        """Write a card; some get lost on the way."""
        number = self._panel.number(gate)
        if self._rng.random() < _CARD_LOST:
            self._panel.missing(gate, number, movement.at)
        else:
            self._cards.append((gate, number, movement))

    def emptied(self, material: str, called: Called) -> None:
        """Put a call card in the box."""
        self._calls.append((self._panel.number("shelf"), material, self._floor.now(), called))

    def _collect(self) -> None:
        calls, self._calls = self._calls, []
        for number, material, at, called in calls:
            self._panel.call(number, material, at)
            called(material)
        if not self._typing:
            self._floor.env.process(self._type())

    def _type(self) -> Steps:
        self._typing = True
        cards, self._cards = self._cards, []
        for gate, number, movement in cards:
            yield self._floor.env.timeout(_TYPING.draw(self._rng))
            wrong = self._rng.random() < _CARD_WRONG
            self._stock.record(movement, movement.pieces + (10 if wrong else 0))
            self._panel.movement(gate, number, movement)
        self._typing = False
