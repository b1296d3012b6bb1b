"""Markdown of courses as HTML that cannot do anything: no raw HTML, no script, no foreign picture.

    # Title                     the lab's own
    what stands before the first step is the introduction
    ## step:decode Decode it    begins the text of the step `decode`

Markdown is rendered without its raw HTML, and what comes out goes through a sanitiser that
keeps a short list of tags. Pictures come from the course's folder, links lead to http(s) only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 200_000
"""Characters of one text."""

_STEP = re.compile(r"step:([a-z0-9][a-z0-9-]{0,47})(?:\s+(.*))?", re.DOTALL)
_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "blockquote", "ul", "ol", "li"),
    *("code", "pre", "table", "thead", "tbody", "tr", "th", "td", "a", "img"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "code": {"class"}, "ol": {"start"}}
_LANGUAGE = re.compile(r"language-[a-z0-9-]{1,24}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\.(png|jpg|jpeg)")
_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE)


class Language(StrEnum):
    """The languages that every text is in."""

    ZH = "zh-CN"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of text under its heading; `html` is safe to be shown."""

    title: str
    html: str


@dataclass(frozen=True, slots=True)
class LabText:
    """A lab's text in one language. `steps`: by id, in order. `pictures`: the files it shows."""

    title: str
    introduction: str
    steps: Mapping[str, Section] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    """Ids of steps that begin more than once; their text is joined."""


def read_text(markdown: str, *, pictures: str) -> LabText:
    """Render a lab's text. `pictures`: the address below which the course's pictures are served, ending in `/`.

    Raises ValueError for a text that is too long.
    """
    if len(markdown) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters; split the lab")
    title, introduction = "", ""
    steps: dict[str, Section] = {}
    shown: list[str] = []
    repeated: list[str] = []
    for step, heading, tokens in _sections(_PARSER.parse(markdown)):
        if step is None:
            title, rest = _title(tokens)
            introduction = _render(rest, pictures, shown)
            continue
        html = _render(tokens, pictures, shown)
        if step in steps:
            repeated.append(step)
            html = steps[step].html + html
        steps[step] = Section(heading or step, html)
    return LabText(title, introduction, steps, tuple(dict.fromkeys(shown)), tuple(repeated))


def passage(markdown: str) -> str:
    """Render a short text of a course document, such as a hint; it shows no pictures."""
    return _render(_PARSER.parse(markdown[:LONGEST]), "", [])


_PARSER = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])


def _sections(tokens: Sequence[Token]) -> Iterator[tuple[str | None, str, list[Token]]]:
    """Cut at each second-level heading that begins a step; what stands before the first is of step None."""
    step, heading = None, ""
    part: list[Token] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0:
            begins = _STEP.fullmatch(tokens[place + 1].content.strip())
            if begins is not None:
                yield step, heading, part
                step, heading, part = begins[1], (begins[2] or "").strip(), []
                place += 3
                continue
        part.append(token)
        place += 1
    yield step, heading, part


def _title(tokens: list[Token]) -> tuple[str, list[Token]]:
    if len(tokens) > 1 and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        return tokens[1].content.strip(), tokens[3:]
    return "", tokens


def _render(tokens: list[Token], pictures: str, shown: list[str]) -> str:
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                name = str(child.attrs.get("src", ""))
                if _FILE.fullmatch(name):
                    shown.append(name)
                    child.attrs["src"] = f"{pictures}{name}"
                else:
                    child.attrs["src"] = ""
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https"},
        attribute_filter=_kept(pictures),
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _kept(pictures: str) -> Callable[[str, str, str], str | None]:
    def keep(_tag: str, attribute: str, value: str) -> str | None:
        if attribute == "href":
            return value if _ADDRESS.match(value) else None
        if attribute == "src":
            own = bool(pictures) and value.startswith(pictures) and _FILE.fullmatch(value.removeprefix(pictures))
            return value if own else None
        if attribute == "class":
            return value if _LANGUAGE.fullmatch(value) else None
        return value

    return keep
