"""Which registers to read together: addresses in, blocks out, no I/O.

    wanted      10 11 12       15 16 17 18                    90
    gap 8       [------- one block -------]                   [--]
    gap 0       [------]       [---------]                    [--]

A reply costs a round trip however long it is, so neighbours are joined, and a few unused
registers between them are read over. Some devices refuse to be read where nothing is
mapped; then the block is cut (`halves`) until the refused place stands alone.

Source of the limits: MODBUS Application Protocol V1.1b3, 6.1-6.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from configs.sources import ModbusAddress, ModbusTable

BITS_PER_REGISTER = 16
"""A reply of 125 registers is as long as one of 2000 bits: limits and gaps of the bit tables scale alike."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One place that is read whole, and everybody who wants it.

    `start`, `width`: in registers, or in bits for coils and discrete inputs. `wanted`:
    indices into the addresses the plan was made from; several may share one place.
    """

    start: int
    width: int
    wanted: tuple[int, ...]

    @property
    def stop(self) -> int:
        """The first register behind the cell."""
        return self.start + self.width


@dataclass(frozen=True, slots=True)
class Block:
    """One read request: `count` registers (bits) from `start`, of one table of one unit."""

    unit: int
    table: ModbusTable
    start: int
    count: int
    cells: tuple[Cell, ...]

    @staticmethod
    def over(unit: int, table: ModbusTable, cells: Sequence[Cell]) -> Block:
        """Build the block that covers `cells`, which are sorted by start."""
        start = cells[0].start
        return Block(unit, table, start, max(cell.stop for cell in cells) - start, tuple(cells))

    @property
    def wanted(self) -> tuple[int, ...]:
        """Indices of all addresses that this block serves."""
        return tuple(index for cell in self.cells for index in cell.wanted)

    def __str__(self) -> str:
        return f"unit {self.unit} {self.table.value} {self.start}-{self.start + self.count - 1}"


def limit_of(table: ModbusTable, registers: int) -> int:
    """Return a size given in registers as the table counts it: coils and discrete inputs in bits."""
    return registers * (BITS_PER_REGISTER if table in (ModbusTable.COIL, ModbusTable.DISCRETE) else 1)


def blocks(addresses: Sequence[ModbusAddress], *, limit: int, gap: int) -> tuple[Block, ...]:
    """Cover every address by exactly one block, in few blocks.

    `limit`: registers in one request. `gap`: unused registers worth reading over. Both
    count sixteenfold in the bit tables. Raises ValueError when one value alone is wider
    than `limit`.
    """
    places: dict[tuple[int, ModbusTable], dict[tuple[int, int], list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, address in enumerate(addresses):
        if address.width > limit_of(address.table, limit):
            raise ValueError(f"a value of {address.width} registers does not fit into blocks of {limit}")
        places[address.unit, address.table][address.register_, address.width].append(index)
    plan: list[Block] = []
    for (unit, table), wanted in places.items():
        cells = [Cell(start, width, tuple(who)) for (start, width), who in sorted(wanted.items())]
        runs = _runs(cells, limit=limit_of(table, limit), gap=limit_of(table, gap))
        plan.extend(Block.over(unit, table, run) for run in runs)
    return tuple(plan)


def halves(block: Block) -> tuple[Block, Block]:
    """Cut a block of two or more cells in two: at its widest gap, else in the middle."""
    cells, middle = block.cells, len(block.cells) / 2
    best, at, stop = (-1, 0.0), 1, cells[0].stop
    for index in range(1, len(cells)):
        score = (max(0, cells[index].start - stop), -abs(index - middle))
        if score > best:
            best, at = score, index
        stop = max(stop, cells[index].stop)
    return Block.over(block.unit, block.table, cells[:at]), Block.over(block.unit, block.table, cells[at:])


def rejoined(parts: Iterable[Block], *, limit: int) -> tuple[Block, ...]:
    """Join blocks that touch, after cutting has found the culprit between them. Gaps stay unread."""
    places: dict[tuple[int, ModbusTable], list[Cell]] = defaultdict(list)
    for part in parts:
        places[part.unit, part.table].extend(part.cells)
    return tuple(
        Block.over(unit, table, run)
        for (unit, table), cells in places.items()
        for run in _runs(sorted(cells, key=lambda cell: cell.start), limit=limit_of(table, limit), gap=0)
    )


def _runs(cells: Sequence[Cell], *, limit: int, gap: int) -> Iterator[list[Cell]]:
    run: list[Cell] = []
    start = stop = 0
    for cell in cells:
        if run and (cell.start > stop + gap or max(stop, cell.stop) - start > limit):
            yield run
            run = []
        if not run:
            start = stop = cell.start
        run.append(cell)
        stop = max(stop, cell.stop)
    if run:
        yield run


def next_tick(last: int, *, elapsed: float, period: float) -> int:
    """Return the number of the next poll on the grid `0, period, 2 period, …`.

    Ticks that passed while the last poll ran late are skipped, never made up for; and a
    timer that fires a hair early does not poll the same tick twice.
    """
    return max(last, int(elapsed // period)) + 1
