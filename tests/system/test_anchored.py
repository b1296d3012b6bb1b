"""What a centre started ends with it, also when nobody could tell it to."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from evidence.campaign import Campaign, Stage
from plant.clock import SystemClock
from provenline import campaign_processes

_CHILD = """
import subprocess, sys, time
from provenline.process import end_with_starter
end_with_starter()
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL)
print(helper.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NOT RUN, looks into /proc")
def test_a_child_and_all_it_started_end_when_its_standard_input_closes() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdin
    assert child.stdout
    try:
        helper = int(child.stdout.readline())
        assert not gone(helper)
        child.stdin.close()
        assert child.wait(120) < 0
        deadline = time.monotonic() + 120
        while not gone(helper):
            assert time.monotonic() < deadline, "what the child had started still runs"
            time.sleep(0.05)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


async def test_a_campaign_is_started_as_such_a_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[tuple[tuple[str, ...], dict[str, object]]] = []

    class Ended:
        async def wait(self) -> int:
            return 0

    async def start(*arguments: str, **options: object) -> Ended:
        started.append((arguments, options))
        return Ended()

    monkeypatch.setattr(campaign_processes.asyncio, "create_subprocess_exec", start)
    campaign = SimpleNamespace(id="one", status=SimpleNamespace(stage=Stage.DONE))
    processes = campaign_processes.Processes(tmp_path, tmp_path, SystemClock())
    await processes._carried_out(cast("Campaign", campaign))
    ((arguments, options),) = started
    assert "--anchored" in arguments
    assert options["stdin"] == subprocess.PIPE
    assert options["start_new_session"] is True
