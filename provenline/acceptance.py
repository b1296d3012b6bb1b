"""`provenline acceptance …`: plan campaigns, carry them out, see where they stand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError
from rich.table import Table

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from evidence.campaign import Campaign, Campaigns, Stage
from evidence.plan import Exclusion, HandedIn, Plan, Window
from evidence.planning import clause_for, simulated_plan
from evidence.timestamp import Authority
from plant.clock import SystemClock, from_iso, iso
from plant.errors import ConfigError, ProvenlineError
from provenline.campaign_jobs import Job, carried_out, planned, said, summarise
from provenline.process import end_with_starter, fail
from provenline.screen import out

app = typer.Typer(
    help="Plan acceptance campaigns, carry them out, export evidence. 验收：方案、执行、证据。", no_args_is_help=True
)

Folder = Annotated[Path, typer.Option("--config", help="Folder with the configuration.")]
Data = Annotated[Path | None, typer.Option(help="Folder of campaigns, keys and samples.", show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the simulation and of every resample.")]
Author = Annotated[str, typer.Option(help="Who answers for the plan.", envvar="PROVENLINE_AUTHOR")]

COLOURS = {"met": "green", "met-unproven": "yellow", "not-met": "red", "insufficient-data": "magenta"}


@app.command()
def plan(
    scene: Annotated[str | None, typer.Argument(help="Scene to plan a simulated campaign for.")] = None,
    file: Annotated[Path | None, typer.Option(help="A plan of your own (YAML), for recorded data.")] = None,
    name: Annotated[str | None, typer.Option("--id", help="Id of the campaign; the scene's by default.")] = None,
    clause: Annotated[str | None, typer.Option(help="Clause, where there are several.")] = None,
    catalogue: Annotated[str | None, typer.Option(help="Catalogue, where there are several.")] = None,
    shifts: Annotated[int, typer.Option(min=1, max=1000, help="Shifts on each side.")] = 5,
    seed: Seed = 7,
    profile: Annotated[str | None, typer.Option(help="Network profile of the improved side.")] = None,
    author: Author = "",
    reason: Annotated[str, typer.Option(help="Why an existing plan is changed.")] = "",
    folder: Folder = PACKAGED,
    data: Data = None,
) -> None:
    """Freeze a plan: from then on it has a hash, and every change is a new revision."""
    with explained():
        configuration = load(folder)
        if file is not None:
            wanted = read_plan(file, configuration)
        elif scene is not None:
            chosen = clause_for(configuration.catalogues, scene, catalogue=catalogue, clause=clause)
            document = configuration.scenes.get(scene)
            if document is None:
                raise ProvenlineError(f"there is no scene {scene!r}; there are: {', '.join(configuration.scenes)}")
            who = author or os.environ.get("USER") or "unnamed"
            wanted = simulated_plan(document, *chosen, shifts=shifts, seed=seed, author=who, name=name, profile=profile)
        else:
            raise ProvenlineError("name a scene, or a plan of your own with --file")
        store, clock = campaigns(data), SystemClock()
        if any(one.id == wanted.id for one in store):
            frozen = store.open(wanted.id).revise(wanted, clock=clock, reason=reason)
        else:
            frozen = store.create(wanted, clock=clock).plan
    out.print(f"{wanted.id}: revision {frozen.revision} frozen at {iso(frozen.at)}\nsha256 {frozen.hash}")


@app.command(name="list")
def list_campaigns(data: Data = None) -> None:
    """List the campaigns and where each stands."""
    with explained():
        rows = list(campaigns(data))
    if not rows:
        out.print("There is no campaign yet; plan one with: provenline acceptance plan SCENE")
        return
    table = Table("id", "scene", "revision", "stands", "verdict", "package", box=None, pad_edge=False)
    for one in rows:
        status, frozen = one.status, one.plan
        package = one.package.name if one.package.exists() else "–"
        table.add_row(
            one.id, frozen.plan.scene or "–", str(frozen.revision), said(status), coloured(status.verdict), package
        )
    out.print(table)


@app.command()
def status(name: Annotated[str, typer.Argument(metavar="ID")], data: Data = None) -> None:
    """Show one campaign's plan and how far it is, as JSON."""
    with explained():
        campaign = campaigns(data).open(name)
        shown = {
            "status": {"stage": campaign.status.stage, "share": campaign.status.share, "error": campaign.status.error},
            "verdict": campaign.status.verdict or None,
            "plan": campaign.plan.model_dump(mode="json"),
            "exclusions": [one.model_dump(mode="json") for one in campaign.exclusions],
            "records": [one.model_dump(mode="json") for one in campaign.records],
            "package": str(campaign.package) if campaign.package.exists() else None,
        }
    out.print_json(json.dumps(shown, ensure_ascii=False))


@app.command()
def exclude(
    name: Annotated[str, typer.Argument(metavar="ID")],
    start: Annotated[str, typer.Option(help="Begin, e.g. 2026-11-21T08:00:00+08:00.")],
    stop: Annotated[str, typer.Option(help="End.")],
    rule: Annotated[str, typer.Option(help="Rule of the plan that allows it.")],
    reason: Annotated[str, typer.Option(help="What happened.")],
    author: Author,
    data: Data = None,
) -> None:
    """Leave out what a rule of the plan allows to be left out; name, time and reason go into the evidence."""
    with explained():
        window = Window(start=from_iso(start), stop=from_iso(stop))
        left_out = Exclusion(window=window, rule=rule, reason=reason, author=author, at=SystemClock().now())
        campaigns(data).open(name).exclude(left_out)
    out.print(f"{name}: {start} – {stop} is left out ({rule})")


@app.command(name="hand-in")
def hand_in(
    name: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[str, typer.Option(help="Of which records the clause speaks, e.g. enterprises.")],
    number: Annotated[float, typer.Option(help="How many, or how much.")],
    start: Annotated[str, typer.Option(help="Begin of what is counted, e.g. 2026-10-01T00:00:00+08:00.")],
    stop: Annotated[str, typer.Option(help="End.")],
    source: Annotated[str, typer.Option(help="The document that says so.")],
    author: Author,
    of: Annotated[float, typer.Option(help="Of how many: a whole, days, output.")] = 1.0,
    baseline: Annotated[bool, typer.Option("--baseline", help="For the baseline, not the improved side.")] = False,
    data: Data = None,
) -> None:
    """Hand in what no telemetry knows; name, time and document go into the evidence."""
    with explained():
        record = HandedIn(
            side="baseline" if baseline else "improved",
            kind=kind,
            window=Window(start=from_iso(start), stop=from_iso(stop)),
            number=number,
            of=of,
            source=source,
            author=author,
            at=SystemClock().now(),
        )
        campaigns(data).open(name).hand_in(record)
    out.print(f"{name}: {number:g} {kind} handed in ({source})")


@app.command()
def run(
    name: Annotated[str | None, typer.Argument(metavar="ID", help="Campaign to carry out.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Plan and carry out every scene's clause.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="In virtual time; simulated sides always are.")] = False,
    shifts: Annotated[int, typer.Option(min=1, max=1000, help="With --all: shifts on each side.")] = 5,
    seed: Seed = 7,
    scene: Annotated[list[str] | None, typer.Option(help="With --all: only these scenes.")] = None,
    into: Annotated[Path | None, typer.Option("--out", help="With --all: folder for packages and the summary.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Campaigns at once.")] = os.cpu_count() or 1,
    sm2: Annotated[bool, typer.Option("--sm2", help="Sign with SM2 as well.")] = False,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Vary every assumption of the model by ±50 %, one at a time: slow.")
    ] = False,
    timestamp: Annotated[str | None, typer.Option(help="URL of a time-stamp authority (RFC 3161).")] = None,
    timestamp_root: Annotated[Path | None, typer.Option(help="Its root certificate (PEM).")] = None,
    author: Author = "",
    folder: Folder = PACKAGED,
    data: Data = None,
    anchored: Annotated[bool, typer.Option("--anchored", hidden=True)] = False,
) -> None:
    """Carry a campaign out: record both sides, assess them, write the package. Ctrl-C calls it off."""
    if anchored:
        end_with_starter()
    del fast  # what is simulated runs in virtual time whether or not it is asked for
    with explained():
        configuration = load(folder)
        if not everything:
            if name is None:
                raise ProvenlineError("name a campaign (see `provenline acceptance list`), or give --all")
            jobs = [Job(campaigns(data).open(name).folder, folder, base(data), sm2=sm2)]
        else:
            if into is None:
                raise ProvenlineError("--all needs a folder for what it makes: --out DIR")
            jobs = list(planned(configuration, into, scene or [], shifts, seed, author, folder, sm2=sm2))
        authority = _authority(timestamp, timestamp_root)
        jobs = [replace(job, sensitivity=sensitivity, authority=authority) for job in jobs]
        finished = carried_out(jobs, workers)
        if everything and into is not None:
            summarise(finished, into)
    _print(finished)
    if any(one.status.stage is not Stage.DONE for one in finished):
        raise typer.Exit(1)


def _authority(url: str | None, root: Path | None) -> Authority | None:
    if (url is None) != (root is None):
        raise ProvenlineError("a time-stamp needs both --timestamp URL and --timestamp-root FILE")
    return None if url is None or root is None else Authority.named(url, root)


def _print(finished: list[Campaign]) -> None:
    table = Table("campaign", "stands", "verdict", "seconds", "package", box=None, pad_edge=False)
    for one in finished:
        state = one.status
        package = str(one.package) if one.package.exists() else state.error or "–"
        seconds = f"{(state.ended - state.began) / 1e9:.1f}"
        table.add_row(one.id, state.stage.value, coloured(state.verdict), seconds, package)
    out.print(table)


def read_plan(file: Path, configuration: Configuration) -> Plan:
    """Read a plan of somebody's own. `clause_digest` may be left out: it is that of the clause as it is now.

    Raises ProvenlineError with every fault.
    """
    from evidence.assess import clause_digest  # noqa: PLC0415

    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ProvenlineError(f"{file} cannot be read: {error}") from error
    if not isinstance(raw, dict):
        raise ProvenlineError(f"{file} holds no plan")
    catalogue = configuration.catalogues.get(str(raw.get("catalogue")))
    clause = next((one for one in catalogue.clauses if one.id == raw.get("clause")), None) if catalogue else None
    if clause is not None:
        raw.setdefault("clause_digest", clause_digest(clause))
    try:
        return Plan.model_validate(raw)
    except ValidationError as error:
        raise ProvenlineError(f"{file}: {faults(error)}") from error


def faults(error: ValidationError) -> str:
    """Return everything that is wrong, in one line."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())


def campaigns(data: Path | None) -> Campaigns:
    """Return the campaigns of a data folder."""
    return Campaigns(base(data) / "campaigns")


def base(data: Path | None) -> Path:
    """Return the data folder that was named, or the usual one."""
    return data or Path(os.environ.get("PROVENLINE_DATA", "~/.local/share/provenline")).expanduser()


def coloured(verdict: str) -> str:
    """Return a verdict in its colour."""
    return f"[{COLOURS[verdict]}]{verdict}[/]" if verdict in COLOURS else "–"


@contextmanager
def explained() -> Iterator[None]:
    """Turn what is wrong into one line and exit 1; Ctrl-C into exit 130."""
    try:
        yield
    except ConfigError as error:
        fail("; ".join(str(fault) for fault in error.faults))
    except ValidationError as error:
        fail(faults(error))
    except (ProvenlineError, ValueError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
