"""A Docker engine of the test's own, and a composition run on it; the machine keeps no trace of either.

The engine lives in one temporary folder. It touches neither the firewall nor IP forwarding nor
the default bridge of the machine, so it also runs beside another engine: builds use the host's
network, containers talk on the bridges of their composition, and published ports go through
Docker's proxy.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.processes import Program

ROOT = Path(__file__).parents[2]

_ALONE = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running dockerd, by the address of its socket."""

    address: str

    def docker(self, *arguments: str, seconds: float = 120) -> str:
        """Run a docker command and return what it printed."""
        return said("docker", "--host", self.address, *arguments, seconds=seconds)

    def inspect(self, container: str) -> dict[str, Any]:
        return json.loads(self.docker("inspect", container))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """The services of docker-compose.yml, with `override` laid over them. `settings` stands for the .env file."""

    engine: Engine
    override: Path
    settings: Path
    name: str = "provenline-test"

    def compose(self, *arguments: str, seconds: float = 300) -> str:
        """Run a docker-compose command and return what it printed."""
        files = ["--file", str(ROOT / "docker-compose.yml"), "--file", str(self.override)]
        environment = {"DOCKER_HOST": self.engine.address, "COMPOSE_PROJECT_NAME": self.name}
        settings = ["--env-file", str(self.settings)]
        return said("docker-compose", *settings, *files, *arguments, env=environment, seconds=seconds)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return every container of the composition, running or not, by service."""
        label = "com.docker.compose"
        listed = self.engine.docker("ps", "--all", "--quiet", "--filter", f"label={label}.project={self.name}")
        found = [self.engine.inspect(container) for container in listed.split()]
        return {container["Config"]["Labels"][f"{label}.service"]: container for container in found}

    def run_inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it printed."""
        return self.compose("exec", "-T", service, *command, seconds=60)

    def wait_until_healthy(self, seconds: float = 120) -> None:
        """Wait until every service says so; fail with what the others are and said."""
        deadline = time.monotonic() + seconds
        while True:
            states = {service: health(container) for service, container in self.containers().items()}
            if states and all(state == "healthy" for state in states.values()):
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"after {seconds:g} s: {states}\n{self.compose('logs', '--tail=40')}")
            time.sleep(0.5)


def health(container: Mapping[str, Any]) -> str:
    """Return `healthy`, or what a container is instead."""
    state = container["State"]
    return state.get("Health", {}).get("Status", "unwatched") if state["Running"] else state["Status"]


def said(*command: str, env: Mapping[str, str] | None = None, seconds: float) -> str:
    """Run a command and return its output; fail with all of it when the command fails."""
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def engine() -> Iterator[Engine]:
    """Run a dockerd for the length of a `with` block; nothing of it is left, whatever happened inside."""
    folder = Path(tempfile.mkdtemp(prefix="provenline-engine-"))  # a socket's path must be short
    address = f"unix://{folder}/socket"
    limits = "--default-ulimit=nofile=1024:1024"  # raising them is refused where this is a container itself
    places = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    daemon = Program(["dockerd", f"--host={address}", *places, limits, *_ALONE])
    try:
        daemon.ready("API listen on", 60)
        yield Engine(address)
    finally:
        if daemon.running():
            _clear(Engine(address))
            os.kill(daemon.pid, signal.SIGTERM)  # not its group: it ends its containerd itself, last
            try:
                daemon.wait(60)
            except subprocess.TimeoutExpired:
                daemon.kill()
        _remove(folder)


def _clear(engine: Engine) -> None:
    """End what still runs: containers outlive their engine, and so do the bridges of their networks."""
    for container in engine.docker("ps", "--all", "--quiet").split():
        engine.docker("rm", "--force", "--volumes", container)
    engine.docker("network", "prune", "--force")


def _remove(folder: Path) -> None:
    """Remove a folder that may still hold mounts."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True)
    shutil.rmtree(folder)
