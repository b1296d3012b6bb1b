"""What a message costs to collect over MQTT: this project's source beside paho as one would write it.

    python -m bench.collect_mqtt [seconds]

A publisher sends 20 000 messages a second (200 topics, three tags in some 190 bytes of JSON)
through mosquitto; the same run is taken once by `MqttSource`, which makes batches with times
and qualities, and once by a paho callback that calls `json.loads` and keeps the dictionary.
CPU time is that of the collecting process alone. Both subscribe with QoS 0 and with QoS 1.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from collectors.mqtt import MqttSource
from collectors.source import Point
from configs import sources as configs
from configs.sources import MqttAddress
from plant.clock import SystemClock
from plant.tags import Kind, Tag

RATE = 20_000
TOPICS = 200
SIGNALS = ("force", "travel", "good")


def measure(seconds: float = 5.0) -> dict:
    """Run both collectors at both qualities of service; return messages, wall and CPU of each."""
    results = {}
    for qos in (0, 1):
        for collector in ("source", "paho"):
            results[f"{collector} qos {qos}"] = _run(collector, qos, seconds)
    ours, theirs = results["source qos 0"], results["paho qos 0"]
    return {
        "samples": ours["samples"],
        "wall": ours["wall"],
        "cpu_us_per_message": ours["cpu_us_per_message"],
        "reference_cpu_us_per_message": theirs["cpu_us_per_message"],
        "ratio": theirs["cpu_us_per_message"] / ours["cpu_us_per_message"],
        "runs": results,
    }


def _run(collector: str, qos: int, seconds: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = Path(folder, "mosquitto.conf")
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_type none\n"
            "max_inflight_messages 0\nmax_queued_messages 0\n"
        )
        broker = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            command = [
                sys.executable,
                "-m",
                "bench.collect_mqtt",
                collector,
                str(port),
                str(qos),
                str(round(RATE * seconds)),
            ]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout
                process.stdout.readline()  # subscribed
                offered = _publish(port, round(RATE * seconds), qos)
                result = json.loads(process.stdout.readline())
        finally:
            broker.terminate()
            broker.wait()
    return {**result, "offered_per_second": offered}


# ------------------------------------------------------------------------------ publisher
def _publish(port: int, total: int, qos: int) -> float:
    """Send `total` messages at RATE over a bare socket, and return the rate that was reached."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(bytes.fromhex("101300044d51545404020000000762656e63687075"))
        link.recv(4)
        began, sent = time.perf_counter(), 0
        link.setblocking(False)
        while sent < total:
            due = min(total, round((time.perf_counter() - began) * RATE) + 1)
            block = b"".join(_packet(n, qos) for n in range(sent, due))
            sent = due
            _push(link, block)
            time.sleep(0.005)
        rate = total / (time.perf_counter() - began)
        end = time.monotonic() + 2.0
        while time.monotonic() < end:  # take what acknowledgements are still to come
            _push(link, b"")
            time.sleep(0.05)
    return rate


def _push(link: socket.socket, block: bytes) -> None:
    view = memoryview(block)
    while True:
        try:
            while link.recv(65_536):
                pass
        except BlockingIOError:
            pass
        if not view:
            return
        try:
            view = view[link.send(view) :]
        except BlockingIOError:
            time.sleep(0.001)


def _packet(number: int, qos: int) -> bytes:
    topic = f"bench/{number % TOPICS}".encode()
    payload = json.dumps(
        {
            "time": time.time_ns() // 1_000_000,
            "force": 12.5 + number % 7,
            "travel": 0.25 * (number % 11),
            "good": number,
            "machine": f"press-{number % TOPICS}",
            "program": "deep drawing, two strokes",
            "operator": "day shift",
        }
    ).encode()
    mid = (number % 65_535 + 1).to_bytes(2, "big") if qos else b""
    body = len(topic).to_bytes(2, "big") + topic + mid + payload
    return bytes([0x30 | qos << 1, len(body) & 0x7F | 0x80, len(body) >> 7]) + body


# ----------------------------------------------------------------------------- collectors
async def _with_source(port: int, qos: int, total: int) -> tuple[int, int, float]:
    points = [
        Point(
            Tag(path=f"cq/bench/line/press-{n}/{signal}", kind=Kind.ANALOG),
            MqttAddress(topic=f"bench/{n}", pointer=f"/{signal}", time="/time"),
        )
        for n in range(TOPICS)
        for signal in SIGNALS
    ]
    config = configs.MqttSource(type="mqtt", id="bench", host="127.0.0.1", port=port, qos=qos, session=0.0)
    samples, began = 0, 0.0
    async with MqttSource(config, points, clock=SystemClock()).open() as batches:
        print("subscribed", flush=True)
        async with asyncio.timeout(120):
            async for batch in batches:
                began = began or time.perf_counter()
                samples += len(batch)
                if samples >= total * len(SIGNALS):
                    break
    return samples // len(SIGNALS), samples, time.perf_counter() - began


def _with_paho(port: int, qos: int, total: int) -> tuple[int, int, float]:
    rows: list[dict] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    began: list[float] = []

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        if not began:
            began.append(time.perf_counter())
        rows.append(json.loads(message.payload))
        if len(rows) >= total:
            client.disconnect()

    client.on_message = on_message
    client.on_connect = lambda *_: client.subscribe("bench/#", qos)
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.connect("127.0.0.1", port)
    client.loop_forever()
    return len(rows), len(rows) * len(SIGNALS), time.perf_counter() - began[0]


def _collect(collector: str, port: int, qos: int, total: int) -> None:
    before = time.process_time()
    if collector == "source":
        messages, samples, wall = asyncio.run(_with_source(port, qos, total))
    else:
        messages, samples, wall = _with_paho(port, qos, total)
    cpu = time.process_time() - before
    figures = {
        "messages": messages,
        "samples": samples,
        "wall": wall,
        "messages_per_second": messages / wall,
        "cpu": cpu,
        "cpu_us_per_message": cpu / messages * 1e6,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 5:
        _collect(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        print(json.dumps(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0), indent=2))
