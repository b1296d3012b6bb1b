"""The application forms as DOCX, ready to be copied from or completed by the author."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from evidence.dossier import Dossier
from evidence.report.forms import FORMS, basis, filled, scene_row
from evidence.report.words import Words

_EAST, _WEST = "Noto Sans CJK SC", "Noto Sans"
_WARNING, _GREY = RGBColor(0xB3, 0x26, 0x1E), RGBColor(0x55, 0x55, 0x55)


def document(dossier: Dossier, language: str) -> bytes:
    """Return the filled-in forms in one language as DOCX."""
    w = Words(language)
    made = Document()
    _page(made, dossier, w)
    made.add_heading(w("forms"), level=0)
    if dossier.simulated:
        _warning(made.add_paragraph(), w("simulated"))
    made.add_paragraph(w("forms-text", mark=w("fill-in")))
    for form in FORMS:
        made.add_heading(w.of(form.title), level=1)
        heads = (w("indicator"), w("unit"), w("value"), w("rests-on"))
        _table(made, heads, filled(dossier, form, w), widths=(62, 16, 30, 62), w=w)
    made.add_heading(w("form-4-1"), level=1)
    _table(made, (w("field"), w("content")), scene_row(dossier, w), widths=(55, 115), w=w)
    made.add_paragraph().paragraph_format.page_break_before = True
    made.add_heading(w("basis"), level=1)
    for name, rows in basis(dossier, w):
        made.add_heading(name, level=2)
        _table(made, None, rows, widths=(45, 125), w=w)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _page(made: Any, dossier: Dossier, w: Words) -> None:  # noqa: ANN401 - untyped library
    section = made.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.PORTRAIT, Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    style = made.styles["Normal"]
    style.font.name, style.font.size = _WEST, Pt(10)
    for name in ("Normal", "Title", "Heading 1", "Heading 2"):
        fonts = made.styles[name].element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), _EAST)
        for place in ("w:ascii", "w:hAnsi"):
            fonts.set(qn(place), _WEST)
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme"):
            fonts.attrib.pop(qn(theme), None)
    made.styles["Title"].font.size = Pt(18)
    header = section.header.paragraphs[0]
    header.text = f"{dossier.clause.number} {w.of(dossier.clause.name.text)}    "
    if dossier.simulated:
        _warning(header, w("simulated-short"))


def _warning(paragraph: Any, words: str) -> None:  # noqa: ANN401 - untyped library
    run = paragraph.add_run(words)
    run.bold, run.font.color.rgb = True, _WARNING


def _table(
    made: Any,  # noqa: ANN401 - untyped library
    heads: Sequence[str] | None,
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[int],
    w: Words,
) -> None:
    table = made.add_table(rows=0, cols=len(widths))
    table.style, table.autofit = "Table Grid", False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    for number, row in enumerate([heads, *rows] if heads else rows):
        cells = table.add_row().cells
        for cell, text, width in zip(cells, row, widths, strict=True):
            cell.width = Mm(width)
            run = cell.paragraphs[0].add_run(text)
            run.bold = heads is not None and number == 0
            if text.startswith(w("fill-in")):
                run.font.color.rgb = _GREY
    made.add_paragraph()
