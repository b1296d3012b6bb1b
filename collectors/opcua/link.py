"""An open session with a server: connect, call services in pieces it can take, leave promptly.

asyncua's transport, secure channel and cryptography are used; its supervisor, watchdogs
and publish loop are not, because after a server has stalled they end up connected and
silent. Every failure leaves here as `Disconnected` or `ConfigError`.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from collectors.opcua import transport
from collectors.opcua.credentials import check_password_is_protected, equip, fault, trusted_server
from configs.sources import OpcuaSource
from plant.clock import Clock
from plant.errors import Disconnected

PIECE = 500
"""Most nodes or items asked for at once, unless the server allows fewer."""
CHANNEL_LIFETIME = 3600.0
"""Seconds a secure channel's keys are asked to last; they are renewed at three quarters."""
SESSION_LIFETIME = 60.0
"""Seconds of silence from us after which the server may forget the session."""
FAREWELL = 1.0
"""Seconds the server gets to answer our leaving."""

_REFUSALS = frozenset(
    value
    for name, value in vars(StatusCodes).items()
    if name.startswith(("BadCertificate", "BadIdentityToken", "BadUser"))
    or name in ("BadSecurityChecksFailed", "BadSecurityPolicyRejected", "BadSecurityModeRejected")
)
"""Answers to connecting that trying again will not change."""
_TOO_MUCH = frozenset(
    {
        StatusCodes.BadTooManyOperations,
        StatusCodes.BadEncodingLimitsExceeded,
        StatusCodes.BadRequestTooLarge,
        StatusCodes.BadResponseTooLarge,
    }
)
_BROKEN = (struct.error, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError)
"""What asyncua's decoder raises on an answer that makes no sense."""

_T = TypeVar("_T")
_R = TypeVar("_R")


class Link:
    """A session with one server. `application_uri` is how the server names itself."""

    def __init__(self, client: Client, config: OpcuaSource, application_uri: str) -> None:
        self.application_uri = application_uri
        self.read_limit = self.browse_limit = self.item_limit = PIECE
        self._client = client
        self._config = config

    async def create_subscription(self, parameters: ua.CreateSubscriptionParameters) -> ua.CreateSubscriptionResult:
        """Create a subscription without asyncua's publish loop, which its own method would start."""
        request = ua.CreateSubscriptionRequest()
        request.Parameters = parameters
        with translated(self._config):
            answer = await transport.exchange(self._client, request, timeout=self._config.timeout)
            response = struct_from_binary(ua.CreateSubscriptionResponse, Buffer(answer))
            response.ResponseHeader.ServiceResult.check()
        granted: ua.CreateSubscriptionResult = response.Parameters
        return granted

    async def publish(self, acknowledged: Sequence[ua.SubscriptionAcknowledgement]) -> bytes:
        """Ask for the next notification and wait for it without limit; return its bytes.

        Raises asyncua's own status error on a service fault, for the publisher to judge.
        """
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = list(acknowledged)
        return await transport.exchange(self._client, request, timeout=0)

    async def in_pieces(
        self, items: Sequence[_T], size: int, service: Callable[[Sequence[_T]], Awaitable[Sequence[_R]]]
    ) -> list[_R]:
        """Call a service on many items, `size` at a time; fewer when the server says it is too many."""
        results: list[_R] = []
        with translated(self._config):
            while len(results) < len(items):
                piece = items[len(results) : len(results) + size]
                try:
                    answers = await service(piece)
                except UaStatusCodeError as error:
                    if error.code not in _TOO_MUCH or size == 1:
                        raise
                    size = max(1, size // 2)
                    continue
                if len(answers) != len(piece):
                    raise UaError(f"{len(answers)} answers to {len(piece)} questions")
                results += answers
        return results

    async def read(self, nodes: Sequence[ua.NodeId], attribute: AttributeIds) -> list[ua.DataValue]:
        """Read one attribute of many nodes."""
        session = self._client.uaclient

        async def read(piece: Sequence[ua.NodeId]) -> list[ua.DataValue]:
            return await session.read_attributes(list(piece), attribute)

        return await self.in_pieces(nodes, self.read_limit, read)

    async def write(self, node: ua.NodeId, value: ua.Variant) -> ua.StatusCode:
        """Write one value, without time stamps, which many servers refuse; return the server's word on it."""
        with translated(self._config):
            written = ua.DataValue(value)
            (status,) = await self._client.uaclient.write_attributes([node], [written], AttributeIds.Value)
        found: ua.StatusCode = status
        return found

    async def read_values(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """Read the values of many nodes as they are now; their server time is that of the answer.

        Some servers keep the server timestamp of the last change; the answer's own is always now.
        """

        async def read(piece: Sequence[ua.NodeId]) -> list[ua.DataValue]:
            request = ua.ReadRequest()
            request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.Parameters.NodesToRead = [ua.ReadValueId(node, ua.UInt32(AttributeIds.Value)) for node in piece]
            answer = await transport.exchange(self._client, request, timeout=self._config.timeout)
            response = struct_from_binary(ua.ReadResponse, Buffer(answer))
            response.ResponseHeader.ServiceResult.check()
            moment = response.ResponseHeader.Timestamp
            return [replace(value, ServerTimestamp=moment) for value in response.Results]

        return await self.in_pieces(nodes, self.read_limit, read)

    async def children(self, nodes: Sequence[ua.NodeId], *, most: int) -> list[list[ua.ReferenceDescription]]:
        """Return the objects and variables directly below each node, at most `most` of each."""
        session = self._client.uaclient

        async def browse(piece: Sequence[ua.NodeId]) -> list[list[ua.ReferenceDescription]]:
            view = ua.BrowseParameters()
            view.RequestedMaxReferencesPerNode = most
            view.NodesToBrowse = [_downwards(node) for node in piece]
            results = await session.browse(view)
            return [await self._rest(result, most) for result in results]

        return await self.in_pieces(nodes, self.browse_limit, browse)

    async def _rest(self, result: ua.BrowseResult, most: int) -> list[ua.ReferenceDescription]:
        references = list(result.References or [])
        while result.ContinuationPoint and len(references) < most:
            more = ua.BrowseNextParameters()
            more.ContinuationPoints = [result.ContinuationPoint]
            (result,) = await self._client.uaclient.browse_next(more)
            references += result.References or []
        return references

    async def learn_limits(self) -> None:
        """Ask the server how much it takes at once."""
        wanted = (
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        )
        values = await self.read([ua.NodeId(ua.Int32(i)) for i in wanted], AttributeIds.Value)
        self.read_limit, self.browse_limit, self.item_limit = (_limit(value) for value in values)

    async def create_items(self, parameters: ua.CreateMonitoredItemsParameters) -> list[ua.MonitoredItemCreateResult]:
        """Create monitored items in one call; for use with `in_pieces`."""
        return await self._client.uaclient.create_monitored_items(parameters)


@asynccontextmanager
async def connect(config: OpcuaSource, clock: Clock) -> AsyncIterator[Link]:
    """Open a session; leaving closes it, or just hangs up when the link was lost.

    Raises Disconnected when the server cannot be reached or does not answer, ConfigError
    when it refuses us or something of ours cannot be used.
    """
    client = transport.new_client(config.endpoint, config.timeout)
    client.secure_channel_timeout = int(CHANNEL_LIFETIME * 1000)
    client.session_timeout = int(SESSION_LIFETIME * 1000)
    with translated(config, connecting=True):
        server = await trusted_server(config)
    password = equip(client, config, server)
    in_order = False
    renewal: asyncio.Task[None] | None = None
    try:
        with translated(config, connecting=True):
            uri = await _handshake(client, config, password)
        renewal = asyncio.create_task(_renew(client, clock), name=f"opcua {config.id} key renewal")
        link = Link(client, config, uri)
        await link.learn_limits()
        in_order = True
        try:
            yield link
        except Disconnected:
            in_order = False
            raise
    finally:
        if renewal is not None:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal
        await _leave(client, in_order=in_order)


@contextmanager
def translated(config: OpcuaSource, *, connecting: bool = False) -> Iterator[None]:
    """Turn what asyncua raises into this project's errors."""
    place = f"{config.id} ({config.endpoint})"
    try:
        yield
    except UaStatusCodeError as error:
        name = ua.StatusCode(error.code).name
        if connecting and error.code in _REFUSALS:
            raise fault(config, "security", f"the server refuses the connection: {name}") from error
        raise Disconnected(f"{place}: {name}") from error
    except TimeoutError as error:
        raise Disconnected(f"{place}: no answer within {config.timeout:g} s") from error
    except InvalidSignature as error:
        raise fault(config, "security.server_certificate", "the server cannot prove that it is its own") from error
    except (OSError, UaError) as error:
        if connecting and type(error) is UaError:  # asyncua's own checks: another certificate, no such endpoint
            raise fault(config, "security", str(error)) from error
        raise Disconnected(f"{place}: {error}") from error
    except _BROKEN as error:
        raise Disconnected(f"{place}: an answer that cannot be read: {error!r}") from error


async def _handshake(client: Client, config: OpcuaSource, password: str | None) -> str:
    await client.connect_socket()
    await client.send_hello()
    transport.enforce_limits(client)
    await client.open_secure_channel()
    session = await client.create_session()
    check_password_is_protected(client, config)
    await client.activate_session(config.user, password, client.user_certificate)
    endpoint = client.find_endpoint(session.ServerEndpoints, client.security_policy.Mode, client.security_policy.URI)
    return endpoint.Server.ApplicationUri or ""


async def _renew(client: Client, clock: Clock) -> None:
    while True:
        # The server may have revised the lifetime; asyncua keeps the revised one.
        await clock.sleep(client.secure_channel_timeout / 1000 * 0.75)
        try:
            await client.open_secure_channel(renew=True)
            client.uaclient.revolve_security_token()
        except (OSError, UaError, *_BROKEN):
            transport.abort(client)  # whoever waits for data learns it at once
            return


async def _leave(client: Client, *, in_order: bool) -> None:
    session = client.uaclient
    if session.has_session and in_order:
        with suppress(OSError, UaError):
            async with asyncio.timeout(FAREWELL):
                await session.close_session(True)
    elif session.has_session:
        # A server that only stalled finds it when it wakes up, and frees the session.
        request = ua.CloseSessionRequest()
        request.DeleteSubscriptions = True
        transport.post(client, request)
    await transport.hang_up(client)


def _downwards(node: ua.NodeId) -> ua.BrowseDescription:
    return ua.BrowseDescription(
        NodeId=node,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences)),
        IncludeSubtypes=True,
        NodeClassMask=ua.NodeClass.Object | ua.NodeClass.Variable,
        ResultMask=ua.BrowseResultMask.ReferenceTypeId | ua.BrowseResultMask.NodeClass | ua.BrowseResultMask.BrowseName,
    )


def _limit(value: ua.DataValue) -> int:
    """Return the server's limit if it names one below ours; 0 and nothing mean "no limit"."""
    number = value.Value.Value if value.Value is not None else None
    return min(number, PIECE) if isinstance(number, int) and number > 0 else PIECE
