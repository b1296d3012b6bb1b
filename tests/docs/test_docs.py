"""Links lead somewhere, examples are sound, commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from configs.loader import DOCUMENTS, examine
from configs.schema import TagConfig

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONFIGURATION = ("configuration.md", "configuration.zh-CN.md")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"`(?:provenline|provenline serve DIR) ?([a-z-]*)")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("guide", CONFIGURATION)
def test_the_examples_of_the_configuration_guide_are_one_sound_configuration(guide: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    examples: dict[str, str] = {}
    for language, body in BLOCK.findall(text):
        if language != "yaml":
            continue
        if body.startswith("type:"):
            examples[body.split()[1]] = body
            continue
        # A part: it goes on with the document, or into the tag, that knows its keys.
        keys = {key.replace("-", "_") for key in yaml.safe_load(body)}
        home = next((name for name in examples if keys <= DOCUMENTS[name].model_fields.keys()), None)
        if home is not None:
            examples[home] += body
        else:
            tag = {"id": "x", "kind": "analog", "role": "process-value", "address": {}}
            TagConfig.model_validate(tag | yaml.safe_load(body))
    assert len(examples) >= 4
    for name, body in examples.items():
        (tmp_path / f"{name}.yaml").write_text(body, encoding="utf-8")
    assert examine(tmp_path)[1] == []


def commands_named_in_the_readme() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return sorted({word for word in COMMAND.findall(text) if word})


@pytest.mark.parametrize("command", commands_named_in_the_readme())
def test_every_command_that_the_readme_names_exists(command: str) -> None:
    arguments = [sys.executable, "-m", "provenline", command, "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_both_readmes_tell_the_same_commands() -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
    english, chinese = (sorted(re.findall(r"`((?:make|provenline|docker)[^`]*)`", text)) for text in texts)
    assert english == chinese


def test_both_configuration_guides_have_the_same_examples_and_explain_the_same_words() -> None:
    guides = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in CONFIGURATION]
    english, chinese = ([re.sub(r"\s*(?<!\S)# .*", "", body) for _, body in BLOCK.findall(guide)] for guide in guides)
    assert english == chinese
    english_words, chinese_words = (set(re.findall(r"(?<!`)`([a-z_-]{4,}:?)`(?!`)", guide)) for guide in guides)
    assert english_words == chinese_words
    assert len(english_words) > 40


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = [page.name for page in folder.glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if name not in index] == []


def test_every_target_of_the_makefile_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    unexplained = [t for t in phony[1].split() if not re.search(rf"^{t}:.*## ", makefile, re.MULTILINE)]
    assert unexplained == []
