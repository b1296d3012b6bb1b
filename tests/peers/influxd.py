"""A real InfluxDB 1.x, on loopback ports of its own, with its data in a folder of the test's."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.processes import Program, free_port, program, wait_for_port

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
  auth-enabled = {auth}
[ifql]
  enabled = false
[logging]
  suppress-logo = true
"""


@dataclass(frozen=True, slots=True)
class Influxd:
    """A running server. `auth` servers want a user for everything but the first one's creation."""

    url: str
    process: Program

    def execute(self, query: str) -> bytes:
        """Run a statement that changes something, e.g. `CREATE DATABASE x`."""
        data = urllib.parse.urlencode({"q": query}).encode()
        with urllib.request.urlopen(f"{self.url}/query", data, timeout=60) as answer:
            return answer.read()


@contextmanager
def influxd(folder: Path, *, database: str = "provenline", auth: bool = False) -> Iterator[Influxd]:
    """Run a server for the length of a `with` block."""
    folder.mkdir(parents=True, exist_ok=True)
    http, rpc = free_port(), free_port()
    config = folder / "influxdb.conf"
    config.write_text(CONFIG.format(folder=folder, http=http, rpc=rpc, auth=str(auth).lower()))
    with program(["influxd", "-config", config]) as process:
        wait_for_port(http)
        server = Influxd(f"http://127.0.0.1:{http}", process)
        if auth:
            server.execute("CREATE USER admin WITH PASSWORD 'only for this test' WITH ALL PRIVILEGES")
        else:
            server.execute(f'CREATE DATABASE "{database}"')
        yield server
