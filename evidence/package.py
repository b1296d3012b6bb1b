"""A campaign as one file: a BagIt bag in a zip, signed, with all that is needed to compute it again.

    <id>/
      bagit.txt bag-info.txt manifest-sha256.txt manifest-sha512.txt tagmanifest-sha256.txt tagmanifest-sha512.txt
      signature.json            DSSE envelope over the tag manifest (Ed25519)
      signature-sm2.json        the same with SM2 over SM3, where asked for
      timestamp.tsr             RFC 3161 token over signature.json, where asked for, and
      timestamp-root.pem        the root certificate that it is checked by
      data/
        plan.json               every frozen revision
        catalogue.json          the document that asks, and the clause, as they were
        configuration/*.yaml    site, centre, the scene: as they were loaded
        samples/<side>.parquet  raw samples; rows.json has a logical hash of each
        exclusions.json records.json annotations.json completeness.json
        measurements.json       every indicator of every window, with formula, version and inputs
        findings.json           verdicts
        sensitivity.json        where the verdict was tried against its assumptions
        software.json provenance.json run.json
        ro-crate-metadata.json
        report/…                PDF, XLSX, DOCX in both languages

Sources: RFC 8493 (BagIt); RO-Crate 1.1; W3C PROV; RFC 3161.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import bagit

from analytics.measures.measurement import Measured
from analytics.rules import of_centre
from configs.configuration import Configuration
from configs.loader import DOCUMENTS
from configs.reading import read
from evidence import dossier as contents
from evidence.archive import pack
from evidence.assess import Arm, Recorded
from evidence.dossier import Dossier, to_json
from evidence.payload import Plain, plain
from evidence.rows import Readable, Recording, Rows, record
from evidence.signing import Signer, statement
from evidence.timestamp import Authority
from plant.calendar import Span
from plant.clock import SECOND, iso
from plant.errors import ProvenlineError

MARGIN = 900 * SECOND
"""What is recorded before and after each window: what was in force, and how long a stop lasted."""

CHECKSUMS = ("sha256", "sha512")
_ELSEWHERE = ("edge", "network-profile", "acceptance-catalogue")
"""Documents that decide no figure, or are in the package in another form."""

Report = Callable[[Dossier], Mapping[str, bytes]]
"""Makes the files below `report/`, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Where one side's samples come from. `windows`: ns UTC, in order."""

    historian: Readable
    windows: Sequence[Span]


def recorded(
    configuration: Configuration, scene_id: str, sides: Mapping[Arm, Side], folder: Path
) -> dict[Arm, Recorded]:
    """Copy both sides' samples into `folder` and return them as they will be read from a package.

    What is assessed is the copy, so that a campaign and its verification see the same samples.
    """
    scene = next(one for one in configuration.site.scenes if one.id == scene_id)
    paths = [tag.path for tag in scene.tags]
    found = {}
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    for arm, side in sides.items():
        file = folder / "samples" / f"{arm.value}.parquet"
        record(side.historian, paths, [(a - MARGIN, b + MARGIN) for a, b in side.windows], file)
        found[arm] = reread(configuration, scene_id, side.windows, file)
    return found


def reread(configuration: Configuration, scene_id: str, windows: Sequence[Span], file: Path) -> Recorded:
    """Return one side from its file. Raises Rejected when that is no file of samples."""
    scene = next(one for one in configuration.site.scenes if one.id == scene_id)
    measured = Measured(
        scene=scene,
        historian=Recording(file),
        calendar=configuration.calendar(scene_id),
        rules=of_centre(configuration),
    )
    return Recorded(measured=measured, windows=tuple(windows))


def write(
    dossier: Dossier,
    configuration: Configuration,
    file: Path,
    *,
    samples: Path,
    signer: Signer,
    report: Report | None = None,
    authority: Authority | None = None,
) -> None:
    """Write a campaign's package. `samples`: the folder that `recorded` filled.

    The file appears whole or not at all. Raises ProvenlineError when `file` is there already.
    """
    if file.exists():
        raise ProvenlineError(f"{file} is there already; evidence is not overwritten")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".package-") as scratch:
        folder = Path(scratch) / dossier.plan.plan.id
        folder.mkdir()
        _payload(dossier, configuration, folder, samples, report)
        _bag(dossier, folder)
        _sign(dossier, folder, signer)
        if authority is not None:
            stamp(folder, authority)
        whole = Path(scratch) / "package.zip"
        pack(folder, whole)
        whole.rename(file)


def documents(dossier: Dossier) -> dict[str, Plain]:
    """Return the payload's JSON files by name, but for those that speak of the other files."""
    catalogue = dossier.catalogue.model_dump(mode="json")
    found = {
        "plan.json": [one.model_dump(mode="json") for one in dossier.revisions],
        "catalogue.json": {
            "id": catalogue["id"],
            "document": catalogue["document"],
            "clause": dossier.clause.model_dump(mode="json"),
        },
        "exclusions.json": [one.model_dump(mode="json") for one in dossier.exclusions],
        "records.json": [one.model_dump(mode="json") for one in dossier.records],
        "annotations.json": list(dossier.annotations),
        "completeness.json": contents.completeness(dossier.sides),
        "measurements.json": contents.measurements(dossier.assessment),
        "findings.json": plain(dossier.assessment.finding),
        "software.json": contents.software(),
        "run.json": {
            "simulated": dossier.simulated,
            "began": iso(dossier.run.began),
            "ended": iso(dossier.run.ended),
            "notes": plain(dossier.run.notes),
        },
    }
    return found | ({"sensitivity.json": dossier.sensitivity} if dossier.sensitivity is not None else {})


def rows(dossier: Dossier) -> Plain:
    """Return what the files of samples hold, with their logical hashes."""
    return {f"{arm.value}.parquet": plain(_rows(side)) for arm, side in dossier.sides.items()}


def _rows(side: Recorded) -> Rows:
    historian = side.measured.historian
    assert isinstance(historian, Recording)
    return historian.rows


def _payload(
    dossier: Dossier, configuration: Configuration, folder: Path, samples: Path, report: Report | None
) -> None:
    for name, data in documents(dossier).items():
        (folder / name).write_bytes(to_json(data))
    (folder / "samples").mkdir()
    for arm in dossier.sides:
        shutil.copy(samples / "samples" / f"{arm.value}.parquet", folder / "samples")
    (folder / "samples" / "rows.json").write_bytes(to_json(rows(dossier)))
    _configuration(dossier, configuration, folder / "configuration")
    for name, content in (report(dossier) if report else {}).items():
        target = folder / "report" / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    (folder / "provenance.json").write_bytes(to_json(contents.provenance(dossier, names)))
    crate = _crate(dossier, folder, [*names, "provenance.json"])
    (folder / "ro-crate-metadata.json").write_bytes(to_json(crate))


def _configuration(dossier: Dossier, configuration: Configuration, folder: Path) -> None:
    """Copy the texts that decide the figures: the site, the centre's rules, the scene; nobody else's."""
    folder.mkdir()
    scene = dossier.plan.plan.scene
    for path in sorted(configuration.folder.rglob("*.y*ml")):
        data = read(path, path.name).data
        kind = data.get("type") if isinstance(data, dict) else None
        if kind in DOCUMENTS and kind not in _ELSEWHERE and (kind != "scene" or data["id"] == scene):
            shutil.copyfile(path, folder / f"{kind}.yaml")


def _bag(dossier: Dossier, folder: Path) -> None:
    plan = dossier.plan.plan
    about = {
        "Source-Organization": plan.author,
        "External-Identifier": f"{plan.id}/{dossier.plan.revision}",
        "External-Description": ("SIMULATED DATA 仿真数据 · " if dossier.simulated else "")
        + (plan.name.text.of("en") or plan.id),
        "Bagging-Date": iso(dossier.run.ended)[:10],
        "Bag-Software-Agent": f"provenline {metadata.version('provenline')}",
        "BagIt-Profile-Identifier": "urn:provenline:evidence:1",
    }
    bagit.make_bag(str(folder), about, checksums=list(CHECKSUMS))


def _sign(dossier: Dossier, folder: Path, signer: Signer) -> None:
    manifest = folder / "tagmanifest-sha256.txt"
    body = statement(
        manifest.name,
        sha256(manifest.read_bytes()).hexdigest(),
        {
            "campaign": dossier.plan.plan.id,
            "plan": dossier.plan.hash,
            "signed": iso(dossier.run.ended),
            "simulated": dossier.simulated,
        },
    )
    (folder / "signature.json").write_bytes(signer.envelope(body))
    second = signer.sm2_envelope(body)
    if second is not None:
        (folder / "signature-sm2.json").write_bytes(second)


def stamp(folder: Path, authority: Authority) -> None:
    """Let an authority stamp the signature of an unpacked package. Raises Unavailable when it gives no token."""
    token = authority.stamp((folder / "signature.json").read_bytes())
    (folder / "timestamp.tsr").write_bytes(token)
    (folder / "timestamp-root.pem").write_bytes(authority.roots)


def _crate(dossier: Dossier, folder: Path, names: Sequence[str]) -> Plain:
    """Describe the files as an RO-Crate 1.1, so that archives can list them."""
    plan = dossier.plan.plan
    files = [
        {
            "@id": name,
            "@type": "File",
            "contentSize": str((folder / name).stat().st_size),
            "encodingFormat": _FORMATS.get(name.rpartition(".")[2], "application/octet-stream"),
        }
        for name in names
    ]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": plan.name.text.of("en") or plan.id,
        "description": f"Acceptance evidence for clause {dossier.clause.number}"
        + (" (simulated data)" if dossier.simulated else ""),
        "datePublished": iso(dossier.run.ended),
        "license": "All rights reserved by the author of the campaign",
        "author": {"@id": "#author"},
        "hasPart": [{"@id": name} for name in names],
        "mentions": {"@id": "#campaign"},
    }
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            },
            root,
            {"@id": "#author", "@type": "Person", "name": plan.author},
            {
                "@id": "#software",
                "@type": "SoftwareApplication",
                "name": "provenline",
                "softwareVersion": metadata.version("provenline"),
            },
            {
                "@id": "#campaign",
                "@type": "CreateAction",
                "name": plan.name.text.of("en") or plan.id,
                "instrument": {"@id": "#software"},
                "agent": {"@id": "#author"},
                "object": [{"@id": "plan.json"}, {"@id": "catalogue.json"}],
                "result": [{"@id": "findings.json"}],
                "startTime": iso(dossier.run.began),
                "endTime": iso(dossier.run.ended),
            },
            *files,
        ],
    }


_FORMATS = {
    "json": "application/json",
    "yaml": "application/yaml",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
