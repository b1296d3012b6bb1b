"""Put a profile between two programs on this machine: `emulate` relays UDP or TCP under it.

async with emulate(profile, Transport.UDP, target=("127.0.0.1", 862)) as emulation:
    ...talk to emulation.address instead of the target...
    await emulation.switch(worse_profile)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from configs.network_profile import FloorPlan, NetworkProfile
from simulators.network.floor import Position
from simulators.network.interference import Interference
from simulators.network.path import Path, PathCounts
from simulators.network.tcp_relay import TcpRelay
from simulators.network.udp_relay import UdpRelay

Address = tuple[str, int]


class Transport(Enum):
    """What a relay carries."""

    UDP = "udp"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Emulation:
    """A running relay: where to talk to, what profile is in force, what it did."""

    address: Address
    path: Path

    @property
    def profile(self) -> NetworkProfile:
        """The profile in force."""
        return self.path.profile

    @property
    def counts(self) -> PathCounts:
        """Packets sent and lost so far."""
        return self.path.counts

    async def switch(self, profile: NetworkProfile) -> None:
        """Put another profile in force for everything sent from now on."""
        await self.path.switch(profile)

    def disturb(self, interference: Interference) -> Callable[[], None]:
        """Cut or jam what is relayed from now on; the returned call ends that."""
        return self.path.disturb(interference)


@asynccontextmanager
async def emulate(
    profile: NetworkProfile,
    transport: Transport,
    *,
    target: Address,
    listen: Address = ("127.0.0.1", 0),
    seed: int = 0,
    floor: FloorPlan | None = None,
    position: Callable[[], Position | None] | None = None,
) -> AsyncIterator[Emulation]:
    """Relay between `listen` and `target` under a profile while the context is open.

    Port 0 takes any free one. Who connects is the station: towards the target is up. Raises
    OSError when the address cannot be had.
    """
    path = Path(seed=seed, floor=floor, position=position)
    await path.switch(profile)
    if transport is Transport.UDP:
        udp = UdpRelay(path, listen, target)
        try:
            yield Emulation(udp.address, path)
        finally:
            udp.close()
    else:
        tcp = TcpRelay(path, target)
        await tcp.listen(listen)
        try:
            yield Emulation(tcp.address, path)
        finally:
            await tcp.close()
