"""Charts and capability agree with an independent implementation on public data: mistat, a port of R's qcc."""

from __future__ import annotations

import mistat
import numpy as np
import pytest

from analytics import spc
from analytics.capability import (
    Tolerance,
    Within,
    bissell_interval,
    chi_square_interval,
    indicators,
    subgrouped,
)
from analytics.indicator import Basis
from analytics.spc import Chart

SHAFTS = np.asarray(mistat.load_data("GASTURBINE"), float)
SOLDER = mistat.load_data("JANDEFECT").to_numpy()


def theirs(data, chart: str, sizes: int | None = None):
    centre = None if data.ndim == 2 or chart == "xbarone" else float(np.mean(data / (1 if chart != "p" else sizes)))
    found = mistat.QualityControlChart(data, qcc_type=chart, sizes=sizes, center=centre)
    return found.center, found.limits.LCL.to_numpy(), found.limits.UCL.to_numpy()


def agree(shown: spc.Plotted, peer) -> None:
    centre, lower, upper = peer
    assert shown.centre[0] == pytest.approx(centre)
    assert shown.lower[: len(lower)] == pytest.approx(lower, rel=1e-4, abs=1e-9)  # its d2 has four digits
    assert shown.upper[: len(upper)] == pytest.approx(upper, rel=1e-4)


def test_charts_of_averages_and_spread_agree() -> None:
    average, ranges = spc.averages(SHAFTS)
    agree(spc.plot(average, SHAFTS), theirs(SHAFTS, "xbar"))
    agree(spc.plot(ranges, SHAFTS), theirs(SHAFTS, "R"))
    agree(spc.plot(spc.averages(SHAFTS, spread=Chart.DEVIATION)[1], SHAFTS), theirs(SHAFTS, "S"))


def test_charts_of_counts_agree() -> None:
    agree(spc.plot(spc.counted(Chart.FRACTION, SOLDER, 100), SOLDER), theirs(SOLDER, "p", sizes=100))
    agree(spc.plot(spc.counted(Chart.NUMBER, SOLDER, 100), SOLDER), theirs(SOLDER, "np", sizes=100))


def test_charts_of_single_values_agree() -> None:
    values = mistat.load_data("STEELROD").to_numpy()
    agree(spc.plot(spc.individuals(values)[0], values), theirs(values, "xbarone"))


def test_capability_and_its_intervals_agree() -> None:
    chart = mistat.QualityControlChart(SHAFTS, qcc_type="xbar")
    peer = mistat.ProcessCapability(chart, spec_limits=[0.3, 0.6], target=0.45)
    tolerance = Tolerance(lower=0.3, upper=0.6, target=0.45)
    basis = Basis(scope="mistat", window=(0, 1))
    ours = {i.id: i for i in indicators(subgrouped(SHAFTS, Within.RANGE), tolerance, basis)}
    # Its d2 has four digits.
    assert ours["cp"].value == pytest.approx(peer.Cp, rel=1e-4)
    assert ours["cpk"].value == pytest.approx(peer.Cp_k, rel=1e-4)
    # It takes all values as degrees of freedom of σ̂; ours are fewer where ranges are used.
    assert chi_square_interval(peer.Cp, SHAFTS.size - 1) == pytest.approx(peer.Cp_limits)
    assert bissell_interval(peer.Cp_k, SHAFTS.size, SHAFTS.size - 1) == pytest.approx(peer.Cp_k_limits)
