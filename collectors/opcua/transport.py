"""The only place that touches asyncua's private names; a test pins each of them.

asyncua 2.1.0 has no public way to send a request of our own and get the answer's bytes, to
bound what a server may make it buffer, or to hang up on a peer that does not answer.
"""

from __future__ import annotations

import asyncio

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import SecureConnection

MESSAGE_LIMIT = 16 * 1024 * 1024
"""Largest message taken from a server, in bytes, all chunks together."""
CHUNK_LIMIT = 4 * 1024 * 1024
"""Most bytes of an unfinished chunk kept; the protocol's usual chunk is 64 KiB."""

PRIVATE_NAMES = {
    UaClient: ("_send_request", "_make_protocol"),
    UASocketProtocol: ("_send_request", "_fail_all_pending", "_process_received_message"),
    SecureConnection: ("_limits",),
}
"""What this module needs of asyncua beyond its public names; `_limits` is reached by `_connection`."""


class _BoundedSocket(UASocketProtocol):
    """A socket that hangs up when a peer announces more than it may send."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.receive_buffer and len(self.receive_buffer) > CHUNK_LIMIT:
            self._fail_all_pending(ConnectionError(f"the server sends a chunk of more than {CHUNK_LIMIT} bytes"))
            if self.transport is not None:
                self.transport.abort()

    def _process_received_message(self, msg: ua.Message | ua.Acknowledge | ua.ErrorMessage | None) -> None:
        # A server may answer the wish for a channel with a fault; asyncua would read it as a channel.
        if isinstance(msg, ua.Message) and isinstance(msg.SecurityHeader(), ua.AsymmetricAlgorithmHeader):  # type: ignore[no-untyped-call]
            self.check_answer(msg.body(), " in response to OpenSecureChannelRequest")  # type: ignore[no-untyped-call]
        super()._process_received_message(msg)


def new_client(url: str, timeout: float) -> Client:
    """Return a client that is not connected yet, with bounds on what it takes from a server."""
    client = Client(url, timeout=timeout)
    uaclient = client.uaclient
    # asyncua holds requests back while its own supervisor reconnects; that one never runs here.
    uaclient.pre_request_hook = None

    def bounded_socket() -> UASocketProtocol:
        protocol = _BoundedSocket(timeout, security_policy=uaclient.security_policy)
        # Our cancelled publish requests are answered when the session closes: no news to anyone.
        protocol.is_session_closing = lambda: True
        uaclient.protocol = protocol
        return protocol

    uaclient._make_protocol = bounded_socket  # type: ignore[method-assign]  # noqa: SLF001
    client.max_messagesize = MESSAGE_LIMIT
    return client


def enforce_limits(client: Client) -> None:
    """Hold the server to the announced message size; call it after the hello.

    asyncua takes over the size that the *server* accepts, which may be "no limit".
    """
    protocol = client.uaclient.protocol
    if protocol is None:
        raise ConnectionError("the connection was closed during the hello")
    limits = protocol._connection._limits  # noqa: SLF001
    limits.max_message_size = min(limits.max_message_size or MESSAGE_LIMIT, MESSAGE_LIMIT)


async def exchange(client: Client, request: object, *, timeout: float) -> bytes:  # noqa: ASYNC109
    """Send a request and return the answer from its type id on; a timeout of 0 waits forever.

    Raises a status error on a service fault, OSError on a lost connection or no answer.
    """
    answer = await client.uaclient._send_request(request, timeout)  # noqa: SLF001
    return bytes(answer)


def post(client: Client, request: object) -> None:
    """Write a request to the socket and take no interest in the answer."""
    protocol = client.uaclient.protocol
    if protocol is not None and protocol.transport is not None:
        protocol._send_request(request).cancel()  # noqa: SLF001


async def hang_up(client: Client) -> None:
    """Close the channel and the socket without waiting for the peer."""
    protocol = client.uaclient.protocol
    transport = protocol.transport if protocol is not None else None
    if protocol is not None and transport is not None and protocol._connection.is_open():  # noqa: SLF001
        await client.uaclient.close_secure_channel()  # a channel that never opened has no keys to say so with
    client.disconnect_socket()
    if transport is not None and transport.get_write_buffer_size():
        transport.abort()  # a peer that reads nothing would keep the socket open for ever
    await asyncio.sleep(0)


def abort(client: Client) -> None:
    """Cut the connection, so that everything waiting on it fails at once."""
    protocol = client.uaclient.protocol
    if protocol is not None and protocol.transport is not None:
        protocol.transport.abort()
