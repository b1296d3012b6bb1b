"""Run every fault at length: `python -m tests.survival [--short] [--write] [WORD…]`.

`WORD`: only faults whose name has one of them. `--write`: keep what came out in
`docs/reliability.json` and make the table of `docs/reliability.md` and its twin of that. Exit code
1 when anything acknowledged was lost or doubled, when it did not recover, or when the product said
nothing about a fault.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from contextlib import AbstractContextManager
from math import inf
from pathlib import Path

from tests.programs import search_path
from tests.survival import report
from tests.survival.devices import ModbusDevice, OpcuaDevice
from tests.survival.faults import FAULTS
from tests.survival.ground import ROOT
from tests.survival.plant import Plant, running, running_device
from tests.survival.suffering import Fault, Outcome, Rig, suffer


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _rig(folder: Path, rig: Rig) -> AbstractContextManager[Plant]:
    if rig is Rig.OPCUA:
        return running_device(folder, OpcuaDevice(folder / "pki"))
    if rig is Rig.MODBUS:
        return running_device(folder, ModbusDevice())
    return running(folder, influxdb=rig is Rig.INFLUXDB)


def _all(faults: list[Fault], *, short: bool, write: bool) -> list[Outcome]:
    outcomes = []
    for rig in Rig:
        chosen = [fault for fault in faults if fault.rig is rig and (ROOT or not fault.root)]
        if not chosen:
            continue
        with (
            tempfile.TemporaryDirectory(prefix="survival-") as folder,
            _rig(Path(folder), rig) as plant,
        ):
            for fault in chosen:
                outcomes.append(suffer(plant, fault, fault.short if short else fault.long))
                _say(json.dumps({"fault": fault.name} | report.row(outcomes[-1])))
                if write:
                    report.keep(outcomes[-1])
                for text in outcomes[-1].unsaid:
                    _say(f"    NOBODY SAID {text!r}\n{plant.said()}")
    for fault in faults:
        if fault.root and not ROOT:
            _say(f"NOT RUN, needs root: {fault.name}")
    return outcomes


def main(arguments: list[str]) -> int:
    os.environ["PATH"] = search_path()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever ends this wants its mounts and programs gone
    words = [word for word in arguments if not word.startswith("--")]
    faults = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    outcomes = _all(faults, short="--short" in arguments, write="--write" in arguments)
    if "--write" in arguments:
        report.publish(FAULTS)
    return int(any(one.lost or one.duplicated or one.unsaid or one.live_after == inf for one in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
