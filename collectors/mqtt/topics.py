"""Which subscriptions a topic answers: exact ones by a look-up, wildcards by compiled patterns.

A plant publishes on a few thousand topics over and over, so what a topic matches is worked
out once and kept. MQTT 5, clauses 4.7.1 (wildcards) and 4.7.2 (`$` topics).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import zip_longest
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


def is_wildcard(topic: str) -> bool:
    """Tell whether a filter holds `+` or `#`."""
    return "+" in topic or "#" in topic


def pattern(topic: str) -> re.Pattern[str]:
    """Compile a filter into a pattern that fully matches the topics it answers."""
    head, deep = (topic[:-1].removesuffix("/"), True) if topic.endswith("#") else (topic, False)
    body = "/".join("[^/]*" if level == "+" else re.escape(level) for level in head.split("/"))
    if topic == "#":
        body = ".*"
    elif deep:
        body += "(?:/.*)?"
    guard = r"(?!\$)" if topic[0] in "+#" else ""
    return re.compile(guard + body, re.DOTALL)


def widest(topics: Iterable[str]) -> tuple[str, ...]:
    """Return the filters without repetitions and without those that another one covers.

    A broker may send a message once for each overlapping subscription (3.3.4); asking only
    for the widest keeps one message one message.
    """
    unique = tuple(dict.fromkeys(topics))
    wide = [topic for topic in unique if is_wildcard(topic)]
    return tuple(topic for topic in unique if not any(other != topic and covers(other, topic) for other in wide))


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every topic that `narrow` answers, `wide` answers too."""
    if wide[0] in "+#" and narrow[0] == "$":
        return False
    ours, theirs = wide.split("/"), narrow.split("/")
    for level, their in zip_longest(ours, theirs):
        if level == "#":
            return True
        if level is None or their in (None, "#") or level not in ("+", their):
            return False
    return True


class TopicIndex(Generic[Entry]):
    """Entries under topic filters, and for any topic the entries it answers, in order of filing."""

    def __init__(self, entries: Iterable[tuple[str, Entry]]) -> None:
        self._exact: dict[str, list[tuple[int, Entry]]] = {}
        self._wild: dict[str, tuple[re.Pattern[str], list[tuple[int, Entry]]]] = {}
        for order, (topic, entry) in enumerate(entries):
            if is_wildcard(topic):
                self._wild.setdefault(topic, (pattern(topic), []))[1].append((order, entry))
            else:
                self._exact.setdefault(topic, []).append((order, entry))
        self._known: dict[str, tuple[Entry, ...]] = {}

    def match(self, topic: str) -> tuple[Entry, ...]:
        """Return every entry whose filter `topic` answers."""
        found = self._known.get(topic)
        if found is None:
            if len(self._known) >= _REMEMBERED:  # a publisher with endless topics must not fill memory
                self._known.clear()
            found = self._known[topic] = self._search(topic)
        return found

    def _search(self, topic: str) -> tuple[Entry, ...]:
        hits = list(self._exact.get(topic, ()))
        for matcher, entries in self._wild.values():
            if matcher.fullmatch(topic):
                hits += entries
        return tuple(entry for _, entry in sorted(hits, key=lambda hit: hit[0]))
