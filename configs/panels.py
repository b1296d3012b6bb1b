"""The panels a scene's page can be made of, by the names that a scene's `page` lists them under.

A page without a list shows every panel that the scene's roles and device types support; a list
says which, and in what order. What each panel shows is the pages' business
(`web/src/panels/panels.ts`), which has exactly these names.
"""

from __future__ import annotations

from enum import StrEnum


class Panel(StrEnum):
    """One part of a scene's page."""

    OEE = "oee"
    FIGURES = "figures"
    LINE = "line"
    FLOOR = "floor"
    HEAT = "heat"
    STOCK = "stock"
    HAND_SHAKE = "hand-shake"
    TRACE = "trace"
    INSPECTION = "inspection"
    CONFUSION = "confusion"
    CONTROL = "control"
    SESSIONS = "sessions"
    DECISIONS = "decisions"
    DELAY = "delay"
    STATES = "states"
    DEVICES = "devices"
    LOSSES = "losses"
    STOPS = "stops"
    ENERGY = "energy"
    ENERGY_STATES = "energy-states"
    TRENDS = "trends"
    CONTROL_CHART = "control-chart"
    COLLECTORS = "collectors"
