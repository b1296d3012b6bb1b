"""A certificate as PDF, in Chinese or English, typeset with a font that ships in a package."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import justmytype_intl_cjk
import typst

from labs.awards import Certificate
from plant.clock import SECOND
from plant.text import Text

_FONTS = Path(justmytype_intl_cjk.__file__).parent / "fonts" / "ofl" / "notosanssc"
_HEADING = Text("结业证书", "Certificate of Completion")
_SAYS = Text("兹证明", "This is to certify that")
_PASSED = Text("已达到以下课程的考核要求", "has passed the course")
_DATE = Text("颁发日期", "Date")
_CODE = Text("证书编号", "Certificate no.")
_CHECK = Text("凭编号可在本中心网站核验", "Check the number at the centre's page")
_NOTE = Text(
    "实训在仿真产线上完成，成绩由系统依据实际情况自动评定。",
    "Earned on simulated lines; graded by what was true of them.",
)


def pdf(certificate: Certificate, language: str, *, issuer: Text, zone: str) -> bytes:
    """Return a certificate as PDF/A-2b. `language`: `zh` or `en`. `issuer`: the centre's name."""
    given = datetime.fromtimestamp(certificate.at // SECOND, UTC).astimezone(ZoneInfo(zone))
    points = f"{certificate.points:g} / {certificate.of}"
    data = {
        "language": language,
        "title": f"{_HEADING.of(language)} {certificate.code}",
        "issuer": issuer.of(language),
        "heading": _HEADING.of(language),
        "says": _SAYS.of(language),
        "name": certificate.name,
        "passed": _PASSED.of(language),
        "course": certificate.course_name.of(language),
        "points": Text(f"成绩：{points} 分", f"{points} points").of(language),
        "date_label": _DATE.of(language),
        "date": Text(given.strftime("%Y年%m月%d日"), given.strftime("%d %B %Y")).of(language),
        "code_label": _CODE.of(language),
        "code": certificate.code,
        "check": _CHECK.of(language),
        "note": _NOTE.of(language),
    }
    with tempfile.TemporaryDirectory(prefix="certificate-") as scratch:
        folder = Path(scratch)
        (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        template = resources.files("labs").joinpath("certificate.typ").read_text(encoding="utf-8")
        (folder / "certificate.typ").write_text(template, encoding="utf-8")
        made = typst.compile(
            str(folder / "certificate.typ"),
            root=str(folder),
            font_paths=[str(_FONTS)],
            ignore_system_fonts=True,
            pdf_standards=["a-2b"],
        )
    assert isinstance(made, bytes)
    return made
