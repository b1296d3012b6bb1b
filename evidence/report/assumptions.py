"""Which assumptions a verdict rests on: a row an assumption, as the report and its workbook show it."""

from __future__ import annotations

from analytics.acceptance import Verdict
from evidence.dossier import Dossier
from evidence.payload import Plain
from evidence.report.numbers import is_percent, shown
from evidence.report.words import VERDICTS, Words


def assumptions(dossier: Dossier, w: Words) -> list[list[str]]:
    """Return each assumption with what comes out when it is half as large, and half as large again."""
    units = {one.indicator: one for one in dossier.assessment.finding.findings}

    def outcome(tried: Plain) -> str:
        if "error" in tried:
            return w("cannot-be", why=tried["error"])
        estimates = (
            shown(value, units[name].unit, w.language, percent=is_percent(units[name]))
            if isinstance(value, float)
            else str(value)
            for name, value in tried["estimates"].items()
            if value is not None
        )
        turned = tried["verdict"] != dossier.assessment.finding.verdict.value
        said = f"{w.of(VERDICTS[Verdict(tried['verdict'])])} ({'; '.join(estimates) or '–'})"
        return f"▲ {said}" if turned else said

    return [
        [
            one["parameter"],
            f"{one['value']:g}" + ("" if one["baseline"] is None else f" / {one['baseline']:g}"),
            outcome(one["low"]),
            outcome(one["high"]),
        ]
        for one in dossier.sensitivity or ()
    ]
