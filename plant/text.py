"""A text a person reads, in the two languages the product speaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in simplified Chinese and in English."""

    zh: str = ""
    en: str = ""

    def of(self, language: str) -> str:
        """Return the words for `language`, or the other language's where these are missing."""
        first, second = (self.en, self.zh) if language.lower().startswith("en") else (self.zh, self.en)
        return first or second
