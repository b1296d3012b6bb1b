"""A stand-in for the centre that speaks the pages' contract and can be made to misbehave."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, HTTPException, Query, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from tests.peers.processes import free_port, wait_for_port
from tests.web.plant import MACHINES, SCENES, STATES, Signal, signals

WEB = Path(__file__).parents[2] / "web"
DIST = WEB / "dist"
BAD_NO_COMMUNICATION = 0x80310000
UNCERTAIN = 0x40930000
SIMULATED = 1
WINDOW_S = {"15min": 900, "1h": 3600, "8h": 28_800, "shift": 14_400}


@dataclass
class Mood:
    """What a test may do to the centre while pages look at it."""

    silent: dict[str, float] = field(default_factory=dict)
    """Device path to the time (s) of its last word."""
    insufficient: bool = False
    on_shift: bool = True
    simulated: bool = True
    oee: float = 0.742

    def silence(self, device: str) -> None:
        self.silent[device] = time.time()


def row(index: int, path: str, signal: Signal, mood: Mood) -> list:
    now = time.time()
    since = mood.silent.get(path.rpartition("/")[0])
    if since is not None:
        return [index, None, BAD_NO_COMMUNICATION, int(since * 1000), int(since * 1000), SIMULATED]
    bad = signal.quality >= 0x80000000
    taken = int((now - 0.2) * 1000)
    return [index, None if bad else signal.at(now), signal.quality, taken, taken + 15, SIMULATED]


def indicator(id_: str, zh: str, en: str, value: float | None, unit: str, mood: Mood, **more) -> dict:
    coverage = 0.41 if mood.insufficient else 0.992
    return {
        "key": f"cq/line:{id_}",
        "id": id_,
        "name": {"zh": zh, "en": en},
        "shown": "percent" if unit == "1" else "number",
        "value": None if mood.insufficient else value,
        "unit": unit,
        "scope": "cq/line",
        "status": "insufficient-data" if mood.insufficient else "ok",
        "flags": [],
        "coverage": coverage,
        "quality_share": 0.987,
        "formula": {"id": id_, "version": 1},
        "note": {"zh": "仅有 41% 的时间有数据", "en": "Only 41% of the time is known"}
        if mood.insufficient
        else {"zh": "", "en": ""},
        "simulated": mood.simulated,
        **more,
    }


def indicators(mood: Mood) -> list[dict]:
    drift = time.time() % 600
    rows = [
        ("oee", "设备综合效率", "Overall equipment effectiveness", mood.oee, "1"),
        ("availability", "时间开动率", "Availability", 0.861, "1"),
        ("effectiveness", "性能开动率", "Effectiveness", 0.884, "1"),
        ("quality-ratio", "合格品率", "Quality ratio", 0.975, "1"),
        ("nee", "净设备效率", "Net equipment effectiveness", 0.801, "1"),
        ("teep", "完全有效生产率", "TEEP", 0.533, "1"),
        ("good-output", "合格产量", "Good output", 1041 + int(drift), "{piece}"),
        ("defect-rate", "不良品率", "Defect rate", 0.0248, "1"),
        ("energy-per-good-piece", "单件能耗", "Energy per good piece", 0.0931, "kW.h/{piece}"),
        ("latency-p50", "链路时延(中位)", "Link latency, median", 8.12, "ms"),
        ("latency-p95", "链路时延 P95", "Link latency P95", 9.87, "ms"),
        ("latency-p99", "链路时延 P99", "Link latency P99", 14.2, "ms"),
    ]
    used = [("press", 3.12), ("conveyor", 0.78)]
    energy = [
        indicator("energy", "能耗", "Energy", value, "kW.h", mood, scope=f"cq/line/main/{id_}", key=f"{id_}:energy")
        for id_, value in used
    ]
    energy.append(indicator("energy", "能耗", "Energy", sum(value for _, value in used), "kW.h", mood))
    return [indicator(*one, mood) for one in rows] + energy


def losses(planned: float, mood: Mood) -> list[dict]:
    shares = [
        ("unknown", "未知", "Unknown", 0.02),
        ("breakdown", "故障停机", "Breakdown", 0.09),
        ("waiting", "等待", "Waiting", 0.05),
        ("reduced-speed", "速度降低", "Reduced speed", 0.08),
        ("defects", "过程不良", "Process defects", 0.02),
    ]
    steps = [{"id": i, "name": {"zh": zh, "en": en}, "seconds": share * planned} for i, zh, en, share in shares]
    rest = planned - sum(step["seconds"] for step in steps)
    return [
        {
            "scope": scope,
            "name": {"zh": zh, "en": en},
            "simulated": mood.simulated,
            "planned": planned,
            "losses": steps,
            "valuable": rest,
        }
        for scope, zh, en in (("cq/line/main/press", "伺服压机", "Servo press"), ("cq/line", "示范线", "Whole line"))
    ]


def stops(now: float) -> list[dict]:
    def stop(ago: float, seconds: float, loss: str, zh: str, en: str, said: dict | None = None) -> dict:
        start = int((now - ago) * 1000)
        reported = "E-117" if loss == "breakdown" else ""
        return {
            "start": start,
            "stop": start + int(seconds * 1000),
            "seconds": seconds,
            "loss": loss,
            "name": {"zh": zh, "en": en},
            "reason": said["reason"] if said else reported,
            "reported": reported,
            "annotation": said,
        }

    said = {"reason": "tool no. 4", "comment": "", "author": "Li Wei", "made": int(now * 1000)}
    found = [stop(60 * n + 30, 25, "minor-stop", "空转与短暂停机", "Idling and minor stops") for n in range(9)]
    return [
        {
            "scope": "cq/line/main/press",
            "stops": [*found, stop(700, 150, "breakdown", "故障停机", "Breakdown", said)],
        },
        {"scope": "cq/line/main/conveyor", "stops": [stop(300, 95, "breakdown", "故障停机", "Breakdown")]},
    ]


def intervals(signal: Signal, start: float, stop: float, silent_since: float | None) -> list[dict]:
    found: list[dict] = []
    t = start
    while t < stop:
        state = "UNKNOWN" if silent_since is not None and t >= silent_since else STATES[str(signal.at(t))]
        step = min(5.0, stop - t)
        if found and found[-1]["state"] == state:
            found[-1]["stop"] = int((t + step) * 1000)
        else:
            found.append({"start": int(t * 1000), "stop": int((t + step) * 1000), "state": state})
        t += step
    return found


def history(path: str, signal: Signal, start: int, stop: int, buckets: int) -> dict:
    step = (stop - start) / buckets
    starts = [int(start + i * step) for i in range(buckets)]
    now = time.time() * 1000
    gap = (start + 0.55 * (stop - start), start + 0.62 * (stop - start))
    has = [s < now and not (gap[0] < s < gap[1]) and isinstance(signal.at(0.0), float) for s in starts]
    values = [signal.at((s + step / 2) / 1000) if ok else None for s, ok in zip(starts, has, strict=True)]
    return {
        "path": path,
        "unit": signal.unit,
        "start": starts,
        "count": [3 * ok for ok in has],
        "usable": [3 * ok for ok in has],
        "minimum": [None if v is None else v - abs(v) * 0.02 for v in values],
        "maximum": [None if v is None else v + abs(v) * 0.02 for v in values],
        "mean": values,
        "last": values,
        "quality": [UNCERTAIN if 0.3 < i / buckets < 0.34 else 0 for i in range(buckets)],
    }


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
        }

    @app.get("/api/v1/scenes")
    def scenes() -> list[dict]:
        return [
            {
                "id": id_,
                "path": f"cq/{id_}",
                "name": {"zh": zh, "en": en},
                "simulated": mood.simulated,
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

    @app.get("/api/v1/scenes/{scene}/explain")
    def explain(scene: str, key: str, window: str, language: str) -> dict:
        steps = [
            {"kind": "formula", "label": {"zh": "公式", "en": "Formula"}[language], "text": "GQ"},
            {"kind": "input", "label": "GQ", "text": f"{scene}, {window}: 1041"},
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
    async def live(socket: WebSocket, scene: str) -> None:
        await socket.accept()
        known = signals(scene)
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
        self._thread = threading.Thread(target=self._server.run, daemon=True)
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
