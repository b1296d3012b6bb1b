"""The control API of live simulations: faults are put in, listed and ended from outside, by those who hold a token.

    {"token": "…"}                                            ─▶  {"ok": ["control"]}
    {"do": "scenes"}                                          ─▶  {"ok": ["agv", …]}
    {"do": "offers", "scene": "agv"}                          ─▶  {"ok": [{"id": "jam", "targets": […]}, …]}
    {"do": "inject", "scene": "agv", "fault": {"kind": …}}    ─▶  {"ok": 3}
    {"do": "active", "scene": "agv"}                          ─▶  {"ok": {"3": {…}}}
    {"do": "end", "scene": "agv", "id": 3}                    ─▶  {"ok": null}
    {"do": "truth", "scene": "agv", "since": 0}               ─▶  {"ok": 120}, then 120 lines, a fact each

One JSON object a line over TCP on loopback, one answer a question, in order; what cannot be
is answered by {"error": "…"}. There are two tokens. The one for control is for whoever may
break things; the truth record answers only to the grader's, which whoever started the
simulation keeps. Neither is ever part of telemetry. `ControlClient` speaks this.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson

from plant.errors import ProvenlineError
from plant.text import Text
from simulators.access import Tokens
from simulators.faults import FaultBoard, offers
from simulators.faults.wire import fault_from, fault_to, offer_to
from simulators.plantmodel import PlantModel

LINE_LIMIT = 1 << 22
"""Octets of a line, either way."""

_CONNECTIONS = 16
_PATIENCE = 10.0  # s for the token


@dataclass(frozen=True, slots=True)
class Controllable:
    """A scene that can be controlled. `names`: what people call its signals and devices."""

    model: PlantModel
    faults: FaultBoard
    names: Mapping[str, Text]


class Refused(ProvenlineError):
    """A question to the control API has no answer; the message says why."""


@asynccontextmanager
async def control_desk(
    scenes: Mapping[str, Controllable], tokens: Tokens, *, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Serve the control API of `scenes` while the context is open; yields the port. Scenes may come and go."""
    desk = _Desk(scenes, tokens)
    server = await asyncio.start_server(desk.attend, host, 0, limit=LINE_LIMIT)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await desk.close()


class _Desk:
    """Answers everybody who connects."""

    def __init__(self, scenes: Mapping[str, Controllable], tokens: Tokens) -> None:
        self._scenes = scenes
        self._tokens = tokens
        self._visitors: set[asyncio.Task[None]] = set()

    def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._visitors) >= _CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="control")
        self._visitors.add(task)
        task.add_done_callback(self._visitors.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    async def close(self) -> None:
        for task in self._visitors:
            task.cancel()
        await asyncio.gather(*self._visitors, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever hangs up, says nothing or sends too long a line is gone; nobody else is concerned.
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_PATIENCE):
                rights = self._rights(await reader.readuntil())
            writer.write(_line({"ok": rights} if rights else {"error": "this token opens nothing"}))
            await writer.drain()
            while rights:
                for answer in self._answers(await reader.readuntil(), rights):
                    writer.write(answer)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

    def _rights(self, line: bytes) -> list[str]:
        try:
            token = str(_asked(line).get("token", "")).encode()
        except Refused:
            return []
        if hmac.compare_digest(token, self._tokens.grader.encode()):
            return ["control", "grader"]
        return ["control"] if hmac.compare_digest(token, self._tokens.control.encode()) else []

    def _answers(self, line: bytes, rights: list[str]) -> list[bytes]:
        try:
            asked = _asked(line)
            do = asked.get("do")
            if do == "scenes":
                return [_line({"ok": sorted(self._scenes)})]
            if do == "truth" and "grader" in rights:
                facts = _facts(self._scene(asked), asked)
                return [_line({"ok": len(facts)}), *facts]
            if not isinstance(do, str) or do not in _DEEDS:
                raise Refused(f"{do!r} cannot be done with this token; there are scenes, {', '.join(_DEEDS)}")
            return [_line({"ok": _DEEDS[do](self._scene(asked), asked)})]
        except ProvenlineError as error:
            return [_line({"error": str(error)})]

    def _scene(self, asked: dict[str, Any]) -> Controllable:
        scene = asked.get("scene")
        if not isinstance(scene, str) or scene not in self._scenes:
            raise Refused(f"no scene {scene!r} runs here; there are {', '.join(sorted(self._scenes)) or 'none yet'}")
        return self._scenes[scene]


def _offers(scene: Controllable, _: dict[str, Any]) -> object:
    return [offer_to(offer) for offer in offers(scene.model, scene.names)]


def _inject(scene: Controllable, asked: dict[str, Any]) -> object:
    return scene.faults.inject(fault_from(asked.get("fault")))


def _active(scene: Controllable, _: dict[str, Any]) -> object:
    faults = scene.faults.waiting | scene.faults.active
    return {str(number): fault_to(fault) for number, fault in sorted(faults.items())}


def _end(scene: Controllable, asked: dict[str, Any]) -> object:
    number = asked.get("id")
    if not isinstance(number, int) or number not in scene.faults.waiting | scene.faults.active:
        raise Refused(f"no fault {number!r} is in effect or waits")
    scene.faults.clear(number)
    return None


_DEEDS: dict[str, Callable[[Controllable, dict[str, Any]], object]] = {
    "offers": _offers,
    "inject": _inject,
    "active": _active,
    "end": _end,
}


def _facts(scene: Controllable, asked: dict[str, Any]) -> list[bytes]:
    since, what = asked.get("since", 0), asked.get("what")
    if not isinstance(since, int):
        raise Refused(f"since {since!r} is no time in ns")
    truth = scene.model.floor.truth
    return [
        _line({"time": f.time, "what": f.what, "where": f.where, "detail": f.detail})
        for f in truth
        if f.time >= since and what in (None, f.what)
    ]


def _asked(line: bytes) -> dict[str, Any]:
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Refused(f"this is no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise Refused("a question is a JSON object")
    return asked


def _line(answer: dict[str, Any]) -> bytes:
    return orjson.dumps(answer) + b"\n"
