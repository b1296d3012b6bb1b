"""Verify a package with nothing but the package: structure, hashes, signature, and every figure again.

    archive      one zip, written in the only way there is, nothing hostile in it
    structure    a BagIt bag with the files a package has, and no others
    hashes       every file is what the manifests say
    signature    the manifests are what was signed, and by whom
    time-stamp   where there is one
    plan         each revision has its hash and follows the one before
    clause       the bounds are those the plan fixed
    formulas     this software knows each formula in the version used
    rows         the samples, row by row, are those that were assessed
    data         completeness, exclusions and marks are what the samples say
    figures      every indicator of every window, computed anew
    verdicts     every finding, judged anew

A check that cannot be made because an earlier one failed is reported as not made, never as passed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evidence import checks, container
from evidence.dossier import is_simulated
from evidence.opened import Failed, Opened
from evidence.payload import Plain, plain
from plant.errors import ProvenlineError
from plant.text import Text

MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""What reading data of another form than a package's runs into; sound hashes and signatures do not make it sound."""


class Step(StrEnum):
    """The checks, in order."""

    ARCHIVE = "archive"
    STRUCTURE = "structure"
    HASHES = "hashes"
    SIGNATURE = "signature"
    TIMESTAMP = "time-stamp"
    PLAN = "plan"
    CLAUSE = "clause"
    FORMULAS = "formulas"
    ROWS = "rows"
    DATA = "data"
    FIGURES = "figures"
    VERDICTS = "verdicts"


class Result(StrEnum):
    """What came of a check."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_MADE = "not-made"
    ABSENT = "absent"
    """There is nothing to check: a part that a package need not have."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `details`: what exactly is wrong, or what was checked."""

    step: Step
    result: Result
    details: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All checks of one package. `finding` and `simulated`: as computed here, None when they could not be."""

    file: str
    checks: tuple[Check, ...]
    signer: str = ""
    simulated: bool | None = None
    finding: Plain = None
    plan: Plain = None

    @property
    def holds(self) -> bool:
        """Whether everything that must hold does."""
        return all(check.result in (Result.HOLDS, Result.ABSENT) for check in self.checks)


def verify(
    file: Path,
    *,
    trusted: Sequence[str] = (),
    scratch: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Verification:
    """Verify a package. Never raises for what is in it.

    `trusted`: fingerprints of keys; when any are given, another key's signature fails.
    `scratch`: where to unpack; needs as much room as the package.
    """
    with tempfile.TemporaryDirectory(dir=scratch, prefix="evidence-") as folder:
        state = Opened(file, Path(folder), frozenset(trusted), progress)
        made: list[Check] = []
        for step, work in _STEPS.items():
            failed = {check.step for check in made if check.result in (Result.FAILS, Result.NOT_MADE)}
            if failed & _NEEDS[step]:
                made.append(Check(step, Result.NOT_MADE))
                continue
            try:
                told = tuple(work(state))
                made.append(Check(step, Result.HOLDS if told else Result.ABSENT, told))
            except Failed as error:
                made.append(Check(step, Result.FAILS, error.reasons))
            except ProvenlineError as error:
                made.append(Check(step, Result.FAILS, (Text(str(error), str(error)),)))
            except MALFORMED as error:
                said = f"{type(error).__name__}: {error}"[:200]
                words = Text(f"内容不符合格式：{said}", f"The content is not of the form that a package has: {said}")
                made.append(Check(step, Result.FAILS, (words,)))
        for side in state.sides.values():
            side.measured.historian.close()
        return Verification(
            file=file.name,
            checks=tuple(made),
            signer=state.signer,
            simulated=is_simulated(state.sides, state.assessment) if state.assessment else None,
            finding=plain(state.assessment.finding) if state.assessment else None,
            plan=state.frozen[-1].plan.model_dump(mode="json") if state.frozen else None,
        )


_STEPS: Mapping[Step, Callable[[Opened], Iterator[Text]]] = {
    Step.ARCHIVE: container.archive,
    Step.STRUCTURE: container.structure,
    Step.HASHES: container.hashes,
    Step.SIGNATURE: container.signature,
    Step.TIMESTAMP: container.timestamp,
    Step.PLAN: checks.plan,
    Step.CLAUSE: checks.clause,
    Step.FORMULAS: checks.formulas,
    Step.ROWS: checks.rows,
    Step.DATA: checks.data,
    Step.FIGURES: checks.figures,
    Step.VERDICTS: checks.verdicts,
}
_NEEDS: Mapping[Step, frozenset[Step]] = {
    Step.ARCHIVE: frozenset(),
    Step.STRUCTURE: frozenset((Step.ARCHIVE,)),
    Step.HASHES: frozenset((Step.ARCHIVE, Step.STRUCTURE)),
    Step.SIGNATURE: frozenset((Step.ARCHIVE, Step.STRUCTURE)),
    Step.TIMESTAMP: frozenset((Step.ARCHIVE, Step.STRUCTURE)),
    Step.PLAN: frozenset((Step.ARCHIVE, Step.STRUCTURE, Step.SIGNATURE)),
    Step.CLAUSE: frozenset((Step.PLAN,)),
    Step.FORMULAS: frozenset((Step.PLAN,)),
    Step.ROWS: frozenset((Step.PLAN,)),
    Step.DATA: frozenset((Step.ROWS,)),
    Step.FIGURES: frozenset((Step.CLAUSE, Step.FORMULAS, Step.ROWS)),
    Step.VERDICTS: frozenset((Step.FIGURES,)),
}
