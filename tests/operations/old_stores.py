"""Stores as a version of this program wrote them, kept for the versions that come after.

`python -m tests.operations.old_stores` writes those of the present version. Do so before the first
change to any schema after a release, and keep what is there: it cannot be made again.
"""

from __future__ import annotations

import asyncio
import lzma
import tempfile
from pathlib import Path

import httpx

from configs.loader import load
from dashboard_api.access import Role
from dashboard_api.app import create_app
from plant.batch import BatchBuilder
from plant.batchlog import BatchLog
from plant.clock import SECOND, SystemClock
from plant.quality import Quality
from provenline import __version__
from provenline.backup import back_up
from provenline.backup_archive import Manifest
from provenline.centre import opened
from provenline.trust import trust
from tests.operations.conftest import small_configuration

FOLDER = Path(__file__).with_name("stores")
BEGAN = 1_772_380_800 * SECOND  # 2026-03-01T16:00:00Z
PRESS = "cq/first-light/line-1/press"
COUNT = 500
"""Samples of each tag, one a second; half of them sealed, half still in the log."""


def samples(first: int, last: int) -> BatchBuilder:
    """Return what the press said from one second to another: numbers, a text, and what was not good."""
    batch = BatchBuilder()
    for second in range(first, last):
        moment = BEGAN + second * SECOND
        quality = Quality.UNCERTAIN if second % 50 == 0 else Quality.GOOD
        batch.add(f"{PRESS}/cycle", moment, second / 7, received=moment + 5_000_000, quality=quality)
        batch.add(f"{PRESS}/total", moment, second, received=moment + 5_000_000)
        batch.add(f"{PRESS}/stop-reason", moment, "缺料" if second % 2 else "", received=moment + 5_000_000)
    return batch


async def write(folder: Path) -> Path:
    """Run a small centre once and back it up into `folder`."""
    configuration, data = load(small_configuration(folder / "configuration")), folder / "data"
    data.mkdir()
    waiting = BatchLog.open(data / "edge" / "outbox.sqlite")
    waiting.put(samples(COUNT, COUNT + 10).build())
    waiting.close()
    async with (
        trust(data, configuration) as trusted,
        opened(configuration, trusted, data=data, clock=SystemClock()) as centre,
        httpx.AsyncClient(transport=httpx.ASGITransport(create_app(centre)), base_url="http://localhost") as client,
    ):
        await asyncio.to_thread(centre.write, samples(0, COUNT // 2).build())
        await asyncio.to_thread(centre.historian.seal)
        await asyncio.to_thread(centre.write, samples(COUNT // 2, COUNT).build())
        key = {"Authorization": f"Bearer {trusted.console}"}
        added = await client.post("/api/v1/users", json={"name": "li", "role": Role.OPERATOR.value}, headers=key)
        added.raise_for_status()
        note = {"scope": PRESS, "start": BEGAN // 1_000_000, "stop": BEGAN // 1_000_000 + 60_000}
        note |= {"reason": "缺料", "author": "li"}
        (await client.post("/api/v1/scenes/first-light/annotations", json=note, headers=key)).raise_for_status()
        path = folder / "stores.tar"
        manifest = Manifest(made="2026-11-21T00:00:00Z", version=__version__, site="cq", keys=False)
        await asyncio.to_thread(back_up, path, data=data, configuration=configuration.folder, manifest=manifest)
    return path


def main() -> None:
    """Write the present version's stores, packed; never over others."""
    with tempfile.TemporaryDirectory() as folder:
        archive = asyncio.run(write(Path(folder)))
        with (FOLDER / f"{__version__}.tar.xz").open("xb") as packed:
            packed.write(lzma.compress(archive.read_bytes(), preset=9))


if __name__ == "__main__":
    main()
