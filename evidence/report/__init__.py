"""Reports of a campaign, from its dossier alone: PDF, workbook and application forms, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from evidence.dossier import Dossier
from evidence.report.charts import marked
from evidence.report.content import content
from evidence.report.document import document
from evidence.report.pdf import pdf
from evidence.report.words import Words
from evidence.report.workbook import workbook

LANGUAGES = ("zh", "en")


def report(dossier: Dossier) -> Mapping[str, bytes]:
    """Return the files of a campaign's report by name."""
    files = {}
    for language in LANGUAGES:
        said, charts = content(dossier, language)
        if dossier.simulated:
            mark = Words(language)("simulated-short")
            charts = {name: marked(svg, mark) for name, svg in charts.items()}
        files[f"report.{language}.pdf"] = pdf(said, charts)
        files[f"report.{language}.xlsx"] = workbook(dossier, language)
        files[f"forms.{language}.docx"] = document(dossier, language)
    return files
