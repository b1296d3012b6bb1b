"""How a plant's figures are made, as its configuration says; read in one place for every view."""

from __future__ import annotations

from analytics.reliability import Denominator
from analytics.time_model import TimeModel
from analytics.unit import Rules
from configs.schema import RulesConfig
from plant.clock import SECOND


def configured(settings: RulesConfig, *, min_coverage: float) -> Rules:
    """Return the rules that a document asks for."""
    return Rules(
        model=TimeModel(
            micro_stop=round(settings.micro_stop * SECOND),
            start_up=round(settings.start_up * SECOND),
        ),
        min_coverage=min_coverage,
        denominator=Denominator(settings.mean_times_by),
        percentiles=tuple(settings.percentiles),
    )
