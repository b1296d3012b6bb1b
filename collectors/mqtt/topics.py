"""Which subscriptions a topic answers: filters in a tree by level, answers remembered.

A plant publishes on a few thousand topics over and over, so what a topic matches is worked
out once and kept. MQTT 5, clauses 4.7.1 (wildcards) and 4.7.2 (`$` topics).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

Entry = TypeVar("Entry")

_LONGEST = 65_535
_REMEMBERED = 65_536


def check_filter(topic: str) -> None:
    """Raise ValueError, with the reason, unless `topic` can be subscribed to.

    Shared subscriptions are refused: a member that is away keeps its share of the messages,
    which here would be missing data.
    """
    if not 0 < len(topic.encode("utf-8", "surrogatepass")) <= _LONGEST:
        raise ValueError("a topic has 1 to 65535 bytes")
    if "\0" in topic or (not topic.isascii() and any("\ud800" <= c <= "\udfff" for c in topic)):
        raise ValueError("a topic holds no NUL and no lone surrogate")
    if topic.startswith("$share/"):
        raise ValueError("shared subscriptions are not supported; name the topic itself")
    levels = topic.split("/")
    if "#" in topic and (topic.count("#") > 1 or levels[-1] != "#"):
        raise ValueError("'#' stands alone as the last level")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError("'+' fills a whole level")


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every topic that `narrow` answers, `wide` answers too."""
    tree: _Tree[bool] = _Tree()
    tree.file(wide, entry=True)
    return any(tree.search(narrow.split("/")))


def widest(topics: Iterable[str]) -> tuple[str, ...]:
    """Return the filters without repetitions and without those that another one covers.

    A broker may send a message once for each overlapping subscription (3.3.4); asking only
    for the widest keeps one message one message.
    """
    unique = tuple(dict.fromkeys(topics))
    tree: _Tree[str] = _Tree()
    for topic in unique:
        tree.file(topic, entry=topic)
    return tuple(topic for topic in unique if all(other == topic for other in tree.search(topic.split("/"))))


class TopicIndex(Generic[Entry]):
    """Entries under topic filters, and for any topic the entries it answers, in order of filing."""

    def __init__(self, entries: Iterable[tuple[str, Entry]]) -> None:
        self._tree: _Tree[tuple[int, Entry]] = _Tree()
        for order, (topic, entry) in enumerate(entries):
            self._tree.file(topic, entry=(order, entry))
        self._known: dict[str, tuple[Entry, ...]] = {}

    def match(self, topic: str) -> tuple[Entry, ...]:
        """Return every entry whose filter `topic` answers."""
        found = self._known.get(topic)
        if found is None:
            if len(self._known) >= _REMEMBERED:  # a publisher with endless topics must not fill memory
                self._known.clear()
            hits = sorted(self._tree.search(topic.split("/")), key=lambda hit: hit[0])
            found = self._known[topic] = tuple(entry for _, entry in hits)
        return found


class _Tree(Generic[Entry]):
    """Topic filters, one level a step.

    A filter can be searched for like a topic: its own `+` and `#` are then met only by
    wildcards that take in all they stand for.
    """

    def __init__(self) -> None:
        self.below: dict[str, _Tree[Entry]] = {}
        self.entries: list[Entry] = []

    def file(self, topic: str, *, entry: Entry) -> None:
        at = self
        for level in topic.split("/"):
            at = at.below.setdefault(level, _Tree())
        at.entries.append(entry)

    def search(self, levels: Sequence[str], depth: int = 0) -> Iterator[Entry]:
        deep = self.below.get("#")
        if depth == len(levels):
            yield from self.entries
            yield from deep.entries if deep else ()
            return
        level = levels[depth]
        own = depth == 0 and level.startswith("$")  # the broker's own topics are not for wildcards
        if deep and not own:
            yield from deep.entries
        for step in (level,) if own or level == "+" else (level, "+"):
            if level != "#" and step in self.below:
                yield from self.below[step].search(levels, depth + 1)
