"""The simulation live: real servers that other people's clients read, at the pace of a clock."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from configs.configuration import Configuration
from configs.network_profile import network_profile
from plant.clock import SECOND, SystemClock, VirtualClock
from plant.errors import Unavailable
from plant.quality import Quality
from simulators.faces.endpoint import Endpoint, PortPolicy, rewire
from simulators.faces.endpoint import free_port as choose_port
from simulators.faults import FaultKind, PlannedFault
from simulators.pace import ScaledClock
from simulators.running import Running, serve
from tests.peers.processes import free_port, node

HERE = Path(__file__).parent
PEERS = HERE.parent / "peers"
START_AT = 1_772_000_000 * SECOND


def live(pack: Configuration, **options):
    options.setdefault("ports", PortPolicy.ANY)
    return serve(pack.scenes["first-light"], **options)


def without_servers(pack: Configuration, **options):
    """Serve the camera only, to a broker that is not there: nothing to start, and so at once."""
    scene = pack.scenes["first-light"]
    assert scene.simulation
    camera = scene.simulation.model_copy(update={"faces": {"vision": "broker"}})
    nowhere = Endpoint("mqtt", "127.0.0.1", free_port())
    return serve(scene.model_copy(update={"simulation": camera}), mqtt=nowhere, **options)


async def ask(*command: str | Path) -> str:
    """Run a program to its end and return what it printed."""
    child = await asyncio.create_subprocess_exec(*map(str, command), stdout=-1, stderr=-1)
    out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, err.decode()
    return out.decode()


async def node_opcua(endpoint: Endpoint, nodes: list[str], *, watch: int = 0) -> dict:
    options = json.dumps({"endpoint": endpoint.url, "nodes": nodes, "watch": watch})
    printed = (await ask(node(), PEERS / "opcua_client.mjs", options)).splitlines()
    return json.loads(next(line for line in printed if line.startswith("{")))  # the library prints notices, too


def shown(running: Running, signal: str):
    return running.model.floor.signals[signal].value


# ----------------------------------------------------------------- clients of others
@pytest.mark.needs("mosquitto_sub")
async def test_all_three_protocols_say_what_the_model_says_to_clients_of_others(pack: Configuration) -> None:
    """One standing clock: every client must read exactly what the model shows at that moment."""
    clock = VirtualClock(START_AT)
    async with live(pack, clock=clock, seed=5) as running:
        await forward(clock, 400)
        await opcua_agrees(running)
        await modbus_agrees(running)
        await mqtt_agrees(running, clock)


async def forward(clock: VirtualClock, seconds: float) -> None:
    """Let plant time pass in strides, with real pauses in which the servers' own tasks can run."""
    for _ in range(20):
        await clock.advance(seconds / 20)
        await asyncio.sleep(0.01)


async def opcua_agrees(running: Running) -> None:
    nodes = {
        "ns=2;s=Press.Status.StateCurrent": ("press.state", "Int32"),
        "ns=2;s=Press.Admin.ProdProcessedCount": ("press.total", "Int32"),
        "ns=2;s=Press.Energy.ActiveEnergyImport": ("press.energy", "Double"),
        "ns=2;s=Press.Status.Product": ("press.product", "String"),
    }
    answer = await node_opcua(running.endpoints["press"], list(nodes))
    assert answer["uri"] == "urn:provenline:simulator:press"
    for identifier, (signal, data_type) in nodes.items():
        read = answer["read"][identifier]
        assert (read["value"], read["type"], read["status"]) == (shown(running, signal), data_type, 0)
        stamp = datetime.fromisoformat(read["time"]).timestamp()
        assert START_AT / SECOND <= stamp <= START_AT / SECOND + 400
    paths = {entry["path"] for entry in answer["tree"]}
    assert "/2:Press/2:Status/2:StopReason/2:Text" in paths
    assert "/2:Press/2:Identification/2:SerialNumber" in paths


async def modbus_agrees(running: Running) -> None:
    reads = [
        {"unit": 1, "table": "holding", "at": 0, "count": 31},
        {"unit": 1, "table": "coil", "at": 0, "count": 1},
        {"unit": 2, "table": "input", "at": 0, "count": 12},
        {"unit": 1, "table": "holding", "at": 200, "count": 2},
    ]
    options = json.dumps({"port": running.endpoints["plc"].port, "reads": reads})
    answer = json.loads(await ask(node(), HERE / "modbus_client.mjs", options))
    plc, coil, meter, nothing = answer["answers"]
    assert answer["vendor"] == "provenline simulator"
    words = plc["data"]
    assert words[0] == shown(running, "conveyor.state")
    assert words[2] == round(shown(running, "conveyor.speed") * 1000)
    assert words[10] + (words[11] << 16) == shown(running, "conveyor.total") > 10  # low word first
    assert b"".join(w.to_bytes(2, "big") for w in words[20:28]).rstrip(b"\0").decode() == shown(
        running, "conveyor.product"
    )
    assert bool(words[30] >> 5 & 1) is coil["data"][0] is shown(running, "conveyor.running")
    registers = meter["data"]
    power = struct.unpack(">f", struct.pack(">HH", registers[1], registers[0]))[0]
    assert power == pytest.approx(shown(running, "conveyor.power"), abs=1e-6)
    watt_hours = struct.unpack("<I", struct.pack(">HH", registers[4], registers[5]))[0]
    assert watt_hours == round(shown(running, "conveyor.energy") * 1000) > 0
    assert struct.unpack(">d", struct.pack(">HHHH", *reversed(registers[8:12])))[0] == shown(running, "conveyor.energy")
    assert nothing == {"exception": 2}


async def mqtt_agrees(running: Running, clock: VirtualClock) -> None:
    broker = running.endpoints["broker"]
    command = ["mosquitto_sub", "-h", broker.host, "-p", str(broker.port), "-t", "cell/#", "-F", "%t %p", "-W", "90"]
    child = await asyncio.create_subprocess_exec(*command, stdout=-1)
    assert child.stdout
    published: dict[str, dict] = {}
    try:
        async with asyncio.timeout(90):
            while len(published) < 2:  # a status and a result; nothing is retained, so time must go on
                await clock.advance(1.0)
                try:
                    line = await asyncio.wait_for(child.stdout.readline(), 0.2)
                except TimeoutError:
                    continue
                topic, _, payload = line.decode().partition(" ")
                published[topic] = json.loads(payload)
    finally:
        child.kill()
        await child.wait()
    status, result = published["cell/vision/status"], published["cell/vision/result"]
    assert status["simulated"] is result["simulated"] is True
    assert status["inspected"] == status["good"] + status["scrap"] + status["rework"]
    judged = [f for f in running.truth if f.detail.get("part") == result["part"] and f.where == "vision"]
    assert [f.detail["verdict"] for f in judged] == [result["verdict"]]
    assert result["ts"] == judged[0].time // 1_000_000


async def test_a_subscription_delivers_every_change_in_order_with_the_model_s_time(pack: Configuration) -> None:
    async with live(pack, speed=60, seed=5) as running:
        answer = await node_opcua(running.endpoints["press"], ["ns=2;s=Press.Admin.ProdProcessedCount"], watch=2500)
        changes = answer["changes"]
    counts = [c["value"] for c in changes]
    assert len(counts) > 8
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    times = [datetime.fromisoformat(c["time"]).timestamp() for c in changes]
    assert all(3.5 < b - a < 900 for a, b in pairwise(times[1:]))


async def test_a_dead_device_has_a_bad_status_and_no_value(pack: Configuration) -> None:
    clock = VirtualClock(START_AT)
    async with live(pack, clock=clock) as running:
        await forward(clock, 60)
        running.faults.inject(PlannedFault(kind=FaultKind.DEAD_DEVICE, target="press"))
        running.faults.inject(PlannedFault(kind=FaultKind.DEAD_DEVICE, target="conveyor"))
        await forward(clock, 2)
        read = (await node_opcua(running.endpoints["press"], ["ns=2;s=Press.Energy.ActivePower"]))["read"]
        power = read["ns=2;s=Press.Energy.ActivePower"]
        assert (power["value"], power["status"]) == (None, Quality.BAD_NO_COMMUNICATION)
        options = {"port": running.endpoints["plc"].port, "reads": [{"unit": 2, "table": "input", "at": 0, "count": 2}]}
        answer = json.loads(await ask(node(), HERE / "modbus_client.mjs", json.dumps(options)))
        assert answer["answers"] == [{"exception": 11}]  # gateway target device failed to respond


async def test_a_face_that_is_out_refuses_connections_until_it_is_back(pack: Configuration) -> None:
    clock = VirtualClock(START_AT)

    def listens(endpoint: Endpoint) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((endpoint.host, endpoint.port)) == 0

    async with live(pack, clock=clock) as running:
        await forward(clock, 1)
        for face in ("press", "plc"):
            endpoint = running.endpoints[face]
            assert listens(endpoint)
            number = running.faults.inject(PlannedFault(kind=FaultKind.FACE_OUTAGE, target=face))
            await forward(clock, 1)
            assert not listens(endpoint)
            running.faults.clear(number)
            await forward(clock, 1)
            assert listens(endpoint)


# ------------------------------------------------------------------------- lifecycle
async def test_the_end_is_quick_and_every_port_is_free_again(pack: Configuration) -> None:
    async with live(pack) as running:
        endpoints = list(running.endpoints.values())
        began = time.monotonic()
    assert time.monotonic() - began < 60
    for endpoint in endpoints:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((endpoint.host, endpoint.port))


async def test_everything_listens_on_loopback_unless_told_otherwise(pack: Configuration) -> None:
    async with live(pack) as running:
        assert {e.host for e in running.endpoints.values()} == {"127.0.0.1"}


def test_a_taken_port_is_avoided_or_refused_as_the_policy_says() -> None:
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        taken = Endpoint("modbus", "127.0.0.1", occupant.getsockname()[1])
        assert choose_port(taken, PortPolicy.PREFER) != taken.port
        with pytest.raises(Unavailable, match=f"{taken.port}"):
            choose_port(taken, PortPolicy.REQUIRE)
    assert choose_port(taken, PortPolicy.PREFER) == choose_port(taken, PortPolicy.REQUIRE) == taken.port
    assert choose_port(taken, PortPolicy.ANY) > 0


def test_settings_are_rewired_to_where_a_source_is_really_served(pack: Configuration) -> None:
    opcua, modbus, mqtt = pack.scenes["first-light"].sources
    assert rewire(opcua, Endpoint("opc.tcp", "127.0.0.1", 7)).endpoint == "opc.tcp://127.0.0.1:7"
    assert rewire(modbus, Endpoint("modbus", "127.0.0.1", 8)).link.port == 8
    assert (rewire(mqtt, Endpoint("mqtt", "h", 9)).host, rewire(mqtt, Endpoint("mqtt", "h", 9)).port) == ("h", 9)
    assert rewire(mqtt, None) is mqtt


async def test_a_broker_that_is_given_is_used_and_none_is_started(pack: Configuration) -> None:
    async with without_servers(pack) as running:
        given = running.endpoints["broker"]
        with socket.socket() as probe:
            assert probe.connect_ex((given.host, given.port)) != 0


@pytest.mark.needs("mosquitto", "mosquitto_sub")
async def test_the_publisher_finds_its_broker_when_that_comes_late_or_comes_back(pack: Configuration) -> None:
    port = free_port()
    async with live(pack, mqtt=Endpoint("mqtt", "127.0.0.1", port), speed=10) as running:
        for _ in range(2):
            broker = await asyncio.create_subprocess_exec("mosquitto", "-p", str(port), stdout=-3, stderr=-3)
            try:
                listen = ("mosquitto_sub", "-p", str(port), "-t", "cell/vision/status", "-C", "1", "-W", "30")
                heard = ""
                while not heard:  # the subscriber may come before the broker listens
                    child = await asyncio.create_subprocess_exec(*listen, stdout=-1, stderr=-3)
                    heard = (await asyncio.wait_for(child.communicate(), 90))[0].decode()
                assert json.loads(heard)["simulated"] is True
            finally:
                broker.kill()
                await broker.wait()
        assert running.model.floor.seconds() > 0


# ------------------------------------------------------------------------------ pace
async def test_a_scaled_clock_passes_its_speed_and_does_not_drift() -> None:
    base = VirtualClock(5 * SECOND)
    clock = ScaledClock(base, speed=30, start=100 * SECOND)
    woken: list[float] = []

    async def sleeper() -> None:
        for _ in range(10):
            await clock.sleep(3)
            woken.append(clock.monotonic())

    task = asyncio.create_task(sleeper())
    await base.advance(1.0)
    await task
    assert woken == pytest.approx([3.0 * (i + 1) for i in range(10)])
    assert clock.now() == 130 * SECOND


async def test_the_model_keeps_up_with_the_clock_however_late_it_is_called(pack: Configuration) -> None:
    clock = VirtualClock(START_AT)
    async with without_servers(pack, clock=clock, speed=20) as running:
        await clock.advance(1)
        await forward(clock, 30)
        assert 20 * 31 - 2.5 < running.model.floor.seconds() <= 20 * 31


async def test_the_model_is_never_ahead_of_the_clock_however_long_its_making_takes(
    pack: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScaledClock(SystemClock(), speed=100, start=START_AT)
    monkeypatch.setattr("simulators.running.law", lambda _: time.sleep(0.2))
    network = network_profile("5g-sa-sub6")
    async with without_servers(pack, clock=clock, network=network) as running:
        for _ in range(5):
            await clock.sleep(2)
            assert running.model.floor.start + running.model.floor.seconds() * SECOND <= clock.now()


async def test_live_and_fast_are_the_same_plant(pack: Configuration) -> None:
    """What a live run's model did in its first ten minutes is what virtual time gives."""
    from simulators.truth import Truth
    from simulators.virtual import fast

    clock = VirtualClock(START_AT)
    async with without_servers(pack, clock=clock, seed=9) as running:
        await forward(clock, 600)
        happened = list(running.truth)
    truth = Truth()
    scene = pack.scenes["first-light"]
    for _ in fast(scene, pack.bindings, seed=9, start=START_AT, stop=START_AT + 600 * SECOND, truth=truth):
        pass
    assert happened == list(truth)[: len(happened)]
    assert len(happened) > 150


def test_a_speed_out_of_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="between"):
        ScaledClock(SystemClock(), speed=0)


async def test_a_failing_model_ends_the_simulation_with_its_error(pack: Configuration) -> None:
    def fails() -> None:
        raise RuntimeError("a bug in the model")

    async def run() -> None:
        async with without_servers(pack, speed=10) as running:
            running.model.floor.at(1.0, fails)
            await asyncio.sleep(30)

    with pytest.raises(RuntimeError, match="a bug in the model"):
        await run()


async def test_an_error_of_the_caller_is_not_wrapped(pack: Configuration) -> None:
    with pytest.raises(KeyError):
        async with without_servers(pack):
            raise KeyError("mine")
