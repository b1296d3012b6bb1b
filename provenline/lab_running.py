"""Scripted runs through labs: each on a sandbox of its own, graded as a trainee's, held against what it should earn."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from dashboard_api.sandboxes import HOST
from labs.checking import Outcome
from labs.course import Number
from labs.grading import Grade, grade
from labs.library import Lab
from labs.observation import Answer, Claim, Submission
from labs.sandboxes import SandboxState
from labs.script import (
    Act,
    Annotate,
    Edit,
    Expected,
    Script,
    ScriptAnswer,
    ScriptCampaign,
    ScriptClaim,
    Wait,
    read_script,
)
from plant.clock import SECOND
from plant.errors import ProvenlineError
from provenline.sandbox.limits import Limits
from provenline.sandbox.room import Room
from provenline.sandbox.rooms import Rooms, sandboxes

SCRIPTS = "scripts"
_CAMPAIGNS = "/api/v1/campaigns"
_LOOK = 0.2
"""Seconds between two looks at whether something waited for has happened."""
_LONGEST = 240.0
"""Real seconds that one wait may take, whatever the plant's clock says."""
_PATIENCE = 60.0
_BOTH_AT_ONCE = 2
_LIMITS = Limits(niceness=0)
"""There is nobody beside them whom they could disturb."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one script. `problem`: why it did not do as it should; empty where it did."""

    lab: str
    script: str
    grade: Grade | None
    outcomes: tuple[Outcome, ...]
    problem: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """It earned what it should."""
        return not self.problem


def scripts_of(lab: Lab) -> tuple[Path, ...]:
    """Return the scripts of a lab, in order."""
    return tuple(sorted((lab.folder / SCRIPTS / lab.key.lab).glob("*.yaml")))


async def run_scripts(
    chosen: Iterable[tuple[Lab, Path]], *, at_once: int = _BOTH_AT_ONCE, seed: int = 1
) -> tuple[Run, ...]:
    """Run scripts, several at a time, and return what came of each, in order.

    Everything is written below a temporary folder, which is removed.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="provenline-labs-"))
    turn = asyncio.Semaphore(at_once)
    try:
        async with sandboxes(folder / "sandboxes", most=at_once, limits=_LIMITS) as rooms:

            async def one(number: int, lab: Lab, file: Path) -> Run:
                async with turn:
                    return await run_script(rooms, lab, file, owner=f"script-{number}", seed=seed)

            tasks = [asyncio.create_task(one(i, lab, file)) for i, (lab, file) in enumerate(chosen)]
            try:
                return tuple(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def grade_folder(
    lab: Lab, folder: Path, answers: Mapping[str, ScriptAnswer], *, minutes: float, speed: float, seed: int
) -> Run:
    """Grade a configuration that somebody wrote, after it ran for so many minutes of plant time."""
    found = await asyncio.to_thread(lambda: sorted(folder.rglob("*.y*ml")))
    files = {str(file.relative_to(folder)): str(file.relative_to(folder)) for file in found}
    acts = [Act(apply=files)] if lab.files else []
    acts += [Act(wait=Wait(minutes=minutes)), Act(answer=dict(answers))]
    script = Script(speed=speed, do=tuple(acts), expect="full")
    kept = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="provenline-labs-"))
    try:
        async with sandboxes(kept / "sandboxes", most=1, limits=_LIMITS) as rooms:
            return await _played(rooms, lab, script, folder, called=(str(folder), "grade"), seed=seed)
    finally:
        await asyncio.to_thread(shutil.rmtree, kept, ignore_errors=True)


async def run_script(rooms: Rooms, lab: Lab, file: Path, *, owner: str, seed: int) -> Run:
    """Run one script on a fresh sandbox, and grade it. Raises ConfigError for a script that is malformed."""
    script = read_script(file, f"{lab.key}/{file.name}")
    return await _played(rooms, lab, script, file.parent, called=(file.stem, owner), seed=seed)


async def _played(rooms: Rooms, lab: Lab, script: Script, folder: Path, *, called: tuple[str, str], seed: int) -> Run:
    began = asyncio.get_running_loop().time()
    name, owner = called
    fixed = lab.document.line.seed
    room = await rooms.open(lab, owner, seed=seed if fixed == "own" else fixed, speed=script.speed)
    found: Grade | None = None
    outcomes: tuple[Outcome, ...] = ()
    try:
        player = await _Player.at(room, lab, folder)
        for act in script.do:
            await player.do(act)
        outcomes = await room.judge(await player.submission())
        found = grade(lab.document, outcomes, player.hints)
        problem = difference(script, found, outcomes)
    except (ProvenlineError, httpx.HTTPError) as error:
        problem = str(error) or type(error).__name__
    finally:
        with suppress(ProvenlineError):
            await rooms.close(room.id)
    return Run(str(lab.key), name, found, outcomes, problem, asyncio.get_running_loop().time() - began)


def difference(script: Script, found: Grade, outcomes: Sequence[Outcome]) -> str:
    """Return how a grade differs from what a script expects; empty where it does not."""
    passed = {outcome.id for outcome in outcomes if outcome.passed}
    failed = [f"{outcome.id} ({outcome.seen})" for outcome in outcomes if not outcome.passed]
    expected = script.expect
    if isinstance(expected, Expected):
        if expected.points is not None and abs(found.points - expected.points) > 0.01:
            return f"{found.points:g} points, not {expected.points:g}; failed: {', '.join(failed) or 'nothing'}"
        wrongly = [one for one in expected.failed if one in passed]
        return f"passed although it should not: {', '.join(wrongly)}" if wrongly else ""
    if expected == "full" and found.points < found.of:
        return f"{found.points:g} of {found.of:g} points; failed: {', '.join(failed)}"
    if expected == "none" and found.points > 0:
        return f"{found.points:g} points for nothing; passed: {', '.join(sorted(passed))}"
    return ""


@dataclass
class _Player:
    """Does what a script says, as a trainee would."""

    room: Room
    lab: Lab
    folder: Path
    began: int
    answers: dict[str, Answer] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    hints: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    async def at(cls, room: Room, lab: Lab, folder: Path) -> _Player:
        """Sit down at a sandbox. Raises ProvenlineError when it is broken."""
        if room.state is not SandboxState.READY:
            raise ProvenlineError(f"the sandbox did not start: {room.reason}")
        return cls(room, lab, folder, await room.now())

    async def submission(self) -> Submission:
        """Return what would be handed in now."""
        elapsed = (await self.room.now() - self.began) / SECOND
        return Submission(dict(self.answers), tuple(self.claims), self.began / SECOND, elapsed)

    async def do(self, act: Act) -> None:
        """Do one thing. Raises ProvenlineError when it cannot be done."""
        match act:
            case Act(apply=dict(files)):
                texts = {name: _text(self.folder / place) for name, place in files.items()}
                await self._apply({**await self.room.files(), **texts})
            case Act(edit=dict(edits)):
                await self._apply(_edited(await self.room.files(), edits))
            case Act(wait=Wait() as wait):
                await self._wait(wait)
            case Act(answer=dict(answers)):
                for question, answer in answers.items():
                    self.answers[question] = await self._answer(question, answer)
            case Act(acknowledge=acknowledge) if acknowledge is not None:
                await self._acknowledge(acknowledge.code, acknowledge.device)
            case Act(annotate=Annotate() as annotate):
                await self._annotate(annotate)
            case Act(claim=ScriptClaim() as claim):
                await self._claim(claim)
            case Act(campaign=ScriptCampaign() as campaign):
                await self._campaign(campaign)
            case Act(hint=str(step)):
                self.hints.add((step, sum(one == step for one, _ in self.hints)))

    async def _apply(self, files: Mapping[str, str]) -> None:
        faults = await self.room.apply(files)
        if faults:
            raise ProvenlineError(f"the configuration has faults: {'; '.join(map(str, faults))}")

    async def _wait(self, wait: Wait) -> None:
        until = await self.room.now() + round(wait.minutes * 60 * SECOND)
        latest = asyncio.get_running_loop().time() + _LONGEST
        while not await self._value(wait.until):
            if await self.room.now() >= until or asyncio.get_running_loop().time() >= latest:
                if wait.until == "False":
                    return
                raise ProvenlineError(f"waited {wait.minutes:g} min in vain for {wait.until}")
            await asyncio.sleep(_LOOK)

    async def _answer(self, question: str, answer: ScriptAnswer) -> Answer:
        asked = next((q for step in self.lab.document.steps for q in step.questions if q.id == question), None)
        if isinstance(asked, Number) and isinstance(answer, str):
            value = await self._value(answer)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ProvenlineError(f"{answer!r} is {value!r}, which answers no question for a number")
            return value
        return answer

    async def _claim(self, claim: ScriptClaim) -> None:
        begun = None if claim.begun is None else await self._value(claim.begun)
        made = await self.room.now() / SECOND
        self.claims.append(Claim(claim.cause, claim.place, made, None if begun is None else float(begun)))

    async def _value(self, expression: str) -> Any:  # noqa: ANN401 - as the expression has it
        return await self.room.value(expression, await self.submission())

    # ------------------------------------------------------------------- through the application
    async def _acknowledge(self, code: str, device: str | None) -> None:
        listed = (await self._asked("GET", "/api/v1/alarms"))["alarms"]
        meant = [a["id"] for a in listed if _is(a["id"], code) and (device is None or _of(a["scope"], device))]
        if not meant:
            raise ProvenlineError(f"there is no alarm {code!r} to acknowledge")
        await self._asked("POST", "/api/v1/alarms/acknowledge", json={"alarms": meant})

    async def _annotate(self, note: Annotate) -> None:
        for scene in await self._asked("GET", "/api/v1/scenes"):
            for unit in await self._asked("GET", f"/api/v1/scenes/{scene['id']}/stops", params={"window": "8h"}):
                if _of(unit["scope"], note.device) and unit["stops"]:
                    last = unit["stops"][-1]
                    span = {"start": last["start"], "stop": last["stop"], "scope": unit["scope"]}
                    body = {**span, "reason": note.reason, "comment": note.text}
                    await self._asked("POST", f"/api/v1/scenes/{scene['id']}/annotations", json=body)
                    return
        raise ProvenlineError(f"{note.device} has not stood, so there is nothing to say about it")

    async def _campaign(self, asked: ScriptCampaign) -> None:
        body = yaml.safe_load(_text(self.folder / asked.plan))
        simulated = body.get("simulated") or body["plan"]
        name, listed = simulated["id"], (await self._asked("GET", _CAMPAIGNS))["campaigns"]
        changed = f"/{name}/revisions" if any(one["id"] == name for one in listed) else ""
        await self._asked("POST", f"{_CAMPAIGNS}{changed}", json=body)
        if asked.run:
            await self._asked("POST", f"{_CAMPAIGNS}/{name}/run")
            latest = asyncio.get_running_loop().time() + _LONGEST
            while True:
                found = await self._asked("GET", f"{_CAMPAIGNS}/{name}")
                if found["stage"] == "done":
                    return
                if found["stage"] != "running" or asyncio.get_running_loop().time() >= latest:
                    raise ProvenlineError(f"campaign {name} {found['stage']}: {found['error']}")
                await asyncio.sleep(_LOOK)

    async def _asked(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - as httpx has it
        transport = httpx.AsyncHTTPTransport(uds=str(self.room.socket))
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://{HOST}", trust_env=False, timeout=_PATIENCE
        ) as client:
            response = await client.request(method, path, **more)
        if response.is_error:
            raise ProvenlineError(f"{method} {path} answered {response.status_code}: {response.text[:300]}")
        return response.json()


def _edited(files: Mapping[str, str], edits: Mapping[str, tuple[Edit, ...]]) -> dict[str, str]:
    changed = dict(files)
    for name, passages in edits.items():
        if name not in changed:
            raise ProvenlineError(f"there is no file {name!r} to edit; there are {', '.join(changed) or 'none'}")
        for edit in passages:
            if changed[name].count(edit.find) != 1:
                times = changed[name].count(edit.find)
                raise ProvenlineError(f"{name}: {edit.find!r} stands there {times} times, not once")
            changed[name] = changed[name].replace(edit.find, edit.put)
    return changed


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ProvenlineError(f"{file}: {error.strerror}") from error


def _is(alarm: str, code: str) -> bool:
    own = alarm.rpartition(":")[2].rpartition("/")[2]
    return own == code or own.startswith(f"{code}.")


def _of(scope: str, device: str) -> bool:
    return scope.rpartition("/")[2].partition("#")[0] == device or scope.split("/")[-2:-1] == [device]
