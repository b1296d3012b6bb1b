"""`provenline opcua`: which OPC UA servers are trusted, by the fingerprint that a person compared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from collectors.opcua.link import translated
from collectors.opcua.trust import Shown, TrustList, shown_by
from configs.loader import PACKAGED, load
from configs.sources import OpcuaSource
from plant.errors import ConfigError, ProvenlineError
from provenline.process import fail
from provenline.screen import out

app = typer.Typer(help="Trust in OPC UA servers, by certificate. OPC UA 服务器证书信任。", no_args_is_help=True)


SourceId = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Id of the source in its scene; scene/source if not unique.")
]
Fingerprint = Annotated[str | None, typer.Argument(help="SHA-256, as the server's own tool shows it.")]
Folder = Annotated[Path, typer.Option("--config", help="Folder with the configuration.")]


@app.command(name="list")
def list_servers(folder: Folder = PACKAGED) -> None:
    """List every source with a trust list: what is trusted, and what waits for a decision."""
    for name, source in _sources(folder).items():
        if source.security.trust_list is None:
            continue
        known = TrustList(Path(source.security.trust_list))
        out.print(f"{name}  {source.endpoint}", soft_wrap=True)
        for mark, listed in (("✓ trusted ", known.trusted()), ("✗ rejected", known.rejected())):
            for shown in listed:
                out.print(f"  {mark}  {_words(shown)}", soft_wrap=True, markup=False)


@app.command()
def trust(source: SourceId, fingerprint: Fingerprint = None, folder: Folder = PACKAGED) -> None:
    """Trust a server whose certificate has this fingerprint. Without one: ask the server and show its."""
    config = _chosen(folder, source)
    known = TrustList(Path(config.security.trust_list or ""))
    if fingerprint is None:
        shown = _ask(config)
        out.print(_words(shown), soft_wrap=True, markup=False)
        out.print(
            f"Compare it at the server, then: provenline opcua trust {source} {shown.fingerprint}", soft_wrap=True
        )
        return
    found = _with(fingerprint, known.rejected()) or _with(fingerprint, [_ask(config)])
    if found is None:
        fail(f"{config.endpoint} shows another certificate than {fingerprint}; nothing was trusted")
    out.print(f"✓ trusted: {known.trust(found)}", soft_wrap=True)


@app.command()
def reject(
    source: SourceId, fingerprint: Annotated[str, typer.Argument(help="SHA-256.")], folder: Folder = PACKAGED
) -> None:
    """Trust a server no longer: the next connection to it fails."""
    known = TrustList(Path(_chosen(folder, source).security.trust_list or ""))
    found = _with(fingerprint, known.trusted())
    if found is None:
        fail(f"{fingerprint} is not trusted")
    known.reject(found)
    out.print("✓ no longer trusted")


def _sources(folder: Path) -> dict[str, OpcuaSource]:
    try:
        configuration = load(folder)
    except ConfigError as error:
        fail(f"{len(error.faults)} faults in {folder}: {error.faults[0]}")
    return {
        f"{binding.scene}/{binding.source.id}": binding.source
        for binding in configuration.bindings
        if isinstance(binding.source, OpcuaSource)
    }


def _chosen(folder: Path, name: str) -> OpcuaSource:
    found = [source for full, source in _sources(folder).items() if name in (full, source.id)]
    if len(found) != 1:
        fail(f"{'no' if not found else 'more than one'} OPC UA source {name!r} in {folder}")
    if found[0].security.trust_list is None:
        fail(f"source {name!r} has no trust_list among its security settings")
    return found[0]


def _ask(config: OpcuaSource) -> Shown:
    async def ask() -> Shown:
        with translated(config):
            return await shown_by(config.endpoint, config.timeout)

    try:
        return asyncio.run(ask())
    except ProvenlineError as error:
        fail(str(error))


def _with(fingerprint: str, among: list[Shown]) -> Shown | None:
    wanted = fingerprint.replace(":", "").lower()
    return next((shown for shown in among if shown.name == wanted), None)


def _words(shown: Shown) -> str:
    ends = shown.certificate.not_valid_after_utc
    return f"{shown.fingerprint}  {shown.certificate.subject.rfc4514_string()}  until {ends:%Y-%m-%d}"
