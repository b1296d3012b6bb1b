"""Measuring a link by STAMP (RFC 8762): delay, loss and jitter of every packet, with the clock's error stated.

- `packet`: the packets as bytes and values; pure
- `session`: what a sender can conclude from the packets that come back; pure
- `source`: the session-sender as a source of batches
- `reflector`: the other end; `python -m collectors.stamp.reflector` runs one
- `timebase`: how far this machine's clock can be trusted
- `endpoint`: a UDP socket that knows when a datagram arrived
"""

from collectors.stamp.source import StampSource

__all__ = ["StampSource"]
