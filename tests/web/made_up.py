"""Made-up figures, states, stops and history for the pages, as the centre would give them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.web.plant import STATES, Signal

UNCERTAIN = 0x40930000


@dataclass
class Mood:
    """What a test may do to the centre while pages look at it."""

    silent: dict[str, float] = field(default_factory=dict)
    """Device path to the time (s) of its last word."""
    insufficient: bool = False
    on_shift: bool = True
    simulated: bool = True
    oee: float = 0.742
    overview: dict = field(default_factory=dict)
    """What the site's configuration says of the overview beside the usual."""

    def silence(self, device: str) -> None:
        self.silent[device] = time.time()


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
    because = {
        "breakdown": [("E-117", 0.05, 0.0, 2), ("刀具磨损", 0.03, 0.03, 1), ("", 0.01, 0.0, 1)],
        "waiting": [("", 0.05, 0.0, 3)],
    }
    steps = [
        {
            "id": i,
            "name": {"zh": zh, "en": en},
            "seconds": share * planned,
            "reasons": [
                {"reason": reason, "words": None, "seconds": part * planned, "said": said * planned, "count": count}
                for reason, part, said, count in because[i]
            ]
            if i in because
            else None,
        }
        for i, zh, en, share in shares
    ]
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
        "rollup": 0.0,
    }
