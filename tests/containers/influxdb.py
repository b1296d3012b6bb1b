"""Inside the stand-in: an InfluxDB 1.x that, like the 2.x image, makes its user and database when it starts first.

`influxdb.py` runs the server, `influxdb.py healthy` asks whether the database is there. Only the
standard library: it runs on the container's own Python.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:8088"
[meta]
  dir = "/var/lib/influxdb2/meta"
[data]
  dir = "/var/lib/influxdb2/data"
  wal-dir = "/var/lib/influxdb2/wal"
[http]
  auth-enabled = true
  log-enabled = false
"""
PASSWORD = os.environ["STAND_IN_PASSWORD"]


def ask(statement: str) -> str:
    """Run a statement as the stand-in's user."""
    pair = base64.b64encode(f"provenline:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(
        "http://127.0.0.1:8086/query",
        urllib.parse.urlencode({"q": statement}).encode(),
        {"Authorization": f"Basic {pair}"},
    )
    with urllib.request.urlopen(request, timeout=3) as answer:
        return answer.read().decode()


def serve() -> int:
    """Run the server, make what is missing, and pass SIGTERM on."""
    config = Path("/tmp/influxdb.conf")
    config.write_text(CONFIG)
    server = subprocess.Popen(["influxd", "-config", str(config)])
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    while server.poll() is None:
        try:
            ask(f"CREATE USER provenline WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES")
            ask("CREATE DATABASE provenline")
            break
        except urllib.error.HTTPError as error:
            sys.exit(f"the server refused: {error.read().decode()}")
        except OSError:
            time.sleep(0.2)
    return server.wait()


if __name__ == "__main__":
    if "healthy" in sys.argv:
        sys.exit('"provenline"' not in ask("SHOW DATABASES"))
    sys.exit(serve())
