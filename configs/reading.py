"""YAML files as plain data plus the line every part stands on; safe on hostile input.

Only plain data is built (no tags, no objects). A file, its nesting and what its aliases
expand to are bounded, and a key written twice is a fault, not a silent override.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from plant.errors import Fault

MAX_BYTES = 2_000_000
MAX_DEPTH = 40
MAX_NODES = 300_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: it takes a sixth of the time."""

Place = tuple[str | int, ...]


@dataclass(slots=True)
class Reading:
    """One file's data. `lines` gives the line of each place, counting from 1."""

    file: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """Return the line of `place`, or of the nearest place around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 0)

    def fault(self, place: Place, message: str, hint: str = "") -> Fault:
        """Return a fault at `place` of this file."""
        return Fault(self.file, dotted(place), message, hint, self.line(place))


def dotted(place: Place) -> str:
    """Write a place as a person would: `lines[0].devices[2].unit`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def read(path: Path, name: str) -> Reading:
    """Read one file; what is wrong with it is in `faults`, and `data` is None then."""
    reading = Reading(name)
    try:
        if path.stat().st_size > MAX_BYTES:
            reading.faults.append(Fault(name, "", f"larger than {MAX_BYTES} bytes", "split it"))
            return reading
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        reading.faults.append(Fault(name, "", "not UTF-8 text", "save it as UTF-8"))
        return reading
    except OSError as error:
        reading.faults.append(Fault(name, "", f"cannot be read: {error.strerror}"))
        return reading
    try:
        _check_depth(text)
        node = yaml.compose(text, Loader=_LOADER)
        if node is not None:
            reading.data = _Builder(reading).build(node, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        reading.faults.append(Fault(name, "", f"not YAML: {error.problem}", "check indentation and quotes", line))
    except (yaml.YAMLError, ValueError) as error:
        reading.faults.append(Fault(name, "", f"not YAML: {error}"))
    except RecursionError:  # a part that is merged into itself gets no deeper place
        reading.faults.append(Fault(name, "", f"nested deeper than {MAX_DEPTH} levels"))
    if reading.faults:
        reading.data = None
    return reading


def _check_depth(text: str) -> None:
    # Before anything recurses: libyaml's composer does so on the stack of C, which nobody guards.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH + 1:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


class _Builder:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._scalars = yaml.constructor.SafeConstructor()
        self._count = 0

    def build(self, node: yaml.Node, place: Place) -> Any:  # noqa: ANN401 - YAML is of any shape
        self._count += 1
        if len(place) > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        if self._count > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} values after expanding aliases")
        self._reading.lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*place, i)) for i, child in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value  # dates and times are read by the schema, which knows what it expects
        if node.tag == "tag:yaml.org,2002:int" and ":" in node.value:
            return node.value  # YAML 1.1 reads 08:30 as a number in base 60; a person means a time
        return self._scalars.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for source in sources:
                    base = self.build(source, place)
                    merged = {**base, **merged} if isinstance(base, dict) else merged
                continue
            key = str(key_node.value)
            if key in own:
                line = key_node.start_mark.line + 1
                where = dotted((*place, key))
                self._reading.faults.append(Fault(self._reading.file, where, "written twice", "keep one", line))
            own[key] = self.build(value_node, (*place, key))
        return {**merged, **own}
