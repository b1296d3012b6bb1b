"""KPIs of a user's own exported data, without any server: `provenline kpi --from DATA --map MAP.yaml`.

The table goes block by block into a store of its own in a temporary folder, and is worked
out shift by shift by the engine that serves the page. So neither the table nor the samples
ever have to fit into memory, and no figure is made in another way than elsewhere.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from analytics.explain import FLAG_TEXTS, STATUS_TEXTS, written
from analytics.indicator import Indicator
from analytics.periods import pieces
from analytics.rules import configured
from analytics.scene import Analysis, analyse, roll_up
from configs.configuration import calendar as build_calendar
from configs.kpi_map import KpiMap, load_map
from plant.assets import Device, Line, Scene
from plant.calendar import ShiftCalendar
from plant.clock import SECOND
from plant.errors import ConfigError, Fault, Rejected
from plant.tags import CounterPolicy, Tag
from plant.text import Text
from provenline.calc import EXIT_REFUSED, AsJson, Lang, Language
from provenline.screen import out

if TYPE_CHECKING:
    from provenline.own_table import OwnTable

app = typer.Typer()

_LONGEST = 20 * 366 * 86_400 * SECOND
_SCENE, _LINE = "own/data", "own/data/line"

Source = Annotated[Path, typer.Option("--from", help="CSV (UTF-8, with a header line) or Parquet file.")]
MapFile = Annotated[Path, typer.Option("--map", help="YAML file that says what the columns mean.")]


@app.command()
def kpi(source: Source, map_file: MapFile, lang: Lang = Language.ZH, as_json: AsJson = False) -> None:
    """Compute KPIs of your own exported data, without any server."""
    try:
        found = analysis_of(source, load_map(map_file))
    except ConfigError as error:
        for fault in error.faults:
            typer.echo(f"provenline kpi: {fault}", err=True)
        raise typer.Exit(EXIT_REFUSED) from error
    except Rejected as error:
        typer.echo(f"provenline kpi: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from error
    chosen = [unit.scope for unit in found.units[:-1]]  # the scene is its only line
    shown = chosen[:-1] if len(chosen) == 2 else chosen  # a line of one machine is that machine
    indicators = [i for i in found.indicators() if any(i.scope == s or i.scope.startswith(f"{s}/") for s in shown)]
    if as_json:
        typer.echo(json.dumps([indicator.payload() for indicator in indicators], ensure_ascii=False, indent=2))
    else:
        _print(indicators, lang)


def analysis_of(source: Path, wanted: KpiMap) -> Analysis:
    """Work out a table. Raises ConfigError on a table that the map does not fit."""
    # Slow to import, and every command would wait for it.
    from historian.embedded import EmbeddedHistorian  # noqa: PLC0415
    from provenline.own_table import OwnTable, span_of  # noqa: PLC0415

    scene = _scene(wanted)
    table: OwnTable = OwnTable(source, wanted, _paths(wanted))
    calendar = build_calendar(wanted.time.zone, wanted.calendar) if wanted.calendar else None
    calendar = calendar or ShiftCalendar.around_the_clock(wanted.time.zone)
    rules = configured(wanted.rules, min_coverage=wanted.min_coverage)
    with tempfile.TemporaryDirectory(prefix="provenline-kpi-") as folder:
        store = EmbeddedHistorian(Path(folder), seal_every=None)
        try:
            span = (0, 0)
            for batch, seen in span_of(table.batches()):
                store.write(batch)
                span = seen
            window = (span[0], span[1] + 1)
            if span[1] - span[0] > _LONGEST:
                hint = "is time.unit right?"
                raise ConfigError((Fault(str(source), "time", "spans more than 20 years", hint),))
            parts = [
                analyse(scene, store, piece, calendar=calendar, rules=rules, now=window[1])
                for piece in pieces(calendar, window)
            ]
        finally:
            store.close()
    return roll_up(parts)


def _paths(wanted: KpiMap) -> tuple[str, ...]:
    from provenline.own_table import slug  # noqa: PLC0415

    return tuple(f"{_LINE}/{signal.device}/{slug(signal.name)}-{n}" for n, signal in enumerate(wanted.signals))


def _scene(wanted: KpiMap) -> Scene:
    names = list(wanted.devices) or list(dict.fromkeys(signal.device for signal in wanted.signals))
    tags: dict[str, list[Tag]] = {name: [] for name in names}
    for path, signal in zip(_paths(wanted), wanted.signals, strict=True):
        counter = signal.counter
        tag = Tag(
            path=path,
            kind=signal.kind,
            role=signal.role,
            label=signal.label,
            unit=signal.unit,
            stale_after=signal.stale_after,
            states=dict(signal.states),
            counter=CounterPolicy(counter.on_decrease, counter.modulus, counter.largest_step),
        )
        tags[signal.device].append(tag)
    devices = []
    for name in names:
        machine = wanted.devices.get(name)
        given = machine.name.text if machine else Text()
        called = given if given.of("en") else Text(name, name)
        cycle = dict(machine.ideal_cycle) if machine else {}
        devices.append(Device(path=f"{_LINE}/{name}", name=called, ideal_cycle=cycle, tags=tuple(tags[name])))
    line = Line(path=_LINE, name=Text("全部", "all"), serial=wanted.serial, devices=tuple(devices))
    return Scene(path=_SCENE, name=Text("数据", "data"), lines=(line,))


def _print(indicators: list[Indicator], lang: Language) -> None:
    zh = lang is Language.ZH
    table = Table(
        *(("对象", "指标", "数值", "覆盖率", "说明") if zh else ("of", "figure", "value", "coverage", "note"))
    )
    table.columns[2].justify = table.columns[3].justify = "right"
    for i in indicators:
        value = STATUS_TEXTS[i.status].of(lang) if i.value is None else written(i.value, i.unit, i.shown, lang)
        coverage = "" if i.coverage is None else f"{i.coverage:.1%}"
        notes = [i.note.of(lang), *(FLAG_TEXTS[flag].of(lang) for flag in i.flags)]
        remark = " ".join(note for note in notes if note)
        scope = i.scope.removeprefix(f"{_LINE}/").removeprefix(_LINE) or ("全部" if zh else "all")
        table.add_row(*(escape(cell) for cell in (scope, i.name.of(lang), value, coverage, remark)))
    out.print(table)
