"""JSON of any shape under sound hashes and a sound signature: verification says no, and never falls over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.archive import pack, unpack
from evidence.signing import Signer
from evidence.verify import verify
from tests.evidence.test_tampering import manifests, sign_anew

FILES = (
    "plan.json",
    "catalogue.json",
    "measurements.json",
    "findings.json",
    "software.json",
    "run.json",
    "samples/rows.json",
    "completeness.json",
    "exclusions.json",
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def places(value: object, at: tuple = ()) -> list[tuple]:
    """Return every place in some JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


def put(value: object, place: tuple, new: object) -> object:
    if not place:
        return new
    key, *rest = place
    value[key] = put(value[key], tuple(rest), new)
    return value


@pytest.fixture(scope="module")
def folder(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(package, tmp_path_factory.mktemp("bag"))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_any_json_is_refused_or_changes_nothing(folder: Path, tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    file = folder / "data" / name
    original = file.read_bytes()
    try:
        value = json.loads(original)
        place = data.draw(st.sampled_from(places(value)))
        new = data.draw(VALUES)
        file.write_text(json.dumps(put(value, place, new)))
        manifests(folder)
        sign_anew(folder, Signer.load(tmp_path / "other.pem"))
        pack(folder, tmp_path / "fuzzed.zip")
        found = verify(tmp_path / "fuzzed.zip")
        assert len(found.checks) == 12
        if found.holds:  # then it was a place that decides nothing
            assert name in ("software.json", "run.json", "catalogue.json") or json.loads(original) == value
    finally:
        file.write_bytes(original)
