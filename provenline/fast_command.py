"""`provenline simulate SCENE --fast`: a run in virtual time with a bar, and an end that leaves nothing behind."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from configs.configuration import Configuration
from plant.clock import from_iso
from plant.errors import ProvenlineError
from provenline.fast_forward import Cancelled, FastRun, fast_forward
from provenline.process import EXIT_INTERRUPTED
from provenline.screen import err
from simulators.faults import PlannedFault

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class FastOptions:
    """What somebody asked for. `start`: ISO 8601; a date, or a moment without zone, is the site's."""

    shifts: int
    into: Path
    seed: int | None = None
    start: str | None = None
    faults: tuple[PlannedFault, ...] = ()


def run_fast(configuration: Configuration, scene_id: str, options: FastOptions) -> FastRun:
    """Run a scene's shifts and show how far they are; Ctrl-C and SIGTERM call it off. Raises ProvenlineError."""
    start = None if options.start is None else moment(options.start, configuration.site.zone)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with (
        _asked_to_stop() as asked,
        Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=err) as bar,
    ):
        task = bar.add_task(f"{scene_id}, {options.shifts} shifts", total=1.0)
        try:
            return fast_forward(
                configuration,
                scene_id,
                shifts=options.shifts,
                into=options.into,
                seed=options.seed,
                start=start,
                faults=options.faults,
                progress=lambda share: bar.update(task, completed=share),
                cancelled=asked.is_set,
            )
        except Cancelled:
            bar.stop()
            err.print("called off; nothing of it is left")
            sys.exit(EXIT_INTERRUPTED)


def moment(text: str, zone: str) -> int:
    """Read a date or a moment into ns UTC; without a zone of its own it is in `zone`. Raises ProvenlineError."""
    try:
        found = datetime.fromisoformat(text)
        aware = found if found.tzinfo else datetime.combine(found.date(), found.time() or time(), ZoneInfo(zone))
        return from_iso(aware.isoformat())
    except (ValueError, OverflowError) as error:
        raise ProvenlineError(f"{text!r} is no moment; write 2026-03-02 or 2026-03-02T06:00") from error


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Give an event that is set when the process is asked to stop; asked twice, it ends at once."""
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
