"""The report as a workbook: a sheet an indicator, with live formulas where there can be, so that a reviewer can follow.

Every sheet says in its first row whether its data was simulated. A percentile is not computed
live: its sample may have millions of rows, which are in the package's Parquet.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from analytics.acceptance import Finding
from analytics.acceptance.sides import counted
from analytics.measures.measurement import Measurement
from configs.catalogue import Kind, Minimum, Statistic
from evidence.assess import Arm
from evidence.dossier import Dossier
from evidence.report.assumptions import assumptions
from evidence.report.numbers import bound_text, estimate_text, interval_text, moment
from evidence.report.words import ARMS, KINDS, VERDICTS, Words
from plant.text import Text

_CHANGE = {
    Kind.CHANGE_UP: "=({new}-{old})/{old}",
    Kind.CHANGE_DOWN: "=({old}-{new})/{old}",
    Kind.INVERSE_UP: "={old}/{new}-1",
}
_LONGEST_NAME = 31


def workbook(dossier: Dossier, language: str) -> bytes:
    """Return the report in one language as XLSX."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        writer = _Writer(book, dossier, Words(language))
        writer.summary()
        for finding in dossier.assessment.finding.findings:
            writer.indicator(finding)
        if dossier.sensitivity:
            writer.assumptions()
    return out.getvalue()


class _Writer:
    def __init__(self, book: Any, dossier: Dossier, w: Words) -> None:  # noqa: ANN401 - untyped library
        self._book, self._dossier, self._w = book, dossier, w
        self._zone = dossier.zone
        base = {"font_name": "Microsoft YaHei" if w.language == "zh" else "Calibri", "font_size": 10}
        self._plain = book.add_format({**base, "text_wrap": True, "valign": "top"})
        self._head = book.add_format({**base, "bold": True, "bottom": 1, "bg_color": "#EEEEEE", "text_wrap": True})
        self._bold = book.add_format({**base, "bold": True})
        self._warn = book.add_format({**base, "bold": True, "font_color": "#B3261E"})
        self._percent = book.add_format({**base, "num_format": "0.00%"})
        self._number = book.add_format({**base, "num_format": "#,##0.#####"})

    def summary(self) -> None:
        """Write the first sheet: what was asked, what came out."""
        w, dossier = self._w, self._dossier
        sheet = self._sheet(w("summary"), (34, 16, 16, 26, 22, 46))
        facts = [
            (w("clause"), f"{dossier.clause.number} {w.of(dossier.clause.name.text)}"),
            (w("document"), f"{dossier.catalogue.document.number} {w.of(dossier.catalogue.document.title.text)}"),
            (w("author"), dossier.plan.plan.author),
            (w("frozen"), moment(dossier.plan.at, self._zone)),
            (w("hash"), dossier.plan.hash),
            (w("verdict"), w.of(VERDICTS[dossier.assessment.finding.verdict])),
        ]
        for row, (name, value) in enumerate(facts, start=2):
            sheet.write(row, 0, name, self._bold)
            sheet.write(row, 1, value, self._bold if row == len(facts) + 1 else None)
        row = len(facts) + 3
        heads = ("indicator", "bound", "estimate", "interval", "verdict", "notes")
        sheet.write_row(row, 0, [w(name) for name in heads], self._head)
        for found in dossier.assessment.finding.findings:
            row += 1
            cells = (
                w.of(found.name),
                bound_text(found, w.language),
                estimate_text(found, w.language),
                interval_text(found, w.language),
                w.of(VERDICTS[found.verdict]),
                "\n".join(w.of(note) for note in found.notes),
            )
            sheet.write_row(row, 0, cells, self._plain)

    def indicator(self, found: Finding) -> None:
        """Write one indicator's sheet: every window of both sides, totals, and the change they make."""
        w = self._w
        sheet = self._sheet(f"{found.indicator}", (12, 22, 22, 18, 18, 18, 16, 14))
        sheet.write(2, 0, w.of(found.name), self._bold)
        sheet.write(3, 0, f"{w('bound')}: {bound_text(found, w.language)} · {w('kind')}: {w.of(KINDS[found.kind])}")
        trials = found.statistic is Statistic.PROPORTION
        columns = ("successes", "trials") if trials else ("numerator", "denominator")
        heads = ["side", "start", "stop", "product", *columns, "value", "coverage", "counts"]
        sheet.write_row(5, 0, [w(name) for name in heads], self._head)
        row, totals = 6, {}
        for arm, by_indicator in self._dossier.assessment.measurements.items():
            many = by_indicator[found.indicator]
            used = counted(Text(), many, found.statistic, self._minimum(found)).windows
            first = row
            for one in many:
                row = self._window(sheet, row, arm, one, counts=one in used)
            totals[arm] = self._total(sheet, row, first, arm, used)
            row += 2
        self._change(sheet, row, found, totals)

    def assumptions(self) -> None:
        """Write what comes out when an assumption of the model is half as large, and half as large again."""
        w = self._w
        sheet = self._sheet(w("assumptions"), (34, 18, 60, 60))
        sheet.write(2, 0, w("sensitivity"), self._bold)
        sheet.write(3, 0, w("sensitivity-text"))
        sheet.write_row(5, 0, [w(name) for name in ("parameter", "value", "low", "high")], self._head)
        for row, cells in enumerate(assumptions(self._dossier, w), start=6):
            sheet.write_row(row, 0, cells, self._plain)

    def _minimum(self, found: Finding) -> Minimum:
        return next(one.minimum for one in self._dossier.clause.indicators if one.id == found.indicator)

    def _window(
        self,
        sheet: Any,  # noqa: ANN401
        row: int,
        arm: Arm,
        one: Measurement,
        *,
        counts: bool,
    ) -> int:
        parts: list[tuple[str, float, float]] = [(name, *part) for name, part in sorted(one.parts.items())]
        if one.trials is not None:
            parts = [("", float(one.trials.successes), float(one.trials.total))]
        for name, numerator, denominator in parts or [("", math.nan, math.nan)]:
            times = [moment(at, self._zone) for at in one.indicator.window]
            sheet.write_row(row, 0, [self._w.of(ARMS[arm]), *times, name], self._plain)
            if not math.isnan(numerator):
                sheet.write_number(row, 4, numerator, self._number)
                sheet.write_number(row, 5, denominator, self._number)
                if denominator:
                    cells = xl_rowcol_to_cell(row, 4), xl_rowcol_to_cell(row, 5)
                    sheet.write_formula(row, 6, f"={cells[0]}/{cells[1]}", self._number, numerator / denominator)
            elif one.indicator.value is not None and math.isfinite(one.indicator.value):
                sheet.write_number(row, 6, one.indicator.value, self._number)
            sheet.write(row, 7, "–" if one.indicator.coverage is None else f"{one.indicator.coverage:.1%}", self._plain)
            sheet.write(row, 8, self._w("yes" if counts else "no"), self._plain)
            row += 1
        return row

    def _total(self, sheet: Any, row: int, first: int, arm: Arm, many: Sequence[Measurement]) -> str | None:  # noqa: ANN401
        """Write the sums of the windows that count. Return the ratio's cell, None where there is none."""
        if row == first or not any(one.parts or one.trials for one in many):
            return None
        yes = self._w("yes")
        sheet.write(row, 0, self._w.of(ARMS[arm]), self._bold)
        sheet.write(row, 3, self._w("total"), self._bold)
        sums = []
        status = f"I{first + 1}:I{row}"
        for column, letter in ((4, "E"), (5, "F")):
            formula = f'=SUMIF({status},"{yes}",{letter}{first + 1}:{letter}{row})'
            sums.append(xl_rowcol_to_cell(row, column))
            sheet.write_formula(row, column, formula, self._number, _sum(many, column - 4))
        whole = _sum(many, 1)
        ratio = _sum(many, 0) / whole if whole else math.nan
        formula = f'=IF({sums[1]}=0,"",{sums[0]}/{sums[1]})'
        sheet.write_formula(row, 6, formula, self._number, "" if math.isnan(ratio) else ratio)
        return str(xl_rowcol_to_cell(row, 6))

    def _change(self, sheet: Any, row: int, found: Finding, totals: dict[Arm, str | None]) -> None:  # noqa: ANN401
        w = self._w
        old, new = totals.get(Arm.BASELINE), totals.get(Arm.IMPROVED)
        # With products apart the estimate is standardised, which no single cell can follow.
        live = found.kind in _CHANGE and old and new and found.mix is None and found.estimate is not None
        if live:
            sheet.write(row, 0, w("change"), self._bold)
            formula = _CHANGE[found.kind].format(old=old, new=new)
            sheet.write_formula(row, 6, formula, self._percent, found.estimate)
            row += 1
        facts = (
            (w("estimate"), estimate_text(found, w.language)),
            (f"{w('interval')} {found.confidence:.0%}", interval_text(found, w.language)),
            (w("verdict"), w.of(VERDICTS[found.verdict])),
            *((w("notes"), w.of(note)) for note in found.notes),
        )
        for name, value in facts:
            sheet.write(row, 0, name, self._bold)
            sheet.write(row, 3, value)
            row += 1

    def _sheet(self, name: str, widths: Sequence[float]) -> Any:  # noqa: ANN401 - untyped library
        sheet = self._book.add_worksheet(name[:_LONGEST_NAME])
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        if self._dossier.simulated:
            sheet.write(0, 0, self._w("simulated"), self._warn)
            sheet.set_header(f"&R{self._w('simulated-short')}")
        return sheet


def _sum(many: Sequence[Measurement], part: int) -> float:
    parts = [one.trials if one.trials is not None else one.whole for one in many]
    return float(sum(found[part] for found in parts if found is not None))
