"""Say whether the process in this container does its work; exit code 0 or 1, the reason on stderr.

    health.py centre                      the HTTP server answers and its store can be read
    health.py edge FOLDER                 the outbox took samples a moment ago
    health.py simulators CONFIGURATION    every simulated device takes connections

An edge that waits for its centre is healthy: keeping samples meanwhile is its work. It says
how its sources are every two seconds, so its outbox never rests, even with no device there.
Only the standard library and YAML are read, because this runs again and again.
"""

# ruff: noqa: INP001 - a script in the image, no package
from __future__ import annotations

import re
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

RESTS = 20.0
"""Seconds without a write after which an outbox is not fresh any more."""

PATIENCE = 3.0
PORT = 4840
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unhealthy(Exception):
    """What is wrong."""


def centre(url: str = "http://127.0.0.1:8000/health") -> None:
    """Ask the centre. Raises Unhealthy with what it answered."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):  # noqa: S310 - the address stands in the composition
            return
    except urllib.error.HTTPError as error:
        with error:
            raise Unhealthy(error.read(2_000).decode(errors="replace")) from error
    except OSError as error:
        raise Unhealthy(f"no answer at {url}: {error}") from error


def edge(folder: str) -> None:
    """Look at the outbox and its write-ahead log. Raises Unhealthy when neither was written lately."""
    written = [file.stat().st_mtime for file in Path(folder).glob("outbox.sqlite*") if not file.name.endswith("-shm")]
    if not written:
        raise Unhealthy(f"no outbox in {folder}")
    rested = time.time() - max(written)
    if rested > RESTS:
        raise Unhealthy(f"the outbox took nothing for {rested:.0f} s")


def simulators(configuration: str) -> None:
    """Connect to every simulated device that listens. Raises Unhealthy when there is none, or one does not answer."""
    ports = sorted(set(listening(Path(configuration))))
    if not ports:
        raise Unhealthy(f"no simulated device in {configuration}")
    for port in ports:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        except OSError as error:
            raise Unhealthy(f"port {port}: {error}") from error


def listening(configuration: Path) -> Iterator[int]:
    """Yield the TCP ports of the simulated devices; those that publish to a broker have none."""
    for file in configuration.rglob("*.yaml"):
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - it is a safe one
        if document.get("type") != "scene":
            continue
        simulated = (document.get("simulation") or {}).get("faces", {}).values()
        for source in document["sources"]:
            if source["id"] not in simulated:
                continue
            if source["type"] == "opcua":
                found = re.match(r"opc\.tcp://[^/:]+:(\d+)", source["endpoint"])
                yield int(found[1]) if found else PORT
            elif source["type"] == "modbus":
                yield source["link"].get("port", 502)


CHECKS: dict[str, Callable[..., None]] = {"centre": centre, "edge": edge, "simulators": simulators}


def main(role: str, *arguments: str) -> int:
    try:
        CHECKS[role](*arguments)
    except Unhealthy as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
