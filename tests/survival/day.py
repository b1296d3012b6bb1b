"""A day without the centre at 1 000 samples a second: does it fit, and how does it drain?

`python -m tests.survival.day [--write]` writes the day's 86.4 million samples into an outbox, a
batch a second; then lets a real centre have them, for a while, beside a source that goes on at the
same rate, and measures how long each live batch takes from its deposit to the centre's disk.
`--write` puts the figures into `docs/reliability.md` and its twin. Takes some minutes and 7 GB of disk.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.delivery import Delivery
from edge.outbox import Outbox
from edge.uplink import HttpUplink
from plant.batch import Batch
from plant.batchlog import BatchLog, Bounds
from plant.clock import SECOND, SystemClock
from tests.peers.processes import free_port
from tests.survival import report
from tests.survival.service import Service
from tests.system.rig import SITE, TOKEN, configuration

RATE, DAY = 1_000, 86_400
DRAINED = 60.0
NAMES = tuple(f"rig/plant/line/device{i // 10:03d}/signal{i % 10}" for i in range(RATE))
BEGIN, END = "<!-- day: begin -->", "<!-- day: end -->"
_TAGS = np.arange(RATE, dtype=np.uint32)
_TEXT = {
    "en": "Measured {when} on {machine}: {samples:,} samples, one of each of 1 000 tags a second, take "
    "{bytes:.2f} GB in the outbox ({each:.0f} bytes a sample, names included; {disk:.2f} GB of disk) and {cpu:.0f} s "
    "of processor to write. Drained over the write API into a centre on the same machine, {drained:,.0f} samples a "
    "second of the backlog went beside a source that went on at 1 000 a second, so the day is caught up in about "
    "{hours:.1f} h; live batches were on the centre's disk {median:.2f} s after their deposit at the median and "
    "{worst:.2f} s at worst ({lives} batches; the drain was measured for {seconds:.0f} s, the hours follow from it).",
    "zh": "测量时间 {when}，机器：{machine}。1 000 个标签每秒各一个样本，共 {samples:,} 个，在发件箱中占 {bytes:.2f} GB"
    "（含名称每样本 {each:.0f} 字节；磁盘 {disk:.2f} GB），写入耗用处理器 {cpu:.0f} 秒。"
    "经写入接口投递到同一台机器上的中心时，在数据源继续以每秒 1 000 个产生的同时，"
    "积压数据每秒补送 {drained:,.0f} 个，约 {hours:.1f} 小时补齐一天；"
    "实时批次从存入发件箱到中心落盘，中位数 {median:.2f} 秒，最长 {worst:.2f} 秒"
    "（{lives} 批；补送实测 {seconds:.0f} 秒，小时数由此推算）。",
}


def second(moment: int) -> Batch:
    """One second of the plant."""
    values = (moment // SECOND * 7 % 1_000 + _TAGS) % 1_000 / 8
    return Batch.floats(NAMES, _TAGS, np.full(RATE, moment), values, received=moment + 3_000_000)


@dataclass
class Timed:
    """An uplink that notes how old live batches are once they have arrived, and counts the others' samples."""

    uplink: HttpUplink
    live_since: int

    def __post_init__(self) -> None:
        self.ages: list[float] = []
        self.old = 0

    async def deliver(self, batch: Batch) -> None:
        await self.uplink.deliver(batch)
        live = np.unique(batch.time[batch.time >= self.live_since])
        self.ages += [(time.time_ns() - moment) / SECOND for moment in live.tolist()]
        self.old += int(np.count_nonzero(batch.time < self.live_since))


def fill(log: BatchLog, seconds: int) -> None:
    """Write a day that has just passed."""
    first = time.time_ns() // SECOND * SECOND - seconds * SECOND
    for at in range(seconds):
        log.put(second(first + at * SECOND))


async def drain(log: BatchLog, poison: BatchLog, url: str, seconds: float) -> Timed:
    """Deliver for a while, beside a live source."""
    clock = SystemClock()
    async with (
        HttpUplink.to(url, organisation="o", bucket="b", token=TOKEN, timeout=30) as uplink,
        Outbox(log, clock=clock).running() as outbox,
    ):
        await outbox._learnt.wait()
        timed = Timed(uplink, time.time_ns())
        delivering = asyncio.create_task(Delivery(outbox, timed, poison=poison, clock=clock).run())
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            await outbox.deposit(second(time.time_ns()))
            await asyncio.sleep(1)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
    return timed


def measure(folder: Path) -> dict[str, float | str]:
    log = BatchLog.open(folder / "outbox.sqlite", bounds=Bounds(bytes=20_000_000_000, age=7 * 86_400.0))
    port = free_port()
    documents = configuration(
        folder / "configuration",
        site=SITE,
        centre=f"type: centre\nport: {port}\nwrite_tokens: [{{env: RIG_TOKEN}}]\n",
    )
    with closing(log), closing(BatchLog.open(folder / "rejected.sqlite")) as poison:
        before = resource.getrusage(resource.RUSAGE_SELF)
        fill(log, DAY)
        after, totals = resource.getrusage(resource.RUSAGE_SELF), log.totals
        assert totals.dropped == 0
        assert totals.samples == RATE * DAY
        disk = sum(file.stat().st_size for file in folder.glob("outbox.sqlite*"))
        centre = Service("serve", documents, "--data", folder / "centre", clock=folder / "clock")
        try:
            centre.start()
            centre.ready("centre ready")
            timed = asyncio.run(drain(log, poison, f"http://127.0.0.1:{port}", DRAINED))
        finally:
            centre.end()
    rate = timed.old / DRAINED
    return {
        "samples": totals.samples,
        "bytes": totals.bytes / 1e9,
        "each": totals.bytes / totals.samples,
        "disk": disk / 1e9,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "drained": rate,
        "hours": totals.samples / rate / 3_600,
        "median": float(np.median(timed.ages)),
        "worst": max(timed.ages),
        "lives": len(timed.ages),
        "seconds": DRAINED,
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": report.machine(),
    }


def main(arguments: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="survival-day-"))
    try:
        figures = measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(_TEXT["en"].format(**figures) + "\n")
    if "--write" in arguments:
        for language, page in report.PAGES.items():
            report.write(_TEXT[language].format(**figures), report.DOCS / page, BEGIN, END)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
