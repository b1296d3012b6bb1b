"""Answers that many viewers ask for at the same time: worked out once, given to all for as long as they are fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fastapi import HTTPException

from plant.clock import Clock

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Shared(Generic[Question, Answer]):
    """Answers by question. `fresh`: seconds for which one is given again; `most`: worked out at the same time."""

    clock: Clock
    fresh: float
    most: int = 8
    _kept: dict[Question, tuple[float, asyncio.Task[Answer]]] = field(default_factory=dict)

    async def of(self, question: Question, work: Callable[[], Answer]) -> Answer:
        """Return the answer to a question; `work` finds it in a worker thread. Answers 503 when too much is asked."""
        now = self.clock.monotonic()
        self._kept = {q: kept for q, kept in self._kept.items() if now - kept[0] < self.fresh or not kept[1].done()}
        if question not in self._kept:
            if sum(not task.done() for _, task in self._kept.values()) >= self.most:
                raise HTTPException(503, "too much is being worked out; ask again", {"Retry-After": "5"})
            self._kept[question] = now, asyncio.create_task(asyncio.to_thread(work), name=f"answer {question}")
        # Shielded: a viewer who leaves must not take the answer away from the others.
        return await asyncio.shield(self._kept[question][1])
