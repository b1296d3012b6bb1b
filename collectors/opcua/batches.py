"""From rows as the server sent them to a batch of samples: names, forms, qualities, units.

A client handle is the index of its point, so a row finds everything about its tag by one
array lookup.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collectors.opcua.columns import EPOCH, MISSING, BuiltIn, Rows, ticks_in_range
from collectors.source import Point
from configs.sources import OpcuaAddress
from plant.batch import Batch, Form, Ints, Origin
from plant.quality import Quality

OVERFLOW = 0x0480
"""Info bits of a StatusCode: `DataValue` information, and the item's queue overflowed (Part 4 §7.39.1)."""

_KNOWN_SETS = 32
_BAD = np.uint32(Quality.BAD)
_NAN = int(np.float64(np.nan).view(np.int64))
_FORMS = np.full(256, Form.INTEGER, np.uint8)
_FORMS[[BuiltIn.NULL, BuiltIn.FLOAT, BuiltIn.DOUBLE]] = Form.FLOAT
_FORMS[BuiltIn.BOOLEAN] = Form.BOOLEAN
_FORMS[BuiltIn.STRING] = Form.TEXT


def overflows(rows: Rows) -> int:
    """Count the rows before which the server had to drop samples."""
    return int(np.count_nonzero((rows.status & OVERFLOW) == OVERFLOW))


class Table:
    """What rows need to know about the points they belong to, by client handle."""

    def __init__(self, points: Sequence[Point[OpcuaAddress]]) -> None:
        self.paths = tuple(point.tag.path for point in points)
        self._scale = np.array([point.address.scale for point in points], np.float64)
        self._offset = np.array([point.address.offset for point in points], np.float64)
        self._scaled = (self._scale != 1.0) | (self._offset != 0.0)
        self._any_scaled = bool(self._scaled.any())
        self._known: dict[bytes, tuple[str, ...]] = {}
        self._origin = np.array([int(point.origin) for point in points], np.uint8)

    def batch(self, rows: Rows, *, received: int, origin: Origin) -> Batch:
        """Turn rows into samples. `received`: ns UTC; `origin` is added to each point's own.

        Raises ValueError when a row belongs to no point.
        """
        if len(rows) and int(rows.handle.max()) >= len(self.paths):
            raise ValueError("a notification for an item that was never asked for")
        raw, form, quality = _values(rows)
        if self._any_scaled:
            raw, form = self._in_unit(rows.handle, raw, form)
        time = np.where(rows.source != MISSING, rows.source, rows.server)
        names, tag = self._dictionary(rows.handle)
        return Batch(
            names=names,
            texts=rows.texts,
            tag=tag,
            time=np.where(time != MISSING, time, received),
            received=np.full(len(rows), received, np.int64),
            raw=raw,
            quality=quality,
            form=form,
            origin=self._origin[rows.handle] | np.uint8(origin),
        )

    def _in_unit(
        self, handle: npt.NDArray[np.uint32], raw: Ints, form: npt.NDArray[np.uint8]
    ) -> tuple[Ints, npt.NDArray[np.uint8]]:
        whole = form == Form.INTEGER
        number = np.where(whole, raw.astype(np.float64), raw.view(np.float64))
        scaled = self._scaled[handle] & (whole | (form == Form.FLOAT))
        with np.errstate(invalid="ignore", over="ignore"):  # rows that are no numbers are computed, and not used
            number = number * self._scale[handle] + self._offset[handle]
        return np.where(scaled, number.view(np.int64), raw), np.where(scaled, np.uint8(Form.FLOAT), form)

    def _dictionary(self, handle: npt.NDArray[np.uint32]) -> tuple[tuple[str, ...], npt.NDArray[np.uint32]]:
        # A batch carries its dictionary wherever it goes: ten samples shall not drag
        # ten thousand names along.
        if len(handle) >= len(self.paths):
            return self.paths, handle
        used = np.zeros(len(self.paths), np.bool_)
        used[handle] = True
        place = np.cumsum(used, dtype=np.uint32) - np.uint32(1)
        return self._names(np.packbits(used).tobytes()), place[handle]

    def _names(self, used: bytes) -> tuple[str, ...]:
        """Return the paths whose bit is set; the sets that change together are few, so they are kept."""
        names = self._known.get(used)
        if names is None:
            if len(self._known) >= _KNOWN_SETS:
                self._known.clear()
            bits = np.unpackbits(np.frombuffer(used, np.uint8), count=len(self.paths))
            names = self._known[used] = tuple(self.paths[i] for i in np.flatnonzero(bits).tolist())
        return names


def _values(rows: Rows) -> tuple[Ints, npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Return raw slots, forms and qualities; what is bad or has no value reads NaN."""
    raw, form, quality = rows.bits, _FORMS[rows.kind], rows.status
    kinds = set(rows.kind.tobytes())
    if BuiltIn.BOOLEAN in kinds:
        raw = np.where(rows.kind == BuiltIn.BOOLEAN, raw != 0, raw)
    if BuiltIn.FLOAT in kinds:
        with np.errstate(invalid="ignore"):  # the bits of a neighbour may look like a signalling NaN
            widened = raw.astype(np.uint32).view(np.float32).astype(np.float64).view(np.int64)
        raw = np.where(rows.kind == BuiltIn.FLOAT, widened, raw)
    if BuiltIn.UINT64 in kinds:
        # Beyond 63 bits only a float can hold it, as nearly as floats can.
        beyond = (rows.kind == BuiltIn.UINT64) & (raw < 0)
        raw = np.where(beyond, raw.view(np.uint64).astype(np.float64).view(np.int64), raw)
        form = np.where(beyond, np.uint8(Form.FLOAT), form)
    if BuiltIn.DATETIME in kinds:
        moment = rows.kind == BuiltIn.DATETIME
        quality = np.where(
            moment & ~ticks_in_range(raw) & (quality < _BAD), np.uint32(Quality.BAD_OUT_OF_RANGE), quality
        )
        raw = np.where(moment, (raw - EPOCH) * 100, raw)
    if BuiltIn.NULL in kinds:
        quality = np.where((rows.kind == BuiltIn.NULL) & (quality < _BAD), np.uint32(Quality.BAD_NO_DATA), quality)
    # A server may send its last good value along with a bad status. It is no value.
    bad = quality >= _BAD
    if bad.any():
        raw, form = np.where(bad, _NAN, raw), np.where(bad, np.uint8(Form.FLOAT), form)
    return raw, form, quality
