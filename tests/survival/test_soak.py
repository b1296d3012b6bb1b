"""Fifty minutes in virtual time, an outage inside: nothing grows, and all of it is stored."""

from __future__ import annotations

from pathlib import Path

from tests.survival.soak import NAMES, soak

SECONDS = 3_000


async def test_memory_files_tasks_and_threads_stay_where_they_were(tmp_path: Path) -> None:
    readings, stored = await soak(tmp_path, SECONDS)
    assert stored == SECONDS * len(NAMES)
    early, late = readings[1], readings[-1]  # the outage lies between them
    assert early.second < 1_800 < late.second
    assert late.files <= early.files + 2
    assert late.tasks == early.tasks
    assert late.threads <= early.threads + 2
    assert late.blocks <= early.blocks * 1.05
    assert late.memory <= early.memory + 64
