"""The gate: finds out who asks, by the session in a cookie or the token in a header.

A browser sends its cookie whoever made it ask. So whatever changes something, and every live
connection, must come from a page of this very origin, which browsers say truthfully in `Origin`;
a cookie without an origin opens nothing that changes anything. Programs use tokens, which no
browser sends by itself. The cookie is out of reach of scripts, goes to no other site
(`SameSite=Strict`), and over TLS never in clear (`Secure`, with the `__Host-` name that only
this host can set).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import HTTPException, Response, WebSocketException
from fastapi.requests import HTTPConnection

from dashboard_api.access import POLICY_VIOLATION, Actor, Role, anonymous
from dashboard_api.accounts import Accounts

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SCHEMES: Final = frozenset({"token", "bearer"})


@dataclass(frozen=True, slots=True)
class AccountGate:
    """The gate in front of accounts. `visitors`: the role of who does not sign in; None lets nobody in."""

    accounts: Accounts
    visitors: Role | None

    def identify(self, connection: HTTPConnection) -> Actor:
        """Return who asks. A token that opens nothing makes one who may do nothing, for it was meant."""
        address = address_of(connection)
        if "authorization" in connection.headers:
            scheme, _, secret = connection.headers["authorization"].partition(" ")
            found = self.accounts.by_token(secret.strip(), address) if scheme.lower() in _SCHEMES else None
            return found or anonymous(None, address)
        secret = connection.cookies.get(cookie_name(connection), "")
        if secret and (actor := self.accounts.by_session(secret, address)):
            _check_origin(connection, needed=True)
            return actor
        _check_origin(connection, needed=False)
        return anonymous(self.visitors, address)


def address_of(connection: HTTPConnection) -> str:
    """Return where a request came from."""
    return connection.client.host if connection.client else ""


def cookie_name(connection: HTTPConnection) -> str:
    """Return the name of the session's cookie on this connection."""
    return "__Host-provenline" if is_private(connection) else "provenline"


def is_private(connection: HTTPConnection) -> bool:
    """Say whether this connection is under TLS, here or at a proxy in front."""
    return connection.url.scheme in ("https", "wss")


def give_cookie(connection: HTTPConnection, response: Response, secret: str, *, lasts: float) -> None:
    """Put a session's secret into the browser, for `lasts` seconds; an empty one takes it away."""
    response.set_cookie(
        cookie_name(connection),
        secret,
        max_age=round(lasts) if secret else 0,
        path="/",
        secure=is_private(connection),
        httponly=True,
        samesite="strict",
    )


def _check_origin(connection: HTTPConnection, *, needed: bool) -> None:
    socket = connection.scope["type"] == "websocket"
    if not socket and connection.scope["method"] in _SAFE:
        return
    origin = connection.headers.get("origin")
    if origin is None and (socket or not needed):
        return
    if origin is None or urlsplit(origin).netloc != connection.headers.get("host"):
        reason = "this request came from a page of another origin" if origin else "a session needs the header Origin"
        if socket:
            raise WebSocketException(POLICY_VIOLATION, reason)
        raise HTTPException(403, reason)
