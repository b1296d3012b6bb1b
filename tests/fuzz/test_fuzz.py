"""Every reader of foreign bytes takes any bytes: a short hunt here, a million inputs each by `python -m tests.fuzz`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import record
from tests.fuzz.__main__ import child
from tests.fuzz.targets import EVERY, named, targets

NAMES = [target.name for target in targets()]


@st.composite
def spoiled(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A sound input with some bytes changed, cut out, put in or repeated; or bytes of any kind."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at, size = draw(st.integers(0, len(data))), draw(st.integers(0, 8))
        data[at : at + size] = draw(st.binary(max_size=8) | st.just(bytes(data[at : at + size]) * 3))
    return bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_input_that_was_spoiled_is_read_or_refused(name: str) -> None:
    target = named(name)

    @settings(max_examples=100)
    @given(st.one_of(spoiled(target.seeds), st.binary(max_size=200)))
    def attempt(data: bytes) -> None:
        target.attempt(data)

    attempt()


@pytest.mark.skipif(find_spec("atheris") is None, reason="NOT RUN, no atheris for this kind of machine")
def test_a_short_hunt_by_coverage_finds_nothing(tmp_path: Path) -> None:
    ended = child(EVERY, 10_000, tmp_path)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "Done 10000 runs" in ended.stderr
    assert len(list(tmp_path.iterdir())) > 3 * len(named(EVERY).seeds)  # it was led by coverage


def test_the_pages_show_what_is_recorded_and_nothing_that_was_found_is_left() -> None:
    hunts = record.kept()
    assert hunts.keys() == set(NAMES)
    assert [name for name, hunt in hunts.items() if hunt.findings or not hunt.inputs] == []
    for language, page in record.PAGES.items():
        assert record.table(NAMES, hunts, language) in (record.DOCS / page).read_text(encoding="utf-8")
