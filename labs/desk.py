"""Where labs are given: opens attempts on lines of their own, judges them, and writes down what they were worth.

begin (─▶ join) ─▶ apply · answer · hint · claim ─▶ grade (again and again) ─▶ end
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

from labs.awards import read_code
from labs.checking import Outcome
from labs.course import Hint
from labs.drills import Drill, Hidden
from labs.exercise import Score, score
from labs.grading import CourseResult, Grade, course_result, grade
from labs.library import PACKAGED, Course, Lab, Library, Scenery, read_library
from labs.observation import Answer, Claim, Submission, TrueFault
from labs.pairs import join_code
from labs.register import Register
from labs.sandboxes import HiddenFault, NoSandbox, Sandbox, Sandboxes, SandboxState, SandboxTrouble
from labs.work import Attempt, NotNow, Result
from plant.clock import SECOND, Clock
from plant.errors import Fault, ProvenlineError


@dataclass(frozen=True, slots=True)
class Graded:
    """What came of grading an attempt: now, and the best of its lab so far."""

    result: Result
    grade: Grade


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class LabDesk:
    """Everything that labs need at a centre. `folder`: where the courses of instructors are kept.

    Raises NotNow where something cannot be as things stand, and what `labs.sandboxes` and
    `plant.database` raise.
    """

    library: Library
    register: Register
    sandboxes: Sandboxes
    clock: Clock
    folder: Path
    scenery: Scenery | None = None
    ready: asyncio.Event = field(default_factory=_set)
    """Set once the courses are read; a desk that was made with its library is ready."""
    starting: dict[str, str] = field(default_factory=dict)
    """Whose line is starting, by the tickets of those who asked for it."""
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)
    """Who applies a configuration in an attempt: two do it one after the other."""

    def reread(self) -> None:
        """Read all courses anew, after one was added or removed. Blocks."""
        self.library = read_library((PACKAGED, self.folder), self.scenery)

    # ------------------------------------------------------------------------- attempts
    async def begin(self, learner: str, lab: Lab, *, ticket: str = "") -> Attempt:
        """Begin an attempt on a line of its own; an empty `learner` practises without a name.

        While its line starts, `starting` tells under `ticket` whose it is.
        """
        work, now = self.register.work, self.clock.now()
        before = await asyncio.to_thread(work.attempts, learner) if learner else ()
        for earlier in (one for one in before if one.ended is None and one.learner == learner):
            await self._settle(earlier)
        attempt = await asyncio.to_thread(work.begin, learner, lab.key, now)
        asked = lab.document.line.seed
        seed = own_seed(attempt.owner, str(lab.key)) if asked == "own" else asked
        if ticket:
            self.starting[ticket] = attempt.owner
        try:
            sandbox = await self.sandboxes.open(lab, attempt.owner, seed=seed)
            if sandbox.state is SandboxState.BROKEN:
                raise SandboxTrouble(sandbox.reason)
            plant = await sandbox.now()
        except BaseException:
            await asyncio.to_thread(work.end, attempt.id, self.clock.now())
            raise
        finally:
            self.starting.pop(ticket, None)
        await asyncio.to_thread(work.on, attempt.id, sandbox.id, plant=plant, seed=seed)
        begun = replace(attempt, sandbox=sandbox.id, plant=plant, seed=seed)
        await self._hide_due(begun)
        return begun

    async def join(self, learner: str, lab: Lab, code: str) -> Attempt:
        """Let somebody work on the attempt that has a code, together with who began it."""
        running = await asyncio.to_thread(self.register.work.running)
        found = next((one for one in running if one.named and join_code(one.id) == read_code(code)), None)
        if found is None:
            raise NotNow(f"no attempt under way has the code {read_code(code)}")
        if found.key != lab.key:
            raise NotNow(f"this code is for another lab: {found.key}")
        await asyncio.to_thread(self.register.pairs.join, found, learner, self.clock.now())
        joined = replace(found, partner=learner)
        await self._hide_due(joined, anew=False)
        return joined

    async def part(self, attempt: Attempt, who: str) -> None:
        """Undo a pair: a partner may always go, who began sends one away only while nothing was graded."""
        if not attempt.partner:
            raise NotNow("nobody works on this attempt as a partner")
        if who != attempt.partner and await asyncio.to_thread(self.register.pairs.graded, attempt.id):
            raise NotNow("this was graded for both already; the pair stays, or your partner leaves")
        await asyncio.to_thread(self.register.pairs.part, attempt, self.clock.now())

    def line(self, attempt: Attempt) -> Sandbox:
        """Return the line of an attempt that goes on."""
        if attempt.ended is not None:
            raise NotNow("this attempt has ended; begin a new one")
        try:
            sandbox = self.sandboxes.get(attempt.sandbox)
        except NoSandbox as error:
            raise NotNow("the line of this attempt was stopped; reset it, or begin a new attempt") from error
        if sandbox.owner != attempt.owner:
            raise NotNow("the line of this attempt belongs to another one now")
        return sandbox

    async def reset(self, attempt: Attempt) -> Attempt:
        """Begin anew on the same line with the files the lab starts with; what was answered and read stays."""
        if attempt.ended is not None:
            raise NotNow("this attempt has ended; begin a new one")
        lab = self.lab(attempt)
        await self._settle(attempt)
        try:
            sandbox = await self.sandboxes.reset(attempt.sandbox)
        except NoSandbox:
            sandbox = await self.sandboxes.open(lab, attempt.owner, seed=attempt.seed)
        if sandbox.state is SandboxState.BROKEN:
            raise SandboxTrouble(sandbox.reason)
        plant = await sandbox.now()
        await asyncio.to_thread(self.register.work.on, attempt.id, sandbox.id, plant=plant, seed=attempt.seed)
        again = replace(attempt, sandbox=sandbox.id, plant=plant)
        await self._hide_due(again)
        return again

    async def resume(self, attempt: Attempt) -> Attempt:
        """Go on where the line was stopped meanwhile: on a new one, with the configuration that last ran."""
        with suppress(NotNow):
            self.line(attempt)
            return attempt
        again = await self.reset(attempt)
        kept = await asyncio.to_thread(self.register.work.files, attempt.id)
        if kept and (faults := await self.line(again).apply(kept)):
            raise SandboxTrouble(f"what ran before does not run any more: {faults[0]}")
        return again

    async def apply(
        self, attempt: Attempt, files: Mapping[str, str], *, instead_of: str | None = None
    ) -> tuple[Fault, ...]:
        """Run with another configuration, and keep it. Returns what is wrong with it; then nothing has changed.

        `instead_of`: the version that was changed; where another one runs by now, NotNow is raised.
        """
        async with self._turns.setdefault(attempt.id, asyncio.Lock()):
            line = self.line(attempt)
            if instead_of not in (None, version_of(await line.files())):
                raise NotNow("another configuration was applied meanwhile; look at it before you apply yours")
            faults = await line.apply(files)
            if not faults:
                await asyncio.to_thread(self.register.work.keep, attempt.id, files, self.clock.now())
            return faults

    async def files(self, attempt: Attempt) -> Mapping[str, str]:
        """Return the configuration an attempt runs with; where its line is gone, the one it last ran with."""
        with suppress(NotNow, SandboxTrouble):
            return await self.line(attempt).files()
        return await asyncio.to_thread(self.register.work.files, attempt.id) or self.lab(attempt).files

    async def end(self, attempt: Attempt) -> None:
        """End an attempt and give its line back; how it did in exercises is kept."""
        await self._settle(attempt)
        await asyncio.to_thread(self.register.work.end, attempt.id, self.clock.now())
        found = self.sandboxes.of(attempt.owner)
        if found is not None and found.id == attempt.sandbox:
            await self.sandboxes.close(found.id)

    def lab(self, attempt: Attempt) -> Lab:
        """Return the lab of an attempt."""
        lab = self.library.lab(attempt.key)
        if lab is None:
            raise NotNow(f"the lab {attempt.key} is no longer in the library")
        return lab

    # ---------------------------------------------------------------------- what is done
    def answer(self, attempt: Attempt, answers: Mapping[str, Answer]) -> None:
        """Keep answers. Raises NotNow for a question the lab does not have. Blocks."""
        if attempt.ended is not None:
            raise NotNow("this attempt has ended; begin a new one")
        known = {one.id for step in self.lab(attempt).document.steps for one in step.questions}
        if unknown := sorted(set(answers) - known):
            raise NotNow(f"there is no question {unknown[0]!r} in this lab")
        self.register.work.answer(attempt.id, answers, self.clock.now())

    def hint(self, attempt: Attempt, step: str) -> tuple[int, Hint]:
        """Read the next hint of a step, which costs from now on. Returns its number and itself. Blocks."""
        if attempt.ended is not None:
            raise NotNow("this attempt has ended; begin a new one")
        found = self.lab(attempt).document.step(step)
        read = self.register.work.hints(attempt)
        for number, hint in enumerate(found.hints if found else ()):
            if (step, number) not in read:
                self.register.work.hint(attempt.id, (step, number), self.clock.now())
                return number, hint
        raise NotNow("there is no further hint in this step")

    async def claim(self, attempt: Attempt, *, cause: str, place: str, begun: float | None) -> Claim:
        """Keep a claim, dated with the plant time of its line."""
        made = await self.line(attempt).now() / SECOND
        claim = Claim(cause, place, made, begun)
        await asyncio.to_thread(self.register.work.claim, attempt.id, claim)
        return claim

    # --------------------------------------------------------------------------- grading
    async def grade(self, attempt: Attempt) -> Graded:
        """Judge an attempt as its line stands now. Answers to choose from stand once they were graded."""
        lab, sandbox = self.lab(attempt), self.line(attempt)
        outcomes = await sandbox.judge(await self.submission(attempt, sandbox))
        return await asyncio.to_thread(self._keep, attempt, lab, outcomes)

    def _keep(self, attempt: Attempt, lab: Lab, outcomes: tuple[Outcome, ...]) -> Graded:
        work = self.register.work
        found = grade(lab.document, outcomes, work.hints(attempt))
        result = Result(attempt.id, found.points, found.of, outcomes, self.clock.now())
        answers, _ = work.answers(attempt.id)
        guessed = {one.id for step in lab.document.steps for one in step.questions if one.kind != "number"}
        work.grade(result, fixed=guessed & set(answers))
        return Graded(result, found)

    async def submission(self, attempt: Attempt, sandbox: Sandbox) -> Submission:
        """Return what an attempt hands in now."""
        answers, _ = await asyncio.to_thread(self.register.work.answers, attempt.id)
        claims = await asyncio.to_thread(self.register.work.claims, attempt.id)
        elapsed = max(0, await sandbox.now() - attempt.plant) / SECOND
        return Submission(answers, claims, attempt.plant / SECOND, elapsed)

    def standing(self, learner: str, course: Course) -> tuple[CourseResult, dict[str, float]]:
        """Return where somebody stands in a course, and their most points in each lab. Blocks."""
        best = self.register.work.best(learner, course.id)
        return course_result(course.document, best), best

    # --------------------------------------------------------------------------- exercises
    async def hide(self, drill: Drill, attempt: Attempt, fault: HiddenFault) -> Hidden:
        """Put an exercise's fault into the line of an attempt."""
        sandbox = self.line(attempt)
        number = await sandbox.inject(fault)
        since = await sandbox.now() / SECOND + fault.after
        hidden = Hidden(attempt.id, number, since)
        await asyncio.to_thread(self.register.drills.hide, drill.id, hidden)
        return hidden

    async def _hide_due(self, attempt: Attempt, *, anew: bool = True) -> None:
        """Hide what is hidden in the lines of somebody's classes in this one too; it is new, or has a new partner."""
        going_on = [one for one in await asyncio.to_thread(self.register.drills.all) if one.ended is None and one.group]
        for drill in going_on if attempt.named else ():
            with suppress(ProvenlineError):  # the class is no more, or this line has nothing to break there
                members = (await asyncio.to_thread(self.register.roll.a_class, drill.group)).members
                here = [one for one in drill.hidden if one.attempt == attempt.id]
                done = any(one.score is not None for one in here) if anew else bool(here)
                if not done and not set(members).isdisjoint(attempt.people):
                    await self.hide(drill, attempt, drill.asked)

    async def _settle(self, attempt: Attempt) -> None:
        """Keep how an attempt stands in every exercise that goes on, before its line is gone."""
        drills = self.register.drills
        for drill in await asyncio.to_thread(drills.all):
            mine = [one for one in drill.hidden if one.attempt == attempt.id and one.score is None]
            for hidden in mine if drill.ended is None else ():
                found = await self.found(drill, hidden)
                if found is not None:
                    await asyncio.to_thread(drills.keep, drill.id, attempt.id, found.plain)

    async def found(self, drill: Drill, hidden: Hidden) -> Score | None:
        """Return how an attempt stands in an exercise; None where it has ended or its line has."""
        attempt = await asyncio.to_thread(self.register.work.attempt, hidden.attempt)
        if attempt is None or attempt.ended is not None:
            return None
        claims = await asyncio.to_thread(self.register.work.claims, attempt.id)
        try:
            faults = await self.line(attempt).faults()
        except NotNow:
            return None
        own = [one for one in faults if _is(one, drill, hidden)]
        others = [one for one in faults if one not in own]
        # What is true of another fault in the same line is no false claim in this exercise.
        relevant = [claim for claim in claims if claim.made >= hidden.since and not _explained(claim, others)]
        return score(own, relevant, drill.rules, begun=hidden.since)


def version_of(files: Mapping[str, str]) -> str:
    """Return what tells one configuration from another."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:16]


def own_seed(owner: str, lab: str) -> int:
    """Return the seed of somebody's line in a lab: theirs alone, and the same at every try."""
    return int.from_bytes(hashlib.sha256(f"{owner}\n{lab}".encode()).digest()[:4], "big")


def _is(fault: TrueFault, drill: Drill, hidden: Hidden) -> bool:
    return (
        fault.kind == drill.fault.get("kind")
        and fault.target == drill.fault.get("target")
        and fault.started >= hidden.since - 60.0
    )


def _explained(claim: Claim, faults: list[TrueFault]) -> bool:
    return any(claim.cause == fault.kind and claim.place == fault.target for fault in faults)
