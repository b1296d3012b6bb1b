"""Try many inputs on every reader of foreign bytes, guided by which lines of ours they reach.

    python -m tests.fuzz                      a million inputs for each, and a table of what came of it
    python -m tests.fuzz --runs 20000 NAME    fewer, for one
    python -m tests.fuzz --write --most 900   keep what came out in docs/fuzzing.md; at most 900 s for each

A child process per target: the engine (libFuzzer, by way of atheris) ends its process. What it
finds is printed with the input that does it; every finding becomes a test of the reader.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.fuzz import record
from tests.fuzz.record import Hunt

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

OURS = ["plant", "collectors", "configs", "evidence", "historian", "labs", "provenline"]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files of an input are: none of them is worth a disk."""
PATIENCE = 60
"""Seconds that one input may take, on a machine that does other things too."""


def hunt(name: str, runs: int, most: int, corpus: Path) -> None:
    """Run one target in this process; ends it. `most`: seconds, 0 for as long as it takes."""
    import atheris

    with atheris.instrument_imports(include=OURS):
        from tests.fuzz.targets import named
    target = named(name)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    bounds = [f"-runs={runs}", f"-max_total_time={most}", f"-max_len={target.longest}", f"-timeout={PATIENCE}"]
    options = [*bounds, "-rss_limit_mb=2048", "-seed=1", f"-artifact_prefix={corpus}/found-"]
    atheris.Setup([name, *options, str(corpus)], target.attempt)
    atheris.Fuzz()


def child(name: str, runs: int, corpus: Path, *, most: int = 0) -> subprocess.CompletedProcess[str]:
    """Hunt in a process of its own; what it prints is returned, exit code 0 when nothing was found."""
    limits = ["--runs", str(runs), "--most", str(most)]
    command = [sys.executable, "-m", "tests.fuzz", "--hunt", str(corpus), *limits, name]
    with TemporaryDirectory(dir=MEMORY) as scratch:  # the engine ends its process without tidying up
        settings = {"PYTHONUTF8": "1", "TMPDIR": scratch}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | settings)


def told(target: Target, ended: subprocess.CompletedProcess[str], corpus: Path, *, commit: str) -> Hunt:
    """Read what a hunt came to from what its engine said. `commit`: what stood when it began."""
    done = re.search(r"Done (\d+) runs in (\d+) second", ended.stderr)
    tried = [int(number) for number in re.findall(r"^#(\d+)", ended.stderr, re.MULTILINE)]
    return Hunt(
        target=target.name,
        inputs=int(done[1]) if done else max(tried, default=0),
        longest=target.longest,
        seconds=int(done[2]) if done else 0,
        kept=len(list(corpus.iterdir())),
        findings=int(ended.returncode != 0),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        commit=commit,
    )


def main() -> int:
    """Run the targets asked for and say what came of it; exit code 1 when there is a finding."""
    asked = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("names", nargs="*")
    asked.add_argument("--runs", type=int, default=1_000_000)
    asked.add_argument("--most", type=int, default=0, help="seconds for each target; 0: as long as it takes")
    asked.add_argument(
        "--write", action="store_true", help="keep the figures in docs/fuzzing.json and the page's table"
    )
    asked.add_argument("--hunt", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.hunt:
        hunt(given.names[0], given.runs, given.most, given.hunt)
    from tests.fuzz.targets import named, targets  # only now: the hunt has to import them its own way

    every, found = [target.name for target in targets()], 0
    for name in given.names or every:
        with TemporaryDirectory() as corpus:
            commit = _commit()
            ended = child(name, given.runs, Path(corpus), most=given.most)
            one = told(named(name), ended, Path(corpus), commit=commit)
            _say(f"{name}: {one.inputs:,} inputs in {one.seconds} s, {one.kept} kept, {one.findings} findings")
            if one.findings:
                found += 1
                _say(ended.stdout[-4000:] + ended.stderr[-8000:])
                for file in Path(corpus).glob("found-*"):
                    _say(f"{file.name} {file.read_bytes()!r}")
        if given.write and one.inputs:  # else it never began
            record.keep(one)
            record.publish(every)
    return 1 if found else 0


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
