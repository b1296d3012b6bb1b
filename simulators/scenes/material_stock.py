"""Stock as it is, and stock as the records have it: two books that agree as well as reporting does."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.kernel.floor import Floor
from simulators.truth import What


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A bin that went from one place to another. `origin` "" is outside. `at`: ns UTC when it passed the gate."""

    bin: str
    origin: str
    target: str
    pieces: int
    at: int


class Stock:
    """Pieces by place, true and recorded. Signals: `stock.<place>`, the records; `count.*`, the last cycle count."""

    def __init__(self, floor: Floor, places: tuple[str, ...]) -> None:
        self.places = places
        self.true = dict.fromkeys(places, 0)
        self.recorded = dict.fromkeys(places, 0)
        self._floor = floor
        self._counted_at = dict.fromkeys(places, floor.start - 1)
        self._shown = {place: floor.signals.add(f"stock.{place}", 0) for place in places}
        signals = floor.signals
        self._count_place = signals.add("count.place", "")
        self._count_true = signals.add("count.counted", 0)
        self._count_book = signals.add("count.recorded", 0)
        self._turn = 0

    def begin(self, place: str, pieces: int) -> None:
        """Have stock, and know it."""
        self.true[place] += pieces
        self.recorded[place] += pieces
        self._shown[place].set(self.recorded[place])

    def leave(self, place: str, pieces: int) -> None:
        """Let pieces leave a place in truth."""
        self.true[place] -= pieces

    def arrive(self, place: str, pieces: int) -> None:
        """Let pieces arrive at a place in truth."""
        self.true[place] += pieces

    def use(self, place: str) -> None:
        """Build one piece in: the machine's own counter tells the records at once, on any link."""
        self.true[place] -= 1
        self._book(place, -1)

    def record(self, movement: Movement, pieces: int) -> None:
        """Write a movement down; what a count has settled since is not booked a second time."""
        for place, change in ((movement.origin, -pieces), (movement.target, pieces)):
            if place and movement.at > self._counted_at[place]:
                self._book(place, change)

    def count(self) -> None:
        """Count the next place, publish both figures, and put the record right."""
        place = self.places[self._turn % len(self.places)]
        self._turn += 1
        counted, recorded = self.true[place], self.recorded[place]
        self._floor.record(What.EVENT, "count", place=place, counted=counted, recorded=recorded)
        self._count_place.set(place)
        self._count_true.set(counted)
        self._count_book.set(recorded)
        self._counted_at[place] = self._floor.now()
        self._book(place, counted - recorded)

    def _book(self, place: str, change: int) -> None:
        self.recorded[place] += change
        self._shown[place].set(self.recorded[place])
