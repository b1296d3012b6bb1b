"""The OPC UA source against node-opcua: the port's promises, values, addresses."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import pytest

from collectors.opcua import OpcuaSource, browse
from configs.sources import OpcuaSource as Config
from plant.batch import Origin
from plant.clock import SECOND, SystemClock, from_iso
from plant.quality import Quality, Severity, severity
from tests.collectors.conformance import PATIENCE, SourceConformance
from tests.collectors.opcua_peer import BURST_PAUSE, DEVICE, Server, first, gather, point, source

SILENCE = 2.0


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("pki"), many=60, itemsPerCall=25, nodesPerRead=2, nodesPerBrowse=2)
    yield server
    server.resume()
    server.kill()


@pytest.fixture
def server(peer: Server) -> Iterator[Server]:
    peer.start()
    yield peer
    peer.resume()


class Rig:
    path = f"{DEVICE}/Force"

    def __init__(self, server: Server) -> None:
        self._server = server

    def source(self) -> OpcuaSource:
        return source(self._server.endpoint, point("Force"), silence=SILENCE, timeout=SILENCE)

    async def set(self, value: float) -> None:
        await self._server.set("Press.Force", value)

    async def start(self) -> None:
        await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self._server.kill)

    async def stall(self) -> None:
        self._server.stall()

    async def resume(self) -> None:
        self._server.resume()


class TestOpcuaConformance(SourceConformance):
    @pytest.fixture
    def rig(self, server: Server) -> Rig:
        return Rig(server)


# ---------------------------------------------------------------------------- values
async def test_every_type_arrives_in_its_own_form(server: Server) -> None:
    names = ("State", "Count", "Huge", "Single", "Guard", "Job", "Note", "Started")
    await server.set("Press.Count", [0x001FFFFF, 0xFFFFFFFF])  # 2**53 - 1 and beyond stays exact
    await server.set("Press.State", 6)
    async with source(server.endpoint, *map(point, names)).open() as batches:
        seen = await first(batches, *names)
    assert {name: sample.value for name, sample in seen.items()} == {
        "State": 6,
        "Count": 2**53 - 1,
        "Huge": float(2**64),
        "Single": 0.5,
        "Guard": True,
        "Job": "J-1",
        "Note": "正常",
        "Started": from_iso("2026-01-02T03:04:05.678Z"),
    }
    assert {type(sample.value) for sample in seen.values()} == {int, float, bool, str}
    assert all(sample.quality == Quality.GOOD for sample in seen.values())


async def test_the_devices_own_time_is_kept(server: Server) -> None:
    moment = "2025-06-01T12:00:00.123Z"
    await server.set("Press.Force", 3.5, time=moment)
    async with source(server.endpoint, point("Force")).open() as batches:
        seen = await first(batches, "Force")
    assert seen["Force"].time == from_iso(moment)
    assert seen["Force"].received > from_iso(moment)


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        ("UncertainSensorNotAccurate", Quality.UNCERTAIN_SENSOR_NOT_ACCURATE),
        ("GoodLocalOverride", Quality.GOOD_LOCAL_OVERRIDE),
    ],
)
async def test_a_status_that_is_not_bad_passes_through_with_its_value(
    server: Server, status: str, quality: Quality
) -> None:
    await server.set("Press.Force", 4.5, status=status)
    async with source(server.endpoint, point("Force")).open() as batches:
        seen = await first(batches, "Force")
    assert (seen["Force"].quality, seen["Force"].value) == (quality, 4.5)


@pytest.mark.parametrize("value", [99.0, None])
async def test_a_bad_status_is_never_shown_with_a_value(server: Server, value: float | None) -> None:
    await server.set("Press.Force", value, status="BadSensorFailure")
    async with source(server.endpoint, point("Force")).open() as batches:
        seen = await first(batches, "Force")
    assert seen["Force"].quality == Quality.BAD_SENSOR_FAILURE
    assert isinstance(seen["Force"].value, float)
    assert math.isnan(seen["Force"].value)


async def test_scale_and_offset_make_a_float_in_the_tags_unit(server: Server) -> None:
    await server.set("Press.State", 6)
    points = point("State", scale=0.1, offset=-40.0), point("Job", scale=2.0)
    async with source(server.endpoint, *points).open() as batches:
        seen = await first(batches, "State", "Job")
    assert seen["State"].value == pytest.approx(-39.4)
    assert seen["Job"].value == "J-1"


async def test_a_text_beyond_the_limit_reads_bad_and_says_why(server: Server) -> None:
    await server.set("Press.Job", "x" * 70_000)
    try:
        opened = source(server.endpoint, point("Job"))
        async with opened.open() as batches:
            seen = await first(batches, "Job")
    finally:
        await server.set("Press.Job", "J-1")
    assert seen["Job"].quality == 0x80080000
    assert "70000 bytes" in opened.tally.bad_points[f"{DEVICE}/Job"]


async def test_a_simulators_address_space_marks_every_sample(tmp_path) -> None:
    peer = Server(tmp_path, uri="urn:provenline:simulator:press")
    peer.start()
    try:
        async with source(peer.endpoint, point("Force"), point("Nothing")).open() as batches:
            seen = await first(batches, "Force", "Nothing")
    finally:
        peer.kill()
    assert {sample.origin for sample in seen.values()} == {Origin.SIMULATED}


async def test_a_declared_mark_stays_with_its_own_tag(server: Server) -> None:
    async with source(server.endpoint, point("Force", simulated=True), point("State")).open() as batches:
        seen = await first(batches, "Force", "State")
    assert (seen["Force"].origin, seen["State"].origin) == (Origin.SIMULATED, Origin.DEVICE)


# ------------------------------------------------------------------ many samples at once
async def test_several_samples_of_one_publishing_interval_all_arrive_in_order(server: Server) -> None:
    await server.set("Press.Count", [0, 0])
    opened = source(server.endpoint, point("Count"), publishing=0.5, sampling=0.0, queue=50)
    async with opened.open() as batches:
        await gather(batches, "Count")
        await server.tell("burst", name="Press.Count", values=[[0, n] for n in range(1, 11)], pause=BURST_PAUSE)
        values: list[object] = []
        largest = 0
        async with asyncio.timeout(PATIENCE):
            while len(values) < 10:
                batch = await anext(batches)
                largest = max(largest, len(batch))
                values += [sample.value for sample in batch.samples()]
    assert values == list(range(1, 11))
    assert largest > 1
    assert opened.tally.gaps == 0


async def test_an_overflowing_queue_is_counted_as_a_gap(server: Server) -> None:
    await server.set("Press.Count", [0, 0])
    opened = source(server.endpoint, point("Count"), publishing=1.0, sampling=0.0, queue=2)
    async with opened.open() as batches:
        await gather(batches, "Count")
        await server.tell("burst", name="Press.Count", values=[[0, n] for n in range(1, 11)], pause=BURST_PAUSE)
        async with asyncio.timeout(PATIENCE):
            while not opened.tally.gaps:
                await anext(batches)
    assert opened.tally.gaps >= 1


async def test_the_server_holds_back_changes_within_the_deadband(server: Server) -> None:
    await server.set("Press.Force", 100.0)
    points = point("Force", deadband=5.0), point("Guard", deadband=1.0)
    async with source(server.endpoint, *points).open() as batches:
        await gather(batches, "Force", "Guard")  # a boolean knows no deadband and comes without
        values = []
        for value in (102.0, 104.0, 110.0):
            await server.set("Press.Force", value)
            await asyncio.sleep(0.1)
        async with asyncio.timeout(PATIENCE):
            while 110.0 not in values:
                values += [sample.value for sample in (await anext(batches)).samples()]
    assert values == [110.0]


async def test_more_items_than_the_server_takes_at_once_are_asked_for_in_pieces(server: Server) -> None:
    points = [
        point(f"v{i}", node=f"ns=2;s=Many.v{i}") for i in range(60)
    ]  # the server takes 25 items, and 2 nodes to read or browse
    opened = source(server.endpoint, *points)
    async with opened.open() as batches:
        seen = await first(batches, *(f"v{i}" for i in range(60)))
    assert [seen[f"v{i}"].value for i in range(60)] == [float(i) for i in range(60)]
    assert not opened.tally.bad_points


# ----------------------------------------------------------------------------- addresses
async def test_one_bad_node_harms_no_other(server: Server) -> None:
    points = (
        point("Force"),
        point("Missing", node="ns=2;s=Press.Missing"),
        point("Nonsense", node="i=abc"),
        point("Curve"),
        point("State"),
    )
    await server.set("Press.Force", 12.5)
    opened = source(server.endpoint, *points)
    async with opened.open() as batches:
        seen = await first(batches, "Force", "State", "Missing", "Nonsense", "Curve")
    assert (seen["Force"].value, seen["State"].quality) == (12.5, Quality.GOOD)
    assert seen["Missing"].quality == Quality.BAD_NODE_UNKNOWN
    assert seen["Nonsense"].quality == Quality.BAD_CONFIGURATION_ERROR
    assert seen["Curve"].quality == Quality.BAD_TYPE_MISMATCH
    assert opened.tally.bad_points == {
        f"{DEVICE}/Missing": "BadNodeIdUnknown",
        f"{DEVICE}/Nonsense": "'i=abc' is not a node id",
        f"{DEVICE}/Curve": "an array of double cannot be a tag's value",
    }


async def test_a_namespace_given_by_its_name_is_found_whatever_its_number(server: Server) -> None:
    await server.set("Press.Force", 12.5)
    points = (
        point("Force", node="nsu=urn:peer:plant;s=Press.Force"),
        point("Escaped", node="nsu=urn%3Apeer:plant;s=Press.Force"),
        point("Strange", node="nsu=urn:somebody:else;s=Press.Force"),
    )
    opened = source(server.endpoint, *points)
    async with opened.open() as batches:
        seen = await first(batches, "Force", "Escaped", "Strange")
    assert seen["Force"].value == seen["Escaped"].value == 12.5
    assert seen["Strange"].quality == Quality.BAD_CONFIGURATION_ERROR
    assert opened.tally.bad_points == {f"{DEVICE}/Strange": "the server has no namespace 'urn:somebody:else'"}


async def test_a_browse_path_leads_to_exactly_one_variable_or_says_why_not(server: Server) -> None:
    points = (
        point("plain", path="2:Line/2:Press/2:Force"),
        point("star", path="2:Line/*/2:Temperature"),
        point("several", path="2:Line/*/2:State"),
        point("none", path="2:Line/2:Press/2:Nowhere"),
        point("object", path="2:Line/2:Press"),
        point("empty", path="2:Line//2:Press"),
    )
    opened = source(server.endpoint, *points)
    async with opened.open() as batches:
        seen = await first(batches, *(p.tag.signal for p in points))
    assert seen["star"].value == 20.0
    assert seen["several"].quality == Quality.BAD_CONFIGURATION_ERROR
    assert seen["none"].quality == seen["object"].quality == Quality.BAD_NODE_UNKNOWN
    reasons = {path.rpartition("/")[2]: reason for path, reason in opened.tally.bad_points.items()}
    assert set(reasons) == {"several", "none", "object", "empty"}
    assert "ns=2;s=Oven.State" in reasons["several"]


async def test_browsing_lists_variables_with_path_type_and_unit(server: Server) -> None:
    config = Config(type="opcua", id="press", endpoint=server.endpoint)
    found = {variable.node: variable for variable in await browse(config, clock=SystemClock())}
    assert found["ns=2;s=Oven.Temperature"].path == "2:Line/2:Oven/2:Temperature"
    assert (found["ns=2;s=Oven.Temperature"].data_type, found["ns=2;s=Oven.Temperature"].unit) == ("Double", "°C")
    assert found["ns=2;s=Press.Job"].data_type == "String"
    assert not any("Server" in variable.path for variable in found.values())
    assert len(await browse(config, clock=SystemClock(), limit=5)) == 5
    assert not await browse(config, clock=SystemClock(), depth=1)


async def test_a_value_that_does_not_change_is_confirmed_at_the_servers_time(server: Server) -> None:
    await server.set("Press.Force", 5.0)
    steady = point("Force")
    steady = replace(steady, tag=replace(steady.tag, stale_after=1.0))
    async with source(server.endpoint, steady).open() as batches:
        samples = (await gather(batches, "Force", count=4))["Force"]
    assert {s.value for s in samples} == {5.0}
    times = [s.time for s in samples]
    assert times == sorted(set(times))
    assert all(0.3 < (b - a) / SECOND < 5 for a, b in itertools.pairwise(times[1:]))
    assert abs(samples[-1].time - samples[-1].received) < 5 * SECOND


async def test_a_steady_value_that_turned_bad_is_not_confirmed_as_good(server: Server) -> None:
    await server.set("Press.Force", 5.0)
    steady = point("Force")
    steady = replace(steady, tag=replace(steady.tag, stale_after=1.0))
    async with source(server.endpoint, steady).open() as batches:
        await gather(batches, "Force", count=2)
        await server.set("Press.Force", 5.0, status="BadSensorFailure")
        async with asyncio.timeout(PATIENCE):
            while severity(next((await anext(batches)).samples()).quality) is not Severity.BAD:
                pass
            later = [next((await anext(batches)).samples()) for _ in range(2)]
    assert all(severity(s.quality) is Severity.BAD for s in later)
