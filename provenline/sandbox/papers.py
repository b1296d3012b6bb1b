"""How what passes through the pipe is written down and read back: the port's own dataclasses as JSON."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from labs.checking import Outcome
from labs.observation import Submission, TrueFault
from labs.sandboxes import FaultChoice, WireMessage
from plant.errors import Fault

Content = TypeVar("Content")


class Paper(Generic[Content]):
    """One kind of content."""

    def __init__(self, form: Any) -> None:  # noqa: ANN401 - a type form
        self._adapter: TypeAdapter[Content] = TypeAdapter(form)

    def write(self, content: Content) -> Any:  # noqa: ANN401 - JSON
        """Return it as JSON knows it."""
        return self._adapter.dump_python(content, mode="json")

    def read(self, written: object) -> Content:
        """Read it back. Raises ValueError for what it cannot be."""
        return self._adapter.validate_python(written)


FAULTS: Paper[tuple[Fault, ...]] = Paper(tuple[Fault, ...])
OUTCOMES: Paper[tuple[Outcome, ...]] = Paper(tuple[Outcome, ...])
MESSAGES: Paper[tuple[WireMessage, ...]] = Paper(tuple[WireMessage, ...])
TRUE_FAULTS: Paper[tuple[TrueFault, ...]] = Paper(tuple[TrueFault, ...])
CHOICES: Paper[tuple[FaultChoice, ...]] = Paper(tuple[FaultChoice, ...])
SUBMISSION: Paper[Submission] = Paper(Submission)
