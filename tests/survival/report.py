"""The record of what faults did, and the table of `docs/reliability.md` made of it, in both languages."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.survival.suffering import Fault, Outcome

Row = dict[str, str | int | float]

PAGES = {"en": "reliability.md", "zh": "reliability.zh-CN.md"}
DOCS = Path(__file__).parents[2] / "docs"
RECORD = DOCS / "reliability.json"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
LINES = ("<!-- lines: begin -->", "<!-- lines: end -->")
_HEADS = {
    "en": "fault|held, s|offered|acknowledged|stored|lost|destroyed by the fault|duplicated|live again, s|all there, s"
    "|restarts|measured, UTC|load",
    "zh": "故障|持续（秒）|发出|已确认|已存储|丢失|被故障本身毁坏|重复|恢复实时（秒）|全部补齐（秒）|重启次数"
    "|测量时间（UTC）|负载",
}
_COLUMNS = (
    *("held", "offered", "acknowledged", "stored", "lost", "destroyed", "duplicated"),
    *("live after", "all after", "restarts", "measured", "load"),
)
_NOT_RUN = "–"
_STAMP = {
    "en": "Measured on {machine}; – means: not run since the fault was added.",
    "zh": "测量机器：{machine}；– 表示该故障加入后尚未运行。",
}


def machine() -> str:
    """Name what this runs on."""
    return f"{platform.system()} {platform.release()}, {os.cpu_count()} × {platform.machine()}"


def keep(outcome: Outcome) -> None:
    """Put an outcome into the record, in place of an earlier one of the same fault."""
    with RECORD.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        record: dict[str, Row] = json.loads(text) if text else {}
        record[outcome.fault.name] = row(outcome)
        file.truncate(0)
        json.dump(dict(sorted(record.items())), file, indent=1, ensure_ascii=False)
        file.write("\n")


def row(outcome: Outcome) -> Row:
    """Return what the record holds of an outcome."""
    return {
        "held": outcome.seconds,
        "offered": outcome.offered,
        "acknowledged": outcome.acknowledged,
        "stored": outcome.stored,
        "lost": len(outcome.lost),
        "destroyed": len(outcome.destroyed),
        "duplicated": outcome.duplicated,
        "live after": round(outcome.live_after, 1),
        "all after": round(outcome.all_after, 1),
        "restarts": outcome.restarts,
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "load": round(os.getloadavg()[1], 1),
        "machine": machine(),
        "line": outcome.line,
    }


def table(faults: Sequence[Fault], record: Mapping[str, Row], language: str) -> str:
    """Lay what is recorded of faults out as Markdown."""
    heads = _HEADS[language].split("|")
    rows = [heads, ["---", *["--:"] * (len(heads) - 1)]]
    for fault in faults:
        name = fault.name if language == "en" else fault.zh
        one = record.get(fault.name)
        rows.append([name, *(str(one[column]) if one else _NOT_RUN for column in _COLUMNS)])
    machines = sorted({str(one["machine"]) for one in record.values()})
    return "\n".join(
        [_STAMP[language].format(machine="; ".join(machines)), "", *(f"| {' | '.join(r)} |" for r in rows)]
    )


def publish(faults: Sequence[Fault]) -> None:
    """Write the record into both pages."""
    record: dict[str, Row] = json.loads(RECORD.read_text(encoding="utf-8"))
    for language, page in PAGES.items():
        write(table(faults, record, language), DOCS / page)
    said = [(fault, str(record[fault.name]["line"])) for fault in faults if fault.name in record]
    write("\n".join(f"- {fault.name}: `{line}`" for fault, line in said if line), DOCS / PAGES["en"], *LINES)


def write(text: str, page: Path, begin: str = BEGIN, end: str = END) -> None:
    """Replace what stands between two markers of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
