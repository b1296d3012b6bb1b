"""What a doctor looks at first: configuration, secrets, folders, disk, memory, clock, versions."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import shutil
import sqlite3
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from configs.base import Secret
from plant.clock import SECOND, from_iso
from plant.text import Text
from provenline.backup import STAGING
from provenline.doctor import Finding, Patient, Weight

MIB = 2**20
_FULL, _TIGHT = 256 * MIB, 2 * 2**30
_LEAST_MEMORY = 512 * MIB
_LEAST_FILES = 4096
_BUILT = from_iso("2025-01-01T00:00:00Z")
_UNSYNCHRONISED = 5
_SAFE_SQLITE = (3, 51, 3)


def configuration(patient: Patient) -> Iterator[Finding]:
    """Give every fault of the configuration."""
    for fault in patient.faults:
        yield Finding(
            "configuration",
            Weight.FAULT,
            Text(f"配置有误：{fault}", f"configuration: {fault}"),
            Text("改正后用 provenline check 复查", "mend it; `provenline check` looks again"),
        )


def secrets(patient: Patient) -> Iterator[Finding]:
    """Look for secrets that the configuration refers to and that are not there."""
    if patient.configuration is None:
        return
    documents: list[BaseModel] = [patient.configuration.centre, patient.configuration.edge]
    documents += [binding.source for binding in patient.configuration.bindings]
    for secret in {id(s): s for document in documents for s in _secrets(document)}.values():
        try:
            secret.reveal()
        except ValueError as error:
            yield Finding(
                "secret",
                Weight.FAULT,
                Text(f"缺少密钥或口令：{error}", f"a secret is missing: {error}"),
                Text("设置该环境变量，或让服务用户可读该文件", "set it, or let the service's user read the file"),
            )


def _secrets(part: object) -> Iterator[Secret]:
    if isinstance(part, Secret):
        yield part
    elif isinstance(part, BaseModel):
        for _, value in part:
            yield from _secrets(value)
    elif isinstance(part, (tuple, list)):
        for value in part:
            yield from _secrets(value)


def data_folder(patient: Patient) -> Iterator[Finding]:
    """Look at the data folder: there, writable, and closed to others."""
    if not patient.data.is_dir():
        yield Finding(
            "data-missing",
            Weight.FAULT,
            Text(f"数据目录 {patient.data} 不存在", f"there is no data folder {patient.data}"),
            Text("首次启动会建立；否则用 --data 指明", "the first start makes it; else name the right one with --data"),
        )
        return
    if not os.access(patient.data, os.W_OK | os.X_OK):
        yield Finding(
            "data-read-only",
            Weight.FAULT,
            Text(f"数据目录 {patient.data} 不可写", f"the data folder {patient.data} cannot be written"),
            Text(
                "chown 给服务用户，并检查是否以只读方式挂载", "chown it to the service's user; is it mounted read-only?"
            ),
        )
    for name in ("accounts.db", "audit.db", "write-token", "tls/key.pem", "keys/evidence.pem"):
        file = patient.data / name
        if file.exists() and file.stat().st_mode & 0o077:
            yield Finding(
                "open-to-others",
                Weight.WARNING,
                Text(f"其他用户可读 {file}", f"others can read {file}"),
                Text(f"执行 chmod 600 {file}", f"chmod 600 {file}"),
            )


def leftovers(patient: Patient) -> Iterator[Finding]:
    """Look for what an interrupted command or a rescue left behind."""
    if not patient.data.is_dir():
        return
    for file in (*patient.data.glob(f"{STAGING}*"), *patient.data.parent.glob(f"{patient.data.name}.restoring-*")):
        yield Finding(
            "leftover",
            Weight.NOTE,
            Text(f"被中断的命令留下了 {file}", f"a command that was interrupted left {file}"),
            Text("若无备份或恢复正在进行，可删除", "remove it, unless a backup or restore runs now"),
        )
    for file in patient.data.rglob("*.damaged-*"):
        yield Finding(
            "rescued",
            Weight.WARNING,
            Text(f"曾有数据库损坏并已抢救：{file}", f"a database was damaged and rescued: {file}"),
            Text(
                "检查磁盘健康（smartctl），保留该文件供分析",
                "look after the disk (smartctl); keep the file for analysis",
            ),
        )


def disk(patient: Patient) -> Iterator[Finding]:
    """Look for room on the disk of the data folder."""
    if not patient.data.is_dir():
        return
    usage = shutil.disk_usage(patient.data)
    if usage.free < _TIGHT:
        yield Finding(
            "disk",
            Weight.FAULT if usage.free < _FULL else Weight.WARNING,
            Text(f"数据磁盘仅剩 {usage.free // MIB} MiB", f"only {usage.free // MIB} MiB are free for data"),
            Text("清理磁盘，或缩短 retention.raw", "free some, or shorten `retention: raw`"),
        )
    inodes = os.statvfs(patient.data)
    if inodes.f_files and inodes.f_favail < 10_000:
        yield Finding(
            "inodes",
            Weight.WARNING,
            Text(f"数据磁盘仅剩 {inodes.f_favail} 个 inode", f"only {inodes.f_favail} inodes are free for data"),
            Text("删除无用的小文件", "remove small files that nobody needs"),
        )


def memory(_: Patient) -> Iterator[Finding]:
    """Look at memory that is free, and how many files one process may open."""
    free = available_memory(Path("/proc/meminfo"))
    if free is not None and free < _LEAST_MEMORY:
        yield Finding(
            "memory",
            Weight.WARNING,
            Text(f"可用内存仅 {free // MIB} MiB", f"only {free // MIB} MiB of memory are available"),
            Text(
                "关闭其他程序或增加内存；统计查询约需 512 MiB", "end other programs or add some; questions need 512 MiB"
            ),
        )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files < _LEAST_FILES:
        yield Finding(
            "open-files",
            Weight.WARNING,
            Text(f"一个进程最多只能打开 {files} 个文件", f"one process may open {files} files only"),
            Text("在服务单元中设 LimitNOFILE=65536", "set LimitNOFILE=65536 in the service's unit"),
        )


def available_memory(table: Path) -> int | None:
    """Return the bytes that Linux says are available; None elsewhere."""
    if not table.exists():
        return None
    for line in table.read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def clock(patient: Patient) -> Iterator[Finding]:
    """Look at the clock: sane, kept right by somebody, and not behind what is stored."""
    if patient.now < _BUILT:
        yield Finding(
            "clock-wrong",
            Weight.FAULT,
            Text("系统时钟早于本软件的发布日期", "the clock is before this software was made"),
            Text("校准时钟并启用 NTP/chrony", "set the clock and run NTP or chrony"),
        )
    if synchronised() is False:
        yield Finding(
            "clock-unsynchronised",
            Weight.WARNING,
            Text("系统时钟未与时间源同步", "nothing keeps the system's clock right"),
            Text(
                "启用 chrony 或 systemd-timesyncd；与设备用同一时间源",
                "run chrony, with the time source of your devices",
            ),
        )
    newest = newest_stored(patient.data)
    if newest is not None and newest > patient.now + 60 * SECOND:
        ahead = (newest - patient.now) // SECOND
        yield Finding(
            "clock-behind",
            Weight.WARNING,
            Text(f"库中最新样本比现在晚 {ahead} 秒", f"the newest stored sample is {ahead} s ahead of the clock"),
            Text(
                "时钟曾被回拨，或某设备时钟超前；比对各设备时钟",
                "it was set back, or a device's is ahead; compare them",
            ),
        )


class _Timex(ctypes.Structure):
    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_char * 252))


def synchronised() -> bool | None:
    """Return whether the kernel knows its clock to be kept right; None where it does not say."""
    if platform.system() != "Linux":
        return None
    timex = _Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))  # modes 0: only asks
    return None if state < 0 else state != _UNSYNCHRONISED


def newest_stored(data: Path) -> int | None:
    """Return the time of the newest sealed sample of an embedded store, ns UTC; None without one."""
    file = data / "historian" / "historian.db"
    if not file.exists():
        return None
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            found = connection.execute("SELECT max(time) FROM tag").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError:  # how the stores are is another check's
        return None
    return None if found is None else int(found)


def versions(patient: Patient) -> Iterator[Finding]:
    """Look at time zone data and libraries."""
    zone = patient.configuration.site.zone if patient.configuration else "Asia/Shanghai"
    try:
        zoneinfo.ZoneInfo(zone)
    except zoneinfo.ZoneInfoNotFoundError:
        yield Finding(
            "time-zone",
            Weight.FAULT,
            Text(f"系统没有时区 {zone} 的数据", f"there is no data of the time zone {zone}"),
            Text("安装 Python 包 tzdata 或系统包 tzdata", "install the package tzdata"),
        )
    if sqlite3.sqlite_version_info < _SAFE_SQLITE:
        yield Finding(
            "sqlite",
            Weight.NOTE,
            Text(f"SQLite {sqlite3.sqlite_version} 早于 3.51.3", f"SQLite {sqlite3.sqlite_version} is before 3.51.3"),
            Text(
                "单写入者设计已避开其旧缺陷；勿用其他程序写这些文件",
                "one writer a file keeps clear of its old fault; let no other program write these files",
            ),
        )
