"""`provenline retention`: how long what is kept, what is protected, what would go, and letting it go now."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from configs.schema import InfluxConfig
from evidence.campaign import Campaigns
from historian.buckets import DAY
from historian.embedded import EmbeddedReader
from historian.port import Dropped
from plant.clock import SECOND, SystemClock, iso
from plant.errors import ConfigError, ProvenlineError, Unavailable
from plant.text import Text
from provenline.console import DataFolder
from provenline.doctor import language
from provenline.process import fail
from provenline.retention import Due, Rung, groups, plan, protections
from provenline.screen import out

if TYPE_CHECKING:
    from historian.influxdb import InfluxHistorian

app = typer.Typer(
    help="Keeping and thinning data: rules, what is due, what is protected. 数据保留与降采样。", no_args_is_help=True
)
ConfigFolder = Annotated[Path, typer.Option("--config", help="Folder with the configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@dataclass(slots=True)
class _Sum:
    """What is due of one rule in one way: `rows` on `days`, about so many bytes; None where the store has no say."""

    first: int
    last: int
    days: int = 0
    rows: int = 0
    bytes: int | None = None


@app.command()
def show(data: DataFolder = None, config: ConfigFolder = PACKAGED) -> None:
    """Say how long what is kept, what is protected and why, and what was dropped so far. Changes nothing.

    显示保留规则、受保护的时段及原因、已清理的数据。
    """
    configuration, folder = _loaded(config), _folder(data)
    with _asked(configuration, folder) as store:
        chosen, (totals, last) = groups(configuration, store.paths()), _so_far(store)
    if not chosen:
        _say("未配置保留期限：不会删除任何数据", "nothing is ever dropped: the configuration sets no retention")
    tags: dict[tuple[str, tuple[Rung, ...]], int] = defaultdict(int)
    for group in chosen:
        tags[group.rule, group.ladder] += len(group.paths)
    for (rule, rungs), count in tags.items():
        _say(f"{rule}：{count} 个标签；{_written(rungs, 'zh')}", f"{rule}: {count} tags; {_written(rungs, 'en')}")
    for one in protections(configuration, Campaigns(folder / "campaigns")):
        span, scene = f"{iso(one.start)} – {iso(one.stop)}", one.scene
        _say(f"受保护 {scene or '全部场景'} {span}：{one.why}", f"protected {scene or 'all scenes'} {span}: {one.why}")
    zh = f"已清理 {totals.samples} 个样本、{totals.buckets} 个汇总值"
    en = f"dropped so far: {totals.samples} samples, {totals.buckets} buckets"
    if totals.bytes is not None:
        zh, en = f"{zh}，释放 {totals.bytes} 字节", f"{en}, {totals.bytes} bytes"
    if last is not None:
        zh, en = f"{zh}；最近一次 {iso(last)}", f"{en}; last {iso(last)}"
    _say(zh, en)


@app.command(name="plan")
def show_plan(data: DataFolder = None, config: ConfigFolder = PACKAGED, as_json: AsJson = False) -> None:
    """Say what would be dropped now: per rule how many samples and about how many bytes. Changes nothing.

    预演：按规则列出将清理的样本数与字节数；不做任何改动。
    """
    configuration, folder = _loaded(config), _folder(data)
    with _asked(configuration, folder) as store:
        spared = protections(configuration, Campaigns(folder / "campaigns"))
        due = plan(store, groups(configuration, store.paths()), spared, now=SystemClock().now())
        sums = _summed(due, {source: _bytes_a_row(store, source) for source in {one.source for one in due}})
    for key, found in sums.items():
        if as_json:
            rule, source, target, protected = key
            row = {"rule": rule, "from_step_s": source / SECOND, "to_step_s": target / SECOND, "protected": protected}
            row |= {"days": found.days, "first": _day(found.first), "last": _day(found.last)}
            print(json.dumps(row | {"rows": found.rows, "bytes": found.bytes}, ensure_ascii=False))  # noqa: T201 - for machines
            continue
        _say(_line("zh", key, found), _line("en", key, found))
    if not due and not as_json:
        _say("没有到期的数据", "nothing is due")


@app.command()
def apply(data: DataFolder = None, config: ConfigFolder = PACKAGED) -> None:
    """Drop what is due now, while no centre runs here; a running one does so by itself every six hours.

    立即执行到期清理（监测中心未运行时）；运行中的监测中心每六小时自动执行。
    """
    configuration, folder = _loaded(config), _folder(data)
    if not folder.is_dir():
        fail(f"{folder} is no data folder of a centre; name it with --data")
    try:
        done = asyncio.run(_applied(configuration, folder))
    except Unavailable as error:
        fail(f"{error}; a centre that runs here thins by itself every six hours")
    except ProvenlineError as error:
        fail(str(error))
    zh, en = f"已清理 {done[0]} 个样本、{done[1]} 个汇总值", f"dropped {done[0]} samples and {done[1]} buckets"
    if isinstance(configuration.centre.historian, InfluxConfig):
        _say(zh, en)  # how much room that makes, and when, is the server's affair
    else:
        _say(f"{zh}，释放 {done[2]} 字节", f"{en}, freed {done[2]} bytes")


async def _applied(configuration: Configuration, folder: Path) -> tuple[int, int, int]:
    from provenline.centre import opened  # noqa: PLC0415 - a whole centre, which the other commands do without
    from provenline.thinning import one_round  # noqa: PLC0415 - likewise
    from provenline.trust import trust  # noqa: PLC0415 - likewise

    async with (
        trust(folder, configuration) as trusted,
        opened(configuration, trusted, data=folder, clock=SystemClock()) as centre,
    ):
        done = await asyncio.to_thread(one_round, centre, threading.Event())
    if done is None:
        raise ProvenlineError("not everything that is due could be thinned; the log above says why")
    return done.samples, done.buckets, done.bytes


def _summed(due: Sequence[Due], a_row: dict[int, float | None]) -> dict[tuple[str, int, int, str], _Sum]:
    sums: dict[tuple[str, int, int, str], _Sum] = {}
    for one in due:
        key = one.group.rule, one.source, one.target, one.protected
        found = sums.setdefault(key, _Sum(one.day, one.day))
        found.first, found.last = min(found.first, one.day), max(found.last, one.day)
        found.days, found.rows = found.days + 1, found.rows + one.rows
        each = a_row[one.source]
        found.bytes = None if each is None else round(found.rows * each)
    return sums


def _loaded(folder: Path) -> Configuration:
    try:
        return load(folder)
    except ConfigError as error:
        fail(f"{folder}: {error}")


def _folder(data: Path | None) -> Path:
    return data or Path(os.environ.get("PROVENLINE_DATA", "~/.local/share/provenline")).expanduser()


@contextmanager
def _asked(configuration: Configuration, folder: Path) -> Iterator[EmbeddedReader | InfluxHistorian]:
    """Lend the store that the configuration names, to ask it; what it cannot answer ends the command."""
    try:
        if isinstance(configuration.centre.historian, InfluxConfig):
            with closing(_influxdb(configuration, folder)) as there:
                yield there
            return
        if not (folder / "historian" / "historian.db").exists():
            fail(f"{folder} holds no samples of its own; name the data folder with --data")
        with closing(EmbeddedReader(folder / "historian")) as here:
            yield here
    except ProvenlineError as error:
        fail(str(error))


def _influxdb(configuration: Configuration, folder: Path) -> InfluxHistorian:
    from provenline.centre import open_historian  # noqa: PLC0415 - a whole centre, which is slow to import

    return cast("InfluxHistorian", open_historian(configuration, folder, SystemClock()))


def _so_far(store: EmbeddedReader | InfluxHistorian) -> tuple[Dropped, int | None]:
    """Return what was dropped, ever, and when the last time, where the store knows."""
    if not isinstance(store, EmbeddedReader):
        return store.dropped, None
    totals = store.thinning
    return Dropped(totals.samples, totals.buckets, totals.bytes), totals.at


def _bytes_a_row(store: EmbeddedReader | InfluxHistorian, step: int) -> float | None:
    return store.bytes_a_row(step=step) if isinstance(store, EmbeddedReader) else None


def _written(rungs: Sequence[Rung], tongue: str) -> str:
    arrow = " → "
    return arrow.join(f"{_step(rung.step, tongue)} {_age(rung.keep, tongue)}" for rung in rungs)


def _line(tongue: str, key: tuple[str, int, int, str], found: _Sum) -> str:
    rule, source, target, protected = key
    days = f"{_day(found.first)} – {_day(found.last)}"
    into = _step(target, tongue) if target else ("删除" if tongue == "zh" else "nothing")
    if tongue == "zh":
        kept = f"；保留：{protected}" if protected else ""
        size = "" if found.bytes is None else f"，约 {found.bytes} 字节"
        return f"{rule}：{days}，{found.rows} 个{_step(source, tongue)} → {into}{size}{kept}"
    kept = f"; stays: {protected}" if protected else ""
    size = "" if found.bytes is None else f", about {found.bytes} bytes"
    return f"{rule}: {days}, {found.rows} {_step(source, tongue)} → {into}{size}{kept}"


def _step(step: int, tongue: str) -> str:
    if not step:
        return "原始样本" if tongue == "zh" else "samples"
    seconds = step // SECOND
    size = next(f"{seconds // unit} {name}" for unit, name in _UNITS if seconds % unit == 0)
    return f"{size} 汇总值" if tongue == "zh" else f"{size} values"


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def _age(keep: int | None, tongue: str) -> str:
    if keep is None:
        return "永久" if tongue == "zh" else "for ever"
    return f"{keep / DAY:g} 天" if tongue == "zh" else f"{keep / DAY:g} days"


def _day(day: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(days=day)).date().isoformat()


def _say(zh: str, en: str) -> None:
    out.print(Text(zh, en).of(language()), soft_wrap=True, markup=False)
