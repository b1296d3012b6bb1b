"""One unit behind a link: what it is asked, what it refused, and since when it is silent.

Exception codes become qualities (MODBUS Application Protocol V1.1b3, clause 7):

    code                        quality                    then
    1  illegal function         BAD_NOT_READABLE           the table is not asked for again
    2  illegal data address     BAD_NODE_UNKNOWN           the block is cut until the culprit is alone;
    3  illegal data value       BAD_CONFIGURATION_ERROR    that one is not asked for again, the rest goes on
    4  device failure           BAD_DEVICE_FAILURE         asked again every round
    5  acknowledge              BAD_NO_DATA                asked again every round
    6  busy                     BAD_NO_DATA                asked again every round
    7  negative acknowledge     BAD_NOT_READABLE           asked again every round
    8  memory parity error      BAD_DEVICE_FAILURE         asked again every round
    10 gateway path unavailable BAD_NO_COMMUNICATION       the unit counts as silent
    11 gateway: no response     BAD_NO_COMMUNICATION       the unit counts as silent
    silence                     BAD_NO_COMMUNICATION       the unit counts as silent
    not the answer asked for    BAD_COMMUNICATION_ERROR    the unit counts as silent; a dead letter is kept

A bad quality is told once, when it begins. "Not again" lasts until the link is opened anew
or the unit comes back from silence: it may be another device by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from collectors.modbus.decode import Columns, Layout
from collectors.modbus.link import Link, NoAnswer, Refused
from collectors.modbus.plan import Block, blocks, halves, rejoined
from collectors.source import Point, Tally
from configs.sources import ModbusAddress
from plant.batch import Batch, Floats, Form, Origin
from plant.clock import Clock
from plant.quality import Quality

QUALITY_OF = {
    1: Quality.BAD_NOT_READABLE,
    2: Quality.BAD_NODE_UNKNOWN,
    3: Quality.BAD_CONFIGURATION_ERROR,
    4: Quality.BAD_DEVICE_FAILURE,
    5: Quality.BAD_NO_DATA,
    6: Quality.BAD_NO_DATA,
    7: Quality.BAD_NOT_READABLE,
    8: Quality.BAD_DEVICE_FAILURE,
    10: Quality.BAD_NO_COMMUNICATION,
    11: Quality.BAD_NO_COMMUNICATION,
}
_LASTING = {1: "illegal function", 2: "illegal data address", 3: "illegal data value"}
_CUT = (2, 3)
_FROM_GATEWAY = (10, 11)


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a unit counts as silent. `link_lives`: a gateway said so, hence the link itself works."""

    quality: Quality
    reason: str
    heard: bytes = b""
    link_lives: bool = False


@dataclass(slots=True, eq=False)
class _Poll:
    """One block, its layout, and the quality last told for all of it; None before the first answer."""

    block: Block
    layout: Layout
    told: int | None = None


@dataclass(slots=True)
class _Rows:
    """Rows gathered in one round of one unit."""

    tags: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    columns: list[Columns] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, tags: npt.NDArray[np.uint32], columns: Columns, *, time: int) -> None:
        self.tags.append(tags)
        self.columns.append(columns)
        self.times.append(time)

    def bad(self, tags: npt.NDArray[np.uint32], quality: int, *, time: int) -> None:
        """Append rows without a value."""
        nothing: Floats = np.full(len(tags), np.nan)
        form = np.full(len(tags), Form.FLOAT, np.uint8)
        self.add(tags, Columns(nothing.view(np.int64), form, np.full(len(tags), quality, np.uint32)), time=time)


class Unit:
    """One unit and its plan; lives as long as one opening of the link.

    `limit`, `gap`: see `plan.blocks`. `tally` receives the points that the unit refuses.
    """

    def __init__(
        self, number: int, points: Sequence[Point[ModbusAddress]], *, limit: int, gap: int, tally: Tally
    ) -> None:
        self.number = number
        self.silence: Silence | None = None
        self.origin: Origin | None = None
        self._limit, self._gap, self._tally = limit, gap, tally
        self._addresses = [point.address for point in points]
        self._names = tuple(point.tag.path for point in points)
        self._origins = np.array([point.origin for point in points], np.uint8)
        self._everyone = np.arange(len(points), dtype=np.uint32)
        self._plan()

    async def read(self, link: Link, *, clock: Clock, deadline: float) -> Batch:
        """Read every block once and return the rows, told in the order they were read.

        After a silence the unit starts anew with its whole plan. `deadline`: monotonic time
        until which cutting a refused block may go on; what is left is cut in later rounds.
        Sets `silence` and says so in the rows when the unit does not answer. Raises Disconnected.
        """
        was, self.silence = self.silence, None
        if was is not None:
            self._plan()
        rows, pending, kept = _Rows(), deque(self._polls), list[_Poll]()
        while pending and self.silence is None:
            poll = pending.popleft()
            try:
                payload = await link.read(poll.block)
            except NoAnswer as error:
                quality = Quality.BAD_COMMUNICATION_ERROR if error.heard else Quality.BAD_NO_COMMUNICATION
                self.silence = Silence(quality, str(error), error.heard)
            except Refused as error:
                if not (parts := self._parts(poll, error.code)):
                    kept.extend(self._refused(poll, error.code, rows, time=clock.now()))
                elif clock.monotonic() < deadline:
                    pending.extendleft(reversed(parts))
                else:
                    kept.extend(parts)
            else:
                rows.add(poll.layout.rows, poll.layout.decode(payload, rows.texts), time=clock.now())
                poll.told = Quality.GOOD
                kept.append(poll)
        if self.silence is None:
            self._settle(kept)
        elif was is None or was.quality is not self.silence.quality or rows.tags:
            rows.bad(self._everyone, self.silence.quality, time=clock.now())
        return self._batch(rows)

    def _plan(self) -> None:
        for name in self._names:
            self._tally.bad_points.pop(name, None)
        plan = blocks(self._addresses, limit=self._limit, gap=self._gap)
        self._polls = [_Poll(block, Layout(block, self._addresses)) for block in plan]
        self._cut = self._settled = False

    def _parts(self, poll: _Poll, code: int) -> list[_Poll]:
        """Return the halves of a block that is refused for what some of its registers are, else nothing."""
        if code not in _CUT or len(poll.block.cells) == 1:
            return []
        self._cut = True
        return [_Poll(half, Layout(half, self._addresses)) for half in halves(poll.block)]

    def _refused(self, poll: _Poll, code: int, rows: _Rows, *, time: int) -> list[_Poll]:
        """Tell a refusal; return the block when it is worth asking for again."""
        if code in _FROM_GATEWAY:
            self.silence = Silence(QUALITY_OF[code], f"{poll.block}: exception code {code}", link_lives=True)
            return [poll]
        quality = QUALITY_OF.get(code, Quality.BAD_COMMUNICATION_ERROR)
        if poll.told != quality:
            rows.bad(poll.layout.rows, quality, time=time)
            poll.told = quality
        if code not in _LASTING:
            return [poll]
        for index in poll.block.wanted:
            self._tally.bad_points[self._names[index]] = f"{poll.block}: {_LASTING[code]} (exception code {code})"
        return []

    def _settle(self, kept: list[_Poll]) -> None:
        """Keep what shall be polled; once the culprits are out, join again what cutting left in pieces.

        Only once: a device that also refuses a joined block would be cut and joined for ever.
        """
        self._polls = kept
        culprits = sum(len(poll.layout.rows) for poll in kept) < len(self._names)
        if culprits and self._cut and not self._settled and all(poll.told == Quality.GOOD for poll in kept):
            self._settled = True
            joined = rejoined((poll.block for poll in kept), limit=self._limit)
            self._polls = [_Poll(block, Layout(block, self._addresses)) for block in joined]

    def _batch(self, rows: _Rows) -> Batch:
        if not rows.tags:
            return Batch.empty()
        tag, columns = np.concatenate(rows.tags), rows.columns
        time = np.repeat(np.array(rows.times, np.int64), [len(tags) for tags in rows.tags])
        return Batch(
            names=self._names,
            texts=tuple(rows.texts),
            tag=tag,
            time=time,
            received=time,
            raw=np.concatenate([part.raw for part in columns]),
            quality=np.concatenate([part.quality for part in columns]),
            form=np.concatenate([part.form for part in columns]),
            origin=self._origins[tag],
        )
