"""The commands. Each parses its arguments, calls one thing, and says in one line what went wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from configs.configuration import Configuration
from configs.loader import PACKAGED, examine, load, packaged, schema
from configs.schema import SceneDocument
from plant.errors import ConfigError, ProvenlineError
from provenline import __version__
from provenline.choice import Choice
from provenline.groups import Groups
from provenline.process import fail, log_plainly
from provenline.process import run as run_process
from provenline.screen import err, out

if TYPE_CHECKING:
    from simulators.faults import PlannedFault

app = typer.Typer(
    name="provenline",
    help="Watch training lines and prove their targets. 监测实训产线，并用证据证明其达标。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    cls=Groups,
)

Folder = Annotated[Path, typer.Argument(help="Folder with the configuration (YAML).", show_default="the packaged one")]
Data = Annotated[Path | None, typer.Option(help="Folder for samples and queues.", show_default=False)]
Host = Annotated[str | None, typer.Option(help="Address to listen on; the default is loopback.", show_default=False)]
PortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the page and API.", show_default=False)]
Profile = Annotated[str | None, typer.Option(help="Network profile, e.g. 5g-urllc.", show_default=False)]
JsonLog = Annotated[bool, typer.Option("--log-json", help="One JSON object a log line.")]


def run() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        out.print(f"provenline {__version__}")
        raise typer.Exit


@app.command()
def check(folder: Folder = PACKAGED) -> None:
    """Check a configuration folder: every fault at once, without touching the network."""
    from analytics.acceptance.vocabulary import answers

    documents, faults = examine(folder, measures=answers())
    for fault in faults:
        err.print(f"[red]✗[/red] {escape(str(fault))}", soft_wrap=True)
    if faults:
        fail(f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in {folder}")
    out.print(f"✓ {folder}: {len(documents)} documents, no faults", soft_wrap=True)


@app.command(name="schema")
def print_schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    print(json.dumps(schema(), indent=2, ensure_ascii=False))  # noqa: T201 - plain output, meant for a file


@app.command()
def serve(
    folder: Folder = PACKAGED,
    data: Data = None,
    host: Host = None,
    port: PortOption = None,
    log_json: JsonLog = False,
) -> None:
    """Run the centre: write endpoint, store, API and page; and the edge, when its document has no uplink."""
    from provenline.centre import serve_centre

    log_plainly(as_json=log_json)
    configuration = _configuration(folder)
    run_process(lambda: serve_centre(configuration, data=_data(data), host=host, port=port))


@app.command()
def edge(folder: Folder = PACKAGED, data: Data = None, log_json: JsonLog = False) -> None:
    """Run an edge: read every source and deliver to the uplink of the edge document."""
    from provenline.edge_process import run_edge

    log_plainly(as_json=log_json)
    configuration = _configuration(folder)
    run_process(lambda: run_edge(configuration, data=_data(data) / "edge"))


@app.command()
def scenes(folder: Folder = PACKAGED) -> None:
    """List the scenes: the clause each answers, its devices, tags, protocols and network profile."""
    configuration = _configuration(folder)
    clauses = [clause for catalogue in configuration.catalogues.values() for clause in catalogue.clauses]
    table = Table("scene", "", "clause", "devices", "tags", "protocols", "network", box=None, pad_edge=False)
    for scene in configuration.site.scenes:
        document = configuration.scenes[scene.id]
        machines = [device for device in scene.devices if device.type != "collector"]
        protocols = ", ".join(sorted({source.type for source in document.sources}))
        profile = (document.simulation.profile if document.simulation else None) or "–"
        name = f"{scene.name.zh} / {scene.name.en}"
        answers = ", ".join(clause.number for clause in clauses if clause.scene == scene.id) or "–"
        table.add_row(scene.id, name, answers, str(len(machines)), str(len(scene.tags)), protocols, profile)
    out.print(table)


@app.command()
def simulate(
    scenes: Annotated[list[str] | None, typer.Argument(help="Scenes to simulate; all when none is named.")] = None,
    folder: Annotated[Path, typer.Option("--config", help="Folder with the configuration.")] = PACKAGED,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed; the same one gives the same run.")] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=60, help="Model seconds per second.")] = 1.0,
    profile: Profile = None,
    host: Annotated[str, typer.Option(help="Address the simulated devices listen on.")] = "127.0.0.1",
    broker: Annotated[str | None, typer.Option(help="MQTT broker to publish to, host:port; else our own.")] = None,
    free_ports: Annotated[bool, typer.Option(help="Where a port is taken, use another one.")] = False,
    faults: Annotated[Path | None, typer.Option(help="YAML file of planned faults, for one scene.")] = None,
    fast: Annotated[bool, typer.Option("--fast", help="No servers: run one scene's shifts in virtual time.")] = False,
    shifts: Annotated[int, typer.Option(min=1, max=10_000, help="With --fast: how many.")] = 1,
    start: Annotated[str | None, typer.Option(help="With --fast: first day or moment, e.g. 2026-03-02.")] = None,
    into: Annotated[Path | None, typer.Option("--out", help="With --fast: folder for the run, new or empty.")] = None,
    anchor: Annotated[str | None, typer.Option(hidden=True)] = None,
    log_json: JsonLog = False,
) -> None:
    """Run simulated devices behind real protocol servers, on the addresses that the configuration names.

    With --fast: run shifts of one scene through the edge's rules into a store of their own.
    """
    from provenline.pace import Anchor
    from provenline.simulation import Options, simulate_scenes
    from simulators.faces.endpoint import Endpoint, PortPolicy

    log_plainly(as_json=log_json)
    chosen = _chosen(_configuration(folder), Choice(tuple(scenes or ()), profile))
    planned = _planned(faults, chosen)
    if fast:
        _fast_forward(chosen, shifts=shifts, seed=seed, start=start, into=into, faults=planned)
        return
    if start or into:
        fail("--start and --out go with --fast")
    begin, _, zero = (anchor or "").partition(":")
    where, _, number = (broker or "").rpartition(":")
    options = Options(
        seed=seed,
        speed=speed,
        host=host,
        ports=PortPolicy.PREFER if free_ports else PortPolicy.REQUIRE,
        broker=Endpoint("mqtt", where or "127.0.0.1", int(number)) if broker else None,
        anchor=Anchor(int(begin), float(zero)) if anchor else None,
        faults=planned,
    )
    run_process(lambda: simulate_scenes(chosen, options))


@app.command()
def demo(
    scene: Annotated[list[str] | None, typer.Option(help="Scene to run; again for more. Default: all.")] = None,
    profile: Profile = None,
    port: PortOption = None,
    data: Data = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the simulation.")] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=60, help="Model seconds per second.")] = 1.0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
    folder: Annotated[Path, typer.Option("--config", help="Folder with the configuration.")] = PACKAGED,
) -> None:
    """Run everything on this machine: simulated line, collectors, store, page."""
    from provenline.demo import Way, run_demo

    log_plainly()
    configuration = _configuration(folder)
    folder_data = _data(data, "demo")
    choice = Choice(tuple(scene or ()), profile)
    chosen = _chosen(configuration, choice)
    way = Way(choice=choice, seed=seed, speed=speed)
    run_process(lambda: run_demo(chosen, way, data=folder_data, port=port, browser=not no_browser))


@app.command()
def reflect(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="UDP port; 862 is the standard's.")] = 862,
) -> None:
    """Answer STAMP probes (RFC 8762), so that a link to this machine can be measured."""
    from provenline.reflecting import run_reflector

    log_plainly()
    run_process(lambda: run_reflector(host, port))


def _configuration(folder: Path) -> Configuration:
    try:
        return packaged() if folder == PACKAGED else load(folder)
    except ConfigError as error:
        _show(error)
        fail(f"{len(error.faults)} faults in {folder}; nothing was started")


def _show(error: ConfigError) -> None:
    for fault in error.faults:
        err.print(f"[red]✗[/red] {escape(str(fault))}", soft_wrap=True)


def _chosen(configuration: Configuration, choice: Choice) -> Configuration:
    try:
        return choice.of(configuration)
    except ProvenlineError as error:
        fail(str(error))


def _only(chosen: Configuration, option: str) -> SceneDocument:
    if len(chosen.scenes) != 1:
        fail(f"{option} is for one scene; name it: {', '.join(chosen.scenes)}")
    return next(iter(chosen.scenes.values()))


def _planned(file: Path | None, chosen: Configuration) -> tuple[PlannedFault, ...]:
    if file is None:
        return ()
    from provenline.fault_file import planned_faults

    scene = _only(chosen, "--faults")
    try:
        return tuple(planned_faults(file, scene, chosen.networks))
    except ConfigError as error:
        _show(error)
        fail(f"{len(error.faults)} faults in {file} that cannot be planned; nothing was started")


def _fast_forward(
    chosen: Configuration,
    *,
    shifts: int,
    seed: int | None,
    start: str | None,
    into: Path | None,
    faults: tuple[PlannedFault, ...],
) -> None:
    from provenline.fast_command import FastOptions, run_fast

    scene = _only(chosen, "--fast")
    if into is None:
        fail("--fast needs --out, a folder for the run")
    try:
        run = run_fast(chosen, scene.id, FastOptions(shifts=shifts, into=into, seed=seed, start=start, faults=faults))
    except ProvenlineError as error:
        fail(str(error))
    out.print(f"✓ {run.folder}: {len(run.windows)} shifts, {run.samples} samples", soft_wrap=True)


def _data(given: Path | None, name: str = "") -> Path:
    base = given or Path(os.environ.get("PROVENLINE_DATA", "~/.local/share/provenline")).expanduser() / name
    try:
        base.mkdir(parents=True, exist_ok=True)
        probe = base / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        fail(f"the data folder {base} cannot be written: {error.strerror}; choose another with --data")
    return base
