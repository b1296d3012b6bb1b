"""Run every fault at length: `python -m tests.survival [--short] [--write] [WORD…]`.

`WORD`: only faults whose name has one of them. `--write`: put the table into `docs/reliability.md`
and its twin; only a run of all faults may. Exit code 1 when anything acknowledged was lost or doubled,
or when the product said nothing about a fault.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.programs import search_path
from tests.survival import report
from tests.survival.faults import FAULTS
from tests.survival.ground import ROOT
from tests.survival.plant import running
from tests.survival.suffering import Fault, Outcome, suffer


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _all(faults: list[Fault], *, short: bool) -> list[Outcome]:
    outcomes = []
    for influxdb in (False, True):
        chosen = [fault for fault in faults if fault.influxdb is influxdb and (ROOT or not fault.root)]
        if not chosen:
            continue
        with (
            tempfile.TemporaryDirectory(prefix="survival-") as folder,
            running(Path(folder), influxdb=influxdb) as plant,
        ):
            for fault in chosen:
                outcomes.append(suffer(plant, fault, fault.short if short else fault.long))
                _say(report.table(outcomes[-1:], "en").splitlines()[-1])
                _say(f"    {outcomes[-1].line}")
                for text in outcomes[-1].unsaid:
                    _say(f"    NOBODY SAID {text!r}\n{plant.said()}")
    for fault in faults:
        if fault.root and not ROOT:
            _say(f"NOT RUN, needs root: {fault.name}")
    return outcomes


def main(arguments: list[str]) -> int:
    os.environ["PATH"] = search_path()
    words = [word for word in arguments if not word.startswith("--")]
    faults = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    outcomes = _all(faults, short="--short" in arguments)
    if "--write" in arguments and len(outcomes) == len(FAULTS):
        for language, page in report.PAGES.items():
            report.write(report.table(outcomes, language), report.DOCS / page)
        report.write(report.lines(outcomes), report.DOCS / report.PAGES["en"], *report.LINES)
    return int(any(one.lost or one.duplicated or one.unsaid for one in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
