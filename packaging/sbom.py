"""What the product is made of, from its locks: a bill of materials in CycloneDX 1.6, as JSON.

    python packaging/sbom.py            the bill, on standard output
    python packaging/sbom.py --check    nothing but faults: what is not pinned by hash, or has no known licence

It reads `requirements/run.txt` (what runs) and `web/package-lock.json` (what the pages are built
of and with). The same locks give the same bill, to the last byte. Licences of Python packages
come from what is installed here, those of the web's from its lock.
"""

# ruff: noqa: INP001, T201 - a script, no package, that prints
from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).parents[1]
RUN, WEB, PROJECT = ROOT / "requirements/run.txt", ROOT / "web/package-lock.json", ROOT / "pyproject.toml"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*\\?$")
_CLASSIFIER = "License :: "
_ALGORITHMS = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}


@dataclass(frozen=True, slots=True)
class Component:
    """One pinned package. `ecosystem`: pypi or npm. `hashes`: algorithm and hexadecimal digest."""

    ecosystem: str
    name: str
    version: str
    hashes: tuple[tuple[str, str], ...]
    licence: str
    marker: str = ""
    develops: bool = False

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:{self.ecosystem}/{quote(self.name, safe='/')}@{quote(self.version, safe='.')}"

    def described(self) -> dict[str, Any]:
        """Describe it as CycloneDX does."""
        told: dict[str, Any] = {
            "type": "library",
            "bom-ref": self.purl,
            "name": self.name,
            "version": self.version,
            "purl": self.purl,
            "scope": "excluded" if self.develops else "required",
            "hashes": [{"alg": algorithm, "content": digest} for algorithm, digest in self.hashes],
        }
        if self.licence:
            told["licenses"] = [{"license": {"name": self.licence}}]
        if self.marker:
            told["properties"] = [{"name": "python:marker", "value": self.marker}]
        return told


def python_packages(text: str) -> Iterator[Component]:
    """Read what `pip --require-hashes` reads."""
    logical = re.sub(r"\\\n\s+", " ", text)
    for line in filter(None, (line.split(" #")[0].strip() for line in logical.splitlines())):
        pin, *digests = line.split(" --hash=")
        found = _PIN.match(pin.strip())
        if found is None:
            raise SystemExit(f"{RUN}: not pinned: {line[:100]}")
        name, version, marker = found[1], found[2], found[3] or ""
        pairs = (digest.strip().split(":", 1) for digest in digests)
        hashes = tuple((_ALGORITHMS[algorithm], value) for algorithm, value in pairs)
        yield Component("pypi", name, version, hashes, _licence(name), marker.strip())


def _licence(name: str) -> str:
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return ""
    named = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier") or () if c.startswith(_CLASSIFIER)]
    free = (told.get("License") or "").strip().splitlines()
    return told.get("License-Expression") or " OR ".join(named) or (free[0][:100] if free else "")


def web_packages(lock: dict[str, Any]) -> Iterator[Component]:
    """Read npm's lock; its own entry, which has no version, is left out."""
    for place, told in sorted(lock["packages"].items()):
        if not place:
            continue
        name = told.get("name") or place.rpartition("node_modules/")[2]
        hashes = tuple(_integrity(told.get("integrity", "")))
        yield Component(
            "npm", name, told["version"], hashes, str(told.get("license", "")), develops=bool(told.get("dev"))
        )


def _integrity(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split():
        algorithm, _, value = part.partition("-")
        if algorithm in _ALGORITHMS:
            yield _ALGORITHMS[algorithm], base64.b64decode(value).hex()


def components() -> list[Component]:
    """Give everything that is pinned, each once."""
    found = [*python_packages(RUN.read_text()), *web_packages(json.loads(WEB.read_text()))]
    return sorted({one.purl: one for one in found}.values(), key=lambda one: one.purl)


def bill(chosen: list[Component]) -> dict[str, Any]:
    """Return the bill of materials; its serial number follows from what is in it."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    described = [one.described() for one in chosen]
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).digest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=4)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/{project['name']}@{project['version']}",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": described,
    }


def faults(chosen: list[Component]) -> Iterator[str]:
    """Name what is wrong with the locks, as far as that can be told without asking anybody."""
    for one in chosen:
        if not one.hashes:
            yield f"{one.purl} is not pinned by a hash"
        if not one.licence and not one.marker:  # what another platform needs is not installed here
            yield f"{one.purl} has no licence that is known here"


def main() -> None:
    """Print the bill, or what is wrong."""
    chosen = components()
    if "--check" not in sys.argv[1:]:
        print(json.dumps(bill(chosen), indent=2))
        return
    found = list(faults(chosen))
    for fault in found:
        print(fault, file=sys.stderr)
    print(f"{len(chosen)} packages, {len(found)} faults")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
