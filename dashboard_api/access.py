"""Who may do what: permissions by area, roles as sets of them, and the one who acts.

Every route declares the one permission it needs and gets the one who asks:

    actor: Annotated[Actor, Depends(requires(Permission.ALARM_ACT))]

A route without such a line fails the walk over all routes in the tests. Who asks is found out
by the application's gate (`app.state.gate`); this module only knows what that one may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, HTTPException, WebSocketException
from fastapi.requests import HTTPConnection
from pydantic import BaseModel

Json = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]
"""What a route can answer beside success, for its description."""


class Refusal(BaseModel):
    """Why something was not done. InfluxDB's clients read `code` and `message`, ours `detail`; people read `words`."""

    detail: str | list[Json] | None = None
    code: str | None = None
    message: str | None = None
    words: dict[str, str] | None = None


class Permission(StrEnum):
    """What can be allowed, by area. `OPEN` needs nobody to sign in, `SELF` is one's own account."""

    OPEN = "open"
    SELF = "self"
    VIEW = "view"
    METRICS = "metrics"
    ANNOTATE = "annotate"
    ALARM_ACT = "alarm-act"
    WRITE_SAMPLES = "write-samples"
    COMMAND = "command"
    EXPLORE = "explore"
    CONFIGURE = "configure"
    CAMPAIGN_VIEW = "campaign-view"
    CAMPAIGN_RUN = "campaign-run"
    EVIDENCE_EXPORT = "evidence-export"
    LAB_LEARN = "lab-learn"
    LAB_TEACH = "lab-teach"
    USER_ADMIN = "user-admin"
    AUDIT_VIEW = "audit-view"


class Role(StrEnum):
    """What somebody is here for; `PERMISSIONS` says what that allows."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    TRAINEE = "trainee"
    INSTRUCTOR = "instructor"
    EVALUATOR = "evaluator"
    ADMIN = "admin"


class Kind(StrEnum):
    """How the one who acts proved who they are."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    ANONYMOUS = "anonymous"
    LOCAL = "local"  # by the system: who may signal this process, or write its files


_OPEN = frozenset({Permission.OPEN})
_LOOK = _OPEN | {Permission.VIEW, Permission.METRICS, Permission.SELF}
_ACT = {Permission.ANNOTATE, Permission.ALARM_ACT, Permission.COMMAND}
_OPERATE = _LOOK | _ACT | {Permission.CAMPAIGN_VIEW, Permission.EXPLORE}
_EVALUATE = {Permission.CAMPAIGN_VIEW, Permission.CAMPAIGN_RUN, Permission.EVIDENCE_EXPORT, Permission.AUDIT_VIEW}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.VIEWER: _LOOK,
        Role.OPERATOR: _OPERATE,
        Role.TRAINEE: _LOOK | {Permission.LAB_LEARN},
        Role.INSTRUCTOR: _OPERATE | {Permission.LAB_LEARN, Permission.LAB_TEACH},
        Role.EVALUATOR: _LOOK | _EVALUATE,
        Role.ADMIN: frozenset(Permission),
    }
)
"""What each role allows. Changing it changes the tables in docs/security.md, which a test compares."""

FOR_TOKENS = frozenset(Permission) - {Permission.OPEN, Permission.SELF, Permission.USER_ADMIN}
"""What a token may be made for: a machine keeps no account and makes no others."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who asks, for as long as one request or connection lasts.

    `credential` names the session or token, never its secret; `address` is where the request
    came from. A token's permissions are those of its owner's role that it was made for.
    """

    name: str
    role: Role | None
    kind: Kind
    permissions: frozenset[Permission]
    credential: str = ""
    address: str = ""

    def may(self, permission: Permission) -> bool:
        """Say whether this one may do that."""
        return permission in self.permissions


def anonymous(role: Role | None, address: str = "") -> Actor:
    """Return one who did not sign in: with the permissions of a role but for an own account, or with none."""
    allowed = PERMISSIONS[role] - {Permission.SELF} if role else _OPEN
    return Actor("", role, Kind.ANONYMOUS, allowed, address=address)


class Gate(Protocol):
    """Finds out who asks."""

    def identify(self, connection: HTTPConnection) -> Actor:
        """Return who asks; anonymous when nobody signed in or what was shown is no longer valid.

        Answers 403 to a page of another origin that uses a visitor's session.
        """


async def actor_of(connection: HTTPConnection) -> Actor:
    """Return who asks, as the application's gate sees it."""
    gate: Gate = connection.app.state.gate
    return gate.identify(connection)


POLICY_VIOLATION = 1008
"""The code with which a live connection is closed that is not, or no longer, allowed."""


class Denied(HTTPException):
    """Not allowed: 401 when signing in may help, 403 when it does not."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """The declaration on a route: only who has the permission gets in, and the route learns who that is."""

    permission: Permission

    async def __call__(self, connection: HTTPConnection, actor: Annotated[Actor, Depends(actor_of)]) -> Actor:
        """Let the one who asks in. Answers 401 when signing in may help, 403 when it does not."""
        if actor.may(self.permission):
            return actor
        reason = f"this needs the permission {self.permission.value!r}"
        if connection.scope["type"] == "websocket":
            raise WebSocketException(POLICY_VIOLATION, reason)
        if actor.kind is Kind.ANONYMOUS:
            raise Denied(401, f"sign in, or show a token: {reason}", headers={"WWW-Authenticate": "Bearer"})
        raise Denied(403, f"{actor.name} may not do this: {reason}")


UNGUARDED: Final = frozenset({"/openapi.json", "/docs", "/docs/oauth2", "/static-offline-docs"})
"""What FastAPI adds by itself: the description of the API, the same in every installation."""


def requires(permission: Permission) -> Requirement:
    """Declare what a route needs."""
    return Requirement(permission)
