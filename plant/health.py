"""What a collector says about itself, as tags like any other.

Every source is a device of its scene's line `edge`; its health flows through the same pipe
as its data, so a silent collector is seen, stored and alarmed on like a silent machine.
"""

from __future__ import annotations

from plant.assets import Device, Line
from plant.tags import Kind, Role, Tag
from plant.text import Text

LINE = "edge"
PERIOD = 2.0
"""Seconds between two reports of a source."""

_SIGNALS: tuple[tuple[str, Kind, str, Text], ...] = (
    ("connected", Kind.EVENT, "1", Text("已连接", "Connected")),
    ("reason", Kind.TEXT, "1", Text("未连接原因", "Why it is not connected")),
    ("lag", Kind.ANALOG, "s", Text("采集滞后", "Lag from device to edge")),
    ("samples", Kind.COUNTER, "1", Text("采样数", "Samples")),
    ("gaps", Kind.COUNTER, "1", Text("数据缺口", "Gaps")),
    ("dropped", Kind.COUNTER, "1", Text("丢弃样本", "Dropped samples")),
    ("dead-letters", Kind.COUNTER, "1", Text("无法解析的报文", "Dead letters")),
    ("reconnects", Kind.COUNTER, "1", Text("重连次数", "Reconnects")),
    ("bad-points", Kind.ANALOG, "1", Text("无效点数", "Refused points")),
    ("clock-offset", Kind.ANALOG, "s", Text("设备时钟偏差", "Device clock offset")),
)


def collectors(scene_path: str, sources: tuple[str, ...]) -> Line:
    """Return the line of a scene's collectors, one device a source."""
    path = f"{scene_path}/{LINE}"
    return Line(path=path, name=Text("采集器", "Collectors"), serial=False, devices=tuple(_devices(path, sources)))


def _devices(line_path: str, sources: tuple[str, ...]) -> list[Device]:
    return [
        Device(
            path=f"{line_path}/{source}",
            name=Text(source, source),
            type="collector",
            tags=tuple(
                Tag(
                    path=f"{line_path}/{source}/{signal}",
                    kind=kind,
                    role=Role.HEALTH,
                    label=signal,
                    unit=unit,
                    stale_after=5 * PERIOD,
                    description=text,
                )
                for signal, kind, unit, text in _SIGNALS
            ),
        )
        for source in sources
    ]
