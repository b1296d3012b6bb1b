"""Why something was not done is said in both languages, and by a code that programs can rely on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import httpx
import pytest

import dashboard_api
from dashboard_api.refusals import CATALOGUE, told
from tests.api.test_figures import SCENE

HERE = Path(dashboard_api.__file__).parent
SAYING = sorted(path.stem for path in HERE.glob("*.py"))
"""Whatever a module says when it refuses may stand on a page: it must be in the catalogue."""
RAISED = {"HTTPException", "Denied", "Refused", "Unfit"}


def said(module: str) -> list[str]:
    """Return what a module says when it refuses, with `7` for whatever it fills in."""
    found = []
    for node in ast.walk(ast.parse((HERE / f"{module}.py").read_text())):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in RAISED:
            continue
        for text in node.args:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found.append(text.value)
            elif isinstance(text, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "7" for part in text.values]
                found.append("".join(str(part) for part in parts))
    return found


@pytest.mark.parametrize("module", SAYING)
def test_what_is_said_is_in_the_catalogue(module: str) -> None:
    assert [text for text in said(module) if told(text).code == "refused"] == []


def test_both_languages_have_the_same_places_and_no_text_stands_twice() -> None:
    pairs = [pair for found in CATALOGUE.values() for pair in found]
    for english, chinese in pairs:
        assert set(re.findall(r"{\w+}", chinese)) <= set(re.findall(r"{\w+}", english))
        assert re.search("[\u4e00-\u9fff]", chinese), english
    assert len({english for english, _ in pairs}) == len(pairs)


def test_what_is_filled_in_is_the_same_in_both() -> None:
    assert told("no shift 'night' starts on 2026-03-04; there is: early, late").words == {
        "zh": "2026-03-04 没有开始名为 'night' 的班次；当天有：early, late",
        "en": "no shift 'night' starts on 2026-03-04; there is: early, late",
    }


def test_what_the_catalogue_does_not_know_is_given_as_it_is() -> None:
    assert told("gibberish: 7").words == {"zh": "gibberish: 7", "en": "gibberish: 7"}


async def test_a_route_answers_with_code_and_words(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{SCENE}/losses", params={"start": 5})
    assert answer.status_code == 422
    assert answer.json()["code"] == "half-a-window"
    assert answer.json()["words"] == {"zh": "开始与结束要一起给出", "en": "start and stop belong together"}


async def test_what_does_not_fit_the_description_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{SCENE}/losses", params={"shift": "early", "day": "yesterday"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "not-valid"
    assert answer.json()["words"]["zh"] == "这些内容不合要求：day"
    assert isinstance(answer.json()["detail"], list)


async def test_who_is_not_allowed_is_told_so_in_both_languages(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/api/v1/users")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.json()["words"]["zh"].startswith("请登录")
