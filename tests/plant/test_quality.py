"""StatusCodes keep their meaning, known or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.quality import Quality, Severity, good, name, severity, usable


@given(st.integers(0, 2**32 - 1))
def test_severity_is_the_top_two_bits_and_agrees_with_the_columns(code: int) -> None:
    column = np.array([code], np.uint32)
    assert bool(good(column)[0]) == (severity(code) is Severity.GOOD)
    assert bool(usable(column)[0]) == (severity(code) is not Severity.BAD)
    assert name(code).startswith(severity(code).name.lower())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "good"),
        (Quality.BAD_NO_COMMUNICATION, "bad: no communication"),
        (Quality.BAD_NO_COMMUNICATION | 0x0480, "bad: no communication"),
        (Quality.UNCERTAIN_OUT_OF_RANGE, "uncertain: out of range"),
        (0x8FFF0000, "bad: 0x8FFF0000"),
    ],
)
def test_a_status_code_is_named_in_words(code: int, words: str) -> None:
    assert name(code) == words
