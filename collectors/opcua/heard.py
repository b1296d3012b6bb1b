"""OPC UA messages in words, as a tap on the wire caught them (OPC 10000-4 services, 10000-6 binary encoding).

Only what travels unsecured can be read. A data change names handles, not nodes: which handle
is which node was said by the requests that made the monitored items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary
from asyncua.ua.uaerrors import UaError

Fields = tuple[tuple[str, str], ...]

_SERVICE_AT = 24
"""Where a service begins in a secured message: after type, size, channel, token, sequence and request numbers."""
_POLICY_AT = 12
"""Where the URI of its security policy begins in a message that opens a channel."""
_KINDS = {b"HEL": "Hello", b"ACK": "Acknowledge", b"ERR": "Error", b"OPN": "OpenSecureChannel", b"CLO": "CloseChannel"}


def heard(octets: bytes, *, request: bytes, items: Iterable[bytes]) -> tuple[str, Fields]:
    """Return a line about a message, and its fields. `request`: what it answers; `items`: see the module.

    Raises ValueError for what cannot be read.
    """
    kind, chunk = octets[:3], octets[3:4]
    if kind == b"OPN":
        policy = _policy(octets)
        return f"{_KINDS[kind]} · {policy}", (("security policy", policy),)
    if kind in _KINDS:
        return _KINDS[kind], ()
    if kind != b"MSG" or chunk != b"F":
        return "part of a longer message", ()
    try:
        service = _service(octets)
        name = type(service).__name__
        fields = _FIELDS.get(name, _nothing)(service, _service(request) if request else None, items)
    except (UaError, ValueError, TypeError, AttributeError, IndexError, KeyError, EOFError) as error:
        raise ValueError(f"not to be read: {error}") from error
    return _line(name, service, fields), (*_header(service), *fields)


def _policy(octets: bytes) -> str:
    """Return the name of the security policy, which stands in clear before anything that is encrypted."""
    length = int.from_bytes(octets[_POLICY_AT : _POLICY_AT + 4], "little")
    uri = octets[_POLICY_AT + 4 : _POLICY_AT + 4 + length].decode(errors="replace")
    return uri.rpartition("#")[2] or "?"


def _service(octets: bytes) -> object:
    body = octets[_SERVICE_AT:]
    type_id = nodeid_from_binary(Buffer(body))
    form = ua.extension_objects_by_typeid.get(type_id)
    if form is None:
        raise ValueError(f"no service {type_id.to_string()}")
    return struct_from_binary(form, Buffer(body))


def _line(name: str, service: object, fields: Fields) -> str:
    words = name.removesuffix("Request").removesuffix("Response")
    side = "request" if name.endswith("Request") else "response"
    result = getattr(getattr(service, "ResponseHeader", None), "ServiceResult", None)
    if result is not None and not result.is_good():
        return f"{words} {side} · {result.name}"
    about = fields[0] if fields else None
    return f"{words} {side}" if about is None else f"{words} {side} · {about[0]} {about[1]}".rstrip()


def _header(service: object) -> Iterator[tuple[str, str]]:
    request, response = getattr(service, "RequestHeader", None), getattr(service, "ResponseHeader", None)
    if request is not None:
        yield "request handle", str(request.RequestHandle)
    if response is not None:
        yield "request handle", str(response.RequestHandle)
        yield "service result", response.ServiceResult.name


# ------------------------------------------------------------------------------------ services
def _nothing(*_: object) -> Fields:
    return ()


def _read(service: ua.ReadRequest, *_: object) -> Fields:
    return tuple(
        (node.NodeId.to_string(), AttributeIds(node.AttributeId).name) for node in service.Parameters.NodesToRead
    )


def _read_back(service: ua.ReadResponse, request: object, _: object) -> Fields:
    nodes = request.Parameters.NodesToRead if isinstance(request, ua.ReadRequest) else ()
    names = [node.NodeId.to_string() for node in nodes]
    return tuple((_nth(names, i), _value(value)) for i, value in enumerate(service.Results))


def _create(service: ua.CreateMonitoredItemsRequest, *_: object) -> Fields:
    return tuple(
        (
            item.ItemToMonitor.NodeId.to_string(),
            f"handle {item.RequestedParameters.ClientHandle},"
            f" sampling {item.RequestedParameters.SamplingInterval:g} ms, queue {item.RequestedParameters.QueueSize}",
        )
        for item in service.Parameters.ItemsToCreate
    )


def _created(service: ua.CreateMonitoredItemsResponse, request: object, _: object) -> Fields:
    asked = request.Parameters.ItemsToCreate if isinstance(request, ua.CreateMonitoredItemsRequest) else ()
    names = [item.ItemToMonitor.NodeId.to_string() for item in asked]
    return tuple(
        (_nth(names, i), f"{result.StatusCode.name}, item {result.MonitoredItemId}")
        for i, result in enumerate(service.Results)
    )


def _published(service: ua.PublishResponse, _: object, items: Iterable[bytes]) -> Fields:
    message = service.Parameters.NotificationMessage
    changes = [data for data in message.NotificationData or () if isinstance(data, ua.DataChangeNotification)]
    if not changes:
        return (("keep-alive", f"subscription {service.Parameters.SubscriptionId}"),)
    names = _handles(items)
    return tuple(
        (names.get(item.ClientHandle, f"handle {item.ClientHandle}"), _value(item.Value))
        for change in changes
        for item in change.MonitoredItems
    )


def _subscribe(service: ua.CreateSubscriptionRequest, *_: object) -> Fields:
    asked = service.Parameters
    return (
        ("publishing interval", f"{asked.RequestedPublishingInterval:g} ms"),
        ("keep-alive count", str(asked.RequestedMaxKeepAliveCount)),
        ("lifetime count", str(asked.RequestedLifetimeCount)),
    )


def _subscribed(service: ua.CreateSubscriptionResponse, *_: object) -> Fields:
    given = service.Parameters
    return (
        ("subscription", str(given.SubscriptionId)),
        ("publishing interval", f"{given.RevisedPublishingInterval:g} ms"),
    )


def _browse(service: ua.BrowseRequest, *_: object) -> Fields:
    return tuple((node.NodeId.to_string(), "") for node in service.Parameters.NodesToBrowse)


def _browsed(service: ua.BrowseResponse, *_: object) -> Fields:
    return tuple(
        (reference.BrowseName.to_string(), reference.NodeId.to_string())
        for result in service.Results
        for reference in result.References or ()
    )


def _paths(service: ua.TranslateBrowsePathsToNodeIdsRequest, *_: object) -> Fields:
    return tuple(
        ("/".join(part.TargetName.to_string() for part in path.RelativePath.Elements), path.StartingNode.to_string())
        for path in service.Parameters.BrowsePaths
    )


def _resolved(service: ua.TranslateBrowsePathsToNodeIdsResponse, *_: object) -> Fields:
    return tuple(
        (result.StatusCode.name, ", ".join(target.TargetId.to_string() for target in result.Targets or ()))
        for result in service.Results
    )


_FIELDS: dict[str, Callable[..., Fields]] = {
    "ReadRequest": _read,
    "ReadResponse": _read_back,
    "CreateMonitoredItemsRequest": _create,
    "CreateMonitoredItemsResponse": _created,
    "PublishResponse": _published,
    "CreateSubscriptionRequest": _subscribe,
    "CreateSubscriptionResponse": _subscribed,
    "BrowseRequest": _browse,
    "BrowseResponse": _browsed,
    "TranslateBrowsePathsToNodeIdsRequest": _paths,
    "TranslateBrowsePathsToNodeIdsResponse": _resolved,
}


def _handles(items: Iterable[bytes]) -> dict[int, str]:
    found: dict[int, str] = {}
    for octets in items:
        request = _service(octets)
        assert isinstance(request, ua.CreateMonitoredItemsRequest)
        for item in request.Parameters.ItemsToCreate:
            found[item.RequestedParameters.ClientHandle] = item.ItemToMonitor.NodeId.to_string()
    return found


def _value(value: ua.DataValue) -> str:
    shown = "–" if value.Value is None or value.Value.Value is None else str(value.Value.Value)
    status = "Good" if value.StatusCode is None else value.StatusCode.name
    stamp = f" · {value.SourceTimestamp.isoformat(timespec='milliseconds')}" if value.SourceTimestamp else ""
    return f"{shown} · {status}{stamp}"


def _nth(names: Sequence[str], position: int) -> str:
    return names[position] if position < len(names) else f"#{position + 1}"
