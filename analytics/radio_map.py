"""Where on a floor a link is good: what was measured, put into the cells it was measured in.

    probes with a place ──▶ ┌──┬──┬──┐  delay    percentile of the packets sent in a cell, the lost as infinitely late
    counters on vehicles ─▶ │  │▒▒│  │  loss     share of them that got lost
                            ├──┼──┼──┤  signal   median of the strength that was received
                            │▒▒│  │╳╳│  events   what went wrong with the link, per minute that somebody was there
                            └──┴──┴──┘  hatched: too little was measured to say

A device is where its position tags say, for as long as they may be believed, and between two
words that follow soon upon each other on the way from one place to the other; or it is where it
is declared to stand. A cell that nobody visited is not in the map. `floor` judges the same
cells against an agreement; here they are only shown, so that one sees where.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

import numpy as np

from analytics import latency, network
from analytics.counters import MICRO
from analytics.readings import Readings, read
from analytics.settings import FloorLimit
from historian.port import Historian
from plant import floor as plan
from plant.assets import Device, Scene
from plant.batch import Floats, Ints, Mask
from plant.calendar import Span
from plant.clock import SECOND
from plant.quality import usable
from plant.tags import Role, Tag
from plant.units import convert

READ_ROLES = (
    Role.POSITION_X,
    Role.POSITION_Y,
    Role.LATENCY,
    Role.LOSS,
    Role.SIGNAL_STRENGTH,
    Role.LINK_EVENT,
)
"""The roles this module asks for; nothing else is read."""

SHARES = tuple(Fraction(text) for text in ("0.99", "0.95", "0.5"))
"""Percentiles of delay, the most telling first; a map shows the first that most of its cells support."""

MOST_CELLS = 2_500
_EDGES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)  # m
_DRIVEN = 10 * SECOND
"""Between two places told within this time a device moved evenly; after longer silence it stood where it was."""
_DRAWN = 320
"""About as many cells as can be told apart in a picture."""
_FEWEST = {"loss": 10, "signal": 3, "events": 10}
"""Packets, samples and seconds from which on a cell says something."""


class Measure(StrEnum):
    """What a layer shows."""

    DELAY = "delay"
    LOSS = "loss"
    SIGNAL = "signal"
    EVENTS = "events"


UNITS = {Measure.DELAY: "ms", Measure.LOSS: "%", Measure.SIGNAL: "dB[mW]", Measure.EVENTS: "/min"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `samples`: packets, samples or seconds in it. `value`: None where these are too few, inf = lost."""

    column: int
    row: int
    samples: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Layer:
    """One measure in all cells that were visited. `needed`: samples from which on a cell has a value."""

    measure: Measure
    needed: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class RadioMap:
    """A floor in cells of `size` metres. `share`: percentile of delay; `elsewhere`: packets of unknown place."""

    size: float
    columns: int
    rows: int
    share: Fraction
    layers: tuple[Layer, ...]
    elsewhere: int
    simulated: bool


@dataclass(slots=True)
class _Found:
    """What was measured, with the cell it was measured in; -1 = off the floor or nobody knows where."""

    delay: list[tuple[Ints, Floats]] = field(default_factory=list)
    loss: list[tuple[Ints, Floats]] = field(default_factory=list)
    signal: list[tuple[Ints, Floats]] = field(default_factory=list)
    events: list[tuple[Ints, Floats]] = field(default_factory=list)
    present: list[tuple[Ints, Floats]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Grid:
    width: float
    height: float
    size: float

    @property
    def columns(self) -> int:
        return math.ceil(self.width / self.size)

    @property
    def rows(self) -> int:
        return math.ceil(self.height / self.size)

    def cell(self, x: Floats, y: Floats) -> Ints:
        """Return the number of each place's cell, -1 off the floor; the far edges belong to the last cells."""
        inside = (x >= 0) & (x <= self.width) & (y >= 0) & (y <= self.height)
        column = np.minimum(np.where(inside, x, 0) // self.size, self.columns - 1)
        row = np.minimum(np.where(inside, y, 0) // self.size, self.rows - 1)
        return np.where(inside, row * self.columns + column, -1).astype(np.int64)


def tags_of(scene: Scene) -> list[Tag]:
    """Return the tags that a map of this scene needs: those of devices that have a place and measure something."""
    return [tag for device in scene.devices if _placed(device) for tag in device.tags if tag.role in READ_ROLES]


def radio_map(
    scene: Scene,
    historian: Historian,
    window: Span,
    *,
    agreed: FloorLimit | None = None,
    share: Fraction | None = None,
    now: int | None = None,
) -> RadioMap | None:
    """Map a scene's floor in a window; None for a scene without a floor.

    `agreed`: whose cells are taken; without it, or with too many of them, the size follows the
    floor. `share`: percentile of delay; by default the first of `SHARES` that most cells support.
    """
    if scene.floor is None:
        return None
    grid, tags = _grid(scene.floor, agreed), tags_of(scene)
    readings = read(historian, tags, window, margin=0, now=now)
    found = _Found()
    for device in scene.devices:
        if _placed(device):
            _add(found, device, readings, grid)
    delays = _by_cell(found.delay)
    chosen = share or _supported(list(delays.values()))
    elsewhere = sum(int((cell < 0).sum()) for cell, _ in found.delay or found.signal)
    simulated = scene.simulated or readings.simulated(tags)
    layers = tuple(layer for layer in _layers(found, delays, chosen, grid) if layer.cells)
    return RadioMap(grid.size, grid.columns, grid.rows, chosen, layers, elsewhere, simulated)


def _grid(floor: plan.Floor, agreed: FloorLimit | None) -> _Grid:
    sizes = ([agreed.cell] if agreed else []) + list(_EDGES)
    grids = [_Grid(floor.width, floor.height, size) for size in sizes]
    fitting = [grids[0]] if agreed and grids[0].columns * grids[0].rows <= MOST_CELLS else []
    fitting += [grid for grid in grids if grid.columns * grid.rows <= _DRAWN]
    return fitting[0] if fitting else grids[-1]


def _moves(device: Device) -> bool:
    return device.role(Role.POSITION_X) is not None and device.role(Role.POSITION_Y) is not None


def _placed(device: Device) -> bool:
    measures = any(tag.role in READ_ROLES[2:] for tag in device.tags)
    return measures and (_moves(device) or device.position is not None)


def _add(found: _Found, device: Device, readings: Readings, grid: _Grid) -> None:
    where = _where(device, readings, grid)
    told, lost = device.role(Role.LATENCY), device.role(Role.LOSS)
    if lost is not None:
        samples = readings.of(lost)
        kept = _inside(samples.time, readings.window) & usable(samples.quality) & np.isfinite(samples.numbers)
        shares = samples.numbers[kept] * convert(1.0, lost.unit, "1")
        found.loss.append((where(samples.time[kept]), shares))
    if told is not None:
        probes = network.probes(readings.of(told), told.unit, readings.window)
        delay = probes.delay
        if lost is not None:
            delay = np.where(_value_at(readings, lost, probes.time) > 0, math.inf, delay)
        known = ~np.isnan(delay)
        cells = where(probes.time[known])
        found.delay.append((cells, delay[known]))
        if lost is None:
            found.loss.append((cells, np.isinf(delay[known]).astype(np.float64)))
    for tag in device.roles(Role.SIGNAL_STRENGTH):
        samples = readings.of(tag)
        kept = _inside(samples.time, readings.window) & usable(samples.quality) & np.isfinite(samples.numbers)
        found.signal.append((where(samples.time[kept]), samples.numbers[kept]))
    counters = list(device.roles(Role.LINK_EVENT))
    for tag in counters:
        grown = readings.increments(tag)
        found.events.append((where(grown.time), grown.micro / MICRO))
    if counters:
        found.present.append(_presence(device, readings, where))


def _where(device: Device, readings: Readings, grid: _Grid) -> Callable[[Ints], Ints]:
    if not _moves(device) and device.position is not None:
        [cell] = grid.cell(*(np.array([metres]) for metres in device.position)).tolist()
        return lambda moments: np.full(len(moments), cell)
    across, along = device.role(Role.POSITION_X), device.role(Role.POSITION_Y)
    if across is None or along is None:
        return lambda moments: np.full(len(moments), -1)
    x, y = across, along
    return lambda moments: grid.cell(*(_on_the_way(readings, tag, moments) for tag in (x, y)))


def _presence(device: Device, readings: Readings, where: Callable[[Ints], Ints]) -> tuple[Ints, Floats]:
    """Return seconds by cell: from each word of a device's place to the next, while the last may be believed."""
    tag = device.role(Role.POSITION_X) if _moves(device) else None
    if tag is None:
        start, stop = (np.array([moment], np.int64) for moment in readings.window)
    else:
        held = readings.believed(tag)
        known = held.row >= 0
        start, stop = (np.clip(column[known], *readings.window) for column in (held.start, held.stop))
    return where(start), (stop - start) / SECOND


def _inside(time: Ints, window: Span) -> Mask:
    return (time >= window[0]) & (time < window[1])


def _value_at(readings: Readings, tag: Tag, moments: Ints) -> Floats:
    # NaN where nothing was in force.
    values, rows = readings.of(tag).numbers, readings.believed(tag).at(moments)
    return np.where(rows >= 0, values[rows], math.nan) if len(values) else np.full(len(moments), math.nan)


def _on_the_way(readings: Readings, tag: Tag, moments: Ints) -> Floats:
    """Return a coordinate in metres at each moment, NaN where nobody knows."""
    samples, rows = readings.of(tag), readings.believed(tag).at(moments)
    if not len(samples):
        return np.full(len(moments), math.nan)
    told = np.where(usable(samples.quality), samples.numbers, math.nan) * convert(1.0, tag.unit, "m")
    after = np.minimum(rows + 1, len(samples) - 1)
    lasted = samples.time[after] - samples.time[rows]
    soon = (lasted > 0) & (lasted <= _DRIVEN) & np.isfinite(told[after])
    share = np.where(soon, (moments - samples.time[rows]) / np.where(soon, lasted, 1), 0.0)
    place = told[rows] + share * np.where(soon, told[after] - told[rows], 0.0)
    return np.where(rows >= 0, place, math.nan)


def _by_cell(parts: Sequence[tuple[Ints, Floats]]) -> dict[int, Floats]:
    gathered: defaultdict[int, list[Floats]] = defaultdict(list)
    for cells, values in parts:
        for cell in np.unique(cells[cells >= 0]).tolist():
            gathered[cell].append(values[cells == cell])
    return {cell: np.concatenate(values) for cell, values in sorted(gathered.items())}


def _supported(cells: Sequence[Floats]) -> Fraction:
    for share in SHARES:
        if 2 * sum(len(delays) >= latency.needed(share) for delays in cells) > len(cells):
            return share
    return SHARES[-1]


def _layers(found: _Found, delays: dict[int, Floats], share: Fraction, grid: _Grid) -> Iterator[Layer]:
    def percentile(sample: Floats) -> float | None:
        received = sample[np.isfinite(sample)]
        return latency.percentiles(received, len(sample) - len(received), [share])[0].value

    def layer(measure: Measure, cells: dict[int, Floats], value: Callable[[Floats], float | None]) -> Layer:
        needed = latency.needed(share) if measure is Measure.DELAY else _FEWEST[measure.value]
        return Layer(
            measure,
            needed,
            tuple(
                Cell(number % grid.columns, number // grid.columns, len(s), value(s) if len(s) >= needed else None)
                for number, s in cells.items()
            ),
        )

    yield layer(Measure.DELAY, delays, percentile)
    yield layer(Measure.LOSS, _by_cell(found.loss), lambda sample: 100 * float(sample.mean()))
    yield layer(Measure.SIGNAL, _by_cell(found.signal), lambda sample: float(np.median(sample)))
    yield _event_layer(found, grid)


def _event_layer(found: _Found, grid: _Grid) -> Layer:
    happened = {cell: float(counts.sum()) for cell, counts in _by_cell(found.events).items()}
    cells, needed = [], _FEWEST["events"]
    for number, seconds in _by_cell(found.present).items():
        there = float(seconds.sum())
        rate = 60 * happened.get(number, 0.0) / there if there >= needed else None
        cells.append(Cell(number % grid.columns, number // grid.columns, round(there, 1), rate))
    return Layer(Measure.EVENTS, needed, tuple(cells))
