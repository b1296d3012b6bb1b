"""The packaged first scene, loaded alone, so that these tests stand on nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from configs.configuration import Configuration
from configs.loader import PACKAGED, load
from plant.clock import SECOND

START = 1_772_000_000 * SECOND


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder: Path = tmp_path_factory.mktemp("pack")
    shutil.copy(PACKAGED / "site.yaml", folder)
    shutil.copy(PACKAGED / "scenes" / "first-light.yaml", folder)
    return load(folder)
