"""What runs and from which file, whether the files are sound, and looking at devices to add more.

Whoever may look sees what runs and in what condition it is. Addresses, files and faults, and all
that opens a connection, need the permission to explore, and each exploration is in the audit log.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.requests import HTTPConnection
from pydantic import BaseModel, ConfigDict, Field

from analytics.acceptance.vocabulary import answers
from configs.base import Secret
from configs.configuration import Binding
from configs.drafting import Pick, draft
from configs.inventory import Filed, Signature, inventory, signature
from configs.loader import examine
from configs.sources import SourceConfig
from dashboard_api.access import Actor, Json, Permission, requires
from dashboard_api.audit import AuditHere
from dashboard_api.centre import Centre
from dashboard_api.dependencies import centre_of
from dashboard_api.exploration import Busy, Explorer, Found, NotPermitted, Range, SourceTarget, Target
from plant.batch import Batch
from plant.clock import MILLISECOND, SECOND
from plant.health import LINE

router = APIRouter(prefix="/api/v1/configuration", tags=["configuration"])

MOST_PICKS = 500
_ANY_SITE = "type: site\nid: any\nname: any\n"
_RATE_OVER = 30 * SECOND
_SOON = 0.1
"""Seconds that it may take to say where a simulated source is; one that is not up yet has no place."""

Viewer = Annotated[Actor, Depends(requires(Permission.VIEW))]
Explorer_ = Annotated[Actor, Depends(requires(Permission.EXPLORE))]
CentreHere = Annotated[Centre, Depends(centre_of)]


# ---------------------------------------------------------------------------- the files
@dataclass(frozen=True, slots=True)
class Examined:
    """A folder as it was found: its documents and every fault in it."""

    signature: Signature
    documents: tuple[Filed, ...]
    faults: tuple[Json, ...]


class Files:
    """The files of a configuration folder: read when asked, and again only when one of them was written.

    Safe to use from any thread. `started`: what the folder looked like when the centre took it over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._last: Examined | None = None
        self.started = signature(folder)

    def examine(self) -> Examined:
        """Read and check the folder. Blocks for about a second where something changed."""
        with self._lock:
            now = signature(self._folder)
            if self._last is None or self._last.signature != now:
                _, faults = examine(self._folder, measures=answers())
                self._last = Examined(now, inventory(self._folder), tuple(asdict(fault) for fault in faults))
            return self._last


def files_of(connection: HTTPConnection) -> Files:
    """Return the files that this application's centre runs by."""
    files: Files = connection.app.state.files
    return files


FilesHere = Annotated[Files, Depends(files_of)]


@router.get("/check")
async def check(_: Explorer_, files: FilesHere) -> Json:
    """Check the configuration folder as it is now: its documents, every fault, and whether what runs is older."""
    found = await asyncio.to_thread(files.examine)
    return {
        "documents": [asdict(one) for one in found.documents],
        "faults": list(found.faults),
        "changed": found.signature != files.started,
    }


# ------------------------------------------------------------------------------ what runs
@router.get("")
async def what_runs(viewer: Viewer, centre: CentreHere, files: FilesHere) -> Json:
    """Give every source that runs: its type, tags, condition, and for those who may explore also address and file."""
    may = viewer.may(Permission.EXPLORE)
    found = await asyncio.to_thread(files.examine) if may else None
    rates = await asyncio.to_thread(_rates, centre)
    site = centre.configuration.site.id
    real = {id(binding): await _located(centre, binding) for binding in centre.configuration.bindings} if may else {}
    return {
        "sources": [
            {
                "scene": binding.scene,
                "id": binding.source.id,
                "type": binding.source.type,
                "tags": len(binding.points),
                "simulated": centre.configuration.scenes[binding.scene].simulation is not None,
                "health": _health(centre, f"{site}/{binding.scene}/{LINE}/{binding.source.id}"),
                "rate": rates.get(f"{site}/{binding.scene}/{LINE}/{binding.source.id}/samples"),
                "shown": _shown(binding, real[id(binding)], found.documents if found else ()) if may else None,
            }
            for binding in centre.configuration.bindings
        ],
        "explorable": may and centre.explorer is not None,
        "hosts": list(centre.configuration.centre.exploration.hosts) if may else [],
    }


async def _located(centre: Centre, binding: Binding) -> SourceConfig:
    """Return where a source really is; where that is not known yet, where it is configured to be."""
    if centre.explorer is None:
        return binding.source
    try:
        async with asyncio.timeout(_SOON):
            return await centre.explorer.located(binding)
    except TimeoutError:
        return binding.source


def _shown(binding: Binding, real: SourceConfig, documents: tuple[Filed, ...]) -> Json:
    home = next((one for one in documents if one.type == "scene" and one.id == binding.scene), None)
    file = {"file": home.file, "line": home.sources.get(binding.source.id, 0)} if home else {"file": "", "line": 0}
    return {"address": address_of(real), "security": security_of(binding.source), **file}


def address_of(source: SourceConfig) -> str:
    """Return where a source is, without anything secret."""
    settings = source.model_dump(mode="json")
    link = settings.get("link", settings)
    for key in ("endpoint", "device", "file"):
        if link.get(key):
            return Path(link[key]).name if key == "file" else str(link[key])
    return f"{link['host']}:{link['port']}"


def security_of(source: SourceConfig) -> str:
    """Say in a word how a connection is secured: its policy, `tls`, or `none`; `+user` with a name or certificate."""
    security = getattr(source, "security", None)
    policy = security.policy.value if security is not None else "tls" if getattr(source, "tls", None) else "none"
    named = getattr(source, "user", None) or getattr(source, "user_certificate", None)
    secret = getattr(source, "password", None)
    return f"{policy}+user" if named or isinstance(secret, Secret) else policy


def _health(centre: Centre, path: str) -> Json:
    names = ("connected", "reason", "lag", "samples", "reconnects", "bad-points", "dead-letters", "clock-offset")
    newest = {s.path: s for s in centre.live.snapshot([f"{path}/{name}" for name in names]).samples()}
    told: Json = dict.fromkeys(names) | {"at": None}
    for name in names:
        sample = newest.get(f"{path}/{name}")
        if sample is None or sample.quality or (isinstance(sample.value, float) and sample.value != sample.value):
            continue
        told[name] = sample.value
        told["at"] = max(told["at"] or 0, sample.time // MILLISECOND)
    return told


def _rates(centre: Centre) -> dict[str, float]:
    """Return samples a second of each source over the last half minute, by the path of its counter."""
    site, now = centre.configuration.site.id, centre.clock.now()
    paths = [f"{site}/{b.scene}/{LINE}/{b.source.id}/samples" for b in centre.configuration.bindings]
    return _growth(centre.historian.history(paths, now - _RATE_OVER, now)) if paths else {}


def _growth(batch: Batch) -> dict[str, float]:
    first: dict[str, tuple[int, float]] = {}
    rates: dict[str, float] = {}
    for sample in batch.samples():
        if sample.quality or isinstance(sample.value, str):
            continue
        began, count = first.setdefault(sample.path, (sample.time, float(sample.value)))
        if sample.time > began and sample.value >= count:
            rates[sample.path] = (float(sample.value) - count) / ((sample.time - began) / SECOND)
    return rates


# ------------------------------------------------------------------------------- exploring
class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Browse(_Asked):
    """A node of a server; None for what is below Objects."""

    target: Target
    node: str | None = Field(default=None, max_length=500, pattern=r"^(ns=\d{1,5};)?[isgb]=.+$")


class Scan(_Asked):
    """A range of registers."""

    target: Target
    range: Range = Range()


class Picked(_Asked):
    """Something found that is to become a tag."""

    name: str = Field(min_length=1, max_length=200)
    address: dict[str, str | int | float] = Field(min_length=1, max_length=10)
    type: str = Field(default="", max_length=120)
    unit: str = Field(default="", max_length=60)


class Draft(_Asked):
    """What is to become a scene."""

    target: Target
    picks: list[Picked] = Field(min_length=1, max_length=MOST_PICKS)


def explorer_of(centre: CentreHere) -> Explorer:
    """Return who opens connections for people. Answers 409 where nobody does."""
    if centre.explorer is None:
        raise HTTPException(409, "this centre opens no connections for people")
    return centre.explorer


ExplorerHere = Annotated[Explorer, Depends(explorer_of)]


@router.post("/sources/{scene}/{source}/test")
async def try_source(scene: str, source: str, actor: Explorer_, explorer: ExplorerHere, audit: AuditHere) -> Json:
    """Try a source's connection step by step; one that fails is an answer too."""
    if len(scene) > 64 or len(source) > 64:
        raise HTTPException(404, "no such source is configured")
    target = SourceTarget(type="source", scene=scene, source=source)
    try:
        found = await explorer.trial(target)
    except (NotPermitted, Busy) as error:
        raise _refusal(error, unknown=404) from error
    outcomes = {step["stage"]: step["outcome"] for step in found.answer["steps"]}
    await audit(actor, "configuration.test", str(target), after={key: str(value) for key, value in outcomes.items()})
    return found.answer


@router.post("/browse")
async def browse(asked: Browse, actor: Explorer_, explorer: ExplorerHere, audit: AuditHere) -> Json:
    """Give what is directly below a node of an OPC UA server, with values, types and units."""
    try:
        found = await explorer.browse(asked.target, asked.node)
    except (NotPermitted, Busy) as error:
        raise _refusal(error) from error
    await audit(actor, "configuration.browse", str(asked.target), after={"node": asked.node, "failure": found.failure})
    return _answer(found)


@router.post("/scan")
async def scan(asked: Scan, actor: Explorer_, explorer: ExplorerHere, audit: AuditHere) -> Json:
    """Give what is in a range of a Modbus device's registers, as words and as each way to read them."""
    try:
        found = await explorer.scan(asked.target, asked.range)
    except (NotPermitted, Busy) as error:
        raise _refusal(error) from error
    after = asked.range.model_dump(mode="json") | {"failure": found.failure}
    await audit(actor, "configuration.scan", str(asked.target), after=after)
    return _answer(found)


@router.post("/draft")
async def drafted(asked: Draft, actor: Explorer_, explorer: ExplorerHere, centre: CentreHere, audit: AuditHere) -> Json:
    """Write picks as a scene document in YAML, and check it as `provenline check` does; stores nothing."""
    try:
        settings = explorer.settings(asked.target)
    except (NotPermitted, Busy) as error:
        raise _refusal(error) from error
    picks = [Pick(one.name, one.address, one.type, one.unit) for one in asked.picks]
    text = draft(settings, picks, place=str(asked.target), taken=centre.configuration.scenes)
    faults = await asyncio.to_thread(_faults, text)
    await audit(actor, "configuration.draft", str(asked.target), after={"tags": len(picks), "faults": len(faults)})
    return {"yaml": text, "faults": faults, "file": f"draft-{settings['id']}.yaml"}


def _faults(text: str) -> list[Json]:
    with TemporaryDirectory() as folder:
        Path(folder, "site.yaml").write_text(_ANY_SITE, encoding="utf-8")
        Path(folder, "draft.yaml").write_text(text, encoding="utf-8")
        _, faults = examine(Path(folder))
    return [asdict(fault) for fault in faults]


def _answer(found: Found) -> Json:
    return {"failure": found.failure, "detail": found.detail, **found.answer}


def _refusal(error: NotPermitted | Busy, *, unknown: int = 422) -> HTTPException:
    return HTTPException(409 if isinstance(error, Busy) else unknown, str(error))
