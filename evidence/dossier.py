"""Everything a campaign knows at its end, as data: what a package holds and a report draws from.

A report is made from a dossier and from nothing else, so what it says can be found in the package.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np

from analytics.acceptance.judge import VERSION as JUDGE_VERSION
from analytics.formulas import FORMULAS
from configs.catalogue import AcceptanceCatalogue, ClauseConfig
from evidence.assess import Arm, Assessment, Recorded
from evidence.canonical import digest
from evidence.handed import FORMULA as HANDED_IN
from evidence.payload import Plain, plain
from evidence.plan import Exclusion, Frozen, HandedIn
from plant.batch import Origin
from plant.clock import iso
from plant.quality import good, usable

_USED = ("plan", "catalogue", "configuration")
_MADE = ("samples", "measurements", "findings", "report")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the data came about. `began`, `ended`: ns UTC by the campaign's own clock; `notes`: anything else."""

    began: int
    ended: int
    notes: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A finished campaign. `revisions`: of the plan, oldest first; the last one was carried out.

    `zone`: IANA name of the local time that reports speak in. `sides`: empty where only records count.
    `annotations`: what people wrote about stops in the windows, as plain data. `sensitivity`:
    how the verdict fares when assumptions are varied, or None where that was not asked for.
    """

    revisions: tuple[Frozen, ...]
    catalogue: AcceptanceCatalogue
    clause: ClauseConfig
    sides: Mapping[Arm, Recorded]
    assessment: Assessment
    run: Run
    zone: str = "UTC"
    exclusions: tuple[Exclusion, ...] = ()
    records: tuple[HandedIn, ...] = ()
    annotations: tuple[Mapping[str, Plain], ...] = ()
    sensitivity: Plain | None = None

    @property
    def plan(self) -> Frozen:
        """The revision that was carried out."""
        return self.revisions[-1]

    @property
    def simulated(self) -> bool:
        """Whether anything in it was simulated; then everything made of it says so."""
        return is_simulated(self.sides, self.assessment)


def is_simulated(sides: Mapping[Arm, Recorded], assessment: Assessment) -> bool:
    """Say whether a scene, or any figure by its samples, is marked as simulated."""
    figures = (one for found in assessment.measurements.values() for many in found.values() for one in many)
    return any(side.measured.scene.simulated for side in sides.values()) or any(
        one.indicator.simulated for one in figures
    )


def measurements(assessment: Assessment) -> Plain:
    """Return every measurement by side, indicator and window."""
    return plain(
        {
            arm.value: {
                "windows": [[iso(a), iso(b)] for a, b in assessment.windows[arm]],
                "excluded": [[iso(a), iso(b)] for a, b in assessment.excluded[arm]],
                "indicators": {name: list(found) for name, found in by_indicator.items()},
            }
            for arm, by_indicator in assessment.measurements.items()
        }
    )


def completeness(sides: Mapping[Arm, Recorded]) -> Plain:
    """State, for each side, what was to be recorded and what is there: tags, samples, quality, marks."""
    return {arm.value: _completeness(side) for arm, side in sides.items()}


def _completeness(side: Recorded) -> Plain:
    historian, tags = side.measured.historian, side.measured.scene.tags
    silent, samples = [], 0
    counts = {"good": 0, "uncertain": 0, "bad": 0}
    marks = {"simulated": 0, "replayed": 0}
    for tag in tags:
        found = 0
        for start, stop in side.windows:
            batch = historian.history([tag.path], start, stop)
            found += len(batch)
            fine, fit = np.count_nonzero(good(batch.quality)), np.count_nonzero(usable(batch.quality))
            for name, count in (("good", fine), ("uncertain", fit - fine), ("bad", len(batch) - fit)):
                counts[name] += int(count)
            marks["simulated"] += int(np.count_nonzero(batch.origin & Origin.SIMULATED))
            marks["replayed"] += int(np.count_nonzero(batch.origin & Origin.REPLAYED))
        samples += found
        silent += [] if found else [tag.path]
    return {
        "windows": [[iso(a), iso(b)] for a, b in side.windows],
        "tags": len(tags),
        "tags_without_samples": silent,
        "samples": samples,
        "quality": counts,
        "marks": marks,
    }


def software() -> Plain:
    """Say by what everything was computed: versions, the hash of the pinned dependencies, formulas, statistics."""
    names = ("provenline", "numpy", "scipy", "pyarrow", "pydantic")
    return {
        "versions": {name: metadata.version(name) for name in names},
        "python": platform.python_version(),
        "dependencies": digest(sorted(metadata.requires("provenline") or [])),
        "formulas": formulas(),
        "statistics": JUDGE_VERSION,
    }


def formulas() -> dict[str, int]:
    """Return the version of every formula there is here."""
    return {one.id: one.version for one in sorted((*FORMULAS.values(), HANDED_IN), key=lambda one: one.id)}


def provenance(dossier: Dossier, files: Sequence[str]) -> Plain:
    """Say in W3C PROV's terms who did what to which entities (PROV-JSON, https://www.w3.org/submissions/prov-json/)."""
    agent, tool, activity = "provenline:author", "provenline:software", "provenline:campaign"
    plan = dossier.plan.plan
    return {
        "prefix": {"provenline": "urn:provenline:", "file": "urn:provenline:file:"},
        "entity": {f"file:{name}": {} for name in files},
        "activity": {activity: {"prov:startTime": iso(dossier.run.began), "prov:endTime": iso(dossier.run.ended)}},
        "agent": {
            agent: {"prov:type": "prov:Person", "provenline:name": plan.author},
            tool: {"prov:type": "prov:SoftwareAgent", "provenline:version": metadata.version("provenline")},
        },
        "wasAssociatedWith": {
            "_:1": {"prov:activity": activity, "prov:agent": agent, "prov:plan": "file:plan.json"},
            "_:2": {"prov:activity": activity, "prov:agent": tool},
        },
        "used": {
            f"_:u{i}": {"prov:activity": activity, "prov:entity": f"file:{name}"}
            for i, name in enumerate(n for n in files if n.startswith(_USED))
        },
        "wasGeneratedBy": {
            f"_:g{i}": {"prov:entity": f"file:{name}", "prov:activity": activity}
            for i, name in enumerate(n for n in files if n.startswith(_MADE))
        },
        "wasDerivedFrom": {
            "_:d1": {"prov:generatedEntity": "file:measurements.json", "prov:usedEntity": "file:samples"},
            "_:d2": {"prov:generatedEntity": "file:findings.json", "prov:usedEntity": "file:measurements.json"},
        },
    }


def to_json(data: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Write data for people and programs: sorted, indented, UTF-8."""
    return (json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
