"""One of our processes under a supervisor that starts it again when it ends, as systemd's Restart=always would."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.peers.processes import Program
from tests.survival.jumping import set_offset
from tests.system.rig import TOKEN

_REST = 0.5


class Service:
    """`arguments` of provenline; `within`: the command line that puts it into a namespace."""

    def __init__(self, *arguments: str | Path, clock: Path, within: Sequence[str] = ()) -> None:
        module = [sys.executable, "-m", "tests.survival.jumping", str(clock)]
        self._command = [*within, *module, *map(str, arguments)]
        self._clock = clock
        set_offset(clock, 0)
        self._spoken: list[str] = []
        self._program: Program | None = None
        self._wanted = threading.Event()
        self._over = threading.Event()
        self._turn = threading.Lock()
        self.restarts = 0
        self._supervisor = threading.Thread(target=self._supervise, name=f"supervisor of {arguments[0]}", daemon=True)
        self._supervisor.start()

    @property
    def lines(self) -> list[str]:
        """What it said in all its lives."""
        return self._spoken + (self._program.lines if self._program else [])

    def start(self) -> None:
        self._wanted.set()

    def ready(self, mark: str, seconds: float = 240, *, since: int = 0) -> None:
        """Wait until it has said `mark`, in this life or an earlier one, after its first `since` lines."""
        deadline = time.monotonic() + seconds
        while not any(mark in line for line in self.lines[since:]):
            assert time.monotonic() < deadline, f"never said {mark!r}:\n" + "\n".join(self.lines[-40:])
            time.sleep(0.05)

    def down(self) -> None:
        """Kill it, and leave it dead until `start`."""
        self._wanted.clear()
        self.kill()

    def kill(self) -> None:
        """SIGKILL it; the supervisor will start it again if it is wanted."""
        with self._turn:
            if self._program:
                self._program.kill()

    def stall(self) -> None:
        with self._turn:
            assert self._program
            self._program.stall()

    def resume(self) -> None:
        with self._turn:
            if self._program and self._program.running():
                self._program.resume()

    def jump(self, seconds: float) -> None:
        """Set its wall clock that much off."""
        set_offset(self._clock, seconds)

    def limit(self, what: int, most: int | None) -> None:
        """Give a running process a soft limit; None lifts it."""
        with self._turn:
            assert self._program
            _, hard = resource.prlimit(self._program.pid, what)
            resource.prlimit(self._program.pid, what, (hard if most is None else most, hard))

    @property
    def pid(self) -> int:
        with self._turn:
            assert self._program
            return self._program.pid

    def end(self) -> None:
        """Stop it for good."""
        self._wanted.clear()
        self._over.set()
        self._supervisor.join(30)
        if self._program:
            self._program.resume() if self._program.running() else None
            self._program.stop()

    def _supervise(self) -> None:
        while not self._over.wait(0.05):
            with self._turn:
                if not self._wanted.is_set() or (self._program and self._program.running()):
                    continue
                if self._program:
                    self._program.wait(5)
                    self._spoken += self._program.lines
                    self.restarts += 1
                self._program = Program(self._command, env={"RIG_TOKEN": TOKEN})
            self._over.wait(_REST)
