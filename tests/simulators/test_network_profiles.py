"""Each profile reproduces what its source published: percentiles, loss, bursts and correlation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from configs.network_profile import NetworkProfile, network_profile, profile_names, read_profile
from plant.errors import ConfigError
from simulators.network.law import law
from simulators.network.quantiles import Quantiles
from simulators.network.table import Reproduction, description, markdown, reproduce

WANTED = {
    "wired",
    "wifi5-idle",
    "wifi5-loaded",
    "wifi-roaming",
    "lte-private",
    "5g-sa-sub6",
    "5g-mmwave",
    "5g-urllc",
    "5g-degraded",
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "network-profiles.md"


@pytest.fixture(scope="module")
def reproductions() -> dict[str, tuple[Reproduction, ...]]:
    return {name: reproduce(network_profile(name)) for name in profile_names()}


def test_the_profiles_that_scenes_name_are_there() -> None:
    assert set(profile_names()) == WANTED


def tolerance(profile: str, percent: float) -> float:
    """Relative, for 400 000 packets. A loaded channel has few, long delays: fewer independent ones."""
    if profile == "wifi5-loaded":
        return 0.03 if percent <= 95 else 0.2 if percent <= 99.9 else 0.5
    if percent <= 95:
        return 0.01
    return 0.03 if percent <= 99 else 0.12 if percent <= 99.99 else 0.2


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_profile_reproduces_its_percentiles(name: str, reproductions) -> None:
    for row in reproductions[name]:
        for percent, (file, found) in row.delays.items():
            assert found == pytest.approx(file, rel=tolerance(name, percent)), f"{row.way} p{percent:g}"


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_profile_reproduces_its_loss_ratio_and_burst_length(name: str, reproductions) -> None:
    for row in reproductions[name]:
        ratio, found = row.loss
        expected = ratio * 400_000
        # Losses come in bursts, so their number varies more than a Poisson count does.
        slack = 4 * math.sqrt(expected * 2 * row.burst[0]) + 2
        assert abs(found * 400_000 - expected) <= slack
        if expected > 100:
            assert row.burst[1] == pytest.approx(row.burst[0], rel=0.15)


@pytest.mark.parametrize("name", sorted(WANTED))
def test_neighbouring_packets_are_correlated_as_stated_and_a_little_more_by_queueing(name: str, reproductions) -> None:
    for row in reproductions[name]:
        stated, found = row.correlation
        assert stated - 0.05 <= found <= stated + 0.2


def test_the_document_shows_what_the_table_command_prints(reproductions) -> None:
    table = markdown(tuple(row for name in profile_names() for row in reproductions[name]))
    assert table in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_profile_cites_its_source_and_the_document_describes_it(name: str) -> None:
    profile = network_profile(name)
    assert profile.id == name
    assert "packets" in profile.source or "PD-Wireless" in profile.source
    assert profile.assumed
    assert description(profile) in DOCUMENT.read_text(encoding="utf-8")


def test_roaming_takes_the_share_of_time_its_gaps_take() -> None:
    profile = network_profile("wifi-roaming")
    from simulators.network import Direction, Link

    times = np.arange(2_000_000)
    lost = np.isnan(Link(profile, seed=5).sample(len(times), Direction.UP)).mean()
    gaps = np.mean(
        np.isnan(Link(profile.model_copy(update={"roaming": None}), seed=5).sample(len(times), Direction.UP))
    )
    mean_gap = float(np.mean(Quantiles.published(profile.roaming.gap).at(np.linspace(0, 0.9999, 10_000))))
    assert lost - gaps == pytest.approx(mean_gap / profile.roaming.every, rel=0.25)


def test_a_fit_is_made_once_per_profile() -> None:
    assert law(network_profile("wired")) is law(network_profile("wired"))


def document(**changes: object) -> dict[str, object]:
    good = {
        "type": "network-profile",
        "id": "mine",
        "name": "mine",
        "source": "measured here",
        "interval": "10ms",
        "correlation": 0.1,
        "delay": {"round-trip": {50: 1.0, 99: 2.0}},
        "loss": {"ratio": 0.01},
        "throughput": {"up": 10, "down": 10},
    }
    return {**good, **changes}


def test_a_profile_of_ones_own_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(document()))
    assert read_profile(file) == NetworkProfile.model_validate(document())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"delay": {"round-trip": {50: 2.0, 99: 1.0}}}, "below percentile"),
        ({"delay": {"round-trip": {50: 2.0, 95: 3.0}}}, "50 and 99"),
        ({"delay": {"up": {50: 1, 99: 2}}}, "up and down, or round-trip"),
        ({"delay": {"up": {50: 1, 99: 2}, "down": {50: 1, 99: 2}, "round-trip": {50: 1, 99: 2}}}, "or round-trip"),
        ({"loss": {"ratio": 0.7}}, "less than 0.5"),
        ({"interval": 0}, "greater than 0"),
        ({"color": "red"}, "not permitted"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_place_of_the_fault(tmp_path: Path, changes, says: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(document(**changes)))
    with pytest.raises(ConfigError, match=says) as caught:
        read_profile(file)
    assert caught.value.faults[0].path.split(".")[0] == next(iter(changes))


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="5g-urllc"):
        network_profile("6g")
    with pytest.raises(ConfigError):
        network_profile("../base")
