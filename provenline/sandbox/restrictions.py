"""What a trainee's configuration may be: about this line and this line alone.

It is read by the ordinary loader, so it gets the ordinary faults; beyond these it must stay
inside the sandbox. Where a source really is, is filled in by its id; what is written about its
host and port is not looked at. Documents that it leaves out are the plant's own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel

from configs.base import Secret
from configs.configuration import Binding, Configuration, assemble
from configs.crossrefs import FILE_KEYS, FOLDER_KEYS
from configs.loader import Document, examine, shipped_catalogues
from configs.schema import CentreDocument, EdgeDocument, SceneDocument
from configs.sources import ModbusSerial, ModbusSource, ReplaySource, SourceConfig
from plant.errors import ConfigError, Fault
from provenline.sandbox.lent import lent, passwords
from simulators.faces.endpoint import Endpoint, rewire

MOST_FILES = 20
LARGEST_FILE = 200_000
"""Bytes."""
MOST_TAGS = 500
MOST_SOURCES = 20
NAME_LENGTH = 80

_SUFFIXES = (".yaml", ".yml", ".pem")
_CHANGEABLE = frozenset({"type", "rules", "min_coverage"})
"""What of a centre document concerns figures, and nobody's safety."""
_MAY_BE = ("site", "scene", "centre", "edge")
_LENT = ".lent.yaml"
"""How the names of documents end that are the plant's."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Reads what trainees write. `plant`: the line's own configuration; `folder`: where theirs is put."""

    plant: Configuration
    folder: Path

    def admit(self, files: Mapping[str, str]) -> Configuration:
        """Put the files into the folder and return the configuration they make. Raises ConfigError with every fault.

        The folder holds what was admitted last: files with faults leave it as it was.
        """
        faults = tuple(_files(files))
        if faults:
            raise ConfigError(faults)
        draft = self.folder.with_name(f"{self.folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            self._write(draft, files)
            documents, found = examine(draft)
            faults = (*found, *self._beyond(documents, draft), *self._missing(files))
            if faults:
                raise ConfigError(tuple(_plainly(faults, draft)))
            shutil.rmtree(self.folder, ignore_errors=True)
            draft.rename(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return self._unlocked(
            assemble(self.folder, [self._simulated(document) for document in documents], shipped_catalogues())
        )

    def _unlocked(self, configuration: Configuration) -> Configuration:
        """Let passwords that are lent be found from wherever this process stands."""
        return replace(configuration, bindings=tuple(_unlocked(one, self.folder) for one in configuration.bindings))

    def _write(self, folder: Path, files: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        for name, text in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        for name, content in lent(self.plant).items():
            (folder / name).write_bytes(content)
        own_site = any(type_of(text) == "site" for text in files.values())
        for file in sorted(self.plant.folder.rglob("*.y*ml")):
            kind = type_of(file.read_text(encoding="utf-8"))
            if kind == "network-profile" or (kind == "site" and not own_site):
                shutil.copyfile(file, folder / f"{file.stem}{_LENT}")

    def _simulated(self, document: Document) -> Document:
        """Say of a scene what the plant says: that it is simulated, and by which model."""
        if not isinstance(document, SceneDocument):
            return document
        return document.model_copy(update={"simulation": self.plant.scenes[document.id].simulation})

    def _beyond(self, documents: Iterable[Document], folder: Path) -> Iterator[Fault]:
        """Yield what the loader has nothing against and this place has."""
        known = ", ".join(self.plant.scenes)
        for document in documents:
            if isinstance(document, CentreDocument | EdgeDocument):
                yield from _settings(document)
            elif isinstance(document, SceneDocument):
                file = file_of(folder, document.id)
                if document.id in self.plant.scenes:
                    yield from self._scene(document, file)
                else:
                    yield Fault(file, "id", f"there is no scene {document.id!r} here", f"this line is {known}")

    def _missing(self, files: Mapping[str, str]) -> Iterator[Fault]:
        if not any(type_of(text) == "scene" for text in files.values()):
            yield Fault("", "", "no document of type scene", f"write one with id: {', '.join(self.plant.scenes)}")

    def _scene(self, scene: SceneDocument, file: str) -> Iterator[Fault]:
        own = self.plant.scenes[scene.id]
        if scene.simulation not in (None, own.simulation):
            yield Fault(file, "simulation", "the simulated line is not yours to change", "leave it out")
        if sum(len(device.tags) for line in scene.lines for device in line.devices) > MOST_TAGS:
            yield Fault(file, "lines", f"more than {MOST_TAGS} tags")
        if len(scene.sources) > MOST_SOURCES:
            yield Fault(file, "sources", f"more than {MOST_SOURCES} sources")
        served = {source.id: source for source in own.sources}
        for number, source in enumerate(scene.sources):
            yield from _source(file, f"sources[{number}]", source, served)
            yield from _secrets(file, f"sources[{number}]", source, passwords(self.plant))


def wired(configuration: Configuration, endpoints: Mapping[str, Endpoint]) -> Configuration:
    """Return a configuration whose sources are where this sandbox serves them; one that is not served stays away."""
    bindings: tuple[Binding, ...] = tuple(
        replace(binding, source=rewire(binding.source, endpoints[binding.source.id]))
        for binding in configuration.bindings
        if binding.source.id in endpoints
    )
    return replace(configuration, bindings=bindings)


# ------------------------------------------------------------------------------------ the files
def _files(files: Mapping[str, str]) -> Iterator[Fault]:
    if len(files) > MOST_FILES:
        yield Fault("", "", f"more than {MOST_FILES} files")
    for name, text in files.items():
        path = PurePosixPath(name)
        strange = path.is_absolute() or ".." in path.parts or "\\" in name or not name.isprintable()
        if strange or len(name) > NAME_LENGTH or len(path.parts) > 2 or name.endswith(_LENT):
            yield Fault(name[:NAME_LENGTH], "", "this cannot be the name of a file here", "write e.g. scene.yaml")
        elif path.suffix not in _SUFFIXES:
            yield Fault(name, "", f"a configuration has only {', '.join(_SUFFIXES)} files")
        elif len(text.encode("utf-8", "surrogatepass")) > LARGEST_FILE:
            yield Fault(name, "", f"larger than {LARGEST_FILE} bytes")
        elif any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
            yield Fault(name, "", "not UTF-8 text")
        elif (kind := type_of(text)) is not None and kind not in _MAY_BE:
            yield Fault(name, "type", f"a {kind} document has no place here", ", ".join(_MAY_BE))


def type_of(text: str) -> str | None:
    """Return the `type` that stands in a line of its own; whether the text is sound is for the loader to say."""
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip().strip("\"'") == "type" and not key.startswith((" ", "\t", "-")):
            return value.partition("#")[0].strip().strip("\"'")
    return None


def _plainly(faults: Iterable[Fault], folder: Path) -> Iterator[Fault]:
    """Take the sandbox's own folder out of what is said to its trainee."""
    for fault in faults:
        yield replace(
            fault,
            file=fault.file.removeprefix(str(folder)),
            message=fault.message.replace(f"{folder}/", "").replace(str(folder), "the configuration"),
            hint=fault.hint.replace(f"{folder}/", "").replace(str(folder), "the configuration"),
        )


def file_of(folder: Path, scene_id: str) -> str:
    """Return the name of the file that holds a scene; empty where there is none."""
    for file in sorted(folder.rglob("*.y*ml")):
        text = file.read_text(encoding="utf-8")
        if type_of(text) == "scene" and re.search(rf"^id:\s*[\"']?{re.escape(scene_id)}\b(?!-)", text, re.MULTILINE):
            return str(file.relative_to(folder))
    return ""


# -------------------------------------------------------------------------------- the documents
def _settings(document: CentreDocument | EdgeDocument) -> Iterator[Fault]:
    if isinstance(document, EdgeDocument):
        if document.uplink is not None:
            yield Fault("edge", "uplink", "an edge here delivers to its own centre", "leave it out")
        return
    for key in sorted(document.model_fields_set - _CHANGEABLE):
        yield Fault("centre", key, "not yours to change here", "rules and min_coverage are")


def _source(file: str, path: str, source: SourceConfig, served: Mapping[str, SourceConfig]) -> Iterator[Fault]:
    if isinstance(source, ReplaySource):
        yield Fault(file, f"{path}.type", "a recording has no place here", "read from the line")
        return
    if isinstance(source, ModbusSource) and isinstance(source.link, ModbusSerial):
        yield Fault(file, f"{path}.link.type", "there is no serial line here", "type: tcp")
        return
    own = served.get(source.id)
    if own is None:
        there_are = ", ".join(f"{one.id} ({one.type})" for one in served.values())
        yield Fault(file, f"{path}.id", f"this line has no source {source.id!r}", f"there are {there_are}")
    elif own.type != source.type:
        yield Fault(file, f"{path}.type", f"{source.id} does not speak {source.type}", f"it is of type {own.type}")
    for place, key, value in _leaves(source.model_dump(mode="python"), path):
        if key in (*FILE_KEYS, *FOLDER_KEYS) and isinstance(value, str) and not _stays_inside(value):
            yield Fault(file, place, "a file outside of the configuration", "name one beside this file")


def _leaves(part: dict[str, Any], path: str) -> Iterator[tuple[str, str, object]]:
    for key, value in part.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", key, value


def _secrets(file: str, path: str, part: BaseModel, known: Container[str]) -> Iterator[Fault]:
    for key, value in part:
        if isinstance(value, Secret):
            if value.file not in known:
                kind = "env" if value.env is not None else "file"
                yield Fault(
                    file, f"{path}.{key}", f"no secret of this machine can be used here ({kind})", "leave it out"
                )
        elif isinstance(value, BaseModel):
            yield from _secrets(file, f"{path}.{key}", value, known)


def _unlocked(binding: Binding, folder: Path) -> Binding:
    password = getattr(binding.source, "password", None)
    if password is None:
        return binding
    found = Secret(file=str(folder / password.file))
    return replace(binding, source=binding.source.model_copy(update={"password": found}))


def _stays_inside(value: str) -> bool:
    path = PurePosixPath(value)
    return not path.is_absolute() and ".." not in path.parts
