"""A small made-up plant: what the pages are shown in tests, as functions of time.

Two scenes. `line` has the roles that pages know; `other` is a stranger: no roles, other names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

BAD_SENSOR_FAILURE = 0x808C0000
UNCERTAIN_OUT_OF_RANGE = 0x40940000


def wave(base: float, swing: float, seconds: float):
    return lambda t: base + swing * math.sin(t / seconds) + 0.2 * swing * math.sin(t / seconds * 7.3)


def count(per_second: float):
    return lambda t: int((t % 86_400) * per_second)


def cycle(*stays: tuple[int, float]):
    """A state that goes round: `(value, seconds)` after each other."""
    total = sum(seconds for _, seconds in stays)

    def at(t: float) -> int:
        rest = t % total
        for value, seconds in stays:
            if rest < seconds:
                return value
            rest -= seconds
        return stays[-1][0]

    return at


STATES = {
    "2": "STOPPED",
    "4": "IDLE",
    "5": "SUSPENDED",
    "6": "EXECUTE",
    "9": "ABORTED",
    "11": "HELD",
    "15": "RESETTING",
}


@dataclass
class Signal:
    name: str
    at: Any
    zh: str
    en: str
    kind: str = "analog"
    role: str | None = None
    unit: str = "1"
    symbol: str = ""
    low: float | None = None
    high: float | None = None
    deadband: float = 0.0
    quality: int = 0


@dataclass
class Machine:
    path: str
    zh: str
    en: str
    type: str
    access: str
    signals: list[Signal] = field(default_factory=list)


def production(rate: float) -> list[Signal]:
    return [
        Signal("good", count(rate), "合格品计数", "Good parts", "counter", "good-count", "{piece}", "件"),
        Signal("reject", count(rate / 40), "不良品计数", "Rejected parts", "counter", "reject-count", "{piece}", "件"),
    ]


MACHINES = [
    Machine(
        "cq/line/main/press",
        "伺服压机",
        "Servo press",
        "press",
        "wired",
        [
            Signal(
                "state",
                cycle((6, 210), (5, 25), (6, 160), (11, 40), (15, 12), (4, 30)),
                "状态",
                "State",
                "state",
                "state",
            ),
            *production(0.8),
            Signal(
                "speed", wave(47, 2.5, 40), "节拍速度", "Stroke rate", "analog", "speed", "/min", "/min", 0, 60, 0.1
            ),
            Signal(
                "power", wave(12.4, 2.1, 23), "有功功率", "Active power", "analog", "power", "kW", "kW", 0, 22, 0.01
            ),
            Signal(
                "force",
                wave(318, 9, 11),
                "压装力",
                "Pressing force",
                "analog",
                "process-value",
                "kN",
                "kN",
                0,
                400,
                0.1,
            ),
            Signal(
                "force-set",
                lambda _: 320.0,
                "压装力设定",
                "Force setpoint",
                "analog",
                "setpoint",
                "kN",
                "kN",
                0,
                400,
                0.1,
            ),
            Signal("oil", wave(63, 3, 90), "油温", "Oil temperature", "analog", None, "Cel", "°C", 10, 80, 0.1),
            Signal("job", lambda _: "WO-2026-0417", "工单", "Work order", "text", "job"),
        ],
    ),
    Machine(
        "cq/line/main/conveyor",
        "输送线",
        "Conveyor",
        "conveyor",
        "wifi",
        [
            Signal("state", cycle((6, 400), (5, 60), (6, 90), (2, 35)), "状态", "State", "state", "state"),
            Signal(
                "energy",
                lambda t: round(18_240 + (t % 86_400) / 3600 * 9.1, 2),
                "电能表读数",
                "Energy meter",
                "energy",
                "energy",
                "kW.h",
                "kWh",
            ),
            Signal(
                "power", wave(3.1, 0.8, 31), "有功功率", "Active power", "analog", "power", "kW", "kW", 0, 7.5, 0.01
            ),
            Signal("speed", wave(0.42, 0.04, 37), "带速", "Belt speed", "analog", "speed", "m/s", "m/s", 0, 0.8, 0.01),
            Signal(
                "buffer",
                lambda t: int(6 + 4 * math.sin(t / 50)),
                "缓存件数",
                "Parts in buffer",
                "analog",
                "buffer-level",
                "{piece}",
                "件",
                0,
                12,
                1,
            ),
            Signal("blocked", lambda t: t % 120 < 15, "下游堵塞", "Blocked", "event", "blocked"),
            Signal(
                "motor",
                wave(81, 5, 60),
                "电机温度",
                "Motor temperature",
                "analog",
                None,
                "Cel",
                "°C",
                0,
                80,
                0.1,
                UNCERTAIN_OUT_OF_RANGE,
            ),
        ],
    ),
    Machine(
        "cq/line/main/vision",
        "视觉检测工位",
        "Vision station",
        "vision",
        "5g",
        [
            Signal("state", cycle((6, 300), (9, 20), (2, 15), (15, 10), (4, 60)), "状态", "State", "state", "state"),
            *production(0.79),
            Signal("verdict", lambda t: "NG" if t % 37 < 1.5 else "OK", "检测结论", "Verdict", "event", "verdict"),
            Signal(
                "duration",
                wave(38, 6, 9),
                "单件检测用时",
                "Inspection time",
                "analog",
                "duration",
                "ms",
                "ms",
                0,
                120,
                0.1,
            ),
            Signal(
                "power", wave(0.62, 0.05, 17), "有功功率", "Active power", "analog", "power", "kW", "kW", 0, 1.5, 0.01
            ),
            Signal(
                "lamp",
                wave(71, 1, 80),
                "光源照度",
                "Light level",
                "analog",
                None,
                "lx",
                "lx",
                0,
                120,
                0.1,
                BAD_SENSOR_FAILURE,
            ),
        ],
    ),
    Machine(
        "cq/line/main/probe",
        "5G 链路探针",
        "5G link probe",
        "probe",
        "5g",
        [
            Signal(
                "rtt", wave(8.1, 1.6, 7), "往返时延", "Round-trip latency", "analog", "latency", "ms", "ms", 0, 50, 0.01
            ),
            Signal("jitter", wave(1.1, 0.5, 5), "抖动", "Jitter", "analog", "jitter", "ms", "ms", 0, 20, 0.01),
            Signal(
                "loss",
                lambda t: max(0.0, 0.04 * math.sin(t / 20)),
                "丢包率",
                "Packet loss",
                "analog",
                "loss",
                "%",
                "%",
                0,
                5,
                0.001,
            ),
            Signal(
                "rsrp",
                wave(-84, 4, 45),
                "参考信号功率",
                "RSRP",
                "analog",
                "signal-strength",
                "dB[mW]",
                "dBm",
                -120,
                -60,
                1,
            ),
        ],
    ),
]
STRANGER = Machine(
    "cq/other/hall/unit-7",
    "",
    "",
    "kiln",
    "none",
    [
        Signal("zone-1", wave(412, 6, 30), "", "", unit="Cel", symbol="°C"),
        Signal("note", lambda _: "batch 12", "", "", "text"),
    ],
)
SCENES = {"line": ("首台套装配示范线", "First assembly line", MACHINES), "other": ("", "", [STRANGER])}


def signals(scene: str) -> dict[str, Signal]:
    return {f"{m.path}/{s.name}": s for m in SCENES[scene][2] for s in m.signals}
