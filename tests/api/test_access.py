"""Who may do what: every route says what it needs, and every role gets exactly what it may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from dashboard_api.access import (
    FOR_TOKENS,
    PERMISSIONS,
    UNGUARDED,
    Permission,
    Requirement,
    Role,
    anonymous,
)
from dashboard_api.app import create_app
from dashboard_api.audit import audit_of
from dashboard_api.centre import Centre
from provenline.centre import Address, listening
from tests.peers.processes import free_port
from tests.people import WRITE_TOKEN, People

LIVE = "WEBSOCKET"
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
LOOKING = {Permission.VIEW, Permission.METRICS, Permission.CAMPAIGN_VIEW, Permission.AUDIT_VIEW}
MAY_CHANGE_OPENLY = {"/api/v1/session", "/api/v1/session/code"}
"""Signing in changes something and needs nobody to be signed in."""


CHANGES_NOTHING = {"POST /api/v2/write", "POST /api/v1/campaigns/{name}/verification"}
"""Samples are no change by somebody, and verifying a package leaves it as it is."""


@dataclass(frozen=True)
class Way:
    """One method of one route, and all that it needs."""

    method: str
    path: str
    needs: frozenset[Permission]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def needed(dependant: Dependant) -> Iterator[Permission]:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Requirement):
            yield dependency.call.permission
        yield from needed(dependency)


def ways(app: FastAPI) -> list[Way]:
    found = []
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if path in UNGUARDED:
            found.append(Way("GET", path, frozenset({Permission.OPEN})))
        elif isinstance(route.original_route, (APIRoute, APIWebSocketRoute)):
            needs = frozenset(needed(route.dependant))
            found += [Way(method, path, needs) for method in sorted(route.methods or {LIVE})]
        else:
            found.append(Way("GET", path, frozenset()))
    return found


@pytest.fixture
def app(centre: Centre) -> FastAPI:
    return create_app(centre)


def test_every_route_says_what_it_needs(app: FastAPI) -> None:
    found = ways(app)
    assert [str(way) for way in found if not way.needs] == []
    assert len(found) > 30  # the walk sees the routes at all
    assert any(way.method == LIVE for way in found)


def test_what_changes_something_needs_more_than_leave_to_look(app: FastAPI) -> None:
    changing = [way for way in ways(app) if way.method in CHANGING and way.path not in MAY_CHANGE_OPENLY]
    assert [str(way) for way in changing if way.needs <= LOOKING | {Permission.OPEN}] == []


def audits(dependant: Dependant) -> bool:
    return any(found.call is audit_of or audits(found) for found in dependant.dependencies)


def test_what_changes_something_is_audited(app: FastAPI) -> None:
    silent = [
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and not audits(route.dependant)
        for method in sorted((route.methods or set()) & CHANGING)
    ]
    assert [way for way in silent if way not in CHANGES_NOTHING] == []


def test_what_is_open_is_the_pages_health_and_signing_in(app: FastAPI) -> None:
    opened = {way.path for way in ways(app) if way.needs == {Permission.OPEN}}
    health = {"/health", "/health/live", "/health/ready"}
    genuine = "/api/v1/certificates/{code}"  # whoever is shown a certificate may ask
    assert opened - UNGUARDED == {"/{path:path}", genuine, *health, *MAY_CHANGE_OPENLY}


def url(way: Way, name: str) -> str:
    values = {"scene_id": "first-light", "key:path": "k", "path:path": "overview", "name": name, "id": "x"}
    parts = (values.get(p[1:-1], "x") if p.startswith("{") else p for p in way.path.split("/"))
    return "/".join(parts)


async def status(base: str, client: httpx.AsyncClient, request: tuple[str, str], headers: dict[str, str]) -> int:
    """Return what is answered; to a live connection 101 when it is taken."""
    method, path = request
    if method != LIVE:
        return (await client.request(method, path, headers=headers)).status_code
    try:
        address = f"ws{base.removeprefix('http')}{path}?scene=first-light"
        async with connect(address, additional_headers=headers, compression=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


WHO: dict[str, frozenset[Permission]] = {
    **{f"{role.value}": allowed for role, allowed in PERMISSIONS.items()},
    "visitor where visitors may look": anonymous(Role.VIEWER).permissions,
    "visitor where nobody may": anonymous(None).permissions,
    "token for writing": frozenset({Permission.OPEN, Permission.WRITE_SAMPLES}),
    "token that is none": anonymous(None).permissions,
}


async def headers_of(who: str, known: People) -> dict[str, str]:
    if who.startswith("visitor"):
        return {}
    if who.startswith("token"):
        return {"Authorization": f"Token {WRITE_TOKEN}" if who == "token for writing" else "Bearer pl_forged"}
    return await known.signed_in(Role(who))


@pytest.mark.parametrize("who", WHO)
async def test_the_walk_over_all_routes_lets_in_who_may_and_nobody_else(
    centre: Centre, known: People, who: str
) -> None:
    centre.visitors = None if who == "visitor where nobody may" else Role.VIEWER
    address = Address("127.0.0.1", free_port())
    base, wrong = address.url.rstrip("/"), []
    async with listening(centre, address), httpx.AsyncClient(base_url=base, timeout=60) as client:
        headers = await headers_of(who, known)
        for way in ways(create_app(centre)):
            headers |= {"Origin": base}
            answer = await status(base, client, (way.method, url(way, f"some-{who}")), headers)
            allowed = way.needs <= WHO[who]
            if (answer not in (401, 403)) is not allowed or answer == 500:
                wrong.append(f"{way}: {answer}, may: {allowed}")
            if way.method in CHANGING:  # some of it ends sessions
                headers = await headers_of(who, known)
    assert wrong == []


def test_roles_are_ordered_by_what_they_allow() -> None:
    assert PERMISSIONS[Role.ADMIN] == set(Permission)
    for role in Role:
        assert PERMISSIONS[Role.VIEWER] <= PERMISSIONS[role]
    only_admin = {p for p in Permission if [r for r in Role if p in PERMISSIONS[r]] == [Role.ADMIN]}
    assert only_admin == {
        Permission.WRITE_SAMPLES,
        Permission.CONFIGURE,
        Permission.USER_ADMIN,
    }


def test_visitors_see_no_labs_and_no_evidence_and_have_no_account() -> None:
    hidden = {p for p in Permission if p.value.startswith(("lab", "evidence", "campaign", "audit"))} | {Permission.SELF}
    assert not anonymous(Role.VIEWER).permissions & hidden


def test_no_token_keeps_accounts() -> None:
    assert not FOR_TOKENS & {Permission.SELF, Permission.USER_ADMIN}


async def test_a_refusal_says_so_to_influx_clients_and_to_ours(visitor: httpx.AsyncClient) -> None:
    body = (await visitor.post("/api/v2/write")).json()
    assert body["code"] == "unauthorized"
    assert body["message"] == body["detail"]
