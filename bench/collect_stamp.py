"""What one STAMP packet costs to send, match and turn into samples, beside a sender made of scapy.

    python -m bench.collect_stamp [seconds]

Both ask the same reflector (ours, in a process of its own) for a packet a millisecond, one
after the other in one run. Ours emits six samples a packet with quality and clock error;
scapy's sender builds and reads its packets and keeps the round trip. CPU is this process's alone.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time

from scapy.contrib.stamp import STAMPSessionReflectorTestUnauthenticated, STAMPSessionSenderTestUnauthenticated

from collectors.source import Point
from collectors.stamp import StampSource
from configs import sources
from configs.sources import StampAddress
from plant.tags import Kind, Tag
from tests.peers.processes import free_port, program

INTERVAL = 0.001
MEASURES = ("rtt", "up", "down", "rtt-jitter", "loss", "clock-error")
_UNIX_IN_NTP = 2_208_988_800


async def _ours(port: int, seconds: float) -> tuple[int, float]:
    config = sources.StampSource(type="stamp", id="bench", host="127.0.0.1", port=port, interval=INTERVAL)
    points = [Point(Tag(path=f"cq/bench/line/link/{m}", kind=Kind.ANALOG), StampAddress(measure=m)) for m in MEASURES]
    source = StampSource(config, points)
    async with source.open() as batches:
        before, begun, end = source.counts.arrived, time.process_time(), time.monotonic() + seconds
        async for _ in batches:
            if time.monotonic() >= end:
                break
        return source.counts.arrived - before, time.process_time() - begun


def _scapy(port: int, seconds: float) -> tuple[int, float]:
    round_trips: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(1.0)
        begun, begin, sequence = time.process_time(), time.monotonic(), 0
        while (now := time.monotonic()) < begin + seconds:
            sock.send(bytes(STAMPSessionSenderTestUnauthenticated(seq=sequence, ts=time.time() + _UNIX_IN_NTP)))
            reply = STAMPSessionReflectorTestUnauthenticated(sock.recv(2048))
            round_trips.append(time.monotonic() - now - float(reply.ts - reply.ts_rx))
            sequence += 1
            time.sleep(max(0.0, begin + sequence * INTERVAL - time.monotonic()))
        return len(round_trips), time.process_time() - begun


def measure(seconds: float = 5.0) -> dict[str, float]:
    """Return packets/s and CPU per packet (µs) of both senders, and how much cheaper ours is."""
    port = free_port(socket.SOCK_DGRAM)
    with program([sys.executable, "-m", "collectors.stamp.reflector", str(port)]) as reflector:
        reflector.ready("reflecting")
        ours, our_cpu = asyncio.run(_ours(port, seconds))
        theirs, their_cpu = _scapy(port, seconds)
    return {
        "packets_per_second": ours / seconds,
        "cpu_us_per_packet": our_cpu / ours * 1e6,
        "scapy_packets_per_second": theirs / seconds,
        "scapy_cpu_us_per_packet": their_cpu / theirs * 1e6,
        "cheaper_by": (their_cpu / theirs) / (our_cpu / ours),
    }


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0), indent=2))
