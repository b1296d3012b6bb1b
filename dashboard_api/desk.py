"""Where a centre's campaigns are kept, and who carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evidence.campaign import Campaign, Campaigns


class Runner(Protocol):
    """Carries campaigns out beside the centre."""

    async def start(self, campaign: Campaign) -> None:
        """Begin, or begin again. Raises ProvenlineError when it cannot."""

    async def cancel(self, campaign: Campaign) -> None:
        """Call it off; returns when nothing of it runs any more."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where campaigns are kept, and who carries them out."""

    store: Campaigns
    runner: Runner
