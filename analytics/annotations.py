"""What people say about stops: a layer of its own over machine data, which it never alters.

The log only grows. To correct an annotation is to write a newer one; to withdraw it, one
without a reason. What stood before stays readable, with its author.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics.losses import Stops
from plant.calendar import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A reason that a person gave for a stretch of one device's time. `made`: ns UTC.

    `scope`: path of the device. An empty `reason` withdraws earlier ones. Raises ValueError
    without an author or with an empty stretch of time.
    """

    scope: str
    span: Span
    reason: str
    author: str
    made: int
    comment: str = ""

    def __post_init__(self) -> None:
        if not self.author.strip():
            raise ValueError("an annotation has an author")
        if self.span[0] >= self.span[1]:
            raise ValueError("an annotation is about a stretch of time that ends after it begins")


@dataclass(frozen=True, slots=True)
class Annotations:
    """An append-only log of annotations, in the order they were written."""

    log: tuple[Annotation, ...] = ()

    def with_(self, added: Annotation) -> Annotations:
        """Return the log with one more entry."""
        return Annotations((*self.log, added))

    def about(self, scope: str | tuple[str, ...], span: Span) -> tuple[Annotation, ...]:
        """Return what was said about the time of a device, or of any of several, in the order it was written.

        What was later corrected is in it too.
        """
        scopes = (scope,) if isinstance(scope, str) else scope
        return tuple(a for a in self.log if a.scope in scopes and a.span[0] < span[1] and a.span[1] > span[0])


@dataclass(frozen=True, slots=True)
class ExplainedStop:
    """A stop with both layers side by side: what the machine reported and what a person said.

    `planned`: ns of it in measured planned time. `begins`: whether it counts in the window.
    """

    span: Span
    loss: str
    planned: int
    begins: bool
    reported: str
    annotation: Annotation | None

    @property
    def reason(self) -> str:
        """The reason to show: the person's if there is one, else the machine's."""
        return self.annotation.reason if self.annotation and self.annotation.reason else self.reported


def explained(
    stops: Stops, reported: Sequence[str], scope: str | tuple[str, ...], notes: Annotations
) -> list[ExplainedStop]:
    """Lay the annotations over the stops: of several that touch a stop, the newest counts."""
    found = []
    columns = (stops.start, stops.stop, stops.loss, stops.planned, stops.begins)
    for start, stop, loss, planned, begins, reason in zip(*(c.tolist() for c in columns), reported, strict=True):
        newest = _newest(notes.about(scope, (start, stop)))
        found.append(ExplainedStop((start, stop), loss, planned, begins, reason, newest))
    return found


def _newest(notes: Iterable[Annotation]) -> Annotation | None:
    # Of two made in the same instant, the one written last.
    latest = None
    for note in notes:
        if latest is None or note.made >= latest.made:
            latest = note
    return latest
