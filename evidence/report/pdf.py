"""The report as PDF, typeset by Typst with a font that ships in a package: no system font, no network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import justmytype_intl_cjk
import typst

from evidence.payload import Plain

_FONTS = Path(justmytype_intl_cjk.__file__).parent / "fonts" / "ofl" / "notosanssc"


def pdf(content: Plain, charts: Mapping[str, str]) -> bytes:
    """Return the report of `content.content`, with its charts, as PDF/A-2b with embedded fonts."""
    with tempfile.TemporaryDirectory(prefix="report-") as scratch:
        folder = Path(scratch)
        (folder / "data.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        (folder / "charts").mkdir()
        for name, svg in charts.items():
            (folder / "charts" / name).write_text(svg, encoding="utf-8")
        template = resources.files("evidence.report").joinpath("report.typ").read_text(encoding="utf-8")
        (folder / "report.typ").write_text(template, encoding="utf-8")
        made = typst.compile(
            str(folder / "report.typ"),
            root=str(folder),
            font_paths=[str(_FONTS)],
            ignore_system_fonts=True,
            pdf_standards=["a-2b"],
        )
    assert isinstance(made, bytes)
    return made
