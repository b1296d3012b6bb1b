"""What the operators' guide says is so: its commands, its addresses, its settings, the same in both languages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from configs.loader import examine
from provenline.main import app
from tests.web.every_page import routes

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = [DOCS / "operators.md", DOCS / "operators.zh-CN.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"`(/[^`?]*)`")
names = pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)


def blocks(guide: Path, language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(guide.read_text(encoding="utf-8")) if found == language]


def commands(guide: Path) -> list[list[str]]:
    lines = [line.partition("#")[0].strip() for body in blocks(guide, "sh") for line in body.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line]


@names
def test_every_command_exists_with_its_options(guide: Path) -> None:
    root = typer.main.get_command(app)
    for name, *rest in commands(guide):
        context = root.make_context("provenline", [], resilient_parsing=True)
        command = root.get_command(context, name)
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options


@names
def test_every_page_is_named_by_an_address_that_exists(guide: Path) -> None:
    told = {
        address.replace("LINE/DEVICE", ":device(.+)").replace("/ID", "/:id")
        for address in ADDRESS.findall(guide.read_text(encoding="utf-8"))
    }
    assert told
    assert told <= set(routes())


@names
def test_the_example_of_hosts_is_sound(guide: Path, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("type: site\nid: cq\nname: Centre\n")
    (example,) = blocks(guide, "yaml")
    (tmp_path / "centre.yaml").write_text(example, encoding="utf-8")
    assert examine(tmp_path)[1] == []


def test_both_languages_tell_the_same() -> None:
    english, chinese = GUIDES
    assert commands(english) == commands(chinese)
    texts = [guide.read_text(encoding="utf-8") for guide in GUIDES]
    assert sorted(ADDRESS.findall(texts[0])) == sorted(ADDRESS.findall(texts[1]))
    assert texts[0].count("\n## ") == texts[1].count("\n## ")
