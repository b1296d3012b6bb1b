"""A real centre with one finished campaign, and a runner whose campaigns go on only as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from configs.configuration import Configuration
from dashboard_api.access import Role
from dashboard_api.desk import Desk
from evidence.campaign import Campaign, Campaigns, Stage, Status
from evidence.planning import clause_for, simulated_plan
from evidence.report import report
from evidence.signing import Signer
from plant.clock import SystemClock
from plant.errors import ProvenlineError
from plant.text import Text
from provenline.campaigning import Means
from provenline.centre import Address, listening, opened
from provenline.trust import trust
from tests.peers.processes import free_port

SCENE = "identifier"
HALF_WAY = Text("仿真改造侧", "simulating the improved side")


def finished(configuration: Configuration, data: Path) -> Campaign:
    """Carry a small campaign out to its package."""
    chosen = clause_for(configuration.catalogues, SCENE)
    plan = simulated_plan(configuration.scenes[SCENE], *chosen, shifts=4, seed=7, author="Li Wei", name="spring")
    clock = SystemClock()
    made = Campaigns(data / "campaigns").create(plan, clock=clock)
    signer = Signer.load(data / "keys" / "evidence.pem")
    Means(configuration=configuration, signer=signer, clock=clock, report=report).carry_out(made)
    return made


@dataclass
class Half:
    """A runner that brings every campaign half-way, and there it stays until it is cancelled."""

    running: set[str] = field(default_factory=set)

    async def start(self, campaign: Campaign) -> None:
        self.running.add(campaign.id)
        campaign.note(Status(stage=Stage.RUNNING, share=0.47, step=HALF_WAY))

    async def cancel(self, campaign: Campaign) -> None:
        if campaign.id not in self.running:
            raise ProvenlineError(f"campaign {campaign.id} is not running")
        self.running.remove(campaign.id)
        campaign.note(replace(campaign.status, stage=Stage.CANCELLED))


@dataclass(frozen=True)
class Place:
    """A centre, and headers with which a browser is signed in, by role."""

    url: str
    store: Campaigns
    cookies: dict[Role, str]


@asynccontextmanager
async def campaigning(configuration: Configuration, data: Path) -> AsyncIterator[Place]:
    """Serve the campaigns below a data folder while the context is open."""
    address, store = Address("127.0.0.1", free_port()), Campaigns(data / "campaigns")
    async with (
        trust(data, configuration) as trusted,
        opened(configuration, trusted, data=data, clock=SystemClock()) as centre,
    ):
        centre.desk = Desk(store, Half())
        cookies = {}
        for role in (Role.EVALUATOR, Role.OPERATOR, Role.TRAINEE):
            await trusted.accounts.add(f"the-{role.value}", role)
            user = trusted.accounts.user(f"the-{role.value}")
            secret, _ = await trusted.accounts.open(user, address="127.0.0.1", agent="test")
            cookies[role] = secret
        async with listening(centre, address):
            yield Place(address.url.rstrip("/"), store, cookies)
