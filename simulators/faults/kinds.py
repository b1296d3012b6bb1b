"""The kinds of faults: what each is called, what it is done to, and what its size means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from plant.errors import ProvenlineError
from plant.text import Text
from simulators.network.interference import STRONGEST, Area


class FaultKind(StrEnum):
    """What can be broken; `KINDS` describes each."""

    SENSOR_DRIFT = "sensor-drift"
    SENSOR_OFFSET = "sensor-offset"
    SENSOR_STUCK = "sensor-stuck"
    SENSOR_SPIKE = "sensor-spike"
    WRONG_IDEAL_CYCLE = "wrong-ideal-cycle"
    COUNTER_RESET = "counter-reset"
    MISWIRED_REGISTER = "mis-wired-register"
    WEAR = "wear"
    LEAK = "leak"
    JAM = "jam"
    CLOCK_JUMP = "clock-jump"
    DEAD_DEVICE = "dead-device"
    FACE_OUTAGE = "face-outage"
    BROKER_OUTAGE = "broker-outage"
    LINK_LOSS = "link-loss"
    JAMMING = "jamming"
    ROAMING_STORM = "roaming-storm"


class Subject(Enum):
    """What a kind of fault is done to."""

    INSTRUMENT = auto()
    """A signal that shows a decimal number."""
    COUNTER = auto()
    """A signal that shows a whole number, or energy."""
    SIGNAL = auto()
    """Any signal that a face shows."""
    ADDRESS = auto()
    """A signal that has another one of its form on the same face."""
    RATED = auto()
    """A station that reports its ideal cycle."""
    UNIT = auto()
    """A station, vehicle or other machine with a meter."""
    STOPPABLE = auto()
    """A station, or another machine that can be made to stand."""
    DATED = auto()
    """A device whose own clock dates what it says."""
    DEVICE = auto()
    FACE = auto()
    """A protocol server, or a client of a broker."""
    BROKER = auto()
    LINK = auto()
    """A station's link; several joined by commas, or `all`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a fault's size means, and from where to where it may be."""

    name: Text
    unit: str
    default: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault in words. `passes`: it is over by itself, so that its duration means nothing."""

    name: Text
    does: Text
    subject: Subject
    size: Size | None = None
    passes: bool = False


_ANY = 1e9

KINDS: dict[FaultKind, Kind] = {
    FaultKind.SENSOR_DRIFT: Kind(
        name=Text("传感器漂移", "Sensor drift"),
        does=Text("示值以恒定速度偏离真值", "The reading moves away from the truth at a constant rate"),
        subject=Subject.INSTRUMENT,
        size=Size(name=Text("每小时偏移量", "Units an hour"), unit="/h", default=10.0, low=-_ANY, high=_ANY),
    ),
    FaultKind.SENSOR_OFFSET: Kind(
        name=Text("传感器偏差", "Sensor offset"),
        does=Text("示值比真值差一个定值", "The reading is off by a constant"),
        subject=Subject.INSTRUMENT,
        size=Size(name=Text("偏差", "Units"), unit="", default=5.0, low=-_ANY, high=_ANY),
    ),
    FaultKind.SENSOR_STUCK: Kind(
        name=Text("传感器卡死", "Sensor stuck"),
        does=Text("示值停在当时的数值", "The reading stays what it was"),
        subject=Subject.SIGNAL,
    ),
    FaultKind.SENSOR_SPIKE: Kind(
        name=Text("传感器尖峰", "Sensor spikes"),
        does=Text("每十个示值中有一个突变", "Every tenth reading leaps"),
        subject=Subject.INSTRUMENT,
        size=Size(name=Text("尖峰高度", "Units"), unit="", default=50.0, low=-_ANY, high=_ANY),
    ),
    FaultKind.WRONG_IDEAL_CYCLE: Kind(
        name=Text("理想节拍错误", "Wrong ideal cycle"),
        does=Text("上报的理想节拍不是真实值", "The ideal cycle reported is not the true one"),
        subject=Subject.RATED,
        size=Size(name=Text("倍数", "Factor"), unit="1", default=0.7, low=0.01, high=100.0),
    ),
    FaultKind.COUNTER_RESET: Kind(
        name=Text("计数器清零", "Counter reset"),
        does=Text("计数从零重新开始", "The count begins again at zero"),
        subject=Subject.COUNTER,
    ),
    FaultKind.MISWIRED_REGISTER: Kind(
        name=Text("寄存器接错", "Mis-wired registers"),
        does=Text("同一接口上的两个点位互换", "Two addresses of one interface show each other's signal"),
        subject=Subject.ADDRESS,
    ),
    FaultKind.WEAR: Kind(
        name=Text("磨损", "Wear"),
        does=Text("功率、发热增大，不良品增多", "More power and heat, and more rejects"),
        subject=Subject.UNIT,
        size=Size(name=Text("功率倍数", "Factor on power"), unit="1", default=1.3, low=1.0, high=3.0),
    ),
    FaultKind.LEAK: Kind(
        name=Text("泄漏", "Leak"),
        does=Text("任何状态下都多耗电", "Power is lost in every state"),
        subject=Subject.UNIT,
        size=Size(name=Text("损失功率", "Power lost"), unit="kW", default=2.0, low=0.0, high=1000.0),
    ),
    FaultKind.JAM: Kind(
        name=Text("卡料停机", "Jam"),
        does=Text("设备立即停机，需人工处理", "The machine stops at once, and somebody has to work on it"),
        subject=Subject.STOPPABLE,
        size=Size(name=Text("处理时间", "Work on it"), unit="s", default=120.0, low=1.0, high=86_400.0),
        passes=True,
    ),
    FaultKind.CLOCK_JUMP: Kind(
        name=Text("时钟跳变", "Clock jump"),
        does=Text("设备时钟突然快或慢", "The device's clock is suddenly ahead or behind"),
        subject=Subject.DATED,
        size=Size(name=Text("超前时间", "Ahead by"), unit="s", default=90.0, low=-86_400.0, high=86_400.0),
    ),
    FaultKind.DEAD_DEVICE: Kind(
        name=Text("设备失联", "Dead device"),
        does=Text("设备不再应答", "The device answers no more"),
        subject=Subject.DEVICE,
    ),
    FaultKind.FACE_OUTAGE: Kind(
        name=Text("接口中断", "Interface outage"),
        does=Text("服务器或客户端连不上", "The server or client cannot be reached"),
        subject=Subject.FACE,
    ),
    FaultKind.BROKER_OUTAGE: Kind(
        name=Text("消息代理中断", "Broker outage"),
        does=Text("MQTT代理停止，所有连接断开", "The MQTT broker stops, and every connection drops"),
        subject=Subject.BROKER,
    ),
    FaultKind.LINK_LOSS: Kind(
        name=Text("链路中断", "Link loss"),
        does=Text("该站点的链路不通", "Nothing gets across the station's link"),
        subject=Subject.LINK,
    ),
    FaultKind.JAMMING: Kind(
        name=Text("无线干扰", "Jamming"),
        does=Text("时延与丢包上升、速率下降", "Delay and loss rise, throughput falls"),
        subject=Subject.LINK,
        size=Size(
            name=Text("受扰帧比例", "Share of frames destroyed"), unit="1", default=0.7, low=0.01, high=STRONGEST
        ),
    ),
    FaultKind.ROAMING_STORM: Kind(
        name=Text("漫游风暴", "Roaming storm"),
        does=Text("频繁切换接入点，每次都断一下", "The station roams again and again, each time with a gap"),
        subject=Subject.LINK,
        size=Size(name=Text("平均切换间隔", "Mean time between changes"), unit="s", default=8.0, low=1.0, high=3600.0),
    ),
}


class RefusedFault(ProvenlineError):
    """A fault cannot be; the message says why, and what could."""


class UnknownTarget(RefusedFault):
    """A fault names something the model does not have, or that this kind means nothing to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One fault. `at`: model seconds, None = now; `lasts`: seconds, None = until cleared.

    `size`: as its kind means it, None = the kind's usual one. `with_`: the other one of two
    mis-wired signals. `area`: where a jammer is heard, None = everywhere.
    """

    kind: FaultKind
    target: str
    size: float | None = None
    with_: str = ""
    area: Area | None = None
    at: float | None = None
    lasts: float | None = None

    @property
    def amount(self) -> float:
        """The size, or the kind's usual one; 0 where a size means nothing."""
        size = KINDS[self.kind].size
        return 0.0 if size is None else size.default if self.size is None else self.size

    def check(self) -> None:
        """Raise RefusedFault for a size or a duration that cannot be."""
        size = KINDS[self.kind].size
        if size is not None and not size.low <= self.amount <= size.high:
            raise RefusedFault(
                f"{self.kind}: size {self.amount:g} is not from {size.low:g} to {size.high:g} {size.unit}"
            )
        if self.lasts is not None and not (math.isfinite(self.lasts) and self.lasts > 0):
            raise RefusedFault(f"{self.kind}: it cannot last {self.lasts:g} s")
        if self.area is not None and self.kind is not FaultKind.JAMMING:
            raise RefusedFault(f"{self.kind}: only jamming happens in an area")
