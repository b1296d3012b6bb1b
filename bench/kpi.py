"""KPIs of many devices and long times: the engine beside pandas and plain SQL on the same store, in one run.

    python -m bench.kpi [--quick]

- *week*: OEE and losses of 100 machines over seven days of three shifts; *again*: the same
  question once the closed shifts are kept; *reopened*: the first time after a restart
- *year*: shift by shift KPIs of 30 machines
- *delays*: P50 to P99.9 of 10⁸ delays, chunk by chunk in bounded memory

pandas and DuckDB read the same samples from the same embedded historian and compute
availability, counts and OEE a machine and shift: no quality, no gaps, no counter resets, no
losses, no coverage, which the engine does besides. Growth: time per million samples at a
quarter, a half and the whole of the days.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time as wall
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from analytics.latency import chunked_percentiles
from analytics.periods import pieces
from analytics.scene import Rules
from analytics.shift_results import ShiftResults
from historian.embedded import EmbeddedHistorian
from plant.assets import Device, Line, Scene
from plant.batch import Batch
from plant.calendar import ShiftCalendar, ShiftPattern, Span
from plant.clock import SECOND, VirtualClock
from plant.tags import Kind, Role, Tag
from plant.text import Text

DAY = 86_400
T0 = 20_000 * DAY  # a midnight UTC, s
CYCLE = 2.0
DAY_OUTPUT = 36_000  # pieces
ROLES = {Role.STATE: Kind.STATE, Role.GOOD_COUNT: Kind.COUNTER, Role.REJECT_COUNT: Kind.COUNTER}
SHIFTS = ShiftCalendar(
    zone="UTC",
    patterns=tuple(
        ShiftPattern(
            id=name, name=Text(name, name), start=wall(start), stop=wall((start + 8) % 24), weekdays=frozenset(range(7))
        )
        for name, start in (("early", 6), ("late", 14), ("night", 22))
    ),
)


def plant(devices: int) -> Scene:
    """Return machines side by side, each with a state and two counters."""
    made = []
    for n in range(devices):
        path = f"bench/scene/line/m-{n:03}"
        tags = tuple(
            Tag(path=f"{path}/{role.value}", kind=kind, role=role, stale_after=0.0) for role, kind in ROLES.items()
        )
        made.append(Device(path=path, name=Text(path, path), ideal_cycle={"": CYCLE}, tags=tags))
    line = Line(path="bench/scene/line", name=Text("line", "line"), serial=False, devices=tuple(made))
    return Scene(path="bench/scene", name=Text("scene", "scene"), lines=(line,))


def samples(scene: Scene, day: int, every: int) -> Batch:
    """Return one day of every machine: a sample of each signal every so many seconds."""
    random = np.random.default_rng(day)
    seconds = np.arange(0, DAY, every)
    count = len(seconds)
    tags, times, values = [], [], []
    for n in range(len(scene.devices)):
        running = random.random(count) > 0.08
        made = np.cumsum(running)
        good = (DAY_OUTPUT * (day + made / made[-1])).round()
        for offset, column in enumerate((np.where(running, 6.0, 9.0), good, (good * 0.02).round())):
            tags.append(np.full(count, 3 * n + offset, np.uint32))
            times.append((T0 + day * DAY + seconds) * SECOND)
            values.append(column)
    names = tuple(tag.path for tag in scene.tags)
    moments = np.concatenate(times)
    return Batch.floats(names, np.concatenate(tags), moments, np.concatenate(values), received=moments)


@contextmanager
def store(scene: Scene, days: int, every: int) -> Iterator[tuple[EmbeddedHistorian, int, Path]]:
    """Lend an embedded historian with the days in it, sealed; and how many samples it holds."""
    with tempfile.TemporaryDirectory() as folder:
        historian = EmbeddedHistorian(Path(folder) / "historian", seal_every=None)
        count = 0
        for day in range(days):
            batch = samples(scene, day, every)
            historian.write(batch)
            historian.seal()
            count += len(batch)
        yield historian, count, Path(folder)
        historian.close()


def window(days: int) -> Span:
    """Return whole days of production, 6:00 to 6:00."""
    return (T0 + 6 * 3600) * SECOND, (T0 + 6 * 3600 + (days - 1) * DAY) * SECOND


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds that some work takes, and its result."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def engine(scene: Scene, historian: EmbeddedHistorian, span: Span, results: ShiftResults) -> float:
    """Return OEE of the scene, with everything else the engine says of each machine."""
    analysis = results.period(scene, historian, span, calendar=SHIFTS, rules=Rules())
    return next(i.value for i in analysis.indicators() if i.key == "bench/scene:oee") or 0.0


def shift_kpis(scene: Scene, historian: EmbeddedHistorian, span: Span, results: ShiftResults) -> int:
    """Return how many indicators the shifts have, each worked out on its own."""
    found = (results.of(scene, historian, p, calendar=SHIFTS, rules=Rules()) for p in pieces(SHIFTS, span))
    return sum(len(result.analysis.indicators()) for result in found)


def with_pandas(scene: Scene, historian: EmbeddedHistorian, span: Span) -> float:
    """Return OEE as an analyst would write it."""
    frame = historian.export([tag.path for tag in scene.tags], *span).read_pandas()
    frame[["device", "signal"]] = frame["path"].astype(str).str.rsplit("/", n=1, expand=True)
    frame["shift"] = (frame["time"] - pd.Timedelta(hours=6)).dt.floor("8h")
    wide = frame.pivot_table(index=["device", "time", "shift"], columns="signal", values="number").reset_index()
    grouped = wide.groupby("device")
    wide["held"] = (-grouped["time"].diff(-1)).dt.total_seconds().fillna(0)
    wide["made"] = grouped["good-count"].diff().clip(lower=0).fillna(0)
    wide["ran"] = wide["held"].where(wide["state"] == 6, 0)
    sums = wide.groupby(["device", "shift"])[["held", "made", "ran"]].sum()
    return float(sums["made"].sum() * CYCLE / sums["held"].sum())


SQL = """
WITH s AS (SELECT regexp_extract(path::VARCHAR, '(.*)/', 1) AS device, epoch_ns(time) AS t, number,
                  regexp_extract(path::VARCHAR, '[^/]*$') AS signal FROM samples),
     wide AS (SELECT device, t, max(number) FILTER (signal = 'state') AS state,
                     max(number) FILTER (signal = 'good-count') AS good FROM s GROUP BY device, t),
     steps AS (SELECT device, t, state, lead(t) OVER w - t AS held, greatest(good - lag(good) OVER w, 0) AS made
               FROM wide WINDOW w AS (PARTITION BY device ORDER BY t)),
     shifts AS (SELECT device, (t // 1000000000 - 21600) // 28800 AS shift, sum(held) AS held, sum(made) AS made,
                       sum(held) FILTER (state = 6) AS ran FROM steps GROUP BY device, shift)
SELECT sum(made) * ? / (sum(held) / 1e9) FROM shifts
"""


def with_sql(scene: Scene, historian: EmbeddedHistorian, span: Span) -> float:
    """Return OEE in one query of DuckDB over the store's samples."""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("samples", historian.export([tag.path for tag in scene.tags], *span))
        return float(connection.execute(SQL, [CYCLE]).fetchone()[0])


def week(devices: int, days: int, every: int) -> None:
    """Measure a week of OEE and losses, and how the time grows with the days."""
    scene = plant(devices)
    with store(scene, days + 1, every) as (historian, count, folder):
        clock = VirtualClock((T0 + (days + 2) * DAY) * SECOND)
        print(f"\n{devices} machines, {days} days, {count:,} samples")
        for part in sorted({max(days // 4, 1), max(days // 2, 1), days}):
            results = ShiftResults(folder / f"{part}.db", clock=clock)
            span, samples_in = window(part + 1), count * part / (days + 1)
            first, oee = timed(lambda s=span, r=results: engine(scene, historian, s, r))
            processor = time.process_time()
            again, _ = timed(lambda s=span, r=results: engine(scene, historian, s, r))
            processor = time.process_time() - processor
            results.close()
            results = ShiftResults(folder / f"{part}.db", clock=clock)
            reopened, _ = timed(lambda s=span, r=results: engine(scene, historian, s, r))
            results.close()
            per_million = first / samples_in * 1e9
            print(f"  {part:3} days: first {first:6.2f} s = {per_million:6.0f} ms per million samples; ", end="")
            print(
                f"again {again * 1e3:5.0f} ms (processor {processor * 1e3:.0f} ms); reopened {reopened * 1e3:5.0f} ms"
            )
        by_pandas, theirs = timed(lambda: with_pandas(scene, historian, span))
        by_sql, plain = timed(lambda: with_sql(scene, historian, span))
        print(f"  pandas {by_pandas:.2f} s (engine ÷ pandas = {first / by_pandas:.2f}), ", end="")
        print(f"DuckDB SQL {by_sql:.2f} s (engine ÷ SQL = {first / by_sql:.2f})")
        print(f"  OEE: engine {oee:.4f}, pandas {theirs:.4f}, SQL {plain:.4f}")


def year(devices: int, days: int, every: int) -> None:
    """Measure KPIs of every shift of a year."""
    scene = plant(devices)
    with store(scene, days + 1, every) as (historian, count, folder):
        results = ShiftResults(folder / "shifts.db", clock=VirtualClock((T0 + (days + 2) * DAY) * SECOND))
        span = window(days + 1)
        first, figures = timed(lambda: shift_kpis(scene, historian, span, results))
        again, _ = timed(lambda: shift_kpis(scene, historian, span, results))
        results.close()
        print(f"\n{devices} machines, {days * 3} shifts, {count:,} samples, {figures:,} figures")
        print(f"  first {first:.1f} s = {first / count * 1e9:.0f} ms per million samples; kept {again:.2f} s")


def delays(count: int, chunk: int = 5_000_000) -> None:
    """Measure percentiles of delays that are made anew for each pass, so that none are held."""

    def chunks() -> Iterator[np.ndarray]:
        for n in range(count // chunk):
            yield np.random.default_rng(n).gamma(4.0, 2.5, chunk)

    shares = [Fraction(text) / 100 for text in ("50", "95", "99", "99.9")]
    making, _ = timed(lambda: sum(len(part) for part in chunks()))
    print(f"\n{count:,} delays")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    whole, found = timed(lambda: chunked_percentiles(chunks, count // 1000, shares))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    net = whole - 5 * making
    print(
        f"  chunked {net:.1f} s = {net / count * 1e9:.0f} ms per million (and {5 * making:.1f} s to make them); ",
        end="",
    )
    print(f"memory grew by {max(after - before, 0) / 1024:.0f} MB; P99 {found[2].value:.3f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    quick = parser.parse_args().quick
    week(devices=20 if quick else 100, days=4 if quick else 7, every=60 if quick else 30)
    year(devices=10 if quick else 30, days=20 if quick else 365, every=300)
    delays(10_000_000 if quick else 100_000_000)


if __name__ == "__main__":
    main()
