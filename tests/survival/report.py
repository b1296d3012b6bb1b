"""The table of `docs/reliability.md`, in both languages, written between its markers."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.survival.suffering import Outcome

PAGES = {"en": "reliability.md", "zh": "reliability.zh-CN.md"}
DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
LINES = ("<!-- lines: begin -->", "<!-- lines: end -->")
_HEADS = {
    "en": "fault|held, s|offered|acknowledged|stored|lost|destroyed by the fault|duplicated|live again, s|all there, s"
    "|restarts",
    "zh": "故障|持续（秒）|发出|已确认|已存储|丢失|被故障本身毁坏|重复|恢复实时（秒）|全部补齐（秒）|重启次数",
}
_STAMP = {"en": "Measured {when} on {machine}.", "zh": "测量时间 {when}，机器：{machine}。"}


def machine() -> str:
    """Name what this runs on, and how busy it was."""
    return f"{platform.system()} {platform.release()}, {os.cpu_count()} × {platform.machine()}"


def table(outcomes: Sequence[Outcome], language: str) -> str:
    """Lay outcomes out as Markdown."""
    heads = _HEADS[language].split("|")
    rows = [heads, ["---", *["--:"] * (len(heads) - 1)], *(_row(one, language) for one in outcomes)]
    stamp = _STAMP[language].format(when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), machine=machine())
    return "\n".join([stamp, "", *(f"| {' | '.join(row)} |" for row in rows)])


def lines(outcomes: Sequence[Outcome]) -> str:
    """List the line that the product logged about each fault."""
    said = [f"- {one.fault.name}: `{one.line}`" for one in outcomes if one.line]
    return "\n".join(said)


def write(text: str, page: Path, begin: str = BEGIN, end: str = END) -> None:
    """Replace what stands between two markers of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def _row(one: Outcome, language: str) -> list[str]:
    counts = (one.offered, one.acknowledged, one.stored, len(one.lost), len(one.destroyed), one.duplicated)
    name = one.fault.name if language == "en" else one.fault.zh
    return [
        name,
        f"{one.seconds:g}",
        *map(str, counts),
        f"{one.live_after:.1f}",
        f"{one.all_after:.1f}",
        str(one.restarts),
    ]
