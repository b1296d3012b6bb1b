"""Run the resolution service.

PROVENLINE_IDENTIFIER_TOKEN=… python -m simulators.identifiers --data identifiers.db [--port 8088]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvicorn

from simulators.identifiers.registry import Registry
from simulators.identifiers.service import application

TOKEN = "PROVENLINE_IDENTIFIER_TOKEN"  # noqa: S105 - the name of the variable, not its content


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulators.identifiers", description="Identifier resolution.")
    parser.add_argument("--data", type=Path, required=True, help="SQLite file with the identifiers")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--prefix", action="append", default=[], help="answer for this prefix only; may be repeated")
    chosen = parser.parse_args(arguments)
    with Registry(chosen.data, prefixes=chosen.prefix) as registry:
        try:
            service = application(registry, token=os.environ.get(TOKEN, ""))
        except ValueError as error:
            print(f"{TOKEN}: {error}", file=sys.stderr)  # noqa: T201 - a command's own words
            return 2
        uvicorn.run(service, host=chosen.host, port=chosen.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
