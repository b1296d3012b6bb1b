"""What a wire message says: a line for the list, and its fields in order."""

from __future__ import annotations

from dataclasses import dataclass

Fields = tuple[tuple[str, str], ...]
LONGEST = 400
"""Characters of one field."""
MOST = 60
"""Fields of one message."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One message in words; fields beyond `MOST` and `LONGEST` are cut."""

    summary: str
    fields: Fields = ()

    def __post_init__(self) -> None:
        kept = tuple((name, f"{text[:LONGEST]}…" if len(text) > LONGEST else text) for name, text in self.fields[:MOST])
        object.__setattr__(self, "fields", kept)
        object.__setattr__(self, "summary", self.summary[:LONGEST])
