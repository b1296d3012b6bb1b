"""The live table: the newest value of every tag, and what has changed since somebody last looked.

    update(batch) ──▶  tag │ time │ heard │ value │ quality │ stale │ changed in
                       ────┼──────┼───────┼───────┼─────────┼───────┼──────────     changes(since=41)
                        0  │  …   │   …   │   …   │         │       │     40     ──▶  rows beyond 41,
                        1  │  …   │   …   │   …   │         │  yes  │     42          and the number 42

A value moves only forward in source time, and a replayed sample never moves it. A source time
that lies ahead of now says nothing of order: such a value counts from when it came. So a device
whose clock runs fast hides nothing that comes later, and neither does a clock of ours that was
set back. The source time stays as it is, for the reader to see how far that clock is off.

The received time of a row here is when the tag was last heard of, be it with an older value, and
never ahead of now. A tag that has not been heard of for its `stale_after` reads bad, no
communication, without its last value, until it is heard of again.

Consumers ask; nobody is called back. Many viewers cost one question each, or one together.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant.batch import Batch, Form, Ints, Origin
from plant.clock import SECOND, Clock
from plant.quality import Quality

_NEVER = np.iinfo(np.int64).min
_AHEAD = 2 * SECOND
"""Ahead of our clock and still in order: clocks of one network differ by less."""
_GROWTH = 1024
_DICTIONARIES = 256
_NAN = int(np.array(np.nan).view(np.int64))


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows that changed after some number, one a tag, and the number to ask with next."""

    number: int
    batch: Batch


class LiveTable:
    """The table; safe to use from any thread.

    `stale_after`: seconds of silence a tag may keep, by path; `otherwise` holds for the rest.
    """

    def __init__(self, stale_after: Mapping[str, float], *, clock: Clock, otherwise: float = 10.0) -> None:
        self._stale_after = dict(stale_after)
        self._otherwise = otherwise
        self._clock = clock
        self._lock = threading.Lock()
        self._number = 0
        self._paths: dict[str, int] = {}
        self._names: tuple[str, ...] = ()
        self._places: dict[tuple[str, ...], Ints] = {}
        self._texts: dict[int, str] = {}
        self._rows = np.zeros(0, _ROW)

    def update(self, batch: Batch) -> int:
        """Take in a batch and return the number of the change."""
        rows = np.flatnonzero((batch.origin & Origin.REPLAYED) == 0)
        with self._lock:
            if len(rows):
                self._take_in(batch, rows)
            return self._number

    def snapshot(self, paths: Sequence[str]) -> Batch:
        """Return the present value of each tag, in the order asked; tags never heard of are left out."""
        with self._lock:
            self._notice_silence()
            return self._read(self._heard_of(paths))

    def changes(self, since: int, paths: Sequence[str] | None = None) -> Changes:
        """Return what changed after the number `since` (0 for everything), silence included."""
        with self._lock:
            self._notice_silence()
            if paths is None:
                places = np.flatnonzero(self._rows["changed"][: len(self._paths)] > since)
            else:
                places = self._heard_of(paths)
                places = places[self._rows["changed"][places] > since]
            return Changes(self._number, self._read(places))

    def _take_in(self, batch: Batch, rows: Ints) -> None:
        self._number += 1
        places = self._places_of(batch.names)[batch.tag[rows]]
        now = self._clock.now()
        received = batch.received[rows]
        np.maximum.at(self._rows["heard"], places, np.where(received > now + _AHEAD, now, received))
        counts = _counting_from(batch.time[rows], received, now=now)
        order = np.lexsort((batch.time[rows], counts, places))
        ends = order[np.append(np.diff(places[order]) != 0, True)]
        touched, newest, begins = places[ends], rows[ends], counts[ends]
        held = self._rows["counts"][touched]
        held[held > now + _AHEAD] = _NEVER  # our clock was set back since
        later = batch.time[newest] >= self._rows["time"][touched]
        moved = (begins > held) | ((begins == held) & later)
        place, row = touched[moved], newest[moved]
        self._rows["counts"][place] = begins[moved]
        for column in ("time", "raw", "quality", "form", "origin"):
            self._rows[column][place] = getattr(batch, column)[row]
        for at, text in zip(place.tolist(), row.tolist(), strict=True):
            if batch.form[text] == Form.TEXT:
                self._texts[at] = batch.texts[batch.raw[text]]
        self._rows["changed"][place] = self._number
        silent = self._silent(touched)
        awake = touched[self._rows["stale"][touched] & ~silent]
        self._rows["stale"][touched] = silent
        self._rows["changed"][awake] = self._number

    def _notice_silence(self) -> None:
        awake = np.flatnonzero((self._rows["changed"] > 0) & ~self._rows["stale"])
        fallen = awake[self._silent(awake)]
        if len(fallen):
            self._number += 1
            self._rows["stale"][fallen] = True
            self._rows["changed"][fallen] = self._number

    def _silent(self, places: Ints) -> npt.NDArray[np.bool_]:
        rows = self._rows[places]
        # In seconds, as a float: `stale_after` may be infinite.
        silence: npt.NDArray[np.bool_] = self._clock.now() / SECOND - rows["heard"] / SECOND > rows["stale_after"]
        return silence

    def _heard_of(self, paths: Sequence[str]) -> Ints:
        places = np.array([self._paths[p] for p in paths if p in self._paths], np.int64)
        heard: Ints = places[self._rows["changed"][places] > 0]
        return heard

    def _places_of(self, names: tuple[str, ...]) -> Ints:
        known = self._places.get(names)
        if known is None:
            known = np.array([self._place(name) for name in names], np.int64)
            if len(self._places) >= _DICTIONARIES:
                self._places.clear()
            self._places[names] = known
        return known

    def _place(self, path: str) -> int:
        place = self._paths.setdefault(path, len(self._paths))
        if place >= len(self._rows):
            more = np.zeros(max(_GROWTH, len(self._rows)), _ROW)
            more["time"] = more["heard"] = more["counts"] = _NEVER
            self._rows = np.concatenate([self._rows, more])
        self._rows["stale_after"][place] = self._stale_after.get(path, self._otherwise)
        return place

    def _read(self, places: Ints) -> Batch:
        rows = self._rows[places]
        if len(self._names) != len(self._paths):
            self._names = tuple(self._paths)
        raw, form = rows["raw"].copy(), rows["form"].copy()
        quality = np.where(rows["stale"], np.uint32(Quality.BAD_NO_COMMUNICATION), rows["quality"])
        raw[rows["stale"]] = _NAN
        form[rows["stale"]] = Form.FLOAT
        texts: dict[str, int] = {}
        for i in np.flatnonzero(form == Form.TEXT).tolist():
            raw[i] = texts.setdefault(self._texts[int(places[i])], len(texts))
        return Batch(
            names=self._names,
            texts=tuple(texts),
            tag=places.astype(np.uint32),
            time=rows["time"].copy(),
            received=rows["heard"].copy(),
            raw=raw,
            quality=quality.astype(np.uint32),
            form=form,
            origin=rows["origin"].copy(),
        )


def _counting_from(time: Ints, received: Ints, *, now: int) -> Ints:
    """Return the moments by which values are put in order: source times, or when they came where those lie ahead."""
    counts: Ints = np.where(time > now + _AHEAD, np.minimum(received, now), time)
    return counts


_ROW = np.dtype(
    [
        ("time", np.int64),
        ("counts", np.int64),
        ("heard", np.int64),
        ("raw", np.int64),
        ("changed", np.int64),
        ("stale_after", np.float64),
        ("quality", np.uint32),
        ("form", np.uint8),
        ("origin", np.uint8),
        ("stale", np.bool_),
    ]
)
