"""A campaign on the disk: its plan's revisions, what was left out, how far it is, its package.

    <store>/<id>/plan.json         frozen revisions, oldest first; only ever added to
                 exclusions.json   windows left out by people, with name, time and reason
                 records.json      what people handed in, with name, time and document
                 status.json       where it stands
                 work/             what is being recorded; gone when the package is there
                 <id>-r<n>.zip     the package of revision n

Everything is a file that is replaced whole, so a campaign survives whatever happens to the
process that carries it out, and one that was cut off can be carried out again.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from configs.catalogue import AcceptanceCatalogue, ClauseConfig
from evidence.assess import clause_digest
from evidence.dossier import to_json
from evidence.payload import Plain
from evidence.plan import Exclusion, Frozen, HandedIn, Plan, RecordedArm
from plant.clock import Clock
from plant.errors import ProvenlineError
from plant.text import Text

T = TypeVar("T")
_PLANS = TypeAdapter(tuple[Frozen, ...])
_EXCLUSIONS = TypeAdapter(tuple[Exclusion, ...])
_RECORDS = TypeAdapter(tuple[HandedIn, ...])


class Stage(StrEnum):
    """Where a campaign stands."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far it is. `share`: 0 to 1; `step`: what is being done, for people; times in ns UTC, 0 for never."""

    stage: Stage = Stage.PLANNED
    share: float = 0.0
    step: Text = Text()
    error: str = ""
    began: int = 0
    ended: int = 0
    process: int = 0
    verdict: str = ""


class Cancelled(ProvenlineError):
    """A campaign was called off."""


class Campaign:
    """One campaign in its folder. Raises ProvenlineError for files that are not what was written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name

    @property
    def revisions(self) -> tuple[Frozen, ...]:
        """The frozen plans, oldest first."""
        return _read(self.folder / "plan.json", _PLANS)

    @property
    def plan(self) -> Frozen:
        """The plan in force."""
        return self.revisions[-1]

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        """What was left out, in the order it was entered."""
        file = self.folder / "exclusions.json"
        return _read(file, _EXCLUSIONS) if file.exists() else ()

    @property
    def records(self) -> tuple[HandedIn, ...]:
        """What was handed in, in the order it was."""
        file = self.folder / "records.json"
        return _read(file, _RECORDS) if file.exists() else ()

    @property
    def status(self) -> Status:
        """Where it stands."""
        file = self.folder / "status.json"
        if not file.exists():
            return Status()
        try:
            data = json.loads(file.read_bytes())
            return Status(**{**data, "stage": Stage(data["stage"]), "step": Text(**data["step"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ProvenlineError(f"{file} cannot be read: {error}") from error

    @property
    def package(self) -> Path:
        """Where the package of the plan in force is, or will be."""
        return self.folder / f"{self.id}-r{self.plan.revision}.zip"

    @property
    def finding(self) -> Plain:
        """What came out under the plan in force, as its package states it; None while there is none."""
        return self._stated("findings.json")

    def report(self, name: str) -> bytes | None:
        """Return a file of the report, or None where there is no such file."""
        return self._member(f"report/{name}")

    @property
    def reports(self) -> tuple[str, ...]:
        """The names of the report's files."""
        if not self.package.exists():
            return ()
        with zipfile.ZipFile(self.package) as archive:
            names = (entry.partition("/data/report/")[2] for entry in archive.namelist())
            return tuple(name for name in names if name)

    def _stated(self, name: str) -> Plain:
        content = self._member(name)
        return None if content is None else json.loads(content)

    def _member(self, name: str) -> bytes | None:
        if not self.package.exists():
            return None
        with zipfile.ZipFile(self.package) as archive:
            try:
                return archive.read(f"{self.id}/data/{name}")
            except KeyError:
                return None

    def revise(self, plan: Plan, *, clock: Clock, reason: str) -> Frozen:
        """Freeze a changed plan as the next revision. Raises ProvenlineError while it runs, or without a reason."""
        if self.status.stage is Stage.RUNNING:
            raise ProvenlineError(f"campaign {self.id} is running; cancel it first")
        last = self.plan
        if plan.id != self.id or plan.hash == last.hash:
            raise ProvenlineError(f"campaign {self.id}: this is {'another' if plan.id != self.id else 'the same'} plan")
        if not reason.strip():
            raise ProvenlineError("say why the plan is changed; the reason shows in the report")
        frozen = Frozen(
            plan=plan,
            hash=plan.hash,
            at=clock.now(),
            revision=last.revision + 1,
            previous=last.hash,
            reason=reason.strip(),
        )
        _write(self.folder / "plan.json", [one.model_dump(mode="json") for one in (*self.revisions, frozen)])
        self.note(Status())
        return frozen

    def exclude(self, exclusion: Exclusion) -> None:
        """Leave a window out. Raises ProvenlineError when it has begun, or the plan has no such rule or window."""
        self._still_open()
        if exclusion.rule not in {rule.id for rule in self.plan.plan.exclusion_rules}:
            known = ", ".join(rule.id for rule in self.plan.plan.exclusion_rules) or "none"
            raise ProvenlineError(f"the plan has no exclusion rule {exclusion.rule!r}; it has {known}")
        arms = [arm for arm in (self.plan.plan.baseline, self.plan.plan.improved) if arm is not None]
        agreed = [window for arm in arms if isinstance(arm, RecordedArm) for window in arm.windows]
        # When a simulated side's shifts will be is not known before it has run.
        known_now = bool(arms) and all(isinstance(arm, RecordedArm) for arm in arms)
        if known_now and not any(exclusion.window.touches(window) for window in agreed):
            raise ProvenlineError("there is nothing to leave out: no window of the plan lies there")
        _write(self.folder / "exclusions.json", [one.model_dump(mode="json") for one in (*self.exclusions, exclusion)])

    def hand_in(self, record: HandedIn) -> None:
        """Take a record. Raises ProvenlineError when the campaign has begun, or the record's window has not ended."""
        self._still_open()
        if record.window.stop > record.at:
            raise ProvenlineError("what is handed in must be of a window that has ended")
        _write(self.folder / "records.json", [one.model_dump(mode="json") for one in (*self.records, record)])

    def _still_open(self) -> None:
        if self.status.stage in (Stage.RUNNING, Stage.DONE):
            raise ProvenlineError(f"campaign {self.id} is {self.status.stage.value}; make a new revision first")

    def note(self, status: Status) -> None:
        """Write down where it stands."""
        _write(self.folder / "status.json", asdict(status))


class Campaigns:
    """The campaigns below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Campaign]:
        """Yield every campaign, by id."""
        return (Campaign(path.parent) for path in sorted(self._folder.glob("*/plan.json")))

    def open(self, name: str) -> Campaign:
        """Return one campaign. Raises ProvenlineError when there is none of that id."""
        found = next((one for one in self if one.id == name), None)
        if found is None:
            raise ProvenlineError(
                f"there is no campaign {name!r}; there are {', '.join(one.id for one in self) or 'none'}"
            )
        return found

    def create(self, plan: Plan, *, clock: Clock) -> Campaign:
        """Freeze a plan as a new campaign's first revision. Raises ProvenlineError when the id is taken."""
        folder = self._folder / plan.id
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise ProvenlineError(f"there is a campaign {plan.id!r} already; choose another id, or revise it") from None
        frozen = Frozen(plan=plan, hash=plan.hash, at=clock.now())
        _write(folder / "plan.json", [frozen.model_dump(mode="json")])
        return Campaign(folder)


def clause_of(catalogues: Mapping[str, AcceptanceCatalogue], plan: Plan) -> tuple[AcceptanceCatalogue, ClauseConfig]:
    """Return the clause a plan names. Raises ProvenlineError when it is not there, or not what the plan fixed."""
    catalogue = catalogues.get(plan.catalogue)
    clause = next((one for one in catalogue.clauses if one.id == plan.clause), None) if catalogue else None
    if catalogue is None or clause is None:
        raise ProvenlineError(f"there is no clause {plan.clause!r} in a catalogue {plan.catalogue!r}")
    if clause_digest(clause) != plan.clause_digest:
        raise ProvenlineError(f"clause {clause.id} was changed since the plan was fixed; make a new revision")
    return catalogue, clause


def _read(file: Path, kind: TypeAdapter[T]) -> T:
    try:
        return kind.validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise ProvenlineError(f"{file} cannot be read: {error}") from error


def _write(file: Path, data: Plain) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as out:
        out.write(to_json(data))
        out.flush()
        os.fsync(out.fileno())
    Path(out.name).replace(file)
