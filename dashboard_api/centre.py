"""What the routes work on: the configuration, the store, the newest values, the clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from analytics.alarms.annunciator import Annunciator
from analytics.annotation_log import AnnotationLog
from analytics.rules import of_centre
from analytics.shift_results import ShiftResults
from analytics.unit import Rules
from configs.change import Change
from configs.configuration import Configuration
from dashboard_api.access import Role
from dashboard_api.accounts import Accounts
from dashboard_api.audit import AuditLog
from dashboard_api.desk import Desk
from dashboard_api.exploration import Explorer
from dashboard_api.outcome import Commanding
from dashboard_api.series import Series, TooManySeries
from historian.live import LiveTable
from historian.port import Historian
from labs.desk import LabDesk
from plant.assets import Scene
from plant.batch import Batch
from plant.batchlog import Totals
from plant.clock import Clock
from plant.tags import Tag

Note = Callable[[Change], Awaitable[None]]
"""Writes down on whose behalf the configuration was loaded again."""
Reload = Callable[[Note], Awaitable[Change]]
"""Loads the configuration again and has it noted. Raises ConfigError with all faults; nothing has changed then."""


@dataclass(slots=True)
class Counts:
    """What has been written and served since start, for `/metrics`."""

    samples: int = 0
    refused_lines: int = 0
    refused_requests: int = 0
    refused_samples: int = 0
    viewers: int = 0
    frames: int = 0
    skipped_frames: int = 0
    retention_run: int = 0
    retention_overdue: int = 0
    retention_failures: int = 0


@dataclass
class Centre:
    """One centre.

    `visitors`: the role of who does not sign in; None lets nobody in. `most_series`: tag paths it
    takes, declared or not, before it refuses new ones; `most_in_scene`: undeclared ones in one
    scene. `desk`: None where no campaigns are carried out.
    `queue`: what waits in the outbox of an edge in the same process.
    `explorer`: None where nobody opens connections for people. `labs`: None where no labs are given.
    """

    configuration: Configuration
    historian: Historian
    live: LiveTable
    clock: Clock
    annotations: AnnotationLog
    results: ShiftResults
    alarms: Annunciator
    accounts: Accounts
    audit: AuditLog
    visitors: Role | None = None
    version: str = ""
    most_series: int = 50_000
    most_in_scene: int = 20_000
    desk: Desk | None = None
    explorer: Explorer | None = None
    labs: LabDesk | None = None
    counts: Counts = field(default_factory=Counts)
    reloading: Reload | None = None
    queue: Callable[[], Totals] | None = None
    commanding: Commanding | None = None

    def __post_init__(self) -> None:
        self._series = Series(self.historian.paths(), self.tags)

    @cached_property
    def tags(self) -> dict[str, Tag]:
        """Every declared tag by its path."""
        return {tag.path: tag for tag in self.configuration.site.tags}

    @cached_property
    def rules(self) -> Rules:
        """How every figure of this centre is made."""
        return of_centre(self.configuration)

    @cached_property
    def sources(self) -> dict[str, str]:
        """The id of the source that reads each declared tag."""
        return {tag.path: b.source.id for b in self.configuration.bindings for tag, _ in b.points}

    @cached_property
    def addresses(self) -> dict[str, dict[str, Any]]:
        """Where its source finds each declared tag, as configured; what is left to default is left out."""
        return {
            tag.path: address.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            for b in self.configuration.bindings
            for tag, address in b.points
        }

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """Every scene, in order of declaration."""
        return self.configuration.site.scenes

    def write(self, batch: Batch) -> None:
        """Store a batch durably, then show it. Blocks; call it from a worker thread.

        Raises Unavailable or Rejected as the historian does; TooManySeries, with the rest stored,
        when new tag names exceed `most_series` or `most_in_scene`.
        """
        offered = len(batch)
        batch, reason = self._series.admit(batch, most=self.most_series, in_scene=self.most_in_scene)
        if len(batch):
            with self.results.noting(batch):
                self.historian.write(batch)
            self.live.update(batch)
            self.alarms.observe(batch)
        self.counts.samples += len(batch)
        if reason:
            self.counts.refused_samples += offered - len(batch)
            raise TooManySeries(reason, stored=len(batch), dropped=offered - len(batch))
