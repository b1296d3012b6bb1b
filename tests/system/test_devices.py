"""Devices that come up scene by scene: each is collected as soon as it is there, none is waited for in vain."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collectors.source import Tally
from configs.configuration import Binding
from configs.sources import MqttSource, SourceConfig
from plant.batch import Batch, BatchBuilder
from plant.errors import ProvenlineError
from provenline.announcement import Announcement, Controlled, Served, announce, heard
from provenline.devices import Devices, fresh_tokens
from provenline.late import LateSource
from provenline.steering import NOTE, steerable, steered
from simulators.access import ControlAddress
from simulators.faces.endpoint import Endpoint

BROKER = MqttSource(type="mqtt", id="broker", host="192.0.2.1", port=1883, client_id="c")
HERE = Endpoint("mqtt", "127.0.0.1", 40_001)


class Recorded:
    """A source that yields one batch an opening."""

    def __init__(self, config: SourceConfig) -> None:
        self.config = config
        self.tally = Tally()

    @property
    def name(self) -> str:
        return self.config.id

    @property
    def paths(self) -> tuple[str, ...]:
        return ("s/c/l/d/t",)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Batch]]:
        self.tally.samples += 1

        async def batches() -> AsyncIterator[Batch]:
            builder = BatchBuilder()
            builder.add("s/c/l/d/t", 1, 1.0, received=1)
            yield builder.build()

        yield batches()


@asynccontextmanager
async def child(*lines: str, then: str = "import sys; sys.stdin.read()") -> AsyncIterator[Devices]:
    """A process that announces `lines` for the scenes `quick` and `slow`."""
    script = "".join(f"print({line!r}, flush=True);" for line in lines) + then
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    ended = asyncio.create_task(process.wait())
    devices = Devices(process, ended, fresh_tokens(), ("quick", "slow"))
    listening = asyncio.create_task(devices.listen())
    try:
        yield devices
    finally:
        assert process.stdin
        process.stdin.close()
        await ended
        await listening


def binding(scene: str) -> Binding:
    return Binding(scene=scene, source=BROKER, points=())


# ------------------------------------------------------------------------------- sources
async def test_a_late_source_connects_to_where_its_device_turns_out_to_be() -> None:
    there, made = asyncio.Event(), []

    async def settle() -> SourceConfig:
        await there.wait()
        return BROKER.model_copy(update={"host": "127.0.0.1", "port": 40_001})

    def make(config: SourceConfig) -> Recorded:
        made.append(config)
        return Recorded(config)

    source = LateSource(Recorded(BROKER), settle, make)
    assert (source.name, source.paths, source.tally.samples) == ("broker", ("s/c/l/d/t",), 0)

    async def read() -> int:
        async with source.open() as batches:
            return sum([len(batch) async for batch in batches])

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    assert not reading.done()
    there.set()
    assert await reading == 1
    assert await read() == 1, "it is opened again without asking again"
    assert [(config.host, config.port) for config in made] == [("127.0.0.1", 40_001)]
    assert source.tally.samples == 2


async def test_a_late_source_that_is_given_up_while_it_waits_can_be_opened_again() -> None:
    there = asyncio.Event()

    async def settle() -> SourceConfig:
        await there.wait()
        return BROKER

    source = LateSource(Recorded(BROKER), settle, Recorded)

    async def enter() -> None:
        async with source.open():
            pass

    waiting = asyncio.create_task(enter())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    there.set()
    await enter()


# ------------------------------------------------------------------------------- devices
@pytest.mark.parametrize("news", [Controlled(40_000), Served("agv", {"fleet": HERE}), Served("agv", {})])
def test_an_announcement_is_one_line_and_is_heard_as_it_was_said(news: Announcement) -> None:
    line = announce(news)
    assert "\n" not in line
    assert heard(line) == news


async def test_a_scene_is_located_as_soon_as_it_is_up_and_not_when_all_are() -> None:
    async with child(announce(Controlled(40_000)), announce(Served("quick", {"broker": HERE}))) as devices:
        async with asyncio.timeout(90):
            found = await devices.locate(binding("quick"))
            assert isinstance(found, MqttSource)
            assert (found.host, found.port) == ("127.0.0.1", 40_001)
            address = await devices.control()
        slow = asyncio.create_task(devices.locate(binding("slow")))
        await asyncio.sleep(0)
        assert not slow.done()
        slow.cancel()
        assert address.port == 40_000
        assert address.token != (await devices.control(grader=True)).token


async def test_what_is_not_simulated_is_where_its_settings_say() -> None:
    async with child() as devices, asyncio.timeout(90):
        assert await devices.locate(binding("real")) is BROKER


async def test_devices_that_end_before_all_are_up_are_not_waited_for() -> None:
    async with child(announce(Served("quick", {})), then="raise SystemExit(3)") as devices, asyncio.timeout(90):
        with pytest.raises(ProvenlineError, match=r"did not start \(exit code 3\)"):
            await devices.all_up()


async def test_all_are_up_when_the_last_one_is() -> None:
    lines = [announce(Served(scene, {})) for scene in ("slow", "quick")]
    async with child(*lines) as devices, asyncio.timeout(90):
        await devices.all_up()


def test_every_process_has_tokens_of_its_own() -> None:
    tokens = [token for each in (fresh_tokens(), fresh_tokens()) for token in (each.control, each.grader)]
    assert len(set(tokens)) == 4
    assert min(map(len, tokens)) >= 40


# ------------------------------------------------------------------------------ the note
def test_the_note_is_its_owner_s_alone_even_where_another_lay_open(tmp_path: Path) -> None:
    address = ControlAddress("127.0.0.1", 40_000, "secret")
    (tmp_path / NOTE).write_text("{}")
    (tmp_path / NOTE).chmod(0o644)
    with steerable(tmp_path, address):
        assert stat.S_IMODE((tmp_path / NOTE).stat().st_mode) == 0o600
        assert steered(tmp_path) == address
    assert not (tmp_path / NOTE).exists()


@pytest.mark.parametrize("content", [None, "", "[]", '{"host": "h"}'])
def test_where_no_demonstration_runs_there_is_nothing_to_break(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / NOTE).write_text(content)
    with pytest.raises(ProvenlineError, match="no demonstration runs in"):
        steered(tmp_path)
