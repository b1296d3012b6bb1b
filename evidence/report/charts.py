"""Charts of a report as SVG, drawn to be read in black and white too: hollow and dashed before, solid after.

Sizes are points; every function returns one SVG document.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np

from plant.batch import Floats

WIDTH = 500.0
FONT = "Noto Sans SC"
INK, QUIET, GRID, ACCENT, BEFORE, LIMIT = "#1a1a1a", "#555555", "#dddddd", "#0b4f8a", "#8a8a8a", "#b3261e"


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to points; logarithmic where asked."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return where a value lies; what is outside lies on the edge."""
        a, b, x = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            a, b, x = math.log10(a), math.log10(b), math.log10(max(x, 1e-12))
        return self.start + (self.stop - self.start) * ((x - a) / (b - a) if b > a else 0.5)

    def ticks(self) -> list[float]:
        """Return round values to mark."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**n for n in range(first, last + 1)]
        step = 10 ** math.floor(math.log10(max(self.high - self.low, 1e-12) / 4))
        step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (step * m) <= 6)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _around(values: Iterable[float], *, margin: float = 0.15, zero: bool = False) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low or abs(high) or 1.0) * margin
    return (low if zero and low == 0 else low - room), high + room


def marked(svg: str, words: str) -> str:
    """Return a chart with words in its corner that stay with it wherever it is copied to."""
    note = _text(WIDTH - 4, 8, words, size=7, anchor="end", fill=LIMIT)
    return svg.removesuffix("</svg>") + note + "</svg>"


def windows(
    sides: Sequence[tuple[str, Sequence[float | None]]], *, unit: str, bound: tuple[float, str] | None = None
) -> str:
    """Draw each window's figure of up to two sides, the first hollow, with each side's mean as a line."""
    height, left, right, top, bottom = 190.0, 52.0, 490.0, 14.0, 158.0
    values = [value for _, found in sides for value in found if value is not None]
    low, high = _around([*values, *([bound[0]] if bound else [])])
    y, count = Axis(low, high, bottom, top), max((len(found) for _, found in sides), default=1)
    x = Axis(0.5, count + 0.5, left, right)
    parts = [*_grid(y, left, right), _text(left, 10, unit, size=8, fill=QUIET)]
    parts += [
        _text(x.at(number), bottom + 12, str(number), size=7.5, anchor="middle", fill=QUIET)
        for number in range(1, count + 1)
        if count <= 30 or number % 5 == 0
    ]
    for index, (_, found) in enumerate(sides):
        first = index == 0 and len(sides) > 1
        known = [(n, value) for n, value in enumerate(found, start=1) if value is not None and math.isfinite(value)]
        if known:
            mean = sum(value for _, value in known) / len(known)
            parts.append(_line(left, y.at(mean), right, y.at(mean), BEFORE if first else ACCENT, dash=first))
        shift = 0.0 if len(sides) == 1 else (-3.5 if first else 3.5)
        parts += [_mark(x.at(n) + shift, y.at(value), hollow=first) for n, value in known]
    if bound:
        parts += [
            _line(left, y.at(bound[0]), right, y.at(bound[0]), LIMIT, dash=True, width=1.2),
            _text(right, y.at(bound[0]) - 3, bound[1], size=8, anchor="end", fill=LIMIT),
        ]
    return _svg(height, parts + _legend([name for name, _ in sides], height - 8))


def cdf(sides: Sequence[tuple[str, Floats]], *, unit: str, bound: float, percentile: float, words: str) -> str:
    """Draw the share of probes answered within a delay; lost ones are never answered, so the curve ends below 1."""
    height, left, right, top, bottom = 220.0, 52.0, 490.0, 14.0, 178.0
    finite = np.concatenate([found[np.isfinite(found)] for _, found in sides]) if sides else np.empty(0)
    if not len(finite):
        return _svg(40, [_text(left, 20, "—", size=9)])
    low = 10 ** math.floor(math.log10(max(min(float(finite.min()), bound), 1e-3)))
    high = 10 ** math.ceil(math.log10(max(float(finite.max()), bound * 1.01)))
    x, y = Axis(low, high, left, right, log=True), Axis(0.0, 1.0, bottom, top)
    parts = _grid(y, left, right, percent=True)
    for tick in x.ticks():
        parts.append(_line(x.at(tick), top, x.at(tick), bottom, GRID, width=0.5))
        parts.append(_text(x.at(tick), bottom + 12, f"{tick:g}", size=7.5, anchor="middle", fill=QUIET))
    parts.append(_text(right, bottom + 24, unit, size=8, anchor="end", fill=QUIET))
    for index, (_, found) in enumerate(sides):
        first = index == 0 and len(sides) > 1
        ordered = np.sort(found)
        rows = np.unique(np.linspace(0, len(ordered) - 1, 400).astype(int))
        rows = rows[np.isfinite(ordered[rows])]
        points = [(x.at(float(ordered[row])), y.at((row + 1) / len(ordered))) for row in rows]
        parts.append(_path(points, BEFORE if first else ACCENT, dash=first))
    parts += [
        _line(x.at(bound), top, x.at(bound), bottom, LIMIT, dash=True, width=1.2),
        _text(x.at(bound) + 3, bottom - 5, words, size=8, fill=LIMIT),
        _line(left, y.at(percentile), right, y.at(percentile), QUIET, dash=True, width=0.6),
    ]
    return _svg(height, parts + _legend([name for name, _ in sides], height - 8))


def interval(estimate: float | None, limits: tuple[float, float] | None, *, bound: float, unit: str, words: str) -> str:
    """Draw an estimate with its interval against the bound; the unit `%` is for ratios."""
    height, left, right, middle = 62.0, 52.0, 490.0, 24.0
    ends = [value for value in (*(limits or ()), estimate) if value is not None and math.isfinite(value)]
    low, high = _around([bound, *ends], margin=0.2)
    x = Axis(low, high, left, right)
    parts = [_line(left, middle, right, middle, GRID)]
    percent = unit == "%"
    labels = {tick: f"{100 * tick:g} %" if percent else f"{tick:g}" for tick in x.ticks()}
    parts += [_text(x.at(tick), 46, label, size=7.5, anchor="middle", fill=QUIET) for tick, label in labels.items()]
    parts += [] if percent else [_text(right, 58, unit, size=8, anchor="end", fill=QUIET)]
    if limits:
        a, b = x.at(limits[0]), x.at(limits[1])
        parts += [_line(a, middle, b, middle, INK, width=2.2), _line(a, 18, a, 30, INK), _line(b, 18, b, 30, INK)]
    if estimate is not None:
        parts.append(_mark(x.at(estimate), middle, hollow=False))
    parts += [
        _line(x.at(bound), 6, x.at(bound), 36, LIMIT, dash=True, width=1.2),
        _text(x.at(bound) + 3, 10, words, size=8, fill=LIMIT),
    ]
    return _svg(height, parts)


def waterfall(names: Sequence[str], sides: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Draw shares of planned time, a pair of bars a row; `names` from planned time down to valuable time."""
    row, left, right, top = 21.0, 150.0, 440.0, 6.0
    height = top + row * len(names) + 22
    x = Axis(0.0, 1.0, left, right)
    parts = [_line(left, top, left, top + row * len(names), QUIET, width=0.6)]
    for number, name in enumerate(names):
        y = top + row * number
        parts.append(_text(left - 6, y + 12, name, size=8.5, anchor="end"))
        for index, (_, shares) in enumerate(sides):
            first = index == 0 and len(sides) > 1
            thick, offset = (7.5, 2.0 + 8.5 * index) if len(sides) > 1 else (12.0, 4.0)
            fill = "url(#before)" if first else ACCENT
            width = max(x.at(shares[number]) - left, 0.4)
            parts.append(
                f'<rect x="{left:.1f}" y="{y + offset:.1f}" width="{width:.1f}" height="{thick}" '
                f'fill="{fill}" stroke="{BEFORE if first else ACCENT}" stroke-width="0.5"/>'
            )
            parts.append(_text(left + width + 4, y + offset + thick - 0.5, f"{shares[number]:.1%}", size=7, fill=QUIET))
    return _svg(height, parts + _legend([name for name, _ in sides], height - 6, bars=True))


def timeline(rows: Sequence[tuple[str, Sequence[tuple[float, float, bool]]]], *, ends: tuple[str, str]) -> str:
    """Draw windows on a line from 0 to 1; those left out are hatched and crossed."""
    row, left, right, top = 26.0, 96.0, 490.0, 6.0
    height = top + row * len(rows) + 18
    x = Axis(0.0, 1.0, left, right)
    parts = []
    for number, (name, spans) in enumerate(rows):
        y = top + row * number
        parts += [_text(left - 6, y + 13, name, size=8.5, anchor="end"), _line(left, y + 10, right, y + 10, GRID)]
        for start, stop, counted in spans:
            a, b = x.at(start), max(x.at(stop), x.at(start) + 1.5)
            fill = ACCENT if counted else "url(#out)"
            parts.append(
                f'<rect x="{a:.2f}" y="{y + 2:.1f}" width="{b - a - 0.5:.2f}" height="16" fill="{fill}" '
                f'stroke="{INK if not counted else "white"}" stroke-width="0.5"/>'
            )
            if not counted:
                parts.append(_line(a, y + 2, b, y + 18, LIMIT))
    y = top + row * len(rows) + 8
    parts += [
        _text(left, y, ends[0], size=7.5, fill=QUIET),
        _text(right, y, ends[1], size=7.5, anchor="end", fill=QUIET),
    ]
    return _svg(height, parts)


def _grid(y: Axis, left: float, right: float, *, percent: bool = False) -> list[str]:
    parts = []
    for tick in y.ticks():
        parts.append(_line(left, y.at(tick), right, y.at(tick), GRID, width=0.5))
        label = f"{tick:.0%}" if percent else f"{tick:.4g}"
        parts.append(_text(left - 5, y.at(tick) + 3, label, size=7.5, anchor="end", fill=QUIET))
    return parts


def _legend(names: Sequence[str], y: float, *, bars: bool = False) -> list[str]:
    parts, at = [], 56.0
    for index, name in enumerate(names):
        first = index == 0 and len(names) > 1
        fill, stroke = ("url(#before)", BEFORE) if first else (ACCENT, ACCENT)
        swatch = f'<rect x="{at - 6:.1f}" y="{y - 7:.1f}" width="10" height="7" fill="{fill}" stroke="{stroke}"/>'
        parts += [swatch if bars else _mark(at, y - 3, hollow=first), _text(at + 8, y, name, size=8.5)]
        at += 26 + 9 * len(name)
    return parts


def _mark(x: float, y: float, *, hollow: bool) -> str:
    if hollow:
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="3.1" fill="white" stroke="{INK}" stroke-width="1.1"/>'
    return f'<rect x="{x - 3:.2f}" y="{y - 3:.2f}" width="6" height="6" fill="{ACCENT}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: bool = False, width: float = 1.0) -> str:
    dashes = ' stroke-dasharray="5 3"' if dash else ""
    return (
        f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" stroke="{colour}" '
        f'stroke-width="{width}"{dashes}/>'
    )


def _path(points: Sequence[tuple[float, float]], colour: str, *, dash: bool) -> str:
    dashes = ' stroke-dasharray="5 3"' if dash else ""
    steps = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<polyline points="{steps}" fill="none" stroke="{colour}" stroke-width="1.6"{dashes}/>'


def _text(x: float, y: float, words: str, *, size: float, anchor: str = "start", fill: str = INK) -> str:
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-family="{FONT}" font-weight="500" font-size="{size}" '
        f'text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'
    )


def _svg(height: float, parts: Iterable[str]) -> str:
    stripes = (
        '<pattern id="{0}" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="4" height="4" fill="white"/><rect width="1.4" height="4" fill="{1}"/></pattern>'
    )
    patterns = stripes.format("before", BEFORE) + stripes.format("out", LIMIT)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:g}pt" height="{height:g}pt" '
        f'viewBox="0 0 {WIDTH:g} {height:g}"><defs>{patterns}</defs>{"".join(parts)}</svg>'
    )
