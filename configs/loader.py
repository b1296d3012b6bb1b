"""Read a configuration folder whole, or say everything that is wrong with it.

Every `*.yaml` below the folder is one document, told apart by `type`. Faults of shape
(here) and faults of reference (`crossrefs`) are looked for independently, so one never
hides the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from configs.catalogue import AcceptanceCatalogue, Answers
from configs.catalogue_refs import check_catalogues
from configs.commands import check_commands
from configs.configuration import Configuration, assemble
from configs.crossrefs import check_references
from configs.network_profile import NetworkProfile
from configs.reading import Reading, read
from configs.retention_refs import check_retention
from configs.schema import CentreDocument, EdgeDocument, SceneDocument, SiteDocument
from configs.shape import nearest, shape_faults
from plant.errors import ConfigError, Fault

Document = SiteDocument | SceneDocument | CentreDocument | EdgeDocument | NetworkProfile | AcceptanceCatalogue
DOCUMENTS: dict[str, type[Document]] = {
    "site": SiteDocument,
    "scene": SceneDocument,
    "centre": CentreDocument,
    "edge": EdgeDocument,
    "network-profile": NetworkProfile,
    "acceptance-catalogue": AcceptanceCatalogue,
}
"""The document that each `type` announces."""

PACKAGED = Path(__file__).parent
"""The folder of scene packs, network profiles, catalogues and settings that ships with the product."""

_MAX_FILES = 2_000


def load(folder: Path) -> Configuration:
    """Return the configuration in `folder`. Raises ConfigError with every fault in it.

    The catalogues that ship with the product are part of it, unless the folder has its own of that id.
    """
    documents, faults = examine(folder)
    if faults:
        raise ConfigError(tuple(faults))
    return assemble(folder, documents, shipped_catalogues())


@cache
def packaged() -> Configuration:
    """Return the configuration that ships with the product, read once: it does not change while a process runs."""
    return load(PACKAGED)


@cache
def shipped_catalogues() -> tuple[AcceptanceCatalogue, ...]:
    """Return the catalogues of public documents that come with the product."""
    documents, _ = examine(PACKAGED / "acceptance")
    return tuple(one for one in documents if isinstance(one, AcceptanceCatalogue))


def examine(folder: Path, *, measures: Mapping[str, Answers] | None = None) -> tuple[list[Document], list[Fault]]:
    """Return the sound documents of a folder and every fault found; touches no network.

    `measures`: what may answer a clause; without it the measures that catalogues name are not looked up.
    """
    files, faults = _files(folder)
    readings = [read(file, str(file.relative_to(folder))) for file in files]
    documents: list[Document] = []
    for reading in readings:
        faults += reading.faults
        if not reading.faults:
            document, found = parse(reading)
            faults += found
            documents += [document] if document else []
    if files:
        mappings = [r for r in readings if isinstance(r.data, dict)]
        faults += [*check_references(folder, mappings), *check_catalogues(mappings, measures)]
        faults += [*check_commands(mappings), *check_retention(mappings, documents)]
    return documents, sorted(faults, key=lambda f: (f.file, f.line, f.path))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a document, for editors: `# yaml-language-server: $schema=…`."""
    return TypeAdapter(Document).json_schema()


def _files(folder: Path) -> tuple[list[Path], list[Fault]]:
    if not folder.is_dir():
        return [], [Fault(str(folder), "", "not a folder", "name the folder that holds the YAML files")]
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file())
    if not files:
        return [], [Fault(str(folder), "", "no YAML files in it")]
    if len(files) > _MAX_FILES:
        return [], [
            Fault(str(folder), "", f"more than {_MAX_FILES} YAML files", "name the configuration folder itself")
        ]
    return files, []


def parse(reading: Reading) -> tuple[Document | None, list[Fault]]:
    """Return a file's document, or None and a fault for each thing malformed in it."""
    if not isinstance(reading.data, dict):
        return None, [reading.fault((), "not a mapping of keys to values")]
    kind = reading.data.get("type")
    model = DOCUMENTS.get(kind) if isinstance(kind, str) else None
    if model is None:
        hint = nearest(str(kind), DOCUMENTS) or f"one of {', '.join(DOCUMENTS)}"
        return None, [reading.fault(("type",), "missing" if kind is None else f"unknown type {kind!r}", hint)]
    try:
        return model.model_validate(reading.data), []
    except ValidationError as error:
        return None, list(shape_faults(reading, error, model))
