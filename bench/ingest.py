"""Durable ingest: the embedded historian beside InfluxDB 1.x `/write`, on the same samples in one run.

    python -m bench.ingest [--seconds 3]

Both acknowledge a batch when it is on the disk: the embedded historian commits to SQLite
with `synchronous=FULL`, InfluxDB syncs its write-ahead log (`wal-fsync-delay = 0s`, its
default). Both are given the same batches one after the other by one client over one
connection, in turns, so that neither has the quieter machine.

- *write*: samples per second until acknowledged, housekeeping running meanwhile
- *sealed*: the same with the time added that it takes to seal the rest into Parquet
- *CPU*: processor time per sample, client and server together; it depends least on who else is busy
- *InfluxDB*: encoding lines included; *server alone*: lines encoded beforehand

What differs all the same: InfluxDB is another process and is reached over HTTP; it compacts
later, too, which is not counted. The ratio is what an edge on the same machine would see.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from historian.embedded import EmbeddedHistorian
from historian.influxdb import InfluxHistorian, Server
from plant import wire
from plant.batch import Batch
from plant.clock import SECOND
from tests.peers.influxd import influxd

TAGS = 1_000
NAMES = tuple(f"bench/scene/line/device-{i // 20}/signal-{i % 20}" for i in range(TAGS))
T0 = 1_700_000_000 * SECOND
SIZES = (100, 1_000, 10_000)
TURNS = 24


@dataclass(slots=True)
class Score:
    """Samples, seconds and processor seconds of one contestant; `latencies`: seconds per batch."""

    samples: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Samples per second."""
        return self.samples / self.seconds

    @property
    def cost(self) -> float:
        """Processor microseconds per sample, of everything that took part."""
        return self.processor / self.samples * 1e6

    @property
    def slowest(self) -> float:
        """The 99th percentile of a batch, ms."""
        return float(np.percentile(self.latencies, 99)) * 1e3


def batches(size: int) -> Iterator[Batch]:
    """Yield batches for ever: 1000 tags at 1 Hz with two decimals, a sensor's walk."""
    dice = np.random.default_rng(1)
    row = np.arange(size, dtype=np.int64)
    at = 0
    while True:
        sample = at + row
        when = T0 + sample // TAGS * SECOND
        values = np.round(20 + dice.normal(0, 0.2, size).cumsum(), 2)
        yield Batch.floats(NAMES, (sample % TAGS).astype(np.uint32), when, values, received=when + 3_000_000)
        at += size


def turn(score: Score, seconds: float, source: Iterator[Batch], write: Callable[[Batch], None], pid: int = 0) -> None:
    """Write for some seconds; making the samples is not counted. `pid`: of a server that takes part."""
    spent = 0.0
    server_before = processor(pid)
    while spent < seconds:
        batch = next(source)
        began, used = time.perf_counter(), time.process_time()
        write(batch)
        took = time.perf_counter() - began
        spent += took
        score.processor += time.process_time() - used
        score.samples += len(batch)
        score.latencies.append(took)
    score.processor += processor(pid) - server_before
    score.seconds += spent


def processor(pid: int) -> float:
    """Return the processor seconds another process has used; 0 for none."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a folder on the same disk as this project, not in memory."""
    folder = Path(tempfile.mkdtemp(prefix=".bench-", dir=Path(__file__).parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def compare(size: int, seconds: float) -> tuple[Score, Score, Score, Score]:
    """Return the scores of embedded writing, embedded with sealing, InfluxDB, and its server alone."""
    ours, theirs, server_alone = Score(), Score(), Score()
    with scratch() as folder, influxd(folder / "influxd") as server:
        embedded = EmbeddedHistorian(folder / "historian", seal_every=1.0)
        influx = InfluxHistorian(Server(url=server.url, version=1))
        with closing(influx), closing(embedded):
            for_ours, for_theirs = batches(size), batches(size)
            for _ in range(TURNS):
                turn(ours, seconds / TURNS, for_ours, embedded.write)
                turn(theirs, seconds / TURNS, for_theirs, influx.write, server.process.pid)
            encoded = [wire.encode(next(for_theirs)) for _ in range(max(1, len(theirs.latencies) // 4))]
            began = time.perf_counter()
            for lines in encoded:
                influx._post(lines)  # noqa: SLF001 - the server's share alone has no public verb
            server_alone = Score(len(encoded) * size, time.perf_counter() - began)
            began = time.perf_counter()
            embedded.seal()
            sealed = Score(ours.samples, ours.seconds + time.perf_counter() - began)
            check(embedded, ours.samples)
            check(influx, theirs.samples + server_alone.samples)
    return ours, sealed, theirs, server_alone


def check(historian: EmbeddedHistorian | InfluxHistorian, samples: int) -> None:
    """Make sure that what was acknowledged is there."""
    held = sum(historian.counts(NAMES, T0, 2**62).values())
    if held != samples:
        raise SystemExit(f"{type(historian).__name__} acknowledged {samples} samples and holds {held}")


def main() -> None:
    """Run the comparison and print it as a table."""
    parser = argparse.ArgumentParser(description="durable ingest, embedded historian beside InfluxDB 1.x")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each contestant and size")
    seconds = parser.parse_args().seconds
    heads = ("batch", "write/s", "p99 ms", "CPU µs", "sealed/s", "InfluxDB/s", "p99 ms", "CPU µs", "server alone/s")
    heads += ("write ÷ InfluxDB", "sealed ÷ server alone", "CPU ratio")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for size in SIZES:
        ours, sealed, theirs, alone = compare(size, seconds)
        print(
            f"| {size} | {ours.rate:,.0f} | {ours.slowest:.1f} | {ours.cost:.2f} | {sealed.rate:,.0f} "
            f"| {theirs.rate:,.0f} | {theirs.slowest:.1f} | {theirs.cost:.2f} | {alone.rate:,.0f} "
            f"| **{ours.rate / theirs.rate:.1f}** | {sealed.rate / alone.rate:.1f} | {theirs.cost / ours.cost:.1f} |"
        )


if __name__ == "__main__":
    main()
