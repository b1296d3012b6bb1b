"""One small finished campaign, simulated in seconds, for everything that is done to packages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from evidence.campaign import Campaign, Campaigns
from evidence.planning import clause_for, simulated_plan
from evidence.report import report
from evidence.signing import Signer
from plant.clock import VirtualClock, from_iso
from provenline.campaigning import Means

CLOCK = VirtualClock(from_iso("2026-11-02T08:00:00+00:00"))
MINUTES = 5


def short_shifts(folder: Path, scene: str, *, minutes: int = MINUTES) -> Configuration:
    """Return a packaged scene whose shifts take minutes, so that several of them can be simulated in a test."""
    for part in ("network", "acceptance"):
        shutil.copytree(PACKAGED / part, folder / part)
    (folder / "scenes").mkdir()
    shutil.copy(PACKAGED / "scenes" / f"{scene}.yaml", folder / "scenes")
    many = min(12, 1440 // minutes)
    times = [f"{i * minutes // 60 % 24:02d}:{i * minutes % 60:02d}" for i in range(many + 1)]
    shifts = [f'{{id: s{i}, name: s{i}, start: "{times[i]}", end: "{times[i + 1]}"}}' for i in range(many)]
    (folder / "site.yaml").write_text(
        "type: site\nid: cq\nname: test\nzone: Asia/Shanghai\ncalendars:\n  demo:\n    shifts:\n"
        + "".join(f"      - {shift}\n" for shift in shifts)
    )
    return load(folder)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("campaigns")


@pytest.fixture(scope="session")
def configuration(place: Path) -> Configuration:
    folder = place / "configuration"
    folder.mkdir()
    return short_shifts(folder, "identifier")


@pytest.fixture(scope="session")
def signer(place: Path) -> Signer:
    return Signer.load(place / "key.pem", sm2=place / "sm2.key")


@pytest.fixture(scope="session")
def campaign(place: Path, configuration: Configuration, signer: Signer) -> Campaign:
    chosen = clause_for(configuration.catalogues, "identifier")
    plan = simulated_plan(configuration.scenes["identifier"], *chosen, shifts=4, seed=7, author="Li Wei")
    made = Campaigns(place / "store").create(plan, clock=CLOCK)
    Means(configuration=configuration, signer=signer, clock=CLOCK, report=report).carry_out(made)
    return made


@pytest.fixture(scope="session")
def package(campaign: Campaign) -> Path:
    return campaign.package
