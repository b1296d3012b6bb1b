"""A stand-in for the centre that speaks the pages' contract and can be made to misbehave."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, HTTPException, Query, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from tests.peers.processes import free_port, wait_for_port
from tests.web.made_up import Mood, history, indicators, intervals, losses, stops
from tests.web.plant import MACHINES, SCENES, STATES, Signal, signals

WEB = Path(__file__).parents[2] / "web"
DIST = WEB / "dist"
BAD_NO_COMMUNICATION = 0x80310000
SIMULATED = 1
TOLD = ["state", "oee", "output", "defects", "energy", "link", "alarms", "machines"]
OVERVIEW = {"tiles": [], "shows": TOLD, "window": "15min", "columns": None, "rotate": 20.0, "visits": "all"}
WINDOW_S = {"15min": 900, "1h": 3600, "8h": 28_800, "shift": 14_400}


def row(index: int, path: str, signal: Signal, mood: Mood) -> list:
    now = time.time()
    since = mood.silent.get(path.rpartition("/")[0])
    if since is not None:
        return [index, None, BAD_NO_COMMUNICATION, int(since * 1000), int(since * 1000), SIMULATED]
    bad = signal.quality >= 0x80000000
    taken = int((now - 0.2) * 1000)
    return [index, None if bad else signal.at(now), signal.quality, taken, taken + 15, SIMULATED]


def app_for(mood: Mood) -> FastAPI:
    app = FastAPI()
    add_plant(app, mood)
    add_figures(app, mood)
    add_losses(app, mood)
    add_states(app, mood)
    add_live_and_pages(app, mood)
    return app


def add_plant(app: FastAPI, mood: Mood) -> None:

    @app.get("/api/v1/site")
    def site() -> dict:
        return {
            "id": "cq",
            "name": {"zh": "产教融合实训中心", "en": "Training centre"},
            "zone": "Asia/Shanghai",
            "version": "0.1.0",
            "overview": OVERVIEW | mood.overview,
        }

    @app.get("/api/v1/scenes")
    def scenes() -> list[dict]:
        return [
            {
                "id": id_,
                "path": f"cq/{id_}",
                "name": {"zh": zh, "en": en},
                "simulated": mood.simulated,
                "page": [],
                "stop_reasons": [],
                "lines": [
                    {
                        "path": machines[0].path.rpartition("/")[0],
                        "name": {"zh": "主线", "en": "Main line"},
                        "serial": True,
                        "devices": [
                            {
                                "path": m.path,
                                "id": m.path.rpartition("/")[2],
                                "name": {"zh": m.zh, "en": m.en},
                                "type": m.type,
                                "access": m.access,
                                "position": None,
                                "tags": [f"{m.path}/{s.name}" for s in m.signals],
                            }
                            for m in machines
                        ],
                    }
                ],
            }
            for id_, (zh, en, machines) in SCENES.items()
        ]

    @app.get("/api/v1/tags")
    def tags(scene: str) -> list[dict]:
        return [
            {
                "path": path,
                "kind": s.kind,
                "role": s.role,
                "label": "",
                "unit": s.unit,
                "symbol": s.symbol,
                "low": s.low,
                "high": s.high,
                "deadband": s.deadband,
                "stale_after": 3.0,
                "description": {"zh": s.zh, "en": s.en},
                "states": STATES if s.kind == "state" else {},
                "simulated": mood.simulated,
                "source": path.split("/")[3],
                "address": {"node": f"ns=2;s={s.name}"},
            }
            for path, s in signals(scene).items()
        ]

    @app.get("/api/v1/alarms")
    def alarms() -> dict:
        return {"number": 1, "flood": None, "alarms": []}


def add_figures(app: FastAPI, mood: Mood) -> None:
    @app.get("/api/v1/tags/{path:path}/history")
    def tag_history(path: str, start: int, stop: int, buckets: int) -> dict:
        known = signals("line") | signals("other")
        if path not in known:
            raise HTTPException(404, f"no tag {path}")
        return history(path, known[path], start, stop, buckets)

    @app.get("/api/v1/tags/{path:path}/export")
    def tag_export(path: str, start: int, stop: int, kind: Annotated[str, Query(alias="format")]) -> PlainTextResponse:
        name = f"{path.replace('/', '_')}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return PlainTextResponse(f"path,start,stop\n{path},{start},{stop}\n", headers=headers)

    @app.get("/api/v1/scenes/{scene}/indicators")
    def scene_indicators(scene: str, window: str) -> dict:
        if window == "shift" and not mood.on_shift:
            raise HTTPException(404, "no shift is running now")
        now = int(time.time() * 1000)
        span = {"start": now - WINDOW_S[window] * 1000, "stop": now, "label": window}
        return {"window": span, "indicators": indicators(mood) if scene == "line" else []}

    @app.get("/api/v1/indicators/{key:path}/explain")
    def explain(key: str, window: str, language: str) -> dict:
        steps = [
            {"kind": "formula", "label": {"zh": "公式", "en": "Formula"}[language], "text": "GQ"},
            {"kind": "input", "label": "GQ", "text": f"{window}: 1041"},
            {"kind": "result", "label": key, "text": "1041"},
        ]
        return {"title": key, "scope": "cq/line", "window": window, "steps": steps}

    @app.get("/api/v1/scenes/{scene}/health")
    def scene_health(scene: str) -> dict:
        paths = signals(scene)
        silent = sum(path.rpartition("/")[0] in mood.silent for path in paths)
        bad = sum(one.quality >= 0x40000000 for one in paths.values())
        collectors = [{"id": "opcua", "connected": True}, {"id": "probe", "connected": not mood.silent}]
        return {"tags": len(paths), "good": len(paths) - bad - silent, "collectors": collectors}


def add_losses(app: FastAPI, mood: Mood) -> None:
    @app.get("/api/v1/scenes/{scene}/losses")
    def scene_losses(scene: str, window: str) -> list[dict]:
        if window == "shift" and not mood.on_shift:
            raise HTTPException(404, "no shift is running now")
        return losses(WINDOW_S[window], mood) if scene == "line" else []

    @app.get("/api/v1/scenes/{scene}/stops")
    def scene_stops(scene: str, window: str) -> list[dict]:
        if window == "shift" and not mood.on_shift:
            raise HTTPException(404, "no shift is running now")
        return stops(time.time()) if scene == "line" else []

    @app.get("/api/v1/scenes/{scene}/pareto")
    @app.get("/api/v1/scenes/{scene}/records")
    @app.get("/api/v1/scenes/{scene}/annotations")
    def nothing_told(scene: str) -> list[dict]:
        return []

    @app.get("/api/v1/scenes/{scene}/details")
    def scene_details(scene: str, window: str) -> dict:
        now = int(time.time() * 1000)
        span = {"start": now - WINDOW_S[window] * 1000, "stop": now, "label": window}
        return {"window": span, "indicators": []}

    @app.get("/api/v1/scenes/{scene}/delays")
    def scene_delays(scene: str) -> dict:
        return {"bound": None, "links": []}


def add_states(app: FastAPI, mood: Mood) -> None:
    @app.get("/api/v1/scenes/{scene}/states")
    def scene_states(scene: str, start: int, stop: int) -> list[dict]:
        machines = MACHINES if scene == "line" else []
        return [
            {"device": m.path, "intervals": intervals(m.signals[0], start / 1000, stop / 1000, mood.silent.get(m.path))}
            for m in machines
            if m.signals[0].kind == "state"
        ]


def add_live_and_pages(app: FastAPI, mood: Mood) -> None:
    @app.websocket("/api/v1/live")
    async def live(socket: WebSocket, scene: str = "") -> None:
        await socket.accept()
        known = signals(scene) if scene else {}
        paths = list(known)
        seq = 0
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                rows = [row(i, path, known[path], mood) for i, path in enumerate(paths)]
                frame = {"seq": seq, "now": int(time.time() * 1000), "snapshot": seq == 0, "rows": rows}
                await socket.send_json(frame | ({"paths": paths} if seq == 0 else {}))
                seq += 1
                await asyncio.sleep(0.25)

    app.mount("/assets", StaticFiles(directory=DIST / "assets"))

    @app.get("/{path:path}")
    def page(path: str) -> FileResponse:
        if path.startswith("api/"):
            raise HTTPException(404)
        file = DIST / path
        return FileResponse(file if path and file.is_file() else DIST / "index.html")


async def _serve(server: uvicorn.Server) -> None:
    """Serve until told to stop, and then let go of every connection that a browser keeps."""
    await server.serve()
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    await asyncio.sleep(0.05)


class FakeCentre:
    """Serves from a thread of its own, so that a test's event loop is the browser's alone."""

    def __init__(self) -> None:
        self.mood = Mood()
        self.port = free_port()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        config = uvicorn.Config(
            app_for(self.mood), port=self.port, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=asyncio.run, args=(_serve(self._server),), daemon=True)
        self._thread.start()
        wait_for_port(self.port)

    def down(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(10)


@contextmanager
def fake_centre() -> Iterator[FakeCentre]:
    centre = FakeCentre()
    centre.up()
    try:
        yield centre
    finally:
        centre.down()
