"""Mosquitto as the judge of the MQTT collectors: a broker that tests may stop, stall and restart."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.peers.processes import Program, free_port, wait_for_port


class Mosquitto:
    """One broker on one port; `options` are lines of mosquitto.conf added to the usual ones."""

    def __init__(self, folder: Path, options: Sequence[str] = ("allow_anonymous true",)) -> None:
        self.port = free_port()
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            "\n".join(
                (
                    f"listener {self.port} 127.0.0.1",
                    "user root",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "max_queued_messages 20000",
                    *options,
                    "",
                )
            )
        )
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        assert self._program, "the broker is not running"
        return self._program

    def start(self) -> None:
        if self._program is None:
            self._program = Program(["mosquitto", "-c", self._config])
            wait_for_port(self.port)

    def stop(self) -> None:
        if self._program is not None:
            self._program.resume()
            self._program.stop()
            self._program = None

    def kill(self) -> None:
        self.program.kill()
        self._program = None

    def publish(self, topic: str, *payloads: str, options: Sequence[str] = ()) -> None:
        """Publish one message per payload with mosquitto_pub; payloads hold no line breaks."""
        subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-l", *options],
            input="".join(f"{p}\n" for p in payloads),
            text=True,
            check=True,
            timeout=20,
        )

    async def send(self, topic: str, *payloads: str, options: Sequence[str] = ()) -> None:
        """Publish as `publish` does, without holding up the event loop."""
        await asyncio.to_thread(lambda: self.publish(topic, *payloads, options=options))


def make_certificates(folder: Path) -> None:
    """Write ca, server, client, and other (a client of a CA nobody knows), as .crt and .key in PEM."""

    def openssl(*args: str | Path) -> None:
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=30)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for ca in ("ca", "strange-ca"):
        openssl(
            *("req", "-x509", *key, "-days", "2", "-subj", f"/CN=test {ca}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", folder / f"{ca}.key", "-out", folder / f"{ca}.crt"),
        )
    for name, ca in (("server", "ca"), ("client", "ca"), ("other", "strange-ca")):
        request, extra = folder / f"{name}.csr", folder / f"{name}.ext"
        extra.write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("req", *key, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", request)
        openssl(
            *("x509", "-req", "-in", request, "-days", "2", "-CAcreateserial", "-extfile", extra),
            *("-CA", folder / f"{ca}.crt", "-CAkey", folder / f"{ca}.key", "-out", folder / f"{name}.crt"),
        )
