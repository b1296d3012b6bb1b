"""Devices of another make that hold a number which goes up, can be killed, and come back at their place.

What counts as acknowledged: OPC UA – a number that the server took while the edge was subscribed, for the server keeps
it until the edge, which had it on its disk, acknowledges its notification. Modbus – a number that the device gave and
after which it was asked again, for the edge asks again when it has the last answer on its disk. What a device held
while nobody could ask it is nobody's loss: there is no history in it.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.peers.processes import HERE, Program, free_port, node

_BETWEEN = 0.25  # seconds: node-opcua makes one of changes closer than 50 ms, and may be late itself
_POLL = "40ms"


class Device(Protocol):
    """A device, and how it stands in a configuration. `acknowledged`: numbers that must be in the store."""

    source: str
    address: str
    paused: threading.Event

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...

    @property
    def offered(self) -> int: ...

    @property
    def acknowledged(self) -> set[int]: ...


class OpcuaDevice:
    """A node-opcua server; a thread sets its counter while `subscribed` says that the edge listens."""

    def __init__(self, folder: Path) -> None:
        self._port, self._control, self._folder = free_port(), free_port(), folder
        self.source = (
            f"  - {{id: device, type: opcua, endpoint: 'opc.tcp://127.0.0.1:{self._port}', queue: 1000, "
            "publishing: 100ms, sampling: 100ms}"
        )
        self.address = "{node: 'nsu=urn:peer:plant;s=Press.Count'}"
        self.paused = threading.Event()
        self.subscribed: Callable[[], bool] = lambda: False
        self.acknowledged: set[int] = set()
        self.offered = 1  # 0 is what the server holds at its start
        self._program: Program | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, name="counting", daemon=True)
        self._thread.start()

    def start(self) -> None:
        options = {"port": self._port, "control": self._control, "pki": str(self._folder)}
        self._program = Program([node(), HERE / "opcua_server.mjs", json.dumps(options)], cwd=HERE)
        self._program.ready("READY", 240)

    def kill(self) -> None:
        assert self._program
        self._program.kill()

    def close(self) -> None:
        self._over.set()
        self._thread.join(30)
        if self._program:
            self._program.kill()

    def _count(self) -> None:
        while not self._over.wait(_BETWEEN):
            if self.paused.is_set() or not self.subscribed():
                continue
            body = json.dumps({"name": "Press.Count", "value": [0, self.offered]}).encode()
            request = urllib.request.Request(f"http://127.0.0.1:{self._control}/set", body, method="POST")
            urllib.request.urlopen(request, timeout=60).close()
            self.acknowledged.add(self.offered)
            self.offered += 1


class ModbusDevice:
    """A modbus-serial server whose register goes up by one at each reading, and that says so."""

    def __init__(self) -> None:
        self._port = free_port()
        link = f"{{type: tcp, host: 127.0.0.1, port: {self._port}}}"
        self.source = f"  - {{id: device, type: modbus, link: {link}, period: {_POLL}}}"
        self.address = "{register: 7}"
        self.paused = threading.Event()
        self._lives: list[Program] = []

    def start(self) -> None:
        rules = json.dumps({"counting": 7, "from": self.offered})
        self._lives.append(Program([node(), HERE / "modbus_server.mjs", "tcp", str(self._port), rules], cwd=HERE))
        self._lives[-1].ready("ready", 240)

    def kill(self) -> None:
        self._lives[-1].kill()

    def close(self) -> None:
        for life in self._lives:
            life.kill()

    @property
    def offered(self) -> int:
        return max((given[-1] for given in self._given() if given), default=-1) + 1

    @property
    def acknowledged(self) -> set[int]:
        return {number for given in self._given() for number in given[:-1]}

    def _given(self) -> list[list[int]]:
        return [[int(line.split()[1]) for line in list(life.lines) if line.startswith("gave ")] for life in self._lives]
