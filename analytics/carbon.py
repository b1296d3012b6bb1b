"""Standard coal and CO₂: consumption times a factor that says where it is from, and stays with the figure.

Factors are data. A grid factor is of one year and one scope, and figures by different
factors are not comparable: with another year's grid the same kWh "saves" carbon that nobody
saved. So there is no default factor, and a comparison of emissions by two factors is refused.

Two ways to say "better" that differ: 20 % less energy per piece is 25 % more pieces per
energy. Both have a formula of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from analytics.formulas import FORMULAS, quantities
from analytics.indicator import Basis, Indicator, Quantity, evaluate
from plant.text import Text
from plant.units import convert


@dataclass(frozen=True, slots=True)
class Carrier:
    """An energy carrier. `factor`: kg of standard coal per `unit`; `source`: where the factor stands."""

    name: Text
    unit: str
    factor: float
    source: Text

    def at(self, factor: float, source: Text) -> Carrier:
        """Return the same carrier with another factor, and where that one stands."""
        return replace(self, factor=factor, source=source)


_GB2589 = Text("", "GB/T 2589-2020")
_GB2589_TYPICAL = Text("GB/T 2589-2020 附录A 参考值", "GB/T 2589-2020, annex A, reference value")

ELECTRICITY = Carrier(Text("电力（当量值）", "electricity (equivalent value)"), "kW.h", 0.1229, _GB2589)
RAW_COAL = Carrier(Text("原煤", "raw coal"), "kg", 0.7143, _GB2589_TYPICAL)
DIESEL = Carrier(Text("柴油", "diesel oil"), "kg", 1.4571, _GB2589_TYPICAL)
GASOLINE = Carrier(Text("汽油", "gasoline"), "kg", 1.4714, _GB2589_TYPICAL)
HEAT = Carrier(Text("热力（当量值）", "heat (equivalent value)"), "MJ", 0.03412, _GB2589_TYPICAL)


def natural_gas(factor: float) -> Carrier:
    """Return natural gas with the factor of its heating value: 1.1000 to 1.3300 kgce/m³ after GB/T 2589-2020.

    There is no one factor for natural gas, so a plant states its own. Raises ValueError outside the range.
    """
    if not 1.1 <= factor <= 1.33:
        raise ValueError(f"{factor:g} kgce/m³ is outside the 1.1000 … 1.3300 that GB/T 2589-2020 gives for natural gas")
    source = Text(f"GB/T 2589-2020，按热值取 {factor:g}", f"GB/T 2589-2020, {factor:g} by heating value")
    return Carrier(Text("天然气", "natural gas"), "m3", factor, source)


@dataclass(frozen=True, slots=True)
class Consumed:
    """An amount of an energy carrier, in any unit that measures the same thing."""

    carrier: Carrier
    amount: float
    unit: str

    @property
    def standard_coal(self) -> float:
        """The amount as kg of standard coal. Raises UnitError for a unit of another quantity."""
        return convert(self.amount, self.unit, self.carrier.unit) * self.carrier.factor


def comprehensive(consumed: Sequence[Consumed], basis: Basis) -> Indicator:
    """Compute comprehensive energy in kgce; what was given off to others has a negative amount."""
    terms = [f"{one.amount:.10g} {one.unit} × {one.carrier.factor:g}" for one in consumed]
    origin = Text(
        "；".join(
            f"{c.carrier.name.of('zh')} {t}（{c.carrier.source.of('zh')}）"
            for c, t in zip(consumed, terms, strict=True)
        ),
        "; ".join(
            f"{c.carrier.name.of('en')} {t} ({c.carrier.source.of('en')})" for c, t in zip(consumed, terms, strict=True)
        ),
    )
    amounts = [one.standard_coal for one in consumed]
    return evaluate(FORMULAS["comprehensive-energy"], {"CE": Quantity(amounts, "kg{ce}", origin)}, basis)


def per_piece(standard_coal: float, produced: float, basis: Basis) -> Indicator:
    """Compute specific comprehensive energy in kgce per piece produced."""
    inputs = quantities({"E": standard_coal, "PQ": produced}, {"E": Text("标准煤", "standard coal")})
    return evaluate(FORMULAS["comprehensive-energy-consumption"], inputs, basis)


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Comprehensive energy in kgce and the good pieces made with it, of one window."""

    standard_coal: float
    good: float


def improvement(baseline: Efficiency, now: Efficiency, basis: Basis) -> list[Indicator]:
    """Compute the reduction of specific consumption and the gain of energy utilization, which differ."""
    inputs = quantities({"E0": baseline.standard_coal, "Q0": baseline.good, "E1": now.standard_coal, "Q1": now.good})
    return [
        evaluate(FORMULAS[kpi], inputs, basis) for kpi in ("specific-consumption-reduction", "energy-utilization-gain")
    ]


class Scope(StrEnum):
    """What a grid factor averages over."""

    NATIONAL = "national average"
    REGIONAL = "regional average"
    WITHOUT_TRADED_RENEWABLES = "national average without traded non-fossil power"
    FOSSIL = "national fossil power"


_SCOPE_ZH = {
    Scope.NATIONAL: "全国平均",
    Scope.REGIONAL: "区域平均",
    Scope.WITHOUT_TRADED_RENEWABLES: "全国平均（不含市场化交易的非化石能源）",
    Scope.FOSSIL: "全国化石能源",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFactor:
    """kg CO₂ per kWh of one year and scope. `region`: "" for the whole country. `source`: the notice it is from.

    Raises ValueError unless the value is a positive number of at most 2 kg.
    """

    value: float
    year: int
    scope: Scope
    source: Text
    region: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.value <= 2 or not math.isfinite(self.value):
            raise ValueError(f"{self.value:g} kg CO₂ per kWh is no grid factor")

    @property
    def label(self) -> Text:
        """Year, scope, region and source, in words."""
        region = f" {self.region}" if self.region else ""
        return Text(
            f"{self.year} 年{_SCOPE_ZH[self.scope]}{region}，{self.source.of('zh')}",
            f"{self.year}, {self.scope}{region}, {self.source.of('en')}",
        )


_MEE = Text(
    "生态环境部、国家统计局公告", "notice of the Ministry of Ecology and Environment and the Bureau of Statistics"
)


def _grid(year: int, value: float, scope: Scope = Scope.NATIONAL, region: str = "") -> GridFactor:
    return GridFactor(value=value, year=year, scope=scope, source=_MEE, region=region)


GRID_FACTORS: tuple[GridFactor, ...] = (
    _grid(2021, 0.5568),
    _grid(2022, 0.5366),
    _grid(2023, 0.5306),
    _grid(2021, 0.5942, Scope.WITHOUT_TRADED_RENEWABLES),
    _grid(2022, 0.5856, Scope.WITHOUT_TRADED_RENEWABLES),
    _grid(2021, 0.8426, Scope.FOSSIL),
    _grid(2022, 0.8325, Scope.FOSSIL),
    _grid(2023, 0.6361, Scope.REGIONAL, "华北 North"),
    _grid(2023, 0.5122, Scope.REGIONAL, "东北 Northeast"),
    _grid(2023, 0.5500, Scope.REGIONAL, "华东 East"),
    _grid(2023, 0.5271, Scope.REGIONAL, "华中 Central"),
    _grid(2023, 0.5543, Scope.REGIONAL, "西北 Northwest"),
)
"""Published factors; two older ones of other scopes that circulate under the same names are left out on purpose."""


def grid_factor(year: int, scope: Scope = Scope.NATIONAL, region: str = "") -> GridFactor:
    """Look a published factor up. Raises KeyError where none is known: another year's is no substitute."""
    for factor in GRID_FACTORS:
        if (factor.year, factor.scope) == (year, scope) and (
            region in factor.region.split() or region == factor.region
        ):
            return factor
    raise KeyError(f"no grid factor for {year}, {scope} {region}".rstrip())


def emission(energy: float, factor: GridFactor, basis: Basis, *, good: float | None = None) -> list[Indicator]:
    """Compute the CO₂ of some kWh, and per good piece where pieces are given; the factor goes with the figure."""
    inputs = quantities({"EN": energy, "GF": factor.value, "GQ": good}, {"GF": factor.label})
    ids = ("carbon",) if good is None else ("carbon", "carbon-per-good-piece")
    found = [evaluate(FORMULAS[kpi], inputs, basis) for kpi in ids]
    return [replace(one, note=factor.label) if one.value is not None else one for one in found]


def same_factor(first: Indicator, second: Indicator) -> None:
    """Raise ValueError unless two emissions were computed by the same factor, for else they do not compare."""
    labels = [indicator.inputs["GF"] for indicator in (first, second)]
    if labels[0] != labels[1]:
        raise ValueError(
            f"emissions by different grid factors do not compare: {labels[0].origin.of('en')} against "
            f"{labels[1].origin.of('en')}"
        )
