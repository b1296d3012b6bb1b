"""Markdown of courses becomes HTML that cannot do anything, whoever wrote it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.text import LONGEST, passage, read_text

PICTURES = "/api/v1/labs/courses/c/pictures/"
HARMLESS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "blockquote", "ul", "ol", "li"),
    *("code", "pre", "table", "thead", "tbody", "tr", "th", "td", "a", "img"),
}
ALLOWED = {
    "a": {"href", "title", "target", "rel"},
    "img": {"src", "alt", "title"},
    "code": {"class"},
    "ol": {"start"},
}


class Inspector(HTMLParser):
    """Collects what is harmful in a piece of HTML, as a browser would read it."""

    def __init__(self) -> None:
        super().__init__()
        self.harm: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS:
            self.harm.append(tag)
        for name, value in attrs:
            if name not in ALLOWED.get(tag, set()):
                self.harm.append(f"{tag}.{name}")
            if name == "href" and not re.match(r"https?://[^/\s]", value or "", re.IGNORECASE):
                self.harm.append(f"href {value}")
            if name == "src" and not re.fullmatch(re.escape(PICTURES) + r"[A-Za-z0-9_.-]+", value or ""):
                self.harm.append(f"src {value}")

    handle_startendtag = handle_starttag


def harm(html: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector.harm


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src='https://evil'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/)",
    "[x](/api/v1/session)",
    '[x](https://good.example/"onmouseover="alert(1))',
    '[x](https://good.example "t\\" onclick=alert(1) x=\\"")',
    "![x](http://evil.example/pixel.png)",
    "![x](//evil.example/p.png)",
    "![x](../../../etc/passwd)",
    "![x](../other/p.png)",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    "![x](drawing.svg)",
    "![x](javascript:alert(1))",
    '![x" onerror="alert(1)](p.png)',
    '```"><script>alert(1)</script>\ncode\n```',
    '``` language-x" onclick="alert(1)\ncode\n```',
    "<style>body{display:none}</style>",
    "<form action='https://evil'><input></form>",
    "<details open ontoggle=alert(1)>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "<https://good.example/<script>>",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "| a | b |\n|-|-|\n| <script>1</script> | [x](javascript:1) |",
    "## step:a <img src=x onerror=alert(1)>\n\ntext",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_does_no_harm(text: str) -> None:
    found = read_text(text, pictures=PICTURES)
    assert harm(found.introduction) == []
    assert [harm(section.html) for section in found.steps.values() if harm(section.html)] == []
    assert harm(passage(text)) == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *HOSTILE,
                "<",
                ">",
                '"',
                "'",
                "](",
                "![",
                "`",
                "\n",
                "\n\n",
                "&lt;",
                "&#x3c;",
                "\x00",
                "\\",
                "a",
                "p.png",
                "<a ",
                "on",
            ]
        ),
        max_size=8,
    ).map("".join)
    | st.text(max_size=120)
)
def test_nothing_that_can_be_written_does_harm(text: str) -> None:
    found = read_text(text, pictures=PICTURES)
    assert harm(found.introduction) == []
    assert all(harm(section.html) == [] for section in found.steps.values())


def test_a_text_has_a_title_an_introduction_and_steps() -> None:
    text = (
        "# Title\n\nIntro.\n\n## step:one First\n\nA\n\n## Notes\n\nB\n\n```yaml\n## step:no\n```\n\n## step:two\n\nC\n"
    )
    found = read_text(text, pictures=PICTURES)
    assert (found.title, found.introduction) == ("Title", "<p>Intro.</p>\n")
    assert {key: section.title for key, section in found.steps.items()} == {"one": "First", "two": "two"}
    assert "<h2>Notes</h2>" in found.steps["one"].html
    assert "## step:no" in found.steps["one"].html


def test_pictures_come_from_the_course_and_links_open_elsewhere() -> None:
    found = read_text("![Map](map-1.png) and [site](https://x.example/a?b=1)", pictures=PICTURES)
    assert found.pictures == ("map-1.png",)
    assert f'<img src="{PICTURES}map-1.png" alt="Map">' in found.introduction
    assert 'rel="noopener noreferrer nofollow"' in found.introduction
    assert 'target="_blank"' in found.introduction


def test_a_step_that_begins_twice_is_told() -> None:
    found = read_text("## step:a X\n\n1\n\n## step:a Y\n\n2", pictures=PICTURES)
    assert found.repeated == ("a",)
    assert found.steps["a"].html == "<p>1</p>\n<p>2</p>\n"


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        read_text("x" * (LONGEST + 1), pictures=PICTURES)


def test_deep_nesting_is_cut_short() -> None:
    found = read_text("> " * 3_000 + "x" + "\n" + "[" * 3_000 + "\n" + "*" * 3_000, pictures=PICTURES)
    assert harm(found.introduction) == []
