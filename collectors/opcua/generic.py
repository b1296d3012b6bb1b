"""The slow way to read a publish response: asyncua's own decoder, into the same columns.

Used for the few messages in which `notification.decode` finds something unusual.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import UaError

from collectors.opcua.bounds import bound
from collectors.opcua.columns import BuiltIn, Publication, Row, Rows, Segment, ticks_to_ns, to_rows
from collectors.opcua.variable import Malformed, Values

bound()

_BROKEN = (UaError, struct.error, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What asyncua's decoder raises on bytes that make no sense."""


def decode(message: bytes) -> Publication:
    """Read a publish response from its type id on. Raises Malformed when it cannot be read."""
    try:
        response = struct_from_binary(ua.PublishResponse, Buffer(message))
        return _publication(response)
    except _BROKEN as error:
        raise Malformed(f"a publish response cannot be read: {error}") from error


def rows(handles: Sequence[int], values: Sequence[ua.DataValue]) -> Rows:
    """Turn values that were read, one a handle, into rows."""
    texts = Values()
    return _rows([_row(handle, value, texts) for handle, value in zip(handles, values, strict=True)], texts)


def _rows(found: Sequence[Row], values: Values) -> Rows:
    segments = [Segment(*(np.array(column, np.int64) for column in zip(*found, strict=True)))] if found else []
    return to_rows(segments, values.texts, values.refused)


def _publication(response: ua.PublishResponse) -> Publication:
    result = response.Parameters
    notice = result.NotificationMessage
    parts: list[Any] = notice.NotificationData or []
    values, found, ended = Values(), list[Row](), None
    for part in parts:
        if isinstance(part, ua.DataChangeNotification):
            found += [_row(item.ClientHandle, item.Value, values) for item in part.MonitoredItems or []]
        elif isinstance(part, ua.StatusChangeNotification):
            ended = part.Status.value
    return Publication(
        subscription=result.SubscriptionId,
        sequence=notice.SequenceNumber,
        sent=ticks_to_ns(_ticks(response.ResponseHeader.Timestamp)),
        rows=_rows(found, values),
        keep_alive=not parts,
        ended=ended,
    )


def _row(handle: int, value: ua.DataValue, values: Values) -> Row:
    status = value.StatusCode.value if value.StatusCode is not None else 0
    kind, bits, status = _value(handle, status, value.Value, values)
    source, server = _ticks(value.SourceTimestamp), _ticks(value.ServerTimestamp)
    return handle, kind, bits, status, source, value.SourcePicoseconds or 0, server


def _value(handle: int, status: int, variant: ua.Variant | None, values: Values) -> tuple[int, int, int]:
    if variant is None or variant.Value is None:
        return BuiltIn.NULL, 0, status
    kind, value = int(getattr(variant.VariantType, "value", BuiltIn.VARIANT)), variant.Value
    if variant.is_array or isinstance(value, list):
        return values.refuse(handle, status, kind, array=True)
    match kind:
        case BuiltIn.FLOAT:
            return kind, struct.unpack("<I", struct.pack("<f", value))[0], status
        case BuiltIn.DOUBLE:
            return kind, struct.unpack("<q", struct.pack("<d", value))[0], status
        case BuiltIn.UINT64:
            return kind, struct.unpack("<q", struct.pack("<Q", value))[0], status
        case BuiltIn.DATETIME:
            return kind, _ticks(value), status
        case BuiltIn.STATUS_CODE:
            return kind, value.value, status
        case BuiltIn.STRING | BuiltIn.GUID:
            return values.text(handle, status, str(value).encode("utf-8", "surrogateescape"))
        case BuiltIn.LOCALIZED_TEXT | BuiltIn.QUALIFIED_NAME:
            words = value.Text if kind == BuiltIn.LOCALIZED_TEXT else value.Name
            return values.text(handle, status, None if words is None else words.encode("utf-8", "surrogateescape"))
    if BuiltIn.BOOLEAN <= kind <= BuiltIn.INT64:
        return kind, int(value), status
    return values.refuse(handle, status, kind, array=False)


def _ticks(moment: datetime | None) -> int:
    return 0 if moment is None else ua.datetime_to_win_epoch(moment)
