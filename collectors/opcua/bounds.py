"""Bounds on what a message makes asyncua's decoder do: no list has more elements than the message has bytes left.

Elements that take no bytes (nulls, empty structures) are the catch: nothing would end a list of
two thousand million of them, and a server could hold us up for minutes, and fill the memory,
with a hundred bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors import UaError

_Read = Callable[[Any], Any]
_LISTS = ("_create_list_deserializer", "_create_uatype_array_deserializer")
_DERIVED = ("_create_type_deserializer", "_create_dataclass_deserializer")


def bound() -> None:
    """Bound the lists that asyncua reads, wherever in this process it reads them."""
    for name in _LISTS:
        setattr(ua_binary, name, _bounded(getattr(ua_binary, name)))
    for name in _DERIVED:  # what was made of the unbounded ones before
        getattr(ua_binary, name).cache_clear()


def _bounded(create: Callable[[Any], _Read]) -> Callable[[Any], _Read]:
    @cache
    def made(element: object) -> _Read:
        read = create(element)

        def checked(data: Any) -> Any:  # noqa: ANN401 - as asyncua has it
            if isinstance(data, Buffer):
                size = int.from_bytes(data.copy(4).read(4), "little", signed=True)
                if size > len(data):
                    raise UaError(f"a list of {size} in {len(data)} bytes")
            return read(data)

        return checked

    return made
