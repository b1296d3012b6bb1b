"""The front end's own tests and its type check, run from here so that one command tests everything."""

from __future__ import annotations

from pathlib import Path

import pytest

import hatch_build


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_front_ends_own_checks_pass(script: str, built_pages: Path) -> None:
    try:
        hatch_build.npm(built_pages, "run", script)
    except hatch_build.WebBuildFailed as failure:
        pytest.fail(str(failure))


def test_the_lock_file_names_no_registry(built_pages: Path) -> None:
    assert '"resolved"' not in (built_pages / "package-lock.json").read_text()
