"""Reports say what the package says, in both languages, and never without the mark of simulated data."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
from docx import Document

from evidence.archive import unpack
from evidence.report import forms
from evidence.report.words import W, Words

LANGUAGES = ("zh", "en")
CHINESE = range(0x4E00, 0xA000)


@pytest.fixture(scope="module")
def folder(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(package, tmp_path_factory.mktemp("package")) / "data"


@pytest.fixture(scope="module")
def finding(folder: Path) -> dict:
    (one,) = json.loads((folder / "findings.json").read_bytes())["findings"]
    return one


def pdf_text(file: Path) -> str:
    return subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, check=True, text=True).stdout


@pytest.mark.needs("pdftotext")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_the_pdf_says_that_data_was_simulated(folder: Path, language: str) -> None:
    pages = pdf_text(folder / "report" / f"report.{language}.pdf").split("\f")[:-1]
    assert len(pages) >= 2
    mark = W["simulated-short"].of(language)
    assert all(mark in page for page in pages)
    charts = 4  # each chart says so itself, wherever it is copied to
    assert sum(page.count(mark) for page in pages) >= len(pages) + charts


@pytest.mark.needs("pdftotext")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_states_the_finding_of_the_package(folder: Path, finding: dict, language: str) -> None:
    text = pdf_text(folder / "report" / f"report.{language}.pdf")
    assert f"{100 * finding['estimate']:.4g} %" in text
    assert json.loads((folder / "plan.json").read_bytes())[0]["hash"] in text
    assert finding["name"][language] in text


@pytest.mark.needs("pdftotext")
def test_fonts_are_embedded_and_no_glyph_is_missing(folder: Path) -> None:
    for language in LANGUAGES:
        file = folder / "report" / f"report.{language}.pdf"
        fonts = subprocess.run(["pdffonts", file], capture_output=True, check=True, text=True).stdout.splitlines()[2:]
        assert fonts
        assert all(row.split()[-5] == "yes" for row in fonts), fonts
        assert "\ufffd" not in pdf_text(file)


def test_the_english_report_has_chinese_only_where_a_document_is_quoted(folder: Path) -> None:
    text = pdf_text(folder / "report" / "report.en.pdf")
    lines = [line for line in text.splitlines() if any(ord(c) in CHINESE for c in line)]
    assert all("渝经信智能" in line for line in lines), lines


def test_all_words_are_there_in_both_languages() -> None:
    for key, text in W.items():
        assert text.zh, key
        assert text.en, key
        assert not any(ord(c) in CHINESE for c in text.en if "渝经信智能" not in text.en), key


# ---------------------------------------------------------------------------------- workbook
@pytest.fixture(scope="module")
def recomputed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> openpyxl.Workbook:
    """The workbook as an office program computes it, without the values we stored."""
    place = tmp_path_factory.mktemp("office")
    return openpyxl.load_workbook(converted(folder / "report" / "report.en.xlsx", "xlsx", place), data_only=True)


def converted(file: Path, kind: str, place: Path) -> Path:
    """Let LibreOffice open a file and write it in another form."""
    home = f"-env:UserInstallation=file://{place}/profile"
    arguments = ["soffice", home, "--headless", "--convert-to", kind, "--outdir", place / "out", file]
    subprocess.run(arguments, check=True, capture_output=True, timeout=110)
    return place / "out" / f"{file.stem}.{kind}"


@pytest.mark.needs("soffice")
def test_the_workbooks_formulas_arrive_at_the_estimate(recomputed: openpyxl.Workbook, finding: dict) -> None:
    sheet = recomputed[finding["indicator"]]
    (row,) = [row for row in sheet.iter_rows(values_only=True) if row[0] == "Change"]
    assert row[6] == pytest.approx(finding["estimate"], rel=1e-9)


def test_the_formulas_are_live(folder: Path, finding: dict) -> None:
    sheet = openpyxl.load_workbook(folder / "report" / "report.en.xlsx")[finding["indicator"]]
    formulas = [cell.value for row in sheet.iter_rows() for cell in row if str(cell.value).startswith("=")]
    assert sum("SUMIF" in one for one in formulas) == 4
    assert len(formulas) >= 4 + 8


def test_every_sheet_is_marked(folder: Path) -> None:
    for language in LANGUAGES:
        book = openpyxl.load_workbook(folder / "report" / f"report.{language}.xlsx")
        assert len(book.sheetnames) == 2
        assert all(sheet["A1"].value == W["simulated"].of(language) for sheet in book)


# ------------------------------------------------------------------------------------- forms
@pytest.mark.needs("soffice", "pdftotext")
def test_the_forms_open_in_another_program_and_say_what_the_package_says(
    folder: Path, finding: dict, tmp_path: Path
) -> None:
    text = "".join(pdf_text(converted(folder / "report" / "forms.zh.docx", "pdf", tmp_path)).split())
    assert f"{100 * finding['estimate']:.4g}%" in text
    assert "绩效指标测算方式及依据" in text
    for form in forms.FORMS:
        assert "".join(form.title.zh.split()) in text


def test_forms_have_the_rows_of_the_notices(folder: Path) -> None:
    tables = Document(folder / "report" / "forms.zh.docx").tables
    assert [cell.text for cell in tables[0].columns[0].cells[1:]] == [
        "降低企业成本",
        "降低不良品率",
        "提高生产运营效率",
        "提高能源利用率",
    ]
    assert len(tables[2].rows) == 1 + 14
    assert [cell.text.split(" ")[0] for cell in tables[3].columns[0].cells[1:]] == [
        "具体场景名称",
        "具体场景描述",
        "解决的痛点问题描述",
        "采用的技术方案",
        "保障要素",
        "实施成果",
        "其他",
    ]


def test_what_was_not_measured_is_left_to_the_author(folder: Path) -> None:
    tables = Document(folder / "report" / "forms.zh.docx").tables
    assert {row.cells[2].text for row in tables[0].rows[1:]} == {W["fill-in"].zh}


def test_a_text_longer_than_a_form_allows_is_not_cut_silently() -> None:
    w = Words("zh")
    field = forms.SCENE_FIELDS[5]
    assert field.most == 200
    assert w("too-long", most=field.most, length=201) == "（现有 201 字，超过 200 字）"


def test_documents_carry_no_macros_and_no_links_to_elsewhere(folder: Path) -> None:
    for file in (folder / "report").glob("*.[dx]*x"):
        with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as parts:
            names = parts.namelist()
            assert not [name for name in names if "vba" in name.lower()]
            rels = b"".join(parts.read(name) for name in names if name.endswith(".rels"))
            assert b'TargetMode="External"' not in rels
