"""Figures by hand: the engine's own formulas on numbers from the command line or a CSV file.

    provenline calc oee --planned-busy-time 420min --downtime 47min --ideal-cycle 1s --produced 19271 --rejected 423

For labs, and for anyone who wants to check a figure of the page. Every result comes with
its derivation. Numbers that cannot be are refused in one line, with exit code 2.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from analytics import energy, oee
from analytics.counters import increments
from analytics.explain import FLAG_TEXTS, STATUS_TEXTS, StepKind, explain, written
from analytics.formulas import FORMULAS, PERCENTILES, quantities, symbol
from analytics.indicator import Basis, Indicator, evaluate
from analytics.latency import indicators as latency_indicators
from analytics.reliability import Denominator, Reliability
from analytics.reliability import indicators as reliability_indicators
from configs.base import duration
from plant.batch import Batch
from plant.clock import SECOND
from plant.errors import UnitError
from plant.tags import CounterPolicy, OnDecrease
from plant.text import Text
from provenline.screen import out

app = typer.Typer(name="calc", help="Compute figures by hand. 手工计算指标。", no_args_is_help=True)

EXIT_REFUSED = 2
_BASIS = Basis(scope="calc", window=(0, SECOND))
_OF_THE_WINDOW = frozenset(("key", "scope", "start", "stop"))


class Language(StrEnum):
    """The languages of the product."""

    ZH = "zh"
    EN = "en"


Lang = Annotated[Language, typer.Option("--lang", help="Language of the output: zh or en.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="CSV file with a header line.", show_default=False)]
Column = Annotated[str, typer.Option("--column", help="Column of the CSV file; the last one when not given.")]


@app.command(name="oee")
def compute_oee(
    planned_busy_time: Annotated[str, typer.Option(help="420min, 7h, or seconds")],
    ideal_cycle: Annotated[str, typer.Option(help="time per piece: 1s, 500ms")],
    produced: Annotated[str, typer.Option(help="all pieces")],
    downtime: Annotated[str, typer.Option(help="stops within planned busy time, without set-up")] = "0",
    setup_time: Annotated[str, typer.Option(help="set-up within planned busy time")] = "0",
    rejected: Annotated[str, typer.Option(help="pieces that are not good")] = "0",
    planned_down_time: Annotated[str, typer.Option(help="breaks, beside planned busy time")] = "0",
    calendar_time: Annotated[str | None, typer.Option(help="all time, for TEEP; 24h")] = None,
    lang: Lang = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """Compute OEE, its three factors, NEE, TEEP and the rest of the family."""
    times = {
        "planned_busy_time": planned_busy_time,
        "down_time": downtime,
        "setup_time": setup_time,
        "ideal_cycle": ideal_cycle,
        "planned_down_time": planned_down_time,
    }
    try:
        sums = oee.by_numbers(
            **{name: _seconds(name, text) for name, text in times.items()},
            produced=_number("produced", produced),
            rejected=_number("rejected", rejected),
            calendar_time=None if calendar_time is None else _seconds("calendar_time", calendar_time),
        )
    except ValueError as error:
        _refuse(str(error))
    # Without calendar time TEEP and utilization would be about the plan, not the calendar.
    ids = [kpi for kpi in oee.FAMILY if calendar_time is not None or kpi not in {"teep", "utilization"}]
    _show(oee.indicators(sums, sums.basis("calc", _BASIS.window), ids=ids), lang, as_json=as_json)


@app.command()
def mtbf(
    operating_time: Annotated[str, typer.Option(help="time in operation, without failures: 10000h")],
    failures: Annotated[str, typer.Option(help="number of failures")],
    repair_time: Annotated[str, typer.Option(help="time spent on repair")] = "0",
    denominator: Annotated[Denominator, typer.Option(help="what mean times are divided by")] = Denominator.FAILURES,
    lang: Lang = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """Compute MTBF, MTTR and the availability that follows from them."""
    count = _number("failures", failures)
    if not count.is_integer():
        _refuse(f"failures: {failures} is not a whole number")
    found = Reliability(
        failures=int(count),
        operating=round(_seconds("operating_time", operating_time) * SECOND),
        repair=round(_seconds("repair_time", repair_time) * SECOND),
    )
    means = reliability_indicators(found, _BASIS, denominator=denominator)
    inputs = quantities({"MTBF": means[0].value, "MTTR": means[1].value})
    _show([*means, evaluate(FORMULAS["inherent-availability"], inputs, _BASIS)], lang, as_json=as_json)


@app.command()
def rty(
    yields: Annotated[list[str], typer.Argument(help="first pass yield of each step: 0.95 or 95%")],
    lang: Lang = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """Compute rolled throughput yield from the first pass yields of the steps."""
    shares = [_share(text) for text in yields]
    inputs = quantities({"FPY": shares})
    _show([evaluate(FORMULAS["rolled-throughput-yield"], inputs, _BASIS)], lang, as_json=as_json)


@app.command(name="energy")
def compute_energy(
    readings: Annotated[list[str] | None, typer.Argument(help="meter readings in order")] = None,
    csv_file: Csv = None,
    column: Column = "",
    good: Annotated[str | None, typer.Option(help="good pieces made meanwhile")] = None,
    unit: Annotated[str, typer.Option(help="unit of the meter, UCUM: kW.h, W.h, MJ")] = energy.UNIT,
    on_decrease: Annotated[OnDecrease, typer.Option(help="what a falling reading means")] = OnDecrease.RESET,
    modulus: Annotated[int, typer.Option(min=1, help="number of values before a rollover")] = 2**32,
    lang: Lang = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """Compute energy from the readings of a cumulative meter, and energy per good piece."""
    values = np.array([_number("reading", text) for text in _texts(readings, csv_file, column)])
    if len(values) < 2:
        _refuse("energy is the difference of readings; give at least two")
    count = len(values)
    batch = Batch.floats(("meter",), np.zeros(count, np.uint32), np.arange(count) * SECOND, values, received=0)
    found = increments(
        batch, (0, count * SECOND), policy=CounterPolicy(on_decrease=on_decrease, modulus=modulus), max_gap=None
    )
    try:
        metered = energy.metered(found, unit)
    except UnitError as error:
        _refuse(str(error))
    basis = Basis(scope="calc", window=found.window, coverage=found.known.total / (count * SECOND))
    origin = Text(f"{count} 次读数", f"{count} readings")
    shown = [energy.indicator(metered, basis, origin=origin)]
    if good is not None:
        shown.append(energy.per_good_piece(metered, _number("good", good), basis, origin=origin))
    _show(shown, lang, as_json=as_json)


@app.command()
def latency(
    delays: Annotated[list[str] | None, typer.Argument(help="delays in ms; 'lost' for a lost packet")] = None,
    csv_file: Csv = None,
    column: Column = "",
    lost: Annotated[str, typer.Option(help="lost packets beside those in the list")] = "0",
    percentile: Annotated[list[str] | None, typer.Option(help="in per cent; may be given several times")] = None,
    lang: Lang = Language.ZH,
    as_json: AsJson = False,
) -> None:
    """Compute delay percentiles and loss; a lost packet counts as infinite delay."""
    shares = percentile or ["50", "95", "99", "99.9"]
    unknown = [share for share in shares if share not in PERCENTILES]
    if unknown:
        _refuse(f"percentile: {unknown[0]} is not offered; choose from {', '.join(PERCENTILES)}")
    beside = _number("lost", lost)
    if not beside.is_integer():
        _refuse(f"lost: {lost} is not a whole number")
    values = np.array([_delay(text) for text in _texts(delays, csv_file, column)])
    received = values[np.isfinite(values)]
    gone = len(values) - len(received) + int(beside)
    _show(latency_indicators(received, gone, _BASIS, shares=shares), lang, as_json=as_json)


def _show(indicators: Iterable[Indicator], lang: Language, *, as_json: bool) -> None:
    found = list(indicators)
    if as_json:
        typer.echo(json.dumps([_payload(indicator, lang) for indicator in found], ensure_ascii=False, indent=2))
        return
    heads = ("指标", "数值", "推导", "依据") if lang is Language.ZH else ("figure", "value", "derivation", "source")
    table = Table(*heads, show_lines=False)
    table.columns[1].justify = "right"
    for indicator in found:
        table.add_row(*(escape(cell) for cell in _row(indicator, lang)))
    out.print(table)
    for line in dict.fromkeys(line for indicator in found for line in _legend(indicator, lang)):
        out.print(escape(line), soft_wrap=True)
    for text in dict.fromkeys(text for indicator in found for text in _remarks(indicator, lang)):
        out.print(f"• {escape(text)}", soft_wrap=True)


def _row(indicator: Indicator, lang: Language) -> tuple[str, str, str, str]:
    text = {step.kind: step.text for step in explain(indicator, lang).steps}
    value, status = indicator.value, STATUS_TEXTS[indicator.status]
    shown = status.of(lang) if value is None else written(value, indicator.unit, indicator.shown, lang)
    put_in = text.get(StepKind.SUBSTITUTION)
    derivation = text[StepKind.FORMULA] + (f" = {put_in}" if put_in else "")
    return indicator.name.of(lang), shown, derivation, text[StepKind.SOURCE]


def _legend(indicator: Indicator, lang: Language) -> Iterator[str]:
    for name in indicator.inputs:
        yield f"{name:>5}  {symbol(name).name.of(lang)}"


def _remarks(indicator: Indicator, lang: Language) -> Iterator[str]:
    name = indicator.name.of(lang)
    if indicator.note.of(lang):
        yield f"{name}: {indicator.note.of(lang)}"
    yield from (FLAG_TEXTS[flag].of(lang) for flag in indicator.flags)


def _payload(indicator: Indicator, lang: Language) -> dict[str, object]:
    own = {key: value for key, value in indicator.payload().items() if key not in _OF_THE_WINDOW}
    steps = [{"kind": s.kind.value, "label": s.label, "text": s.text} for s in explain(indicator, lang).steps]
    return {**own, "derivation": steps}


def _texts(given: list[str] | None, csv_file: Path | None, column: str) -> list[str]:
    if bool(given) == (csv_file is not None):
        _refuse("give either numbers or --csv FILE")
    return given or _column(csv_file or Path(), column)


def _column(path: Path, column: str) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            names = list(rows.fieldnames or ())
            name = column or (names[-1] if names else "")
            if name not in names:
                _refuse(f"{path}: no column {name!r}; it has {', '.join(names) or 'none'}")
            return [(row[name] or "").strip() for row in rows]
    except OSError as error:
        _refuse(f"{path}: {error.strerror}")
    except (UnicodeDecodeError, csv.Error) as error:
        _refuse(f"{path}: not a CSV file in UTF-8 ({error})")


def _seconds(name: str, text: str) -> float:
    try:
        value = duration(text)
        return _finite(name, float(str(value)))
    except ValueError as error:
        # A bare number is a duration in seconds; everything else has a unit.
        try:
            return _finite(name, float(text))
        except ValueError:
            _refuse(f"{_option(name)}: {error}")


def _number(name: str, text: str) -> float:
    try:
        return _finite(name, float(text))
    except ValueError:
        _refuse(f"{_option(name)}: {text!r} is not a number")


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value) or value < 0:
        _refuse(f"{_option(name)}: {value:g} is not a number from 0 up")
    return value


def _share(text: str) -> float:
    value = _number("yield", text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if value > 1:
        _refuse(f"yield: {text} is more than everything; write 0.95 or 95%")
    return value


def _delay(text: str) -> float:
    if text.lower() in {"", "lost", "inf", "nan"}:
        return math.inf
    return _number("delay", text)


def _option(name: str) -> str:
    return name.replace("_", "-")


def _refuse(message: str) -> NoReturn:
    typer.echo(f"provenline calc: {message}", err=True)
    raise typer.Exit(EXIT_REFUSED)
