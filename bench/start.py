"""How soon a demonstration is there: until its page answers, and until all its devices are read.

    libraries   a Python that only imports what the page stands on: FastAPI, DuckDB, PyArrow, NumPy
    command     `provenline --version`, from beginning to end
    page        from `provenline demo` until its page answers
    devices     from there until every source of the scene is connected

The same data folder serves all rounds, so that the first finds nothing and the others find a past.
Bytecode is kept, whatever the environment says.

    python -m bench.start [--rounds N] [--write]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.tables import Column, Conditions, report
from tests.peers.processes import Program, free_port

LIBRARIES = "import duckdb, fastapi, numpy, pyarrow, structlog, typer, uvicorn"
SOURCES = 3
COLUMNS = (
    Column("round", "start", "第几次启动"),
    Column("libraries", "libraries s", "仅导入库 秒", "{:.2f}"),
    Column("command", "command s", "命令 秒", "{:.2f}"),
    Column("page", "page s", "页面 秒", "{:.2f}"),
    Column("devices", "devices s", "设备 秒", "{:.2f}"),
    Column("ratio", "page / libraries", "页面 / 库", "{:.1f}"),
)
_LONGEST = 120.0
_PAST = "last hours are there"


def _took(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - began


def _answers(url: str, began: float) -> float:
    """Return the seconds from `began` until a page answers."""
    while time.perf_counter() - began < _LONGEST:
        with suppress(OSError), urllib.request.urlopen(url, timeout=_LONGEST) as answer:
            answer.read()
            return time.perf_counter() - began
        time.sleep(0.02)
    raise TimeoutError(f"{url} did not answer within {_LONGEST:g} s")


def measure(rounds: int) -> Iterator[dict[str, float]]:
    """Start a demonstration so many times, one after the other."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as data:
        for number in range(1, rounds + 1):
            libraries, command = _took("-c", LIBRARIES), _took("-m", "provenline", "--version")
            port, began = free_port(), time.perf_counter()
            arguments = ["--scene", "first-light", "--no-browser", "--port", str(port), "--data", Path(data)]
            demo = Program([sys.executable, "-m", "provenline", "demo", *arguments])
            try:
                page = _answers(f"http://localhost:{port}/", began)
                for _ in range(SOURCES):
                    demo.ready("source connected")
                devices = time.perf_counter() - began
                if not any(_PAST in line for line in demo.lines):
                    demo.ready(_PAST)
            finally:
                demo.stop()
            found = {"libraries": libraries, "command": command, "page": page, "devices": devices}
            yield {"round": number, **found, "ratio": page / libraries}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md and its twin")
    chosen = parser.parse_args()
    conditions = Conditions.now()
    report("start", COLUMNS, list(measure(chosen.rounds)), conditions=conditions, write=chosen.write)


if __name__ == "__main__":
    main()
