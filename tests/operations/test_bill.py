"""The bill of materials says all that is pinned, in the form that tools read, and the same each time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = ROOT / "requirements" / "run.txt"
PROGRAM = ROOT / "packaging" / "sbom.py"


def run(*arguments: str, cwd: Path | None = None, program: Path = PROGRAM) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, program, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=cwd
    )


@pytest.fixture(scope="module")
def bill() -> dict:
    return json.loads(run().stdout)


def test_every_package_that_is_installed_or_built_from_is_in_it(bill: dict) -> None:
    told = {component["purl"] for component in bill["components"]}
    pinned = re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)", RUN.read_text(), re.MULTILINE)
    assert len(pinned) > 50
    assert {f"pkg:pypi/{name}@{version}" for name, version in pinned} <= told
    packages = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    names = {place.rpartition("node_modules/")[2] for place in packages if place}
    assert len([purl for purl in told if purl.startswith("pkg:npm/")]) >= len(names)
    assert f"pkg:npm/vue@{packages['node_modules/vue']['version']}" in told


def test_it_has_the_form_of_cyclonedx(bill: dict) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert uuid.UUID(bill["serialNumber"]).version == 4
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(references) == len(set(references))
    for component in bill["components"]:
        assert {"type", "name", "version", "purl", "scope", "hashes"} <= component.keys()
        for digest in component["hashes"]:
            length = {"SHA-256": 64, "SHA-384": 96, "SHA-512": 128}[digest["alg"]]
            assert re.fullmatch(f"[0-9a-f]{{{length}}}", digest["content"])


def test_the_same_locks_give_the_same_bill() -> None:
    assert run().stdout == run().stdout


def test_every_lock_is_by_hash_and_every_licence_is_known() -> None:
    checked = run("--check")
    assert checked.returncode == 0, checked.stderr


def test_a_package_without_a_hash_or_a_licence_is_named(tmp_path: Path) -> None:
    for name in ("packaging/sbom.py", "requirements/run.txt", "web/package-lock.json", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    with (tmp_path / "requirements/run.txt").open("a") as lock:
        lock.write("not-there-at-all==1.0\n")
    checked = run("--check", program=tmp_path / "packaging/sbom.py")
    assert checked.returncode == 1
    assert "not-there-at-all@1.0 is not pinned by a hash" in checked.stderr
    assert "not-there-at-all@1.0 has no licence" in checked.stderr
