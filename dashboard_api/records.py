"""What machines said piece by piece, over REST: the last verdicts, decisions or sessions, each with what came with it.

A message about one piece carries one time for all its fields, so equal times put a record
together again. Whether a verdict was right is told by a re-check of the same part, or by a
reference that came with the message itself.

    camera   part 46 · good ── crack, 0.93          ┐
    re-check part 46 · ───────────────── reference  ┘ one record
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query

from dashboard_api.query import CentreHere, Json, scene_of
from dashboard_api.windows import AskedHere
from historian.port import Historian
from plant.assets import Device, Scene
from plant.batch import Batch, Origin
from plant.calendar import Span
from plant.clock import MILLISECOND
from plant.quality import usable
from plant.tags import Role, Tag

router = APIRouter(prefix="/api/v1", tags=["read"])

MOST = 500


class Of(StrEnum):
    """What a record is of."""

    VERDICT = "verdict"
    DECISION = "decision"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class _Record:
    device: str
    time: int
    said: str
    values: Mapping[str, float | int | bool | str | None]
    reference: str | None
    simulated: bool

    def right(self, accepted: AbstractSet[str]) -> bool | None:
        """Say whether it was right; None where nobody told. One defect taken for another still is a defect."""
        if self.reference is None:
            return None
        said, true = self.said.lower(), self.reference.lower()
        return said == true or (bool(accepted) and (said in accepted) == (true in accepted))


@router.get("/scenes/{scene_id}/records")
async def records(
    centre: CentreHere,
    scene_id: str,
    of: Of,
    asked: AskedHere,
    most: Annotated[int, Query(ge=1, le=MOST)] = 60,
) -> list[Json]:
    """Give the newest verdicts on parts, decisions, or sessions of a window, the newest first.

    `values`: by tag path, all that the machine said at that very time. `reference`: what the part
    or decision really was, and `right` whether it was judged so; null where nobody re-checked.
    `accepted`: whether the verdict lets the part pass, as agreed for the scene; null for no verdict.
    """
    scene = scene_of(centre, scene_id)
    span = asked.window(centre.configuration.calendar(scene.id), centre.clock.now())
    accepted = centre.configuration.scenes[scene_id].agreed.accepted if of is Of.VERDICT else frozenset()
    found = await asyncio.to_thread(_records, scene, centre.historian, span, of, most)
    return [
        {
            "device": record.device,
            "time": record.time // MILLISECOND,
            "values": record.values,
            "reference": record.reference,
            "right": record.right(accepted),
            "accepted": record.said.lower() in accepted if of is Of.VERDICT else None,
            "simulated": record.simulated,
        }
        for record in found
    ]


def _records(scene: Scene, historian: Historian, span: Span, of: Of, most: int) -> list[_Record]:
    heads = [(device, tag) for device in scene.devices if (tag := _head(scene, device, of)) is not None]
    found = [record for device, tag in heads for record in _of_device(device, tag, historian, span, most)]
    newest = sorted(found, key=lambda record: record.time, reverse=True)[:most]
    return _rechecked(scene, historian, span, newest) if of is Of.VERDICT else newest


def _head(scene: Scene, device: Device, of: Of) -> Tag | None:
    """Return the tag that says there is a record: a verdict that comes with a part, a decision, a session."""
    if of is not Of.VERDICT:
        return device.role(Role(of.value))
    if device.role(Role.PART) is None or device.role(Role.SESSION) is not None:
        return None
    # A re-check repeats the verdicts of others; where it is all there is, it speaks for itself.
    others = any(one.role(Role.VERDICT) and one.role(Role.PART) and not one.role(Role.TRUTH) for one in scene.devices)
    return None if others and device.role(Role.TRUTH) else device.role(Role.VERDICT)


def _of_device(device: Device, head: Tag, historian: Historian, span: Span, most: int) -> list[_Record]:
    said = _usable(historian.history([head.path], *span))
    times = said.time[-most:]
    if not len(times):
        return []
    paths = [tag.path for tag in device.tags if tag.role is not Role.STATE]
    told = historian.history(paths, int(times[0]), int(times[-1]) + 1)
    columns = {path: _by_time(_usable(told.of(path))) for path in paths}
    truth = device.role(Role.TRUTH)
    simulated = dict(zip(said.time.tolist(), (said.origin & Origin.SIMULATED).tolist(), strict=True))
    found = []
    for time in times.tolist():
        values = {path: column[time] for path, column in columns.items() if time in column}
        reference = str(values[truth.path]) if truth is not None and truth.path in values else None
        marked = bool(simulated[time]) or head.simulated
        found.append(_Record(device.path, time, str(values.get(head.path, "")), values, reference, marked))
    return found


def _rechecked(scene: Scene, historian: Historian, span: Span, found: Sequence[_Record]) -> list[_Record]:
    """Say of each part what a re-check found it to be; a re-check comes later than the verdict."""
    if not found:
        return []
    truth: dict[str, str] = {}
    for device in scene.devices:
        part, reference = device.role(Role.PART), device.role(Role.TRUTH)
        if part is None or reference is None:
            continue
        told = historian.history([part.path, reference.path], min(record.time for record in found), span[1])
        parts, references = (_by_time(_usable(told.of(tag.path))) for tag in (part, reference))
        truth |= {str(parts[time]): str(said) for time, said in references.items() if time in parts}
    part_of = {device.path: tag.path for device in scene.devices if (tag := device.role(Role.PART))}
    return [
        record
        if record.reference is not None
        else replace(record, reference=truth.get(str(record.values.get(part_of[record.device], ""))))
        for record in found
    ]


def _usable(batch: Batch) -> Batch:
    return batch.take(usable(batch.quality))


def _by_time(batch: Batch) -> dict[int, float | int | bool | str | None]:
    finite = np.isfinite(batch.numbers).tolist()
    values = (batch.value(row) for row in range(len(batch)))
    return {
        time: value if isinstance(value, str) or sure else None
        for time, value, sure in zip(batch.time.tolist(), values, finite, strict=True)
    }
