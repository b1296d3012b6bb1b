"""What `/metrics` tells: one table of everything that is counted, read when somebody asks.

The table in docs/operations.md is compared with this one, and with what a running centre really says.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from dashboard_api.centre import Centre
from plant.clock import SECOND
from plant.health import LINE
from plant.quality import good
from plant.tags import Role

Labels = tuple[str, ...]
Reading = tuple[Labels, float]
Family = CounterMetricFamily | GaugeMetricFamily


class Form(StrEnum):
    """How a figure moves: a counter only up, until the process ends; a gauge either way."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Meter:
    """One figure. `name` without what every name begins with; `read` gives a value for each set of labels."""

    name: str
    form: Form
    help: str
    read: Callable[[Centre], Iterable[Reading]]
    labels: Labels = ()

    @property
    def full_name(self) -> str:
        """The name as it is exposed."""
        return f"provenline_{self.name}{'_total' if self.form is Form.COUNTER else ''}"

    def family(self, centre: Centre) -> Family:
        """Read it now."""
        kind = CounterMetricFamily if self.form is Form.COUNTER else GaugeMetricFamily
        family: Family = kind(f"provenline_{self.name}", self.help, labels=self.labels)
        for labels, value in self.read(centre):
            family.add_metric(labels, value)
        return family


def _count(name: str, centre: Centre) -> Iterator[Reading]:
    yield (), getattr(centre.counts, name)


def _health(label: str, centre: Centre) -> Iterator[Reading]:
    """Give what every collector last said of itself; those that are silent say nothing."""
    site = centre.configuration.site.id
    paths = {
        f"{site}/{binding.scene}/{LINE}/{binding.source.id}/{label}": (binding.scene, binding.source.id)
        for binding in centre.configuration.bindings
    }
    for sample in centre.live.snapshot(list(paths)).samples():
        if not isinstance(sample.value, str) and not math.isnan(sample.value):
            yield paths[sample.path], float(sample.value)
        elif label == "connected":
            yield paths[sample.path], 0.0


def _tags(centre: Centre) -> Iterator[Reading]:
    yield (), len(centre.tags)


def _good_tags(centre: Centre) -> Iterator[Reading]:
    paths = [path for path, tag in centre.tags.items() if tag.role is not Role.HEALTH]
    yield (), int(good(centre.live.snapshot(paths).quality).sum())


def _alarms(centre: Centre) -> Iterator[Reading]:
    states = Counter(alarm.state.value for alarm in centre.alarms.panel.alarms)
    yield from (((state,), count) for state, count in sorted(states.items()))


def _store_log(centre: Centre) -> Iterator[Reading]:
    totals = getattr(centre.historian, "log", None)
    if totals is not None:
        yield (), totals.samples


def _store_bytes(centre: Centre) -> Iterator[Reading]:
    folder = store_folder(centre)
    if folder is not None:
        yield (), sum(map(_size, folder.rglob("*")))


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):  # merged with others meanwhile
        return file.stat().st_size if file.is_file() else 0
    return 0


def _disk_free(centre: Centre) -> Iterator[Reading]:
    folder = store_folder(centre)
    if folder is not None:
        yield (), shutil.disk_usage(folder).free


def _queue(name: str, centre: Centre) -> Iterator[Reading]:
    if centre.queue is not None:
        yield (), getattr(centre.queue(), name)


def _thinned(name: str, centre: Centre) -> Iterator[Reading]:
    totals = getattr(centre.historian, "thinning", None)
    if totals is not None:
        yield (), getattr(totals, name)


def _retention_run(centre: Centre) -> Iterator[Reading]:
    if centre.counts.retention_run:
        yield (), centre.counts.retention_run / SECOND


def _time(centre: Centre) -> Iterator[Reading]:
    yield (), centre.clock.now() / SECOND


def _build(centre: Centre) -> Iterator[Reading]:
    yield (centre.version, sys.version.split()[0]), 1


def store_folder(centre: Centre) -> Path | None:
    """Return the folder of a store that this centre keeps itself; None where an InfluxDB keeps it."""
    folder = getattr(centre.historian, "folder", None)
    return folder if isinstance(folder, Path) else None


_SOURCE: Final = ("scene", "source")
_C, _G = Form.COUNTER, Form.GAUGE
METERS: Final[tuple[Meter, ...]] = (
    Meter("build_info", _G, "always 1; which version runs", _build, ("version", "python")),
    Meter("time_seconds", _G, "the centre's clock, seconds since 1970; compare it with your own", _time),
    Meter("samples", _C, "samples stored", partial(_count, "samples")),
    Meter("refused_lines", _C, "lines of line protocol that could not be read", partial(_count, "refused_lines")),
    Meter("refused_requests", _C, "writes that the store did not take", partial(_count, "refused_requests")),
    Meter("refused_samples", _C, "samples under new tag names beyond the bounds", partial(_count, "refused_samples")),
    Meter("frames", _C, "live frames encoded", partial(_count, "frames")),
    Meter("skipped_frames", _C, "live frames that slow viewers did not get", partial(_count, "skipped_frames")),
    Meter("viewers", _G, "live connections", partial(_count, "viewers")),
    Meter("tags", _G, "declared tags, those of collectors included", _tags),
    Meter("good_tags", _G, "tags of machines whose newest value is good", _good_tags),
    Meter("alarms", _G, "alarms by state; states without alarms are left out", _alarms, ("state",)),
    Meter("store_log_samples", _G, "samples in the store's log that are not sealed yet", _store_log),
    Meter("store_bytes", _G, "bytes of the store on disk", _store_bytes),
    Meter("store_disk_free_bytes", _G, "bytes free where the store is", _disk_free),
    Meter("retention_samples", _C, "samples that retention dropped, ever", partial(_thinned, "samples")),
    Meter("retention_buckets", _C, "stored buckets that it dropped, ever", partial(_thinned, "buckets")),
    Meter("retention_freed_bytes", _G, "bytes that it freed, ever", partial(_thinned, "bytes")),
    Meter("retention_run_seconds", _G, "when it last went through, seconds since 1970", _retention_run),
    Meter("retention_overdue_days", _G, "days that are due and not thinned yet", partial(_count, "retention_overdue")),
    Meter("retention_failures", _C, "rounds that could not be done", partial(_count, "retention_failures")),
    Meter("outbox_samples", _G, "samples that wait in the outbox of this process's edge", partial(_queue, "samples")),
    Meter("outbox_bytes", _G, "bytes that wait there", partial(_queue, "bytes")),
    Meter("outbox_dropped", _C, "samples given up there to its bounds, ever", partial(_queue, "dropped")),
    Meter("outbox_damaged", _C, "batches that could not be read again there, ever", partial(_queue, "damaged")),
    Meter("source_connected", _G, "1 while a source is connected", partial(_health, "connected"), _SOURCE),
    Meter("source_samples", _C, "samples read from a source", partial(_health, "samples"), _SOURCE),
    Meter("source_reconnects", _C, "times a source was lost", partial(_health, "reconnects"), _SOURCE),
    Meter("source_gaps", _C, "gaps in what a source sent", partial(_health, "gaps"), _SOURCE),
    Meter("source_dropped", _C, "samples a source gave up", partial(_health, "dropped"), _SOURCE),
    Meter("source_dead_letters", _C, "payloads that could not be read", partial(_health, "dead-letters"), _SOURCE),
    Meter("source_bad_points", _G, "addresses a device refused", partial(_health, "bad-points"), _SOURCE),
    Meter("source_lag_seconds", _G, "received minus source time, newest sample", partial(_health, "lag"), _SOURCE),
    Meter(
        "source_clock_offset_seconds",
        _G,
        "how far a device's clock is from ours",
        partial(_health, "clock-offset"),
        _SOURCE,
    ),
)
"""Everything that is counted, in the order in which it is told."""


class CentreMeters(Collector):
    """All meters of a centre, for a Prometheus registry; and how many tasks its event loop has."""

    def __init__(self, centre: Centre, tasks: int) -> None:
        self._centre = centre
        self._tasks = tasks

    def collect(self) -> Iterable[Family]:
        """Read them all."""
        yield from (meter.family(self._centre) for meter in METERS)
        yield GaugeMetricFamily("provenline_tasks", TASKS, value=self._tasks)


TASKS: Final = "tasks of the process's event loop; flat in the long run"
STANDARD: Final[Mapping[str, str]] = {
    "process_cpu_seconds_total": "processor time used",
    "process_max_fds": "most file descriptors the process may open",
    "process_open_fds": "file descriptors open",
    "process_resident_memory_bytes": "memory in use",
    "process_start_time_seconds": "when the process started",
    "process_virtual_memory_bytes": "address space in use",
}
"""What Prometheus's own collector tells of a process on Linux."""


def tasks() -> int:
    """Count the tasks of the running event loop."""
    return len(asyncio.all_tasks())
