"""What a configuration folder holds, file by file: which document is where, and which source on which line.

A folder may be changed while a centre runs by what it was before, so this looks at the files
as they are now; `signature` tells cheaply whether they are still the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from configs.reading import Reading, read

Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Filed:
    """One document: its file, relative to the folder, its type and id, and the line of each source by its id."""

    file: str
    type: str
    id: str
    sources: dict[str, int]


def files_of(folder: Path) -> list[Path]:
    """Return the YAML files of a folder in order, and of the folders within."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())


def signature(folder: Path) -> Signature:
    """Return what changes whenever a file is written, added or removed: name, time (ns) and size of each."""
    found = []
    for path in files_of(folder):
        state = path.stat()
        found.append((str(path.relative_to(folder)), state.st_mtime_ns, state.st_size))
    return tuple(found)


def inventory(folder: Path) -> tuple[Filed, ...]:
    """Return every document of a folder that can be read at all."""
    readings = (read(path, str(path.relative_to(folder))) for path in files_of(folder))
    return tuple(_filed(reading) for reading in readings if isinstance(reading.data, dict))


def _filed(reading: Reading) -> Filed:
    sources = reading.data.get("sources")
    listed = enumerate(sources) if isinstance(sources, list) else ()
    lines = {
        str(source["id"]): reading.line(("sources", index))
        for index, source in listed
        if isinstance(source, dict) and "id" in source
    }
    return Filed(reading.file, str(reading.data.get("type", "")), str(reading.data.get("id", "")), lines)
