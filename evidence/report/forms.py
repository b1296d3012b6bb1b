"""The tables of the application forms, in the forms' own structure, filled in from a campaign.

A row is filled in where a finding of the campaign answers it. Everything else is left marked for
the author: what a machine cannot know is not invented, and what a campaign did not measure is not guessed.

Sources: the form of 渝经信智能〔2020〕1号; the form of 渝经信智能〔2024〕7号 with its attachment on how
figures were computed; form 5 and form 4-1 of 渝经信智能〔2021〕114号, with form 4-1's limits in characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analytics.acceptance import Finding, Verdict
from configs.catalogue import Kind
from evidence.dossier import Dossier
from evidence.handed import formulas_of
from evidence.report.numbers import bound_text, estimate_text, interval_text, moment
from evidence.report.words import VERDICTS, Words
from plant.text import Text

_EFFICIENCY = ("production-rate",)
"""What a form means by efficiency of production; a fleet's or a bench's is not a plant's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a form. `measures` and `kind`: what answers it; none where a machine cannot know."""

    name: Text
    unit: str = "%"
    measures: tuple[str, ...] = ()
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A form's table."""

    title: Text
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of form 4-1. `most`: characters it may have, 0 for any number."""

    name: Text
    most: int = 0


_DEFECTS = Row(Text("降低产品不良品率", "Reduction of the defect rate"), "%", ("defect-share",), Kind.CHANGE_DOWN)
_ENERGY = Row(Text("提高能源利用率", "Rise of energy utilisation"), "%", ("energy-per-piece",), Kind.INVERSE_UP)

FORMS = (
    Form(
        Text("渝经信智能〔2020〕1号 降本提质增效等量化指标", "渝经信智能〔2020〕1号, quantified effects"),
        (
            Row(Text("降低企业成本", "Reduction of cost"), "万元"),
            Row(Text("降低不良品率", "Reduction of the defect rate"), "%", ("defect-share",), Kind.CHANGE_DOWN),
            Row(Text("提高生产运营效率", "Rise of operating efficiency"), "%", _EFFICIENCY, Kind.CHANGE_UP),
            _ENERGY,
        ),
    ),
    Form(
        Text("渝经信智能〔2024〕7号 提质增效情况", "渝经信智能〔2024〕7号, quality and efficiency"),
        (
            Row(Text("降低运营成本", "Reduction of operating cost"), "万元"),
            _DEFECTS,
            Row(Text("提高生产效率", "Rise of production efficiency"), "%", _EFFICIENCY, Kind.CHANGE_UP),
            _ENERGY,
        ),
    ),
    Form(
        Text("渝经信智能〔2021〕114号 附件5 当前建设成效", "渝经信智能〔2021〕114号, annex 5, present effects"),
        (
            Row(Text("关键设备数控化率", "Key equipment under numerical control")),
            Row(Text("关键设备联网率", "Key equipment connected"), "%", ("networked-share",), Kind.ABSOLUTE),
            Row(Text("生产效率提升", "Rise of production efficiency"), "%", _EFFICIENCY, Kind.CHANGE_UP),
            Row(Text("资源综合利用率提升", "Rise of resource utilisation")),
            Row(Text("研发周期缩短", "Shorter development")),
            Row(Text("运营成本下降", "Fall of operating cost")),
            Row(Text("产品不良品率下降", "Fall of the defect rate"), "%", ("defect-share",), Kind.CHANGE_DOWN),
            Row(Text("优化人员比例", "Staff released")),
            Row(Text("设备综合利用率提升", "Rise of equipment effectiveness"), "%", ("oee",), Kind.CHANGE_UP),
            Row(Text("库存周转率提升", "Rise of stock turnover"), "%", ("stock-turnover",), Kind.CHANGE_UP),
            Row(Text("产业链供应链智能制造协同平台接入企业数量", "Enterprises on the shared platform"), "个"),
            Row(Text("订单准时交付率提升", "Rise of deliveries on time")),
            Row(Text("订单完成周期缩短", "Shorter order cycle")),
            Row(Text("物流成本占比企业运营降低率", "Fall of logistics' share of cost")),
        ),
    ),
)

SCENE_FIELDS = (
    Field(Text("具体场景名称", "Name of the scene")),
    Field(Text("具体场景描述", "Description of the scene"), 150),
    Field(Text("解决的痛点问题描述", "The problem it solves"), 150),
    Field(Text("采用的技术方案", "The technical solution"), 300),
    Field(Text("保障要素", "What secures it"), 150),
    Field(Text("实施成果", "What came of it"), 200),
    Field(Text("其他", "Other"), 150),
)
"""Form 4-1 of 渝经信智能〔2021〕114号: one scene."""


def answered(dossier: Dossier, row: Row) -> Finding | None:
    """Return the finding that answers a row of a form; one without an estimate answers nothing."""
    return next(
        (
            one
            for one in dossier.assessment.finding.findings
            if one.measure in row.measures and one.kind is row.kind and one.estimate is not None
            if one.verdict is not Verdict.INSUFFICIENT_DATA
        ),
        None,
    )


def filled(dossier: Dossier, form: Form, w: Words) -> list[tuple[str, str, str, str]]:
    """Return a form's rows: name, unit, figure, and what it rests on."""
    rows = []
    for row in form.rows:
        found = answered(dossier, row)
        if found is None:
            rows.append((w.of(row.name), row.unit, w("fill-in"), ""))
            continue
        value = estimate_text(found, w.language).removesuffix(" %")
        basis = f"{w.of(found.name)} {interval_text(found, w.language)}, {w.of(VERDICTS[found.verdict])}"
        rows.append((w.of(row.name), row.unit, value, basis))
    return rows


def scene_row(dossier: Dossier, w: Words) -> list[tuple[str, str]]:
    """Return form 4-1's fields for this scene, each within its limit of characters."""
    texts = {
        0: w.of(dossier.clause.name.text),
        1: w.of(dossier.plan.plan.purpose.text) or w("fill-in"),
        5: results(dossier, w, SCENE_FIELDS[5].most) or w("fill-in"),
    }
    rows = []
    for number, field in enumerate(SCENE_FIELDS):
        text = texts.get(number, w("fill-in"))
        if field.most and len(text) > field.most:
            text = f"{w('fill-in')} {w('too-long', most=field.most, length=len(text))}"
        limit = f" ({w('at-most', most=field.most)})" if field.most else ""
        rows.append((w.of(field.name) + limit, text))
    return rows


def results(dossier: Dossier, w: Words, most: int) -> str:
    """Return what came out in at most so many characters: with intervals where there is room, else without."""
    known = [one for one in dossier.assessment.finding.findings if one.estimate is not None]
    prefix = f"{w('simulated-short')}: " if dossier.simulated else ""
    for intervals in (True, False):
        text = prefix + "; ".join(_said(one, w, interval=intervals) for one in known)
        if len(text) <= most:
            return text if known else ""
    return ""


def _said(found: Finding, w: Words, *, interval: bool) -> str:
    value = estimate_text(found, w.language)
    within = f" [{interval_text(found, w.language)}]" if interval else ""
    return f"{w.of(found.name)} {value}{within}, {w.of(VERDICTS[found.verdict])}"


def basis(dossier: Dossier, w: Words) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
    """Yield, for each indicator, how it was computed and on what basis: the attachment that form 2024-7 asks for."""
    zone = dossier.zone
    plan = dossier.plan
    for found in dossier.assessment.finding.findings:
        formulas = formulas_of(found.measure)
        note = next(one.note.text for one in dossier.clause.indicators if one.id == found.indicator)
        rows = [
            (w("formula"), "\n".join(f"{one.id} v{one.version}: {one.expression}" for one in formulas)),
            (w("source"), "\n".join(filter(None, (w.of(one.source) for one in formulas)))),
            (w("kind"), w.of(note) or found.kind.value),
            (w("bound"), bound_text(found, w.language)),
            (w("estimate"), estimate_text(found, w.language)),
            (f"{w('interval')} {found.confidence:.0%}", interval_text(found, w.language)),
            (w("verdict"), w.of(VERDICTS[found.verdict])),
        ]
        for name, side in (("baseline", found.baseline), ("improved", found.improved)):
            if side is not None:
                coverage = "–" if side.coverage is None else f"{side.coverage:.1%}"
                words = f"{w('windows')} {side.windows}, {w('samples')} {side.samples:g}, {w('coverage')} {coverage}"
                rows.append((w(name), f"{words}, {w('simulated-side' if side.simulated else 'recorded-side')}"))
        rows += [
            (w("frozen"), f"{moment(plan.at, zone)}, {w('revision')} {plan.revision}"),
            (w("hash"), plan.hash),
            (w("notes"), "\n".join(w.of(one) for one in found.notes) or w("none")),
        ]
        yield w.of(found.name), rows
