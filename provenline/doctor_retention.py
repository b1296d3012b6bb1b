"""What a doctor looks at about keeping and thinning: whether the disk is full before anything goes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from configs.schema import EmbeddedConfig
from historian.buckets import DAY
from plant.clock import SECOND
from plant.database import reader
from plant.errors import Unavailable
from plant.text import Text
from provenline.doctor import Finding, Patient, Weight

_OVER = 7
"""Days over which the store's growth is taken."""
_SOON = 90
"""Days: a disk that lasts longer is nobody's worry yet."""


def retention(patient: Patient) -> Iterator[Finding]:
    """Compare how long the disk lasts, as the store grew in the last week, with when retention first frees some."""
    file = patient.data / "historian" / "historian.db"
    settings = patient.configuration.centre if patient.configuration else None
    if settings is None or not isinstance(settings.historian, EmbeddedConfig) or not file.exists():
        return
    try:
        with closing(reader(file)) as connection:
            files = connection.execute("SELECT name, first, last FROM segment WHERE first >= 0").fetchall()
    except (sqlite3.DatabaseError, Unavailable):
        return  # `databases` says what is wrong with it
    sizes = {name: path.stat().st_size for name, *_ in files if (path := file.parent / "segments" / name).exists()}
    recent = sum(sizes.get(name, 0) for name, _, last in files if last > patient.now - _OVER * DAY)
    began = max(min((first for _, first, _ in files), default=patient.now), patient.now - _OVER * DAY)
    span = patient.now - began
    if span < DAY or not recent:
        return  # too young to tell
    lasts = shutil.disk_usage(patient.data).free / (recent * DAY / span)
    raws = [keep.raw for keep in (settings.retention, *settings.retention.rules) if keep.raw is not None]
    oldest = min(first for _, first, _ in files)
    frees = max(min(raws) * SECOND - (patient.now - oldest), 0) / DAY if raws else None
    if lasts > _SOON or (frees is not None and frees < lasts):
        return
    when = Text(
        "未配置保留期限" if frees is None else f"保留策略 {frees:.0f} 天后才开始释放空间",
        "nothing is ever dropped" if frees is None else f"retention first frees some in {frees:.0f} days",
    )
    yield Finding(
        "disk-before-retention",
        Weight.WARNING,
        Text(
            f"按最近的增长，数据磁盘约 {lasts:.0f} 天后写满；{when.zh}",
            f"as the store grew lately, its disk is full in {lasts:.0f} days; {when.en}",
        ),
        Text(
            "缩短 centre 文档中的 retention.raw，或扩大磁盘；provenline retention plan 可预演",
            "shorten `retention: raw` in the centre document or get a larger disk; `provenline retention plan` shows",
        ),
    )
