"""Tables of measured figures: printed, and with `--write` put into docs/performance.md and its Chinese twin.

A page marks where a table stands; what is between the marks is the command's, the rest is written by people:

    <!-- table: viewers -->
    | viewers | … |
    <!-- end -->
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {"en": DOCS / "performance.md", "zh": DOCS / "performance.zh-CN.md"}
SAID = {
    "en": "Measured {when} UTC on {cores} cores; load of the machine before: {load:.1f}.",
    "zh": "测于 {when} UTC，{cores} 核；测前机器负载 {load:.1f}。",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name among the figures, what pages call it, and how its values are written."""

    name: str
    en: str
    zh: str
    form: str = "{:.0f}"

    def of(self, row: Mapping[str, float]) -> str:
        """Return the value of a row."""
        return self.form.format(row[self.name])


@dataclass(frozen=True, slots=True)
class Conditions:
    """What else the machine did before: taken before the measuring itself makes load."""

    load: float
    when: str

    @classmethod
    def now(cls) -> Conditions:
        """Look at the machine."""
        return cls(os.getloadavg()[0], f"{datetime.now(UTC):%Y-%m-%d %H:%M}")

    def said(self, language: str) -> str:
        """Return it in words."""
        return SAID[language].format(when=self.when, cores=os.cpu_count(), load=self.load)


def markdown(columns: Sequence[Column], rows: Sequence[Mapping[str, float]], language: str) -> str:
    """Return a table in one of the languages."""
    lines = [[getattr(column, language) for column in columns], ["---"] * len(columns)]
    lines += [[column.of(row) for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(
    name: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, float]],
    *,
    conditions: Conditions,
    write: bool,
) -> None:
    """Print a table; `write` it into both pages too. Raises ValueError where a page has no place for it."""
    print(markdown(columns, rows, "en"))
    print(conditions.said("en"), flush=True)
    for language, page in PAGES.items() if write else ():
        said = f"{markdown(columns, rows, language)}\n\n{conditions.said(language)}"
        page.write_text(filled(page.read_text(encoding="utf-8"), name, said), encoding="utf-8")


def filled(text: str, name: str, said: str) -> str:
    """Return a page with what a command says between its marks. Raises ValueError where it has no such place."""
    before, mark, rest = text.partition(f"<!-- table: {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not (mark and end):
        raise ValueError(f"no place for the table {name!r}")
    return before + mark + said + "\n" + end + after
