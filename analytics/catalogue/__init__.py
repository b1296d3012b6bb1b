"""Formulas beyond ISO 22400-2 by field, as data; `analytics.formulas` puts them into the one catalogue."""

from __future__ import annotations

from analytics.catalogue import alarms, energy, measures, network, quality, semi, transport, warning
from analytics.indicator import Formula
from analytics.iso22400 import Symbol

_FIELDS = (quality, energy, network, transport, alarms, warning, measures, semi)

FORMULAS: tuple[Formula, ...] = tuple(formula for field in _FIELDS for formula in field.FORMULAS)
"""Every formula of every field."""

SYMBOLS: dict[str, Symbol] = {name: symbol for field in _FIELDS for name, symbol in field.SYMBOLS.items()}
"""What their symbols mean, as far as ISO 22400-2 does not say it."""
