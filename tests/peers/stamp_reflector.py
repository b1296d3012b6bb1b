"""A STAMP reflector made of scapy's packet classes and nothing of ours: the judge of the sender.

Usage: stamp_reflector.py PORT. Stateless: it copies the sender's sequence.
"""

import socket
import sys
import time

from scapy.contrib.stamp import (
    ErrorEstimate,
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
)

UNIX_IN_NTP = 2_208_988_800


def ntp_now() -> float:
    return time.time_ns() / 1_000_000_000 + UNIX_IN_NTP


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", int(sys.argv[1])))
    sys.stdout.write("reflecting\n")
    sys.stdout.flush()
    while True:
        data, sender = sock.recvfrom(2048)
        arrived = ntp_now()
        request = STAMPSessionSenderTestUnauthenticated(data)
        reply = STAMPSessionReflectorTestUnauthenticated(
            seq=request.seq,
            err_estimate=ErrorEstimate(S=0, Z=0, scale=20, multiplier=10),
            ssid=request.ssid,
            ts_rx=arrived,
            seq_sender=request.seq,
            ts_sender=request.ts,
            err_estimate_sender=request.err_estimate,
            ttl_sender=64,
            tlv_objects=request.tlv_objects,
            ts=ntp_now(),
        )
        sock.sendto(bytes(reply), sender)
