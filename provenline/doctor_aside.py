"""What a doctor looks at where stores put things aside: batches and segments that could not be read, or were refused.

Nothing of it is shown elsewhere: each store goes on without what it put aside, and says so once, in the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from plant.database import reader
from plant.errors import Unavailable
from plant.text import Text
from provenline.doctor import Finding, Patient, Weight

_LOGS = ("edge/outbox.sqlite", "historian/historian.db")
_REFUSED = "edge/rejected.sqlite"
_SEGMENTS = "historian/aside"
_MIB = 2**20

_DAMAGED = """SELECT damaged + (SELECT coalesce(sum(lost), 0) FROM rescued WHERE name = 'log'),
    (SELECT count(*) FROM aside), (SELECT coalesce(sum(samples), 0) FROM aside) FROM log_count"""


def batches(patient: Patient) -> Iterator[Finding]:
    """Count the batches of the outbox and of the store's log that could not be read again, ever."""
    for name in _LOGS:
        file = patient.data / name
        damaged, kept, samples = _asked(file, _DAMAGED) or (0, 0, 0)
        if damaged:
            yield Finding(
                "batches-aside",
                Weight.WARNING,
                Text(
                    f"{file} 中有 {damaged} 批数据读不出，其中 {kept} 批（{samples} 个样本）移入表 aside",
                    f"{damaged} batches in {file} could not be read; {kept} of them ({samples} samples) "
                    "lie in its table aside",
                ),
                Text(
                    "这些样本缺失，可从备份或设备取回；检查磁盘健康（smartctl），保留该文件供分析",
                    "their samples are missing: take them from a backup or the device; look after the disk (smartctl); "
                    "keep the file for analysis",
                ),
            )


def refused(patient: Patient) -> Iterator[Finding]:
    """Count what the centre refused for good and the edge put aside."""
    file = patient.data / _REFUSED
    held, samples = _asked(file, "SELECT batches, samples FROM log_size") or (0, 0)
    if held:
        yield Finding(
            "batches-refused",
            Weight.WARNING,
            Text(
                f"中心拒收 {held} 批数据（{samples} 个样本），保存在 {file}",
                f"the centre refused {held} batches ({samples} samples) for good; they lie in {file}",
            ),
            Text(
                "采集端日志说明原因，据此改正；不再需要时，停止采集端后可删除该文件",
                "the edge's log says why: mend that; when nobody needs them, stop the edge and remove the file",
            ),
        )


def segments(patient: Patient) -> Iterator[Finding]:
    """Count the segments that the store put aside."""
    folder = patient.data / _SEGMENTS
    sizes = [file.stat().st_size for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
    if sizes:
        yield Finding(
            "segments-aside",
            Weight.WARNING,
            Text(
                f"{len(sizes)} 个数据段（{sum(sizes) / _MIB:.1f} MiB）因损坏或目录损坏被移到 {folder}",
                f"{len(sizes)} segments ({sum(sizes) / _MIB:.1f} MiB) were damaged, or forgotten by a damaged "
                f"catalogue, and put aside in {folder}",
            ),
            Text(
                "把备份恢复到别处，取回缺失的样本；检查磁盘健康（smartctl）；之后可删除这些文件",
                "restore a backup elsewhere and take what is missing from it; look after the disk (smartctl); "
                "then remove them",
            ),
        )


def _asked(file: Path, question: str) -> tuple[int, ...] | None:
    """Return the one row that answers; None without a file, or without a sound one, which `databases` speaks of."""
    if not file.exists():
        return None
    try:
        with closing(reader(file)) as connection:
            row = connection.execute(question).fetchone()
    except (sqlite3.DatabaseError, Unavailable):
        return None
    return None if row is None else tuple(row)
