"""The guide for instructors says what is so: its examples stand in the worked example, its commands run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labs import upload
from labs.calculation import FUNCTIONS
from labs.exercise import CAUSE, DETECT, DIAGNOSE, FALSE_CLAIM, PLACE
from labs.script import Act
from labs.vocabulary import MEMBERS
from provenline.main import app

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "docs" / name for name in ("instructors.md", "instructors.zh-CN.md")]
EXAMPLE = ROOT / "tests" / "labs" / "example"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(guide: Path, language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(guide.read_text("utf-8")) if found == language]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_example_stands_in_the_worked_example(guide: Path) -> None:
    files = [file.read_text("utf-8") for file in EXAMPLE.rglob("*") if file.is_file()]
    shown = [*blocks(guide, "yaml"), *blocks(guide, "markdown")]
    assert len(shown) >= 6
    assert [body for body in shown if not any(body in text for text in files)] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_file_of_the_example_is_shown(guide: Path) -> None:
    tree = "\n".join(blocks(guide, "text"))
    assert [line for line in re.findall(r"^  (\S+)", tree, re.MULTILINE) if not (EXAMPLE / line).is_file()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_name_of_the_language_is_explained(guide: Path) -> None:
    text = guide.read_text("utf-8")
    names = {name for kind, members in MEMBERS.items() for name in members}
    assert [name for name in sorted({*names, *FUNCTIONS}) if not re.search(rf"`\.?{name}\b", text)] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_guide_tells_the_shares_limits_and_deeds_that_are_so(guide: Path) -> None:
    text = guide.read_text("utf-8")
    shares = [int(share) for share in re.findall(r"^\| −?(\d+) % \|", text, re.MULTILINE)]
    assert shares == [round(100 * share) for share in (CAUSE, PLACE, DETECT, DIAGNOSE, FALSE_CLAIM)]
    for number in (upload.MOST_FILES, *(size // 10**6 for size in (upload.MOST_BYTES, upload.MOST_UNPACKED))):
        assert str(number) in text
    deeds = set(Act.model_fields)
    assert {deed for deed in deeds if f"`{deed}`" in text or f"- {deed}:" in text} == deeds


def commands() -> list[str]:
    found = {tuple(line for body in blocks(guide, "console") for line in body.splitlines()) for guide in GUIDES}
    assert len(found) == 1  # both guides tell the same commands
    return list(found.pop())


@pytest.mark.parametrize("command", commands())
def test_every_command_runs(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    words = command.split()[1:]
    # Scripts are run by the tests of the sandboxes, and no register has the certificate: that there are such commands.
    asked = [*words[:2], "--help"] if words[1] in ("run", "certificate") else words
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
