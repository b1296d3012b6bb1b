"""A centre that gives the packaged courses on real lines, and people who are signed in there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, BrowserContext

from configs.loader import PACKAGED, load
from dashboard_api.access import Role
from labs.desk import LabDesk
from plant.clock import SystemClock
from provenline.centre import Address, listening, opened
from provenline.choice import Choice
from provenline.lab_desk import lab_desk
from provenline.trust import trust
from tests.peers.processes import free_port

PEOPLE = {"ann": Role.TRAINEE, "ben": Role.TRAINEE, "tess": Role.INSTRUCTOR, "boss": Role.ADMIN}


@dataclass
class LabCentre:
    """The centre at `url`; `secrets` are the sessions of `PEOPLE`."""

    url: str
    secrets: dict[str, str]
    desk: LabDesk

    async def context(self, browser: Browser, name: str, *, width: int = 1440, height: int = 900) -> BrowserContext:
        """Open a browser of somebody's own, signed in."""
        context = await browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        if name:
            await context.add_cookies([{"name": "provenline", "value": self.secrets[name], "url": self.url}])
        return context


@asynccontextmanager
async def lab_centre(data: Path) -> AsyncIterator[LabCentre]:
    """Run the centre while the context is open."""
    configuration, clock = Choice(("first-light",)).of(load(PACKAGED)), SystemClock()
    address = Address("127.0.0.1", free_port())
    async with (
        trust(data, configuration) as trusted,
        lab_desk(data) as desk,
        opened(configuration, trusted, data=data, clock=clock, labs=desk) as centre,
        listening(centre, address),
    ):
        secrets = {}
        for name, role in PEOPLE.items():
            await trusted.accounts.add(name, role)
            user = trusted.accounts.user(name)
            secrets[name], _ = await trusted.accounts.open(user, address="127.0.0.1", agent="test")
        yield LabCentre(address.url.rstrip("/"), secrets, desk)
