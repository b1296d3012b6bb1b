"""Random numbers: one tree of generators from one seed, one branch per name.

A branch is grown from the seed and its own name alone, so adding a station, or letting
one draw more numbers, changes nothing for the others.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np


def branch(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of the branch that `names` lead to."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    key = tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


class Draw(Protocol):
    """A distribution of durations or factors; never negative."""

    @property
    def mean(self) -> float:
        """The distribution's mean."""

    def draw(self, rng: np.random.Generator) -> float:
        """Return one value."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    mean: float

    def draw(self, rng: np.random.Generator) -> float:  # noqa: ARG002 - a constant needs no chance
        return self.mean


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless: times between independent events."""

    mean: float

    def draw(self, rng: np.random.Generator) -> float:
        return float(rng.exponential(self.mean))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Positive with a tail to the right: manual work, repairs. `cv` = deviation / mean."""

    mean: float
    cv: float

    def draw(self, rng: np.random.Generator) -> float:
        variance = math.log1p(self.cv**2)
        return float(rng.lognormal(math.log(self.mean) - variance / 2, math.sqrt(variance)))


@dataclass(frozen=True, slots=True)
class Triangular:
    """Between two bounds with a most likely value: what a planner can estimate."""

    low: float
    mode: float
    high: float

    @property
    def mean(self) -> float:
        return (self.low + self.mode + self.high) / 3

    def draw(self, rng: np.random.Generator) -> float:
        return float(rng.triangular(self.low, self.mode, self.high))


@dataclass(frozen=True, slots=True)
class Weibull:
    """Times to failure; `shape` above 1 wears out, below 1 dies young."""

    mean: float
    shape: float

    def draw(self, rng: np.random.Generator) -> float:
        return self.mean / math.gamma(1 + 1 / self.shape) * float(rng.weibull(self.shape))
