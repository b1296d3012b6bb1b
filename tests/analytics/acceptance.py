"""Measurements and indicators for tests of acceptance, as short as a test likes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from analytics.acceptance import Finding, judge
from analytics.indicator import Indicator, Shown
from analytics.measures.measurement import Measurement, Part, Trials
from configs.catalogue import IndicatorConfig
from plant.batch import Floats
from plant.text import Text

HOUR = 3_600_000_000_000


def asked(**said: Any) -> IndicatorConfig:
    """Return an indicator: +20 % of a rate by ratio, unless said otherwise."""
    plain: dict[str, Any] = {
        "id": "gain",
        "name": {"zh": "提升", "en": "gain"},
        "kind": "change-up",
        "op": ">=",
        "value": 0.2,
        "measure": "production-rate",
        "statistic": "ratio",
        "minimum": {"shifts": 3},
    }
    return IndicatorConfig.model_validate(plain | said)


def window(
    parts: Mapping[str, tuple[float, float]] | None = None,
    *,
    trials: tuple[int, int] | None = None,
    sample: Iterable[float] = (),
    coverage: float | None = 1.0,
    quality_share: float = 1.0,
    simulated: bool = True,
    unit: str = "1/h",
    uncertainty: tuple[float, float] | None = None,
    clock_error: float | None = None,
    late: float = 0.0,
) -> Measurement:
    """Return what one shift contributes."""
    return Measurement(
        indicator=Indicator(
            id="x",
            name=Text("x", "x"),
            value=None,
            unit=unit,
            shown=Shown.NUMBER,
            scope="cq/line",
            window=(0, HOUR),
            formula="x",
            version=1,
            inputs={},
            coverage=coverage,
            quality_share=quality_share,
            uncertainty=uncertainty,
            simulated=simulated,
        ),
        parts={product: Part(*sums) for product, sums in (parts or {}).items()},
        trials=None if trials is None else Trials(*trials),
        sample=np.array(list(sample), float),
        clock_error=clock_error,
        late=late,
    )


def rates(values: Iterable[float], *, made: float = 8.0, **said: Any) -> list[Measurement]:
    """Return a shift for each rate: `made` hours at so many pieces an hour."""
    return [window({"": (value * made, made)}, **said) for value in values]


def noisy(mean: float, *, windows: int, spread: float, seed: int, correlated: float = 0.0) -> Floats:
    """Return rates around a mean with a relative spread, each a little like the one before."""
    drawn = np.random.default_rng(seed).standard_normal(windows)
    for i in range(1, windows):
        drawn[i] = correlated * drawn[i - 1] + np.sqrt(1 - correlated**2) * drawn[i]
    return np.asarray(mean * np.exp(spread * drawn - spread**2 / 2))


def held(
    config: IndicatorConfig,
    improved: Sequence[Measurement],
    baseline: Sequence[Measurement] | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 400,
    seed: int = 7,
    mix: Mapping[str, float] | None = None,
) -> Finding:
    """Judge with the plan's usual settings."""
    return judge(
        config,
        baseline,
        improved,
        clause="c",
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        mix=mix or {},
    )
