"""Try many inputs on every reader of foreign bytes, guided by which lines of ours they reach.

    python -m tests.fuzz                      a million inputs for each, and a table of what came of it
    python -m tests.fuzz --runs 20000 NAME    fewer, for one

A child process per target: the engine (libFuzzer, by way of atheris) ends its process. What it
finds is printed with the input that does it; every finding becomes a test of the reader.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

OURS = ["plant", "collectors", "configs", "evidence", "historian"]
LONGEST = 4096
PATIENCE = 20
"""Seconds that one input may take."""


def hunt(name: str, runs: int, corpus: Path) -> None:
    """Run one target in this process; ends it."""
    import atheris

    with atheris.instrument_imports(include=OURS):
        from tests.fuzz.targets import named
    target = named(name)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-runs={runs}", f"-max_len={LONGEST}", f"-timeout={PATIENCE}", "-rss_limit_mb=2048", "-seed=1"]
    atheris.Setup([name, *limits, f"-artifact_prefix={corpus}/found-", str(corpus)], target.attempt)
    atheris.Fuzz()


def child(name: str, runs: int, corpus: Path) -> subprocess.CompletedProcess[str]:
    """Hunt in a process of its own; what it prints is returned, exit code 0 when nothing was found."""
    command = [sys.executable, "-m", "tests.fuzz", "--hunt", str(corpus), "--runs", str(runs), name]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONUTF8": "1"})


def main() -> int:
    """Run the targets asked for and say what came of it; exit code 1 when there is a finding."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    asked.add_argument("names", nargs="*")
    asked.add_argument("--runs", type=int, default=1_000_000)
    asked.add_argument("--hunt", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.hunt:
        hunt(given.names[0], given.runs, given.hunt)
    from tests.fuzz.targets import targets  # only now: the hunt has to import them its own way

    found = 0
    for name in given.names or [target.name for target in targets()]:
        with TemporaryDirectory() as corpus:
            begun = time.monotonic()
            ended = child(name, given.runs, Path(corpus))
            kept = len(list(Path(corpus).iterdir()))
            said = "nothing" if ended.returncode == 0 else f"exit code {ended.returncode}"
            seconds = time.monotonic() - begun
            _say(f"| {name} | {given.runs:,} | {kept} | {seconds:.0f} s | {said} |")
            if ended.returncode:
                found += 1
                _say(ended.stdout[-4000:] + ended.stderr[-8000:])
                for file in Path(corpus).glob("found-*"):
                    _say(f"{file.name} {file.read_bytes()!r}")
    return 1 if found else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
