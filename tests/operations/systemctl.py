"""As much of `systemctl` as the guide needs: units are read from the machine's folder and really run."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

MACHINE = Path(os.environ["MACHINE"])
UNITS = MACHINE / "etc/systemd/system"


def settings(unit: str) -> dict[str, str]:
    lines = (UNITS / unit).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]\w+=", line))


def command(unit: str, key: str) -> list[str]:
    text = settings(unit)[key].replace("%%", "%")
    for place in ("/etc/provenline", "/var/lib/provenline", "/opt/provenline"):
        text = re.sub(rf"(?<![\w/]){place}", f"{MACHINE}{place}", text)
    return shlex.split(text.replace("$MAINPID", str(pid_of(unit) or "")))


def note(unit: str) -> Path:
    return MACHINE / "run" / f"{unit}.pid"


def pid_of(unit: str) -> int | None:
    with suppress(FileNotFoundError):
        return int(note(unit).read_text())
    return None


def environment(unit: str) -> dict[str, str]:
    state = MACHINE / "var/lib" / settings(unit).get("StateDirectory", "none")
    state.mkdir(mode=0o700, exist_ok=True)
    return {**os.environ, "STATE_DIRECTORY": str(state)}


def start(unit: str) -> None:
    if settings(unit).get("Type") == "oneshot":
        subprocess.run(command(unit, "ExecStart"), env=environment(unit), check=True)
        after = [
            part.replace("${STATE_DIRECTORY}", environment(unit)["STATE_DIRECTORY"])
            for part in command(unit, "ExecStartPost")
        ]
        subprocess.run(after, check=True)
        return
    heard = MACHINE / "run" / "notify"
    heard.unlink(missing_ok=True)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears,
        (MACHINE / f"log/{unit.removesuffix('.service')}.log").open("ab") as log,
    ):
        ears.bind(str(heard))
        ears.settimeout(1)
        env = environment(unit) | {"NOTIFY_SOCKET": str(heard), "WATCHDOG_USEC": "60000000"}
        child = subprocess.Popen(command(unit, "ExecStart"), env=env, stdout=log, stderr=log, start_new_session=True)
        note(unit).write_text(str(child.pid))
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with suppress(TimeoutError):
                if b"READY=1" in ears.recv(4096):
                    return
            if child.poll() is not None:
                break
    sys.exit(f"{unit} did not get ready")


def stop(unit: str) -> None:
    pid = pid_of(unit)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 60
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)
        sys.exit(f"{unit} does not end")
    note(unit).unlink()


def main() -> None:
    """Do what was asked."""
    verb, *names = [word for word in sys.argv[1:] if not word.startswith("--")]
    units = [name if "." in name else f"{name}.service" for name in names]
    for unit in units:
        settings(unit)  # it must exist
        match verb:
            case "enable":
                if unit.endswith(".service"):
                    start(unit)
            case "start":
                start(unit)
            case "stop":
                stop(unit)
            case "restart":
                stop(unit)
                start(unit)
            case "reload":
                subprocess.run(command(unit, "ExecReload"), check=True)
            case _:
                sys.exit(f"no {verb}")


if __name__ == "__main__":
    main()
