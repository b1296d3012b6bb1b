"""The record of hunts, and the table of `docs/fuzzing.md` and its twin made of it."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
RECORD = DOCS / "fuzzing.json"
PAGES = {"en": "fuzzing.md", "zh": "fuzzing.zh-CN.md"}
BEGIN, END = "<!-- hunts: begin -->", "<!-- hunts: end -->"
_NOT_RUN = "–"
_HEADS = {
    "en": "target|inputs|longest input, bytes|seconds|inputs kept|findings|date, UTC|commit",
    "zh": "目标|输入数|最长输入（字节）|秒|保留的输入|发现|日期（UTC）|提交",
}


@dataclass(frozen=True, slots=True)
class Hunt:
    """What one hunt came to.

    `inputs`: how many were tried; `longest`: bytes of the longest allowed; `kept`: how many reached
    lines that none before them had; `findings`: how many ended the hunt, 0 or 1.
    """

    target: str
    inputs: int
    longest: int
    seconds: int
    kept: int
    findings: int
    date: str
    commit: str


def keep(hunt: Hunt) -> None:
    """Put a hunt into the record, in place of an earlier one on the same target."""
    with RECORD.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        record = json.loads(text) if text else {}
        record[hunt.target] = {name: value for name, value in asdict(hunt).items() if name != "target"}
        file.truncate(0)
        json.dump(dict(sorted(record.items())), file, indent=1)
        file.write("\n")


def kept() -> dict[str, Hunt]:
    """Return the record."""
    if not RECORD.exists():
        return {}
    return {name: Hunt(target=name, **one) for name, one in json.loads(RECORD.read_text(encoding="utf-8")).items()}


def table(targets: Sequence[str], record: Mapping[str, Hunt], language: str) -> str:
    """Lay the record out as Markdown, a row a target."""
    heads = _HEADS[language].split("|")
    rows = [heads, ["---", *["--:"] * 5, "---", "---"]]
    for name in targets:
        if (one := record.get(name)) is None:
            rows.append([name, *[_NOT_RUN] * (len(heads) - 1)])
            continue
        figures = [one.inputs, one.longest, one.seconds, one.kept, one.findings]
        rows.append([name, *(f"{figure:,}" for figure in figures), one.date, one.commit])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def publish(targets: Sequence[str]) -> None:
    """Write the record into both pages."""
    for language, name in PAGES.items():
        page = DOCS / name
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(f"{before}{BEGIN}\n\n{table(targets, kept(), language)}\n\n{END}{after}", encoding="utf-8")
