"""The ground a rig stands on: small disks of its own, and a network between edge and centre of its own. Needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = os.geteuid() == 0


def _run(*arguments: str | Path) -> None:
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, f"{' '.join(map(str, arguments))}: {done.stderr.strip()}"


@dataclass(frozen=True, slots=True)
class Disk:
    """A tmpfs of `size` MB."""

    path: Path

    def fill(self) -> None:
        """Take every byte that is left."""
        with (self.path / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(b"\0" * 65_536)
        with (self.path / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(b"\0")

    def empty(self) -> None:
        (self.path / "ballast").unlink(missing_ok=True)

    def read_only(self) -> None:
        """Let nothing be written; nobody may have a file open for writing."""
        _run("mount", "-o", "remount,ro", self.path)

    def writable(self) -> None:
        _run("mount", "-o", "remount,rw", self.path)


@contextmanager
def disk(path: Path, size: int) -> Iterator[Disk]:
    """Mount a small disk for the length of a `with` block."""
    path.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size}m,mode=700", "tmpfs", path)
    try:
        yield Disk(path)
    finally:
        _run("umount", "-l", path)


@dataclass(frozen=True, slots=True)
class Link:
    """A link between this namespace (`near`) and one of its own (`far`), with a packet filter in the far one."""

    namespace: str
    near: str
    far: str

    @property
    def within(self) -> list[str]:
        """The command line that runs a program at the far end."""
        return ["ip", "netns", "exec", self.namespace]

    def cut(self) -> None:
        """Let no packet through, either way, without a word to anybody."""
        for chain in ("INPUT", "OUTPUT"):
            self._filter("-A", chain, "-j", "DROP")

    def lose(self, share: float) -> None:
        """Lose that share of all packets, at random, either way."""
        for chain in ("INPUT", "OUTPUT"):
            self._filter("-A", chain, "-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")

    def mend(self) -> None:
        """Let every packet through again."""
        for chain in ("INPUT", "OUTPUT"):
            self._filter("-F", chain)

    def _filter(self, *rule: str) -> None:
        _run(*self.within, "iptables", "-w", *rule)


@contextmanager
def link() -> Iterator[Link]:
    """Make a namespace and a pair of devices for the length of a `with` block."""
    number = os.getpid()
    subnet = f"198.19.{number // 64 % 256}.{number % 64 * 4}".rpartition(".")
    first = int(subnet[2])
    made = Link(f"survival-{number}", f"{subnet[0]}.{first + 1}", f"{subnet[0]}.{first + 2}")
    near, far = f"svn{number}", f"svf{number}"
    _run("ip", "netns", "add", made.namespace)
    try:
        _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", made.namespace)
        _run("ip", "addr", "add", f"{made.near}/30", "dev", near)
        _run("ip", "link", "set", near, "up")
        _run(*made.within, "ip", "addr", "add", f"{made.far}/30", "dev", far)
        _run(*made.within, "ip", "link", "set", far, "up")
        _run(*made.within, "ip", "link", "set", "lo", "up")
        yield made
    finally:
        _run("ip", "netns", "delete", made.namespace)
        subprocess.run(["ip", "link", "delete", near], capture_output=True, check=False, timeout=30)
