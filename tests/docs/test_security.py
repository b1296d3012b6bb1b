"""What the security guide says is so: the table of roles, the commands, the same in both languages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from configs.loader import examine
from dashboard_api.access import PERMISSIONS, Permission, Role
from provenline.main import app

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = [DOCS / "security.md", DOCS / "security.zh-CN.md"]
ROW = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \|(.*)\|$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(guide: Path, language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(guide.read_text(encoding="utf-8")) if found == language]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_table_of_roles_is_what_the_routes_are_held_to(guide: Path) -> None:
    table = guide.read_text(encoding="utf-8").partition("<!-- roles -->")[2].partition("<!-- /roles -->")[0]
    told = {name: [cell.strip() == "✓" for cell in cells.split("|")] for name, _, cells in ROW.findall(table)}
    assert told == {p.value: [p in PERMISSIONS[role] for role in Role] for p in Permission}


def commands(guide: Path) -> list[list[str]]:
    lines = [line.partition("#")[0].strip() for body in blocks(guide, "sh") for line in body.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line]


def test_every_command_exists_with_its_options() -> None:
    found = commands(GUIDES[0])
    assert len(found) > 15
    root = typer.main.get_command(app)
    for words in found:
        command, context = root, root.make_context("provenline", [], resilient_parsing=True)
        rest = list(words)
        while hasattr(command, "get_command"):
            name = rest.pop(0)
            command = command.get_command(context, name)
            assert command, words
            context = command.make_context(name, [], parent=context, resilient_parsing=True)
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, words


def test_both_languages_tell_the_same_commands_and_settings() -> None:
    english, chinese = GUIDES
    assert commands(english) == commands(chinese)

    def settings(guide: Path) -> list[str]:
        return [line.partition("#")[0].strip() for body in blocks(guide, "yaml") for line in body.splitlines()]

    assert settings(english) == settings(chinese)


def test_the_example_of_a_centre_is_sound(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("type: site\nid: cq\nname: Centre\n")
    (example,) = blocks(GUIDES[0], "yaml")
    (tmp_path / "centre.yaml").write_text(example, encoding="utf-8")
    assert examine(tmp_path)[1] == []


def test_both_threat_models_list_the_same_requirements() -> None:
    listed = []
    for name in ("threat-model.md", "threat-model.zh-CN.md"):
        rows = [line for line in (DOCS / name).read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
        listed.append([re.findall(r"\d\.\d+(?: RE \d)?", row.rsplit("|", 2)[1]) for row in rows])
    assert listed[0] == listed[1]
    assert sum(map(len, listed[0])) > 40
