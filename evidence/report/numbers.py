"""Numbers and moments as reports write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from analytics.acceptance import Finding
from plant.clock import SECOND
from plant.units import symbol

_SIGNS = {">=": "≥", "<=": "≤", "<": "<", ">": ">"}


def is_percent(found: Finding) -> bool:
    """Say whether an indicator's estimate is written in per cent."""
    return found.unit == "1"


def shown(value: float | None, unit: str, language: str, *, percent: bool) -> str:
    """Write a value with its unit."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞"
    if percent:
        return f"{100 * value:.4g} %"
    return f"{_plain(value)} {symbol(unit, language)}"


def estimate_text(found: Finding, language: str) -> str:
    """Write an estimate with its unit."""
    return shown(found.estimate, found.unit, language, percent=is_percent(found))


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def bound_text(found: Finding, language: str) -> str:
    """Write a bound with its sign."""
    return f"{_SIGNS[found.op.value]} {shown(found.bound, found.unit, language, percent=is_percent(found))}"


def interval_text(found: Finding, language: str) -> str:
    """Write a confidence interval."""
    if found.interval is None:
        return "–"
    low, high = (shown(value, found.unit, language, percent=is_percent(found)) for value in found.interval)
    return f"{low} … {high}"


def number(value: float | None) -> str:
    """Write a plain number."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.5g}"


def moment(time: int, zone: str) -> str:
    """Write a moment in the site's zone, with its offset."""
    local = datetime.fromtimestamp(time // SECOND, UTC).astimezone(ZoneInfo(zone))
    return local.strftime("%Y-%m-%d %H:%M %z")
