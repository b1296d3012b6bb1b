"""What every test relies on: nothing leaks, and a missing program is never passed over in silence."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

PATHS = "/usr/sbin:/usr/local/sbin:/sbin"
os.environ["PATH"] = f"{os.environ['PATH']}:{PATHS}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as not run what lacks a program; in CI let it run and fail instead."""
    for item in items:
        for mark in item.iter_markers("needs"):
            missing = [name for name in mark.args if shutil.which(name) is None]
            if missing and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=f"NOT RUN, missing: {', '.join(missing)}"))


@pytest_asyncio.fixture(autouse=True)
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fail a test that leaves an asyncio task behind, and name the task."""
    before = asyncio.all_tasks()
    yield
    for _ in range(20):  # tasks that were cancelled get a few turns to end
        left = [t for t in asyncio.all_tasks() - before if not t.done() and t is not asyncio.current_task()]
        if not left:
            return
        await asyncio.sleep(0.01)
    for task in left:
        task.cancel()
    pytest.fail(f"tasks left behind: {[task.get_name() + ' ' + repr(task.get_coro()) for task in left]}")
