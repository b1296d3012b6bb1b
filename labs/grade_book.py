"""The grade book: one row a learner and lab, as a workbook or as CSV, safe to be opened in a spreadsheet.

A cell that begins like a formula is a text in both: names are what people typed.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import xlsxwriter

from labs.course import LabKey
from labs.library import Library
from labs.register import Register
from labs.work import Attempt
from plant.clock import SECOND
from plant.text import Text

Cell = str | float | int
HEAD: tuple[Text, ...] = (
    Text("姓名", "Name"),
    Text("账号", "Account"),
    Text("课程", "Course"),
    Text("实验", "Lab"),
    Text("尝试次数", "Attempts"),
    Text("评分次数", "Gradings"),
    Text("使用提示数", "Hints read"),
    Text("最好得分", "Best points"),
    Text("满分", "Of"),
    Text("最近一次", "Last attempt"),
    Text("证书编号", "Certificate"),
    Text("搭档", "Partner"),
)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
_WIDTHS = (16, 16, 28, 28, 10, 10, 12, 12, 8, 20, 22, 16)


@dataclass(frozen=True, slots=True)
class Row:
    """What somebody has done in one lab. `last`: ns UTC, when the last attempt began; None where there was none.

    `partners`: with whom, where it was done in a pair.
    """

    name: str
    learner: str
    course: str
    course_name: Text
    lab: str
    lab_name: Text
    attempts: int
    gradings: int
    hints: int
    best: float | None
    of: int
    last: int | None
    certificate: str
    partners: tuple[str, ...] = ()


def rows(
    register: Register, library: Library, *, course: str | None = None, learners: Iterable[str] | None = None
) -> list[Row]:
    """Return every enrolled learner's row in every lab of their courses; of some learners, or all. Blocks."""
    wanted = None if learners is None else set(learners)
    together = register.pairs.together()
    found = []
    for enrolment in register.roll.enrolments(course=course):
        document = library.courses.get(enrolment.course)
        if document is None or (wanted is not None and enrolment.learner not in wanted):
            continue
        best = register.work.best(enrolment.learner, enrolment.course)
        certificate = register.awards.of(enrolment.learner, enrolment.course)
        tried: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in register.work.attempts(enrolment.learner, course=enrolment.course):
            tried[attempt.key.lab].append(attempt)
        for lab in document.document.labs:
            attempts = tried[lab.id]
            found.append(
                Row(
                    name=enrolment.name,
                    learner=enrolment.learner,
                    course=enrolment.course,
                    course_name=document.document.name.words.text,
                    lab=lab.id,
                    lab_name=lab.name.words.text,
                    attempts=len(attempts),
                    gradings=sum(len(register.work.results(one.id)) for one in attempts),
                    hints=len(register.work.hints(attempts[0])) if attempts else 0,
                    best=best.get(lab.id),
                    of=lab.points,
                    last=max((one.begun for one in attempts), default=None),
                    certificate=certificate.code if certificate else "",
                    partners=tuple(sorted(together.get((enrolment.learner, LabKey(enrolment.course, lab.id)), ()))),
                )
            )
    return found


def cells(row: Row, language: str, zone: str) -> list[Cell]:
    """Return a row as it is written in a language, times in a zone."""
    return [
        row.name,
        row.learner,
        row.course_name.of(language),
        row.lab_name.of(language),
        row.attempts,
        row.gradings,
        row.hints,
        "" if row.best is None else row.best,
        row.of,
        _moment(row.last, zone),
        row.certificate,
        ", ".join(row.partners),
    ]


def as_csv(found: Sequence[Row], language: str, zone: str) -> bytes:
    """Return the book as CSV in UTF-8, with the mark by which spreadsheets tell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([text.of(language) for text in HEAD])
    for row in found:
        writer.writerow([guarded(cell) for cell in cells(row, language, zone)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_workbook(found: Sequence[Row], language: str, zone: str) -> bytes:
    """Return the book as XLSX."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        font = {"font_name": "Microsoft YaHei" if language == "zh" else "Calibri", "font_size": 10}
        plain, head = book.add_format(font), book.add_format({**font, "bold": True, "bottom": 1, "bg_color": "#EEEEEE"})
        sheet = book.add_worksheet(Text("成绩册", "Grade book").of(language))
        for column, (text, width) in enumerate(zip(HEAD, _WIDTHS, strict=True)):
            sheet.set_column(column, column, width, plain)
            sheet.write_string(0, column, text.of(language), head)
        for line, row in enumerate(found, start=1):
            for column, cell in enumerate(cells(row, language, zone)):
                write = sheet.write_string if isinstance(cell, str) else sheet.write_number
                write(line, column, cell, plain)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, max(1, len(found)), len(HEAD) - 1)
    return out.getvalue()


def guarded(cell: Cell) -> Cell:
    """Return a cell of a CSV file that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(_DANGEROUS) else cell


def _moment(time: int | None, zone: str) -> str:
    if time is None:
        return ""
    return datetime.fromtimestamp(time // SECOND, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
