"""Run the benchmarks one after the other, each in a process of its own: `python -m bench [NAME …]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_QUIET = ("__init__", "__main__", "tables")


def names() -> list[str]:
    """Return what can be measured: every module here that can be run."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in _QUIET)


def main() -> int:
    chosen = sys.argv[1:] or names()
    unknown = [name for name in chosen if name not in names()]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    failed = []
    for name in chosen:
        module = __import__(f"bench.{name}", fromlist=["__doc__"])
        print(f"\n== {name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
