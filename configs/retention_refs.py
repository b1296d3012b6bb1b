"""What retention rules mean for the tags that are declared, and for an edge that keeps samples back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel

from configs.reading import Reading
from configs.retention import Kept, doubtful
from configs.schema import CentreDocument, EdgeDocument, InfluxConfig, SceneDocument
from plant.errors import Fault


def check_retention(readings: Iterable[Reading], documents: Sequence[BaseModel]) -> Iterator[Fault]:
    """Yield a fault for rules that mean a tag twice or none, and for samples that would go before they come."""
    centre = next((one for one in documents if isinstance(one, CentreDocument)), None)
    reading = next((one for one in readings if one.data.get("type") == "centre"), None)
    if centre is None or reading is None:
        return
    edge = next((one for one in documents if isinstance(one, EdgeDocument)), EdgeDocument(type="edge"))
    tags = [tag for one in documents if isinstance(one, SceneDocument) for tag in _tags(one)]
    if centre.retention.lets_go and isinstance(centre.historian, InfluxConfig) and centre.historian.version == 3:
        hint = "set how long its database keeps them there, and leave `retention` out"
        yield reading.fault(("retention",), "an InfluxDB 3 cannot delete samples of one tag and day", hint)
    for place, message, hint in doubtful(centre.retention, tags, queued=edge.outbox.max_age):
        yield reading.fault(("retention", *place), message, hint)


def _tags(scene: SceneDocument) -> Iterator[Kept]:
    for line in scene.lines:
        for device in line.devices:
            for tag in device.tags:
                yield Kept(f"{scene.id}/{line.id}/{device.id}/{tag.id}", scene.id, tag.kind, tag.role)
