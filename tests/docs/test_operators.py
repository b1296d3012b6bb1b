"""What the operators' guide tells people to type is typed here: each command does what stands beside it."""

from __future__ import annotations

import re
import shlex
import sys
import urllib.request
from pathlib import Path

import pytest

from configs.loader import PACKAGED
from tests.peers.processes import Program, free_port

ROOT = Path(__file__).parents[2]
GUIDES = ("operators.md", "operators.zh-CN.md")
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVING = ("demo", "serve")
PATIENCE = 300.0


def commands(guide: str) -> list[list[str]]:
    """Return the commands of a guide, word by word, without what is remarked behind them."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines() if line.strip()]
    return [shlex.split(line, comments=True) for line in lines]


def started(words: list[str], folder: Path) -> Program:
    """Start a command; DIR is the packaged configuration, and what serves does so on a port of its own."""
    assert words[0] == "provenline", "guides tell of one program only"
    arguments = [str(PACKAGED) if word == "DIR" else word for word in words[1:]]
    if words[1] in SERVING:
        arguments += ["--port", str(free_port()), "--data", str(folder)]
    if words[1] == "demo":
        arguments.append("--no-browser")
    return Program([sys.executable, "-m", "provenline", *arguments], cwd=folder)


def test_both_guides_tell_the_same_commands() -> None:
    english, chinese = (commands(guide) for guide in GUIDES)
    assert english == chinese
    assert {words[1] for words in english} == {"demo", "serve", "check"}


@pytest.mark.parametrize("words", commands(GUIDES[0]), ids=" ".join)
def test_every_command_of_the_guide_does_what_stands_beside_it(words: list[str], tmp_path: Path) -> None:
    program = started(words, tmp_path)
    try:
        if words[1] in SERVING:
            found = re.search(r"page=(http://\S+)", program.ready("page=http", PATIENCE))
            assert found
            with urllib.request.urlopen(found[1], timeout=PATIENCE) as answer:
                assert b"<div id=" in answer.read()
        else:
            program.ready("no faults", PATIENCE)
    finally:
        program.stop()
