"""A machine of a test's own, on which the commands of the guide run as they stand there.

Paths of the system lead into a folder, and what only an administrator of a real machine can do
is stood in for: `systemctl` runs the very `ExecStart` of the units that were installed, and waits,
as systemd does for a service of type `notify`, until it says that it is ready.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PLACES = ("/etc/provenline", "/etc/systemd/system", "/var/lib/provenline", "/var/tmp/drill", "/opt/provenline")
LINKS = ("/usr/local/bin",)
_TOOLS = Path(__file__).with_name("systemctl.py")

_STUBS = {
    "sudo": '#!/bin/sh\ntest "$1" = -u && shift 2\nexec "$@"\n',
    "useradd": "#!/bin/sh\nexit 0\n",
    "chown": "#!/bin/sh\nexit 0\n",
    "journalctl": '#!/bin/sh\ncat "$MACHINE/log/$2.log"\n',
    "systemctl": f'#!/bin/sh\nexec {sys.executable} {_TOOLS} "$@"\n',
}


class Machine:
    """The folder of a machine; `exchange` says what else is different there: ports, for instance."""

    def __init__(self, folder: Path, release: Path, exchange: dict[str, str]) -> None:
        self.folder, self._release = folder, release
        self._exchange = dict(exchange)
        self.said = ""
        for place in (*PLACES, *LINKS):
            (folder / place[1:]).parent.mkdir(parents=True, exist_ok=True)
        for name in ("usr/local/bin", "etc/systemd/system", "opt/provenline/bin", "var/lib", "var/tmp", "log", "run"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in _STUBS.items():
            self._program(folder / "bin" / name, text)
        ours = f'#!/bin/sh\nexec {sys.executable} -m provenline "$@"\n'
        self._program(folder / "opt/provenline/bin/provenline", ours)

    def _program(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def here(self, text: str) -> str:
        """Return a text of the guide as it is meant on this machine."""
        for place in (*PLACES, *LINKS):
            text = re.sub(rf"(?<![\w/]){re.escape(place)}", str(self.folder / place[1:]), text)
        for there, here in self._exchange.items():
            text = text.replace(there, here)
        return text

    def exchange(self, there: str, here: str) -> None:
        """From now on read `there` as `here`."""
        self._exchange[there] = here

    def write(self, file: str, text: str) -> None:
        """Write a file of the guide."""
        (self.folder / file[1:]).write_text(self.here(text), encoding="utf-8")

    def run(self, command: str) -> str:
        """Run one line of the guide as a shell does; return what it said, all of which must have gone well."""
        path = os.pathsep.join([str(self.folder / "bin"), str(self.folder / "usr/local/bin"), os.environ["PATH"]])
        env = os.environ | {"PATH": path, "MACHINE": str(self.folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(command)],
            cwd=self._release,
            env=env,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        logs = "".join(file.read_text()[-3_000:] for file in (self.folder / "log").glob("*.log"))
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}\n{logs}"
        return done.stdout + done.stderr

    def shut_down(self) -> None:
        """End whatever still runs as a service."""
        for file in (self.folder / "run").glob("*.pid"):
            pid = int(file.read_text())
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGTERM)
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline:
                    os.kill(pid, 0)
                    time.sleep(0.05)
                os.kill(pid, signal.SIGKILL)
