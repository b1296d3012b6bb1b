"""A catalogue of acceptance clauses: what a public document asks for, and how it is answered.

A catalogue repeats the numbers of one document and says, for every indicator, which measure
answers it, by which statistic, and on how much evidence at least. Other provinces and other
documents are further files; none needs code.

    type: acceptance-catalogue      (a document of the configuration folder)
    id: cq-2020-1
    document: {number: 渝经信智能〔2020〕1号, date: 2020-01-08, title: {zh: …, en: …}}
    clauses:
      - id: agv
        number: CQ-2020-1/A1.2.2.7
        subject: scene
        scene: agv
        name: {zh: 5G+AGV智能运输, en: 5G AGV transport}
        indicators:
          - {id: cost-cut, name: {…}, kind: change-down, op: ">=", value: 0.10,
             measure: cost-per-transport, statistic: ratio, minimum: {shifts: 5}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.base import Identifier, Strict, Words
from configs.schema import PercentileText, Unit

Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Kind(StrEnum):
    """What is held against the bound."""

    ABSOLUTE = "absolute"
    """The improved side's own figure."""
    CHANGE_UP = "change-up"
    """(improved - baseline) / baseline; larger is better."""
    CHANGE_DOWN = "change-down"
    """(baseline - improved) / baseline; larger is better."""
    INVERSE_UP = "inverse-up"
    """baseline / improved - 1, of a cost whose inverse is to rise: energy a piece for energy
    utilisation. A cost a fifth lower (change-down 20 %) is a utilisation a quarter higher."""
    COUNT = "count"
    """A tally of records."""

    @property
    def compares(self) -> bool:
        """Whether there must be a baseline."""
        return self in (Kind.CHANGE_UP, Kind.CHANGE_DOWN, Kind.INVERSE_UP)


class Comparison(StrEnum):
    """How the figure must stand to the bound."""

    AT_LEAST = ">="
    AT_MOST = "<="
    BELOW = "<"
    ABOVE = ">"


class Statistic(StrEnum):
    """How an interval is put around the figure; see `analytics.acceptance`."""

    RATIO = "ratio"
    """Ratio of sums over shifts; intervals respect that shifts hang together."""
    PROPORTION = "proportion"
    """k of n independent trials; exact binomial interval."""
    PERCENTILE = "percentile"
    """Nearest-rank percentile of a sample; order-statistic interval; lost is infinite."""
    TALLY = "tally"
    """A count of records, or a share of a whole that was gone through completely; exact."""


class Pooling(StrEnum):
    """How a tally's windows come together."""

    SUM = "sum"
    """Added up: sessions held, people trained."""
    LEAST = "least"
    """The smallest of any window: devices connected at the same time."""
    MEAN = "mean"
    """Sum of numerators by sum of denominators: resolutions a day."""


class Subject(StrEnum):
    """What a clause speaks of."""

    SCENE = "scene"
    CENTRE = "centre"
    IDENTIFIER_NODE = "identifier-node"
    CLUSTER = "cluster"
    REGION = "region"


class Minimum(Strict):
    """The least evidence on which a verdict is given; below it there is `insufficient-data`."""

    shifts: int = Field(default=1, ge=1, le=1000, description="windows on each side")
    samples: int = Field(default=0, ge=0, description="trials, probes or records on each side")
    coverage: float = Field(default=0.9, ge=0, le=1)


class IndicatorConfig(Strict):
    """One measurable target of a clause.

    `any_of`: indicators of a clause with the same word here stand for each other; one is
    enough, or as many as the clause's `at_least`. `pooling`: of a tally's windows.
    """

    id: Key
    name: Words
    kind: Kind
    op: Comparison
    value: float
    unit: Unit = "1"
    measure: Identifier
    parameters: dict[str, float | str] = Field(default_factory=dict)
    statistic: Statistic
    percentile: PercentileText | None = None
    pooling: Pooling = Pooling.SUM
    minimum: Minimum = Minimum()
    any_of: str | None = Field(default=None, max_length=48)
    note: Words = Words()

    @model_validator(mode="after")
    def _consistent(self) -> IndicatorConfig:
        if (self.statistic is Statistic.PERCENTILE) != (self.percentile is not None):
            raise ValueError("a percentile statistic needs `percentile`, and no other has one")
        if self.kind is Kind.COUNT and self.statistic is not Statistic.TALLY:
            raise ValueError("kind count needs statistic tally")
        if self.statistic is Statistic.TALLY and self.kind not in (Kind.COUNT, Kind.ABSOLUTE):
            raise ValueError("statistic tally answers kind count or absolute, not a change")
        if self.statistic is Statistic.PERCENTILE and self.kind is not Kind.ABSOLUTE:
            raise ValueError("statistic percentile answers kind absolute only")
        if self.pooling is not Pooling.SUM and self.statistic is not Statistic.TALLY:
            raise ValueError("`pooling` is for statistic tally only")
        return self


class ClauseConfig(Strict):
    """One clause: all its indicators hold; of those that share a word in `any_of`, `at_least` are enough."""

    id: Key
    number: str = Field(max_length=64)
    subject: Subject = Subject.SCENE
    scene: Identifier | None = None
    name: Words
    at_least: int | None = Field(default=None, ge=1, description="how many of each `any_of` group; 1 unless said")
    indicators: tuple[IndicatorConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> ClauseConfig:
        if (self.subject is Subject.SCENE) != (self.scene is not None):
            raise ValueError("a clause on a scene names the scene, and no other does")
        ids = [one.id for one in self.indicators]
        if len(set(ids)) != len(ids):
            raise ValueError("two indicators have the same id")
        groups = Counter(one.any_of for one in self.indicators if one.any_of is not None)
        if self.at_least is not None and not groups:
            raise ValueError("at_least counts indicators that share a word in `any_of`, and there are none")
        for word, size in groups.items():
            if size < (self.at_least or 1):
                raise ValueError(f"at_least: {self.at_least} of {size} indicators with any_of {word!r} can never hold")
        return self


class PublicDocument(Strict):
    """The document that asks: its number is quoted in every report."""

    number: str = Field(max_length=64)
    date: date
    title: Words


class AcceptanceCatalogue(Strict):
    """The clauses of one public document."""

    type: Literal["acceptance-catalogue"]
    id: Identifier
    document: PublicDocument
    clauses: tuple[ClauseConfig, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a measure can answer, for checking a catalogue against measures that lie above this layer.

    `parameters`: names and defaults of what a catalogue may set.
    """

    statistics: frozenset[Statistic]
    parameters: Mapping[str, float | str] = field(default_factory=dict)
