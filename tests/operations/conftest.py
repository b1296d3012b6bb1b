"""A centre with a shift behind it, as a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from configs.loader import PACKAGED, load
from provenline.fast_forward import FastRun, fast_forward
from provenline.trust import console_of
from tests.peers.processes import Program, free_port

SCENE = "first-light"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a centre's configuration and data are, and its port."""

    configuration: Path
    data: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def client(self) -> httpx.Client:
        """Return a client that may do everything, as commands on the same machine may."""
        key = console_of(self.data).key
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False)


@contextmanager
def serving(place: Place, *options: str) -> Iterator[Program]:
    """Run `provenline serve` for the length of a `with` block."""
    arguments = ["serve", place.configuration, "--data", place.data, "--port", str(place.port), *options]
    program = Program([sys.executable, "-m", "provenline", *arguments])
    try:
        program.ready("centre ready", 90)
        yield program
    finally:
        program.stop()


def provenline(*arguments: object, code: int = 0, env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "provenline", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=env,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def small_configuration(folder: Path, *, centre: str = "") -> Path:
    """Write the packaged site with one scene."""
    folder.mkdir(parents=True)
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / f"{SCENE}.yaml", folder)
    (folder / "centre.yaml").write_text(f"type: centre\n{centre}", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def shift(tmp_path_factory: pytest.TempPathFactory) -> FastRun:
    """One shift of the scene, in a store that nobody may change."""
    return fast_forward(load(PACKAGED), SCENE, shifts=1, into=tmp_path_factory.mktemp("runs") / "shift")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, shift: FastRun) -> Place:
    """A centre's folders; its store has that shift."""
    folder = tmp_path_factory.mktemp("centre")
    data = folder / "data"
    shutil.copytree(shift.folder / "historian", data / "historian")
    return Place(small_configuration(folder / "configuration"), data, free_port())
