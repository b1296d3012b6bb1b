"""A package while it is checked: what has been read of it so far, and how that is said to be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from configs.catalogue import ClauseConfig
from evidence.assess import Arm, Assessment, Recorded
from evidence.payload import Plain
from evidence.plan import Exclusion, Frozen, HandedIn
from plant.clock import from_iso
from plant.errors import Rejected
from plant.text import Text

MOST_JSON = 64 << 20
"""Bytes one JSON file of a package may have."""

PAYLOAD = {
    "plan.json",
    "catalogue.json",
    "exclusions.json",
    "records.json",
    "annotations.json",
    "completeness.json",
    "measurements.json",
    "findings.json",
    "software.json",
    "run.json",
    "provenance.json",
    "ro-crate-metadata.json",
    "samples/rows.json",
    "configuration/site.yaml",
}
"""Files that every package holds below `data/`."""


class Failed(Exception):
    """A check fails, for these reasons."""

    def __init__(self, *reasons: Text) -> None:
        super().__init__(reasons[0].en)
        self.reasons = reasons


@dataclass(slots=True)
class Opened:
    """What has been read of a package so far."""

    file: Path
    scratch: Path
    trusted: frozenset[str]
    progress: Callable[[float], None]
    folder: Path = Path()
    json: dict[str, Plain] = field(default_factory=dict)
    frozen: tuple[Frozen, ...] = ()
    clause: ClauseConfig | None = None
    exclusions: tuple[Exclusion, ...] = ()
    records: tuple[HandedIn, ...] = ()
    sides: dict[Arm, Recorded] = field(default_factory=dict)
    assessment: Assessment | None = None
    signer: str = ""

    @property
    def data(self) -> Path:
        """The payload's folder."""
        return self.folder / "data"


def read_json(path: Path) -> Plain:
    """Return a file of JSON. Raises Rejected when it is none, or too large."""
    try:
        if path.stat().st_size > MOST_JSON:
            raise Rejected(f"{path.name}: larger than {MOST_JSON} bytes")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise Rejected(f"{path.name}: not readable as JSON: {error}") from error


def read_small(path: Path) -> bytes:
    """Return a file that is never large. Raises Rejected when it is."""
    if path.stat().st_size > 1 << 20:
        raise Rejected(f"{path.name}: larger than any such file is")
    return path.read_bytes()


def moment(text: object) -> int:
    """Return a moment as ns UTC. Raises Rejected when it is none."""
    try:
        return from_iso(str(text))
    except ValueError as error:
        raise Rejected(f"{text!r} is not a moment in time") from error


def fault(error: ValidationError) -> str:
    """Return the first thing that is wrong, with its place."""
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


def both(text: str) -> Text:
    """Return words that are the same in both languages."""
    return Text(text, text)
