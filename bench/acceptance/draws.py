"""Shifts, trials and delays with a known truth, and as measurements that `judge` takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.signal import lfilter

from analytics.indicator import Indicator, Shown
from analytics.measures.measurement import Measurement, Part, Trials
from configs.catalogue import IndicatorConfig
from plant.text import Text

_INDICATOR = Indicator(
    id="bench", name=Text("bench", "bench"), value=None, unit="1/h", shown=Shown.NUMBER, scope="bench", window=(0, 1),
    formula="bench", version=1, inputs={}, coverage=1.0, quality_share=1.0, simulated=True,
)  # fmt: skip
_EMPTY = Measurement(indicator=_INDICATOR)


def config(**said) -> IndicatorConfig:
    """Return an indicator: a gain of at least 20 % unless said otherwise."""
    plain = {
        "id": "x",
        "name": "x",
        "kind": "change-up",
        "op": ">=",
        "value": 0.2,
        "measure": "x",
        "statistic": "ratio",
    }
    return IndicatorConfig.model_validate(plain | said)


def autoregressive(random, shape, correlation):
    """Return standard normal series along the last axis, each value like the one before by `correlation`."""
    series = random.standard_normal(shape)
    series[..., 1:] *= np.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], series)


def rates(random, comparisons, shifts, *, spread, correlation):
    """Return rates of mean 1 with a relative standard deviation, comparisons by shifts."""
    sigma = np.sqrt(np.log1p(spread**2))
    return np.exp(sigma * autoregressive(random, (comparisons, shifts), correlation) - sigma**2 / 2)


def windows(numerators, denominators) -> list[Measurement]:
    """Return a shift for each pair of sums."""
    pairs = zip(numerators, denominators, strict=True)
    return [replace(_EMPTY, parts={"": Part(float(n), float(d))}) for n, d in pairs]


def trials(found, total) -> list[Measurement]:
    """Return a shift for each number of successes."""
    return [replace(_EMPTY, trials=Trials(int(k), total)) for k in found]


def samples(values) -> list[Measurement]:
    """Return a shift for each row of delays."""
    return [replace(_EMPTY, sample=row) for row in values]
