"""What a doctor looks at in the data folder: databases, segments, audit log, outbox, reports of sources."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from configs.schema import EmbeddedConfig
from dashboard_api.audit import verify
from historian.embedded import EmbeddedReader, segments
from plant.clock import SECOND, iso
from plant.database import reader
from plant.errors import Unavailable
from plant.health import LINE
from plant.text import Text
from provenline.doctor import Finding, Patient, Weight
from provenline.trust import AUDIT

_DATABASES = (
    "accounts.db",
    AUDIT,
    "annotations.db",
    "shifts.db",
    "alarms.db",
    "historian/historian.db",
    "edge/outbox.sqlite",
    "edge/rejected.sqlite",
    "edge/dead-letters.sqlite",
)
_FILLING, _FULL = 0.5, 0.9
_WAITS = 3_600 * SECOND
_LOOKING = 10.0
"""Seconds for which segments are read, unless it is to be deep."""
_CLOCK = 1.0


def databases(patient: Patient) -> Iterator[Finding]:
    """Check every database: whether it can be read and its pages fit together."""
    for name in _DATABASES:
        file = patient.data / name
        if not file.exists():
            continue
        trouble = _trouble(file)
        if trouble:
            yield Finding(
                "database",
                Weight.FAULT,
                Text(f"数据库 {file} 有问题：{trouble}", f"the database {file} is not sound: {trouble}"),
                Text(
                    "重新启动时会自动抢救可读部分；数据仍缺失时从备份恢复",
                    "a restart rescues what is readable; if something is missing then, restore a backup",
                ),
            )


def _trouble(file: Path) -> str:
    try:
        with closing(reader(file)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.DatabaseError, Unavailable) as error:
        return str(error)
    return "" if found == "ok" else str(found)


def store(patient: Patient) -> Iterator[Finding]:
    """Read the segments of an embedded store against their checksums; for a while, or all when deep."""
    folder = patient.data / "historian"
    if not (folder / "historian.db").exists():
        return
    try:
        with closing(reader(folder / "historian.db")) as connection:
            names = _named(connection)
            lost = connection.execute("SELECT count(*), coalesce(sum(rows), 0) FROM lost").fetchone()
    except sqlite3.DatabaseError:
        return  # `databases` says what is wrong with it
    if lost[0]:
        yield Finding(
            "samples-lost",
            Weight.WARNING,
            Text(
                f"{lost[0]} 个数据段损坏，缺 {lost[1]} 个样本",
                f"{lost[0]} segments were damaged, {lost[1]} samples lost",
            ),
            Text(
                "从备份恢复到别处后取回；并检查磁盘",
                "restore a backup elsewhere and take them from it; look after the disk",
            ),
        )
    began = time.monotonic()
    for name in names:
        if not patient.deep and time.monotonic() - began > _LOOKING:
            break
        if not segments.sound(folder / "segments" / name) and _listed(folder, name):
            yield Finding(
                "segment",
                Weight.FAULT,
                Text(f"数据段 {name} 缺失或损坏", f"the segment {name} is missing or damaged"),
                Text("检查磁盘；从备份取回该文件", "look after the disk; take that file from a backup"),
            )


def _listed(folder: Path, name: str) -> bool:
    """Say whether a segment is still wanted: it may have been merged meanwhile."""
    with closing(reader(folder / "historian.db")) as connection:
        return name in _named(connection)


def _named(connection: sqlite3.Connection) -> list[str]:
    """Return the files that the store's catalogue names, of samples and of buckets, newest first."""
    tables = ["segment"]
    if connection.execute("PRAGMA user_version").fetchone()[0] >= 2:
        tables.append("roll")
    rows = " UNION ALL ".join(f"SELECT name, last FROM {table}" for table in tables)  # noqa: S608 - our own words
    return [row[0] for row in connection.execute(f"SELECT name FROM ({rows}) ORDER BY last DESC")]  # noqa: S608 - likewise


def audit(patient: Patient) -> Iterator[Finding]:
    """Walk the audit log."""
    file = patient.data / AUDIT
    if not file.exists():
        return
    try:
        faults = verify(file).faults
    except (sqlite3.DatabaseError, Unavailable):
        return
    if faults:
        yield Finding(
            "audit",
            Weight.FAULT,
            Text(f"审计日志已断链：{faults[0]}", f"the audit log is broken: {faults[0]}"),
            Text(
                "provenline audit verify 列出全部；与记下的链头比对",
                "`provenline audit verify` names all; compare noted heads",
            ),
        )


def outbox(patient: Patient) -> Iterator[Finding]:
    """Look at what waits in an outbox, how old it is, and what it had to give up."""
    file = patient.data / "edge" / "outbox.sqlite"
    if not file.exists():
        return
    try:
        with closing(reader(file)) as connection:
            held = connection.execute("SELECT bytes FROM log_size").fetchone()[0]
            dropped = connection.execute("SELECT dropped FROM log_count").fetchone()[0]
            oldest = connection.execute("SELECT min(put_at) FROM log").fetchone()[0]
    except sqlite3.DatabaseError:
        return
    most = patient.configuration.edge.outbox.max_bytes if patient.configuration else None
    if most and held > _FILLING * most:
        yield Finding(
            "outbox-filling",
            Weight.FAULT if held > _FULL * most else Weight.WARNING,
            Text(f"发件箱已用 {held / most:.0%}", f"the outbox is {held / most:.0%} full"),
            Text(
                "恢复到中心的连接；或增大 edge.outbox.max_bytes",
                "mend the way to the centre, or raise `edge.outbox.max_bytes`",
            ),
        )
    if oldest is not None and patient.now - oldest > _WAITS:
        yield Finding(
            "outbox-waits",
            Weight.WARNING,
            Text(f"自 {iso(oldest)} 起有样本未送达", f"samples wait to be delivered since {iso(oldest)}"),
            Text("查看采集端日志中的上行错误", "the edge's log says why the uplink does not take them"),
        )
    if dropped:
        yield Finding(
            "outbox-lost",
            Weight.WARNING,
            Text(f"发件箱满时丢弃了 {dropped} 个样本", f"the outbox was full and gave up {dropped} samples"),
            Text("增大 edge.outbox.max_bytes", "raise `edge.outbox.max_bytes`"),
        )


def said_of_themselves(patient: Patient) -> Iterator[Finding]:
    """Look at what collectors last reported: clocks of devices that are off."""
    settings = patient.configuration.centre.historian if patient.configuration else None
    if patient.configuration is None or not isinstance(settings, EmbeddedConfig):
        return
    if not (patient.data / "historian" / "historian.db").exists():
        return
    site = patient.configuration.site.id
    paths = {
        f"{site}/{b.scene}/{LINE}/{b.source.id}/clock-offset": f"{b.scene}/{b.source.id}"
        for b in patient.configuration.bindings
    }
    try:
        with closing(EmbeddedReader(patient.data / "historian")) as store:
            samples = store.latest(list(paths)).samples()
    except (sqlite3.DatabaseError, Unavailable):
        return
    for sample in samples:
        if isinstance(sample.value, float) and abs(sample.value) > _CLOCK:
            name = paths[sample.path]
            yield Finding(
                "device-clock",
                Weight.WARNING,
                Text(
                    f"{name} 的设备时钟偏差 {sample.value:.1f} 秒",
                    f"the clock of {name} is off by {sample.value:.1f} s",
                ),
                Text("让设备与本机使用同一时间源", "let the device and this machine use the same time source"),
            )
