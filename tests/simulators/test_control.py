"""The control API: who holds a token breaks and mends; what really happened is the grader's alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from configs.configuration import Configuration
from plant.clock import SECOND
from plant.errors import Disconnected
from simulators.access import ControlAddress, Tokens
from simulators.control import Controllable, Refused, control_desk
from simulators.control_client import ControlClient
from simulators.faults import FaultBoard, FaultKind, PlannedFault, names_of
from simulators.network.interference import Area
from simulators.truth import What
from simulators.virtual import build

START = 1_772_000_000 * SECOND
TOKENS = Tokens(control="break", grader="know")
LEAK = PlannedFault(kind=FaultKind.LEAK, target="press", size=3.0)


@pytest.fixture
def line(pack: Configuration) -> Controllable:
    scene = pack.scenes["first-light"]
    model = build(scene, start=START)
    return Controllable(model, FaultBoard(model), names_of(model, scene, pack.bindings))


@pytest.fixture
async def port(line: Controllable) -> AsyncIterator[int]:
    async with control_desk({"first-light": line}, TOKENS) as port:
        yield port


def address(port: int, token: str = TOKENS.control) -> ControlAddress:
    return ControlAddress("127.0.0.1", port, token)


async def test_a_fault_is_put_in_listed_and_ended(line: Controllable, port: int) -> None:
    async with ControlClient.connect(address(port)) as control:
        assert await control.scenes() == ("first-light",)
        number = await control.inject("first-light", LEAK)
        assert await control.active("first-light") == {number: LEAK}
        assert line.model.units["press"].leak == 3.0
        await control.end("first-light", number)
        assert await control.active("first-light") == {}
        assert line.model.units["press"].leak == 0.0


async def test_a_fault_ends_by_itself_when_it_was_given_a_time(line: Controllable, port: int) -> None:
    async with ControlClient.connect(address(port)) as control:
        await control.inject("first-light", PlannedFault(kind=FaultKind.DEAD_DEVICE, target="press", lasts=60))
        line.model.floor.run_through(59)
        assert len(await control.active("first-light")) == 1
        line.model.floor.run_through(61)
        assert not await control.active("first-light")


async def test_offers_cross_the_wire_with_their_names(line: Controllable, port: int) -> None:
    async with ControlClient.connect(address(port)) as control:
        offers = {offer.id: offer for offer in await control.offers("first-light")}
    jam = offers[FaultKind.JAM]
    assert (jam.kind.name.zh, jam.kind.name.en) == ("卡料停机", "Jam")
    assert {t.id: t.name.zh for t in jam.targets}["press"] == "伺服压力机"
    assert "press.total" in {t.id for t in offers[FaultKind.MISWIRED_REGISTER].targets}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (PlannedFault(kind=FaultKind.LEAK, target="moon"), "no 'moon'; there are press, conveyor, vision"),
        (PlannedFault(kind=FaultKind.LEAK, target="press", size=-1), "size -1 is not from 0 to 1000 kW"),
        (PlannedFault(kind=FaultKind.LEAK, target="press", area=Area(1, 2, 3)), "only jamming happens in an area"),
    ],
)
async def test_a_fault_that_cannot_be_is_refused_and_the_connection_goes_on(
    port: int, fault: PlannedFault, message: str
) -> None:
    async with ControlClient.connect(address(port)) as control:
        with pytest.raises(Refused, match=message):
            await control.inject("first-light", fault)
        assert await control.active("first-light") == {}


async def test_what_is_not_there_cannot_be_ended_or_asked(port: int) -> None:
    async with ControlClient.connect(address(port)) as control:
        with pytest.raises(Refused, match="no fault 7"):
            await control.end("first-light", 7)
        with pytest.raises(Refused, match="no scene 'agv' runs here; there are first-light"):
            await control.offers("agv")


async def test_the_truth_is_told_to_the_grader_and_to_nobody_else(line: Controllable, port: int) -> None:
    async with ControlClient.connect(address(port)) as control:
        await control.inject("first-light", LEAK)
        with pytest.raises(Refused, match="cannot be done with this token"):
            await control.truth("first-light")
    line.model.floor.run_through(120)
    async with ControlClient.connect(address(port, TOKENS.grader)) as grader:
        facts = await grader.truth("first-light", What.FAULT)
        everything = await grader.truth("first-light")
        late = await grader.truth("first-light", since=START + 100 * SECOND)
    assert [(f.where, f.detail["kind"], f.detail["edge"]) for f in facts] == [("press", "leak", "begin")]
    assert list(everything) == list(line.model.floor.truth)
    assert 0 < len(late) < len(everything)


@pytest.mark.parametrize("token", ["", "wrong", "knowing", "破"])
async def test_a_wrong_token_opens_nothing(port: int, token: str) -> None:
    with pytest.raises(Refused, match="opens nothing"):
        async with ControlClient.connect(address(port, token)):
            pass


async def test_where_no_simulation_answers_the_client_says_so(port: int, line: Controllable) -> None:
    async with control_desk({}, TOKENS) as other:
        pass
    with pytest.raises(Disconnected, match="no simulation answers"):
        async with ControlClient.connect(address(other)):
            pass


@pytest.mark.parametrize(
    "lines",
    [
        [b"not json"],
        [b'{"token": "break"}', b"not json"],
        [b'{"token": "break"}', b"[]"],
        [b'{"token": "break"}', b'{"do": ["inject"]}'],
        [b'{"token": "break"}', b'{"do": "inject", "scene": "first-light"}'],
        [b'{"token": "break"}', b'{"do": "inject", "scene": "first-light", "fault": {"kind": "leak", "tarjet": "x"}}'],
        [b'{"token": "break"}', b'{"do": "inject", "scene": "first-light", "fault": {"kind": "leak", "size": "x"}}'],
        [b'{"token": "break"}', b'{"do": "end", "scene": "first-light", "id": "1"}'],
        [b'{"token": "know"}', b'{"do": "truth", "scene": "first-light", "since": "now"}'],
    ],
)
async def test_nonsense_is_answered_and_harms_nobody(line: Controllable, port: int, lines: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number, asked in enumerate(lines):
        writer.write(asked + b"\n")
        answer = orjson.loads(await asyncio.wait_for(reader.readuntil(), 60))
        assert ("error" in answer) == (number == len(lines) - 1)
    writer.close()
    async with ControlClient.connect(address(port)) as control:
        assert await control.active("first-light") == {}


async def test_one_client_may_be_used_by_several_at_once(port: int) -> None:
    async with ControlClient.connect(address(port)) as control:
        answers = await asyncio.gather(*(control.inject("first-light", LEAK) for _ in range(20)))
        assert sorted(answers) == sorted(await control.active("first-light"))
