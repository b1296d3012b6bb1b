"""Resolving identifiers: the service beside the least an HTTP server in Python could do.

    python -m bench.identifiers [--identifiers 500000] [--requests 3000]

The service keeps its identifiers in SQLite and answers over HTTP (uvicorn); the contestant
is `http.server` with a plain dictionary in memory, which forgets everything when it ends.
One client asks both, one question after the other on one connection, in turns.

- *register*: identifiers a second into the file, in transactions of 10 000, synced at each
- *resolve*: questions a second over HTTP, one client, of random identifiers among all
- *look-up*: resolutions a second inside the registry, without HTTP
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import uvicorn

from simulators.identifiers import Handle, Registry
from simulators.identifiers.registry import HandleValue
from simulators.identifiers.service import application

BLOCK = 10_000
TURNS = 6


def name(number: int) -> str:
    """Return the identifier with a number."""
    return f"88.1021.150/PL{number:08d}"


def register(registry: Registry, total: int) -> float:
    """Register so many identifiers and return the rate."""
    began = time.perf_counter()
    for start in range(0, total, BLOCK):
        numbers = range(start, min(start + BLOCK, total))
        registry.register_all([Handle(name(n), (HandleValue(1, "URL", f"https://example.org/{n}"),)) for n in numbers])
    return total / (time.perf_counter() - began)


@contextmanager
def service(registry: Registry) -> Iterator[int]:
    """Run the service in a thread; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = uvicorn.Server(
        uvicorn.Config(application(registry, token="bench-" * 4), host="127.0.0.1", port=port, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def dictionary(total: int) -> Iterator[int]:
    """Run http.server over a dictionary in a thread; yields its port."""
    kept = {name(n): f"https://example.org/{n}" for n in range(total)}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer, or Nagle and delayed acknowledgement would decide

        def do_GET(self) -> None:
            handle = self.path.removeprefix("/api/handles/")
            body = json.dumps({"responseCode": 1, "handle": handle, "values": [kept[handle]]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(port: int, total: int, requests: int, dice: random.Random) -> float:
    """Resolve random identifiers over one connection and return the seconds it took."""
    link = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    for _ in range(requests):
        link.request("GET", f"/api/handles/{name(dice.randrange(total))}")
        answer = json.loads(link.getresponse().read())
        assert answer["responseCode"] == 1
    took = time.perf_counter() - began
    link.close()
    return took


def measure(total: int, requests: int) -> dict[str, float]:
    """Return the figures of one run."""
    dice = random.Random(1)
    with (
        tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".bench-") as folder,
        Registry(Path(folder, "handles.db")) as registry,
    ):
        registered = register(registry, total)
        began = time.perf_counter()
        for _ in range(20_000):
            registry.resolve(name(dice.randrange(total)))
        looked_up = 20_000 / (time.perf_counter() - began)
        ours = theirs = 0.0
        with service(registry) as port, dictionary(total) as other:
            for _ in range(TURNS):
                ours += ask(port, total, requests // TURNS, dice)
                theirs += ask(other, total, requests // TURNS, dice)
        held = len(registry)
    asked = requests // TURNS * TURNS
    return {
        "identifiers": held,
        "register_per_second": registered,
        "look_up_per_second": looked_up,
        "resolve_per_second": asked / ours,
        "reference_resolve_per_second": asked / theirs,
        "ratio": theirs / ours,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identifiers", type=int, default=500_000)
    parser.add_argument("--requests", type=int, default=3000)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.identifiers, chosen.requests), indent=2))
