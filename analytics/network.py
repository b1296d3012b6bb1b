"""What a link does to messages: variation of delay, honest one-way delays, availability by survival time.

Probes are columns: when each was sent and how long it took, infinite when it was lost, NaN
where nothing was measured. Percentiles are those of `latency`: nearest rank over all packets,
the lost as infinitely late, and unsupported where too few were sent.

Availability is not one minus loss. A control loop survives single lost messages; it stops
when nothing timely has come for its survival time (3GPP TS 22.104):

    sent        ●────●────✗────✗────✗────✗────●────●
    expected               │← survival →│
    service     up ─────────────────────▌ down ▐─ up
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from analytics.catalogue.network import IPDV, PDV
from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Formula, Indicator, Quantity, Status, evaluate, report
from analytics.latency import Percentile, needed, percentiles
from analytics.spans import Spans
from plant.batch import Batch, Floats, Ints
from plant.calendar import Span
from plant.clock import MILLISECOND, SECOND
from plant.quality import Quality, usable
from plant.text import Text
from plant.units import convert


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """Packets in the order sent. `time`: ns UTC, strictly rising. `delay`: ms, inf = lost, NaN = not measured."""

    time: Ints
    delay: Floats

    def __post_init__(self) -> None:
        if len(self.time) != len(self.delay):
            raise ValueError(f"{len(self.time)} packets but {len(self.delay)} delays")
        if (np.diff(self.time) <= 0).any():
            raise ValueError("packets are in the order they were sent, one per instant")

    @property
    def received(self) -> Floats:
        """The delays of what arrived."""
        return self.delay[np.isfinite(self.delay)]

    @property
    def lost(self) -> int:
        """How many packets never arrived."""
        return int(np.isposinf(self.delay).sum())


def probes(samples: Batch, unit: str, window: Span) -> Probes:
    """Read one delay tag's samples (`ordered`): a time-out or infinite delay is a loss, other bad ones say nothing."""
    samples = samples.take((samples.time >= window[0]) & (samples.time < window[1]))
    delay = samples.numbers * convert(1.0, unit, "ms")
    delay = np.where(usable(samples.quality) & ~(delay < 0), delay, math.nan)
    return Probes(samples.time, np.where(samples.quality == np.uint32(Quality.BAD_TIMEOUT), math.inf, delay))


def ipdv(found: Probes) -> Floats:
    """Return the signed variation between successive packets in ms, D(i) - D(i-1), where both arrived (RFC 3393)."""
    both = np.isfinite(found.delay[1:]) & np.isfinite(found.delay[:-1])
    with np.errstate(invalid="ignore"):  # lost minus lost is not a number, and left out
        return (found.delay[1:] - found.delay[:-1])[both]


def variation(found: Probes, basis: Basis, *, shares: Sequence[str] = ("95", "99")) -> list[Indicator]:
    """Compute percentiles, in per cent, of PDV against the least delay (RFC 5481) and of |IPDV| (RFC 3393).

    Raises KeyError for a percentile that the catalogue does not have.
    """
    wanted = [Fraction(text) / 100 for text in shares]
    least = float(found.received.min()) if len(found.received) else None
    packets = float(len(found.received) + found.lost)
    result = []
    for text, one in zip(shares, percentiles(found.received, found.lost, wanted), strict=True):
        inputs = quantities({"DP": one.value, "DMIN": least, "N": packets})
        value = one.value - least if one.value is not None and least is not None else None
        if value == math.inf:  # the percentile is among the lost: there is no such number to show
            del inputs["DP"]
        result.append(_supported(PDV[text], value, one, inputs, basis))
    steps = np.abs(ipdv(found))
    for text, one in zip(shares, percentiles(steps, 0, wanted), strict=True):
        inputs = quantities({"IPDVP": one.value, "N": float(len(steps))})
        result.append(_supported(IPDV[text], one.value, one, inputs, basis))
    return result


def _supported(
    formula: Formula, value: float | None, one: Percentile, inputs: dict[str, Quantity], basis: Basis
) -> Indicator:
    if one.value is not None:
        return report(formula, value, inputs, basis)
    least = needed(one.share)
    note = Text(f"样本数不足，至少需要 {least} 个。", f"Too few packets; {least} are needed.")
    return report(formula, None, inputs, basis, note=note)


def one_way(found: Iterable[Indicator], clock_error: float | None) -> list[Indicator]:
    """State the clock error of one-way delays: `clock_error` in ms bounds both clocks' errors together.

    Each interval grows by it on both sides. Without a bound a one-way delay means nothing,
    because two clocks can differ by more than any delay; such figures lose their value.
    Loss needs no clock and stays as it is.
    """
    return [_stated(one, clock_error) if one.unit == "ms" else one for one in found]


def _stated(one: Indicator, clock_error: float | None) -> Indicator:
    inputs = {**one.inputs, **quantities({"CLK": clock_error})}
    if one.value is None:
        return replace(one, inputs=inputs)
    if clock_error is None:
        note = Text("时钟误差未知，单向时延无意义。", "The clock error is not known, so a one-way delay means nothing.")
        return replace(
            one, inputs=inputs, value=None, uncertainty=None, status=Status.INSUFFICIENT_DATA, flags=(), note=note
        )
    if clock_error < 0 or not math.isfinite(clock_error):
        raise ValueError("a clock error is a number of at least 0 ms")
    low, high = one.uncertainty or (one.value, one.value)
    sure = (low - clock_error, high + clock_error) if math.isfinite(one.value) else None
    note = Text(f"两端时钟误差不超过 {clock_error:g} ms。", f"The clocks agree to {clock_error:g} ms.")
    return replace(one, inputs=inputs, uncertainty=sure, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an application asks of its link (3GPP TS 22.104, table 5.2-1).

    `interval`: between two messages; `deadline`: largest end-to-end latency; `survival`: how
    long it goes on without a timely message. All in ms. Raises ValueError unless interval and
    deadline are positive and survival is not negative.
    """

    interval: float
    deadline: float
    survival: float

    def __post_init__(self) -> None:
        if not (self.interval > 0 and self.deadline > 0 and self.survival >= 0):
            raise ValueError("interval and deadline are more than 0 ms, survival time at least 0 ms")


@dataclass(frozen=True, slots=True)
class Availability:
    """When a service was observed, and when it was down; `down` lies within `observed`.

    `outages`: how often it went down; one that lasts over unobserved time is one.
    """

    observed: Spans
    down: Spans
    outages: int


def availability(found: Probes, service: Service, window: Span) -> Availability:
    """Find the outages of a service from its messages.

    Down time begins where the survival time of the first message that is late or lost has
    passed, and ends when a timely one arrives. A message stands for the time until the next
    one, at most two intervals; longer silence of the sender, and messages that were not
    measured, are not observed.
    """
    measured = ~np.isnan(found.delay)
    until = np.minimum(np.append(found.time[1:], window[1]), found.time + round(2 * service.interval * MILLISECOND))
    observed = Spans.where(measured, np.maximum(found.time, window[0]), np.minimum(until, window[1]))
    time, delay = found.time[measured], found.delay[measured]
    timely = delay <= service.deadline
    first_late = np.flatnonzero(~timely & np.concatenate(([True], timely[:-1])))
    arrived = time[timely] + np.rint(delay[timely] * MILLISECOND).astype(np.int64)
    after = np.searchsorted(np.flatnonzero(timely), first_late)
    begin = time[first_late] + round((service.deadline + service.survival) * MILLISECOND)
    end = np.append(arrived, window[1])[after]
    down = Spans.of((b, e) for b, e in zip(begin.tolist(), end.tolist(), strict=True) if e > b)
    return Availability(observed, down.both(observed), int((observed.within(down.start, down.stop) > 0).sum()))


def availability_indicators(found: Availability, basis: Basis) -> list[Indicator]:
    """Compute the figures of a service over one window; coverage is the observed share of it."""
    length = basis.window[1] - basis.window[0]
    share = found.observed.total / length if length > 0 and found.observed.total else None
    return availability_figures(found, replace(basis, coverage=share))


def availability_figures(found: Availability, basis: Basis) -> list[Indicator]:
    """Compute availability, outages and time between failures; `basis` says how much was observed.

    Without an outage there is no time between failures, only the knowledge that it is longer.
    """
    inputs = quantities(
        {
            "OBS": found.observed.total / SECOND,
            "NDT": found.down.total / SECOND,
            "OUT": float(found.outages),
        }
    )
    ids = ("communication-availability", "communication-outages", "communication-reliability")
    return [evaluate(FORMULAS[kpi], inputs, basis) for kpi in ids]
