"""`provenline doctor`: what is wrong with an installation, and what to do about it.

Each check looks at one thing and says nothing when it is well. It changes nothing, and it works
beside a running centre as well as when none will start.
"""

from __future__ import annotations

import locale
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from configs.configuration import Configuration
from configs.loader import load
from plant.errors import ConfigError, Fault
from plant.text import Text


class Weight(IntEnum):
    """How bad a finding is: worth knowing, will become a fault, or is one."""

    NOTE = 0
    WARNING = 1
    FAULT = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not well. `id` stays the same from version to version; `advice`: what to do."""

    id: str
    weight: Weight
    what: Text
    advice: Text


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. `configuration` is None when `faults` make it unusable; `now`: ns UTC.

    `deep`: read every segment of the store to its end, however long that takes.
    """

    folder: Path
    data: Path
    configuration: Configuration | None
    faults: tuple[Fault, ...] = ()
    now: int = field(default_factory=time.time_ns)
    deep: bool = False


Check = Callable[[Patient], Iterable[Finding]]


def patient(folder: Path, data: Path, *, deep: bool = False) -> Patient:
    """Read a configuration, sound or not."""
    try:
        return Patient(folder, data, load(folder), deep=deep)
    except ConfigError as error:
        return Patient(folder, data, None, error.faults, deep=deep)


def examine(patient: Patient, checks: Iterable[Check]) -> Iterator[Finding]:
    """Run every check and yield what it finds; one that cannot look says so."""
    for check in checks:
        try:
            yield from check(patient)
        except OSError as error:
            name = check.__name__.strip("_").replace("_", " ")
            place = error.filename or ""
            yield Finding(
                "not-permitted",
                Weight.FAULT,
                Text(f"无法检查“{name}”：{place} {error.strerror}", f"cannot check {name}: {place}: {error.strerror}"),
                Text("请以监测中心所用的系统用户运行本命令", "run this as the system's user that the centre runs as"),
            )


def language() -> str:
    """Return `zh` or `en`, as the locale of this shell asks for."""
    chosen = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "zh" if (chosen or locale.getlocale()[0] or "").lower().startswith("zh") else "en"
