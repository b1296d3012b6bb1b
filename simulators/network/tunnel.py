"""Two network namespaces joined by an IP link under a profile: whole IP traffic, unmodified programs.

    namespace pl-…-station            this process            namespace pl-…-centre
    198.18.0.1 ── tun ──▶ read ── path, delay line ── write ──▶ tun ── 198.18.0.2

Linux and root only. The devices vanish with this process; the namespaces' names are removed
on leaving, and names left behind by a process that was killed are removed by the next tunnel.
The addresses are those set aside for benchmarks (RFC 2544); both namespaces are their own
little world, so any number of tunnels may use them at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import itertools
import os
import re
import shutil
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath

from configs.network_profile import FloorPlan, NetworkProfile
from simulators.network.delay_line import DelayLine
from simulators.network.floor import Position
from simulators.network.link import Direction
from simulators.network.path import Path

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_PACKET = 65_535
_BURST = 64
_NAME = re.compile(r"pl-(\d+)-\d+-(station|centre)")
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class End:
    """One end of a tunnel: a namespace, and the IPv4 address it has there."""

    namespace: str
    address: str

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs a program at this end."""
        return ["ip", "netns", "exec", self.namespace, *arguments]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Put this thread into the namespace: sockets made meanwhile belong to it for good."""
        libc = ctypes.CDLL(None, use_errno=True)
        there_path = FilePath("/run/netns") / self.namespace
        with FilePath("/proc/thread-self/ns/net").open("rb") as home, there_path.open("rb") as there:
            _set_namespace(libc, there.fileno())
            try:
                yield
            finally:
                _set_namespace(libc, home.fileno())


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A running tunnel. From `station` to `centre` is up."""

    station: End
    centre: End
    path: Path

    async def switch(self, profile: NetworkProfile) -> None:
        """Put another profile in force for everything sent from now on."""
        await self.path.switch(profile)


@asynccontextmanager
async def tunnel(
    profile: NetworkProfile,
    *,
    seed: int = 0,
    floor: FloorPlan | None = None,
    position: Callable[[], Position | None] | None = None,
) -> AsyncIterator[Tunnel]:
    """Join two new namespaces under a profile while the context is open.

    Raises PermissionError when this process is not root, OSError when the system refuses
    otherwise, with what it said.
    """
    if os.geteuid() != 0:
        raise PermissionError("a tunnel between namespaces needs root")
    path = Path(seed=seed, floor=floor, position=position)
    await path.switch(profile)
    _sweep()
    number = next(_numbers)
    ends = {
        Direction.UP: End(f"pl-{os.getpid()}-{number}-station", "198.18.0.1"),
        Direction.DOWN: End(f"pl-{os.getpid()}-{number}-centre", "198.18.0.2"),
    }
    async with contextlib.AsyncExitStack() as stack:
        devices = {}
        for direction, end in ends.items():
            stack.callback(_delete, end.namespace)
            devices[direction] = _device(end, f"pl{os.getpid()}{'ud'[direction.value]}{number}")
            stack.callback(os.close, devices[direction])
        for direction, far in ((Direction.UP, Direction.DOWN), (Direction.DOWN, Direction.UP)):
            line = DelayLine(lateness=path.lateness)
            stack.callback(line.close)
            _carry(path, direction, devices[direction], devices[far], line)
            stack.callback(asyncio.get_running_loop().remove_reader, devices[direction])
        yield Tunnel(ends[Direction.UP], ends[Direction.DOWN], path)


def _carry(path: Path, direction: Direction, source: int, target: int, line: DelayLine) -> None:
    """Carry packets from one device to the other from now on."""

    def packets() -> None:
        for _ in range(_BURST):
            try:
                packet = os.read(source, _PACKET)
            except OSError:  # nothing more to read, or the device is down
                return
            due = path.datagram(len(packet), direction, sent=time.monotonic())
            if due is not None:
                line.push(packet, due=due, deliver=partial(_write, target))

    asyncio.get_running_loop().add_reader(source, packets)


def _write(device: int, packet: bytes) -> None:
    with suppress(OSError):  # a device that is down or full loses the packet, as it would on air
        os.write(device, packet)


def _device(end: End, name: str) -> int:
    """Make a namespace with one TUN device in it; returns the device's file descriptor."""
    _ip("netns", "add", end.namespace)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
        _ip("link", "set", "dev", name, "netns", end.namespace)
        inside = ("-n", end.namespace)
        _ip(*inside, "link", "set", "dev", "lo", "up")
        _ip(*inside, "link", "set", "dev", name, "addrgenmode", "none")  # no IPv6 chatter on the measured link
        _ip(*inside, "address", "add", f"{end.address}/30", "dev", name)
        _ip(*inside, "link", "set", "dev", name, "up")
    except OSError:
        os.close(device)
        raise
    return device


def _ip(*arguments: str) -> str:
    program = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise FileNotFoundError("the program ip (iproute2) is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _delete(namespace: str) -> None:
    # Synchronous on purpose: a cancelled task must not leave a namespace behind.
    with suppress(OSError):
        _ip("netns", "delete", namespace)


def _sweep() -> None:
    """Remove namespaces of processes that are gone."""
    for line in _ip("netns", "list").splitlines():
        match = _NAME.match(line)
        if match and not FilePath(f"/proc/{match[1]}").exists():
            _delete(match[0])


def _set_namespace(libc: ctypes.CDLL, fd: int) -> None:
    if libc.setns(fd, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
