"""What each profile is and how well it reproduces its source: `python -m simulators.network.table` prints it.

One small packet per interval is sent through the link, and what it meets is set against what
the profile's file says. Delays are percentiles by nearest rank over the packets that
arrived, as the publications take them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from configs.network_profile import NetworkProfile, network_profile, profile_names
from plant.batch import Floats, Mask
from simulators.network.link import Direction, Link

PACKETS = 400_000
"""Packets sent per profile: p99.99 then rests on 40 of them."""

SEED = 7


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One profile on one way (`up`, `down` or `round trip`).

    `delays`: percent → (file, found), ms. `loss`: (file, found), ratio, gaps left out.
    `burst`: mean packets lost in a row (file, found; NaN when none was). `correlation`: of
    neighbouring packets' normal scores (file, found).
    """

    profile: str
    way: str
    delays: dict[float, tuple[float, float]]
    loss: tuple[float, float]
    burst: tuple[float, float]
    correlation: tuple[float, float]


def reproduce(profile: NetworkProfile, *, packets: int = PACKETS, seed: int = SEED) -> tuple[Reproduction, ...]:
    """Send `packets` through a profile's link and compare, on every way its file gives percentiles for."""
    calm = profile.model_copy(update={"roaming": None})
    link = Link(calm, seed=seed)
    up, down = (link.sample(packets, direction) for direction in (Direction.UP, Direction.DOWN))
    delay = profile.delay
    if delay.round_trip is not None:
        ways = {"round trip": (delay.round_trip, link.round_trips(packets))}
    else:
        ways = {"up": (delay.up or {}, up), "down": (delay.down or {}, down)}
    return tuple(_compare(profile, way, file, trips, up) for way, (file, trips) in ways.items())


def _compare(
    profile: NetworkProfile, way: str, file: dict[float, float], delays: Floats, one_way: Floats
) -> Reproduction:
    arrived = delays[~np.isnan(delays)]
    found = np.quantile(arrived, [p / 100 for p in file], method="inverted_cdf") * 1e3
    lost = np.isnan(delays)
    return Reproduction(
        profile=profile.id,
        way=way,
        delays={p: (ms, float(f)) for (p, ms), f in zip(file.items(), found, strict=True)},
        loss=(profile.loss.ratio, float(lost.mean())),
        burst=(profile.loss.burst, _burst(np.isnan(one_way))),
        correlation=(profile.correlation, _correlation(one_way)),
    )


def _burst(lost: Mask) -> float:
    begins = np.count_nonzero(lost[1:] & ~lost[:-1]) + int(lost[0])
    return float(np.count_nonzero(lost) / begins) if begins else float("nan")


def _correlation(delays: Floats) -> float:
    arrived = delays[~np.isnan(delays)]
    scores = ndtri(rankdata(arrived) / (len(arrived) + 1))
    return float(np.corrcoef(scores[:-1], scores[1:])[0, 1])


def markdown(rows: tuple[Reproduction, ...]) -> str:
    """Write reproductions as a Markdown table: file → found."""
    percents = sorted({p for row in rows for p in row.delays})
    head = ["profile", "way", *(f"p{p:g}" if p < 100 else "max" for p in percents), "loss", "burst", "correlation"]
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for row in rows:
        delays = ("{:.3g} → {:.3g}".format(*row.delays[p]) if p in row.delays else "" for p in percents)
        loss = "{:.2g} → {:.2g}".format(*row.loss)
        burst = "{:.3g} → {:.2g}".format(*row.burst) if row.loss[1] else ""
        lines.append(
            " | ".join((row.profile, row.way, *delays, loss, burst, "{:.1f} → {:.2f}".format(*row.correlation)))
        )
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def description(profile: NetworkProfile) -> str:
    """Write what a profile's file says of its origin as a Markdown section."""
    assumed = "\n".join(f"- {line}" for line in profile.assumed)
    rates = f"{profile.throughput.up:g} Mbit/s up, {profile.throughput.down:g} Mbit/s down"
    return (
        f"## {profile.id}\n\n{profile.name.en} ({profile.name.zh}). {rates}.\n\n"
        f"Source: {profile.source}\n\nAssumed:\n\n{assumed}\n"
    )


def main() -> None:
    """Print the table and the description of every profile that comes with the program."""
    profiles = [network_profile(name) for name in profile_names()]
    rows = tuple(row for profile in profiles for row in reproduce(profile))
    sys.stdout.write("\n".join([markdown(rows), *map(description, profiles)]))


if __name__ == "__main__":
    main()
