"""Signing in, staying signed in, and being signed out: for people and for programs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dashboard_api.access import PERMISSIONS, Permission, Role
from dashboard_api.accounts import CODE_LASTS, MOST_SESSIONS, Accounts, Lasting, Refused
from dashboard_api.app import create_app
from dashboard_api.audit import verify
from dashboard_api.back_off import FOR_ADDRESSES, MOST_KEPT, BackOff, Patience
from dashboard_api.centre import Centre
from dashboard_api.passwords import Passwords, Unfit, check
from plant.clock import SECOND, VirtualClock
from provenline.centre import Address, listening
from tests.peers.processes import free_port
from tests.people import CHEAP, People, people

PASSWORD = "correct horse 1"
SESSION = "/api/v1/session"


@pytest.fixture
async def li(known: People) -> str:
    """An operator with a password."""
    await known.with_password("li", Role.OPERATOR, PASSWORD)
    return "li"


def signing_in(name: str = "li", password: str = PASSWORD) -> dict[str, object]:
    return {"url": SESSION, "json": {"name": name, "password": password}}


# -------------------------------------------------------------------------------- signing in
async def test_who_signs_in_is_known_until_they_sign_out(visitor: httpx.AsyncClient, li: str) -> None:
    answer = await visitor.post(**signing_in())
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # over plain HTTP on this machine the browser would drop it
    who = (await visitor.get(SESSION)).json()
    assert (who["name"], who["role"], who["kind"]) == (li, "operator", "session")
    assert set(who["permissions"]) == PERMISSIONS[Role.OPERATOR]
    kept = dict(visitor.cookies)
    assert (await visitor.delete(SESSION, headers={"Origin": "http://localhost"})).status_code == 204
    assert not visitor.cookies
    visitor.cookies.update(kept)
    assert (await visitor.get(SESSION)).json()["kind"] == "anonymous"


async def test_over_tls_the_cookie_never_travels_in_clear(centre: Centre, li: str) -> None:
    transport = httpx.ASGITransport(create_app(centre))
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as browser:
        answer = await browser.post(**signing_in())
        assert answer.headers["set-cookie"].startswith("__Host-provenline=")
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert (await browser.get(SESSION)).json()["name"] == li


async def test_plain_http_promises_no_tls(visitor: httpx.AsyncClient) -> None:
    assert "strict-transport-security" not in (await visitor.get("/health")).headers


@pytest.mark.parametrize(("name", "password"), [("li", "wrong horse 1"), ("nobody", PASSWORD), ("li", PASSWORD + "x")])
async def test_wrong_name_and_wrong_password_look_the_same(
    visitor: httpx.AsyncClient, li: str, name: str, password: str
) -> None:
    answer = await visitor.post(**signing_in(name, password))
    assert (answer.status_code, answer.json()["detail"]) == (401, "wrong name or password")
    assert "set-cookie" not in answer.headers


async def test_a_name_is_the_same_however_it_was_typed(visitor: httpx.AsyncClient, li: str) -> None:
    assert (await visitor.post(**signing_in(" ＬＩ "))).status_code == 200


async def test_who_guesses_waits_longer_and_longer_and_the_right_password_does_not_help_then(
    visitor: httpx.AsyncClient, known: People, li: str
) -> None:
    clock = VirtualClock()
    visitor._transport.app.state.guesses.accounts._clock = clock  # type: ignore[attr-defined]
    for _ in range(5):
        assert (await visitor.post(**signing_in(password="wrong horse"))).status_code == 401
    answer = await visitor.post(**signing_in())
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    clock.set(clock.now() + 2 * SECOND)
    assert (await visitor.post(**signing_in(password="wrong horse"))).status_code == 401
    assert int((await visitor.post(**signing_in())).headers["retry-after"]) >= 2
    clock.set(clock.now() + 60 * SECOND)
    assert (await visitor.post(**signing_in())).status_code == 200


def test_the_wait_doubles_up_to_its_longest_and_is_forgotten_after_an_hour() -> None:
    clock = VirtualClock()
    back_off = BackOff(Patience(free=2, longest=8.0), clock)
    waits = []
    for _ in range(8):
        back_off.tried("li")
        waits.append(back_off.wait("li"))
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    assert back_off.wait("wang") == 0.0
    clock.set(clock.now() + 3_601 * SECOND)
    back_off.tried("li")
    assert back_off.wait("li") == 0.0


def test_tries_of_many_names_take_bounded_memory() -> None:
    back_off = BackOff(FOR_ADDRESSES, VirtualClock())
    for number in range(MOST_KEPT + 100):
        back_off.tried(str(number))
    assert len(back_off._tries) == MOST_KEPT


async def test_many_tries_at_once_gain_nothing(visitor: httpx.AsyncClient, li: str) -> None:
    answers = await asyncio.gather(*(visitor.post(**signing_in(password=f"wrong horse {i}")) for i in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


# --------------------------------------------------------------------- one-time codes, passwords
async def test_a_new_account_sets_its_password_with_a_code_that_works_once(
    client: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    made = await client.post("/api/v1/users", json={"name": "Wang", "role": "instructor"})
    assert made.status_code == 201
    body = {"code": made.json()["code"], "password": "eight horses 8"}
    assert (await visitor.post(f"{SESSION}/code", json=body)).json()["name"] == "wang"
    assert (await visitor.post(f"{SESSION}/code", json=body)).status_code == 401
    assert (await visitor.post(**signing_in("wang", "eight horses 8"))).status_code == 200


async def test_a_code_is_too_old_after_three_days(tmp_path: Path) -> None:
    clock = VirtualClock()
    with people(tmp_path, clock=clock) as known:
        code = await known.accounts.add("li", Role.VIEWER)
        clock.set(clock.now() + CODE_LASTS)
        assert await known.accounts.set_first(code, PASSWORD) is None


async def test_an_unfit_password_does_not_use_the_code_up(known: People) -> None:
    code = await known.accounts.add("li", Role.VIEWER)
    with pytest.raises(Unfit):
        await known.accounts.set_first(code, "short")
    assert await known.accounts.set_first(code, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaa", "abababababab", "xx-li-12345", "x" * 257])
def test_a_plain_password_is_refused_with_the_reason(password: str) -> None:
    with pytest.raises(Unfit, match="a password"):
        check(password, "li")


async def test_the_first_start_has_no_password_but_a_code_until_an_administrator_has_one(known: People) -> None:
    first = await known.accounts.first_code()
    again = await known.accounts.first_code()
    assert first
    assert again
    assert first != again
    assert await known.accounts.set_first(first[1], PASSWORD) is None  # the newer one replaced it
    assert await known.accounts.set_first(again[1], PASSWORD)
    assert await known.accounts.first_code() is None


async def test_another_password_ends_the_other_sessions_and_keeps_this_one(
    visitor: httpx.AsyncClient, known: People, li: str
) -> None:
    elsewhere = await known.signed_in(Role.OPERATOR, li)
    await visitor.post(**signing_in())
    origin = {"Origin": "http://localhost"}
    wrong = await visitor.post(f"{SESSION}/password", json={"old": "x", "new": "new horse 22"}, headers=origin)
    assert wrong.status_code == 403
    right = await visitor.post(f"{SESSION}/password", json={"old": PASSWORD, "new": "new horse 22"}, headers=origin)
    assert right.status_code == 204
    assert (await visitor.get(SESSION)).json()["name"] == li
    visitor.cookies.clear()
    assert (await visitor.get(SESSION, headers=elsewhere)).json()["name"] is None
    assert (await visitor.post(**signing_in())).status_code == 401
    assert (await visitor.post(**signing_in(password="new horse 22"))).status_code == 200


async def test_what_is_kept_of_a_password_is_argon2id_and_never_the_password(known: People, li: str) -> None:
    (user,) = [user for user in known.store.users() if user.name == li]
    assert user.password
    assert user.password.startswith("$argon2id$")
    assert Passwords()._hasher.memory_cost >= 19_456  # what OWASP asks for at least


def test_accounts_and_audit_log_are_read_by_their_owner_only(tmp_path: Path) -> None:
    async def fill() -> None:
        with people(tmp_path) as known:
            await known.accounts.add("li", Role.VIEWER)
            readable = [file.name for file in tmp_path.glob("a*.db*") if file.stat().st_mode & 0o077]
            assert [name for name in readable if "writer" not in name and "head" not in name] == []

    asyncio.run(fill())


def test_neither_secrets_nor_passwords_are_in_the_file(tmp_path: Path) -> None:
    async def fill() -> list[str]:
        with people(tmp_path) as known:
            code = await known.accounts.add("li", Role.ADMIN)
            user = await known.accounts.set_first(code, PASSWORD)
            assert user
            secret, _ = await known.accounts.open(user, address="", agent="")
            token, _ = await known.accounts.add_token(
                "li", label="x", permissions=frozenset({Permission.VIEW}), lasts=60.0
            )
            return [code, secret, token, PASSWORD]

    secrets = asyncio.run(fill())
    content = b"".join(file.read_bytes() for file in tmp_path.glob("accounts.db*"))
    assert [secret for secret in secrets if secret.encode() in content] == []


# ------------------------------------------------------------------------- sessions end
@pytest.fixture
def timed(tmp_path: Path) -> Iterator[tuple[People, VirtualClock]]:
    clock = VirtualClock()
    with people(tmp_path / "timed", clock=clock, lasting=Lasting(idle=600, longest=3_600)) as known:
        yield known, clock


async def opened(known: People) -> str:
    await known.accounts.add("li", Role.VIEWER)
    return (await known.accounts.open(known.accounts.user("li"), address="", agent=""))[0]


async def test_a_session_ends_when_it_is_not_used(timed: tuple[People, VirtualClock]) -> None:
    known, clock = timed
    secret = await opened(known)
    clock.set(clock.now() + 599 * SECOND)
    assert known.accounts.by_session(secret, "")
    clock.set(clock.now() + 600 * SECOND)
    assert known.accounts.by_session(secret, "") is None


async def test_a_session_ends_after_its_longest_time_however_much_it_is_used(
    timed: tuple[People, VirtualClock],
) -> None:
    known, clock = timed
    secret = await opened(known)
    used = 0
    while known.accounts.by_session(secret, ""):
        clock.set(clock.now() + 300 * SECOND)
        used += 1
    assert used == 12


async def test_a_session_outlives_a_restart_and_its_use_too(tmp_path: Path) -> None:
    clock = VirtualClock()
    with people(tmp_path, clock=clock) as known:
        secret = await opened(known)
        clock.set(clock.now() + 3_000 * SECOND)
        assert known.accounts.by_session(secret, "")
        await known.accounts.note_use()
    with people(tmp_path, clock=clock) as known:
        clock.set(clock.now() + 3_000 * SECOND)
        assert known.accounts.by_session(secret, "")


async def test_the_oldest_of_too_many_sessions_ends(known: People) -> None:
    secrets = [await opened(known)]
    user = known.accounts.user("li")
    secrets += [(await known.accounts.open(user, address="", agent=""))[0] for _ in range(MOST_SESSIONS)]
    assert known.accounts.by_session(secrets[0], "") is None
    assert known.accounts.by_session(secrets[1], "")


@pytest.fixture
async def served(centre: Centre) -> AsyncIterator[str]:
    address = Address("127.0.0.1", free_port())
    async with listening(centre, address):
        yield address.url.removeprefix("http://").rstrip("/")


@pytest.mark.parametrize("way", ["signed out", "disabled", "another role", "token revoked"])
async def test_an_open_live_connection_ends_within_a_second_of_its_revocation(
    served: str, known: People, li: str, way: str
) -> None:
    accounts: Accounts = known.accounts
    headers = await known.signed_in(Role.OPERATOR, li) | {"Origin": f"http://{served}"}
    token = None
    if way == "token revoked":
        view = frozenset({Permission.VIEW})
        secret, token = await accounts.add_token(li, label="wall", permissions=view, lasts=60.0)
        headers = {"Authorization": f"Bearer {secret}"}
    address = f"ws://{served}/api/v1/live?scene=first-light"
    async with connect(address, additional_headers=headers, compression=None) as socket:
        assert json.loads(await socket.recv())["snapshot"] is True
        if token is not None:
            await accounts.revoke(li, token.id)
        elif way == "signed out":
            await accounts.end(lambda session: session.user == li)
        else:
            await accounts.change(li, **({"enabled": False} if way == "disabled" else {"role": Role.TRAINEE}))
        # Frames would keep coming each quarter of a second, for ever.
        with pytest.raises(ConnectionClosed, match="signed out"):
            await endless_frames(socket)


async def endless_frames(socket: ClientConnection) -> None:
    async with asyncio.timeout(60):
        while True:
            await socket.recv()


async def test_a_live_connection_ends_when_its_session_has_lasted_longest(timed: tuple[People, VirtualClock]) -> None:
    known, clock = timed
    actor = known.accounts.by_session(await opened(known), "")
    assert actor
    waiting = asyncio.ensure_future(known.accounts.over(actor))
    await clock.advance(3_599)
    assert not waiting.done()
    await clock.advance(2)
    async with asyncio.timeout(60):
        await waiting


# ------------------------------------------------------------------------- other origins
@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://localhost:8001"])
async def test_a_page_of_another_origin_cannot_use_a_visitors_session(
    client: httpx.AsyncClient, known: People, origin: str | None
) -> None:
    headers = await known.signed_in(Role.ADMIN, "tester") | ({"Origin": origin} if origin else {})
    if origin is None:
        headers.pop("Origin")
        client.headers.pop("Origin")
    body = {"name": "mallory", "role": "admin"}
    assert (await client.post("/api/v1/users", json=body, headers=headers)).status_code == 403
    assert "mallory" not in {user.name for user in known.accounts.users()}


async def test_a_page_of_another_origin_cannot_sign_anybody_in(visitor: httpx.AsyncClient, li: str) -> None:
    answer = await visitor.post(**signing_in(), headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


async def test_signing_in_leaves_nothing_of_what_the_browser_held_before(
    visitor: httpx.AsyncClient, known: People, li: str
) -> None:
    planted = (await known.signed_in(Role.VIEWER, "mallory"))["Cookie"].partition("=")[2]
    visitor.cookies.set("provenline", planted, domain="localhost.local")
    answer = await visitor.post(**signing_in(), headers={"Origin": "http://localhost"})
    assert planted not in answer.headers["set-cookie"]
    assert known.accounts.by_session(planted, "") is None


# -------------------------------------------------------------------------------- tokens
async def test_a_token_opens_what_it_was_made_for_and_nothing_else(client: httpx.AsyncClient, known: People) -> None:
    body = {"label": "report", "permissions": ["view"], "days": 30}
    made = (await client.post("/api/v1/users/tester/tokens", json=body)).json()
    shown = {"Authorization": f"Bearer {made['token']}", "Cookie": ""}
    assert (await client.get("/api/v1/scenes", headers=shown)).status_code == 200
    assert (await client.get("/api/v1/audit", headers=shown)).status_code == 403
    assert (await client.get("/api/v1/users", headers=shown)).status_code == 403
    listed = (await client.get("/api/v1/users/tester/tokens")).json()
    assert [(token["label"], token["permissions"], "token" in token) for token in listed] == [
        ("report", ["view"], False)
    ]
    assert (await client.delete(f"/api/v1/users/tester/tokens/{made['id']}")).status_code == 204
    assert (await client.get("/api/v1/scenes", headers=shown)).status_code == 401


async def test_a_token_can_do_no_more_than_its_owner_may_now(known: People, li: str) -> None:
    asked = frozenset({Permission.VIEW, Permission.ALARM_ACT})
    secret, _ = await known.accounts.add_token(li, label="x", permissions=asked, lasts=60.0)
    await known.accounts.change(li, role=Role.TRAINEE)
    actor = known.accounts.by_token(secret, "")
    assert actor
    assert actor.permissions == {Permission.VIEW}
    await known.accounts.change(li, enabled=False)
    assert known.accounts.by_token(secret, "") is None


@pytest.mark.parametrize("asked", ["write-samples", "user-admin"])
async def test_a_token_beyond_its_owners_role_is_refused(known: People, li: str, asked: str) -> None:
    with pytest.raises(Refused, match=asked):
        await known.accounts.add_token(li, label="x", permissions=frozenset({Permission(asked)}), lasts=60.0)


async def test_a_token_ends(timed: tuple[People, VirtualClock]) -> None:
    known, clock = timed
    await opened(known)
    secret, _ = await known.accounts.add_token("li", label="x", permissions=frozenset({Permission.VIEW}), lasts=60.0)
    clock.set(clock.now() + 60 * SECOND)
    assert known.accounts.by_token(secret, "") is None


async def test_a_token_for_writing_is_made_and_writes(client: httpx.AsyncClient) -> None:
    body = {"label": "gateway", "permissions": ["write-samples"], "days": 1}
    made = (await client.post("/api/v1/users/tester/tokens", json=body)).json()
    shown = {"Authorization": f"Token {made['token']}", "Cookie": ""}
    assert (await client.post("/api/v2/write", content=b"", headers=shown)).status_code == 204


# ----------------------------------------------------------------------- administration
async def test_nobody_sees_or_ends_what_belongs_to_somebody_else(
    visitor: httpx.AsyncClient, known: People, li: str
) -> None:
    await known.signed_in(Role.ADMIN, "boss")
    headers = await known.signed_in(Role.OPERATOR, li)
    for way in ("sessions", "tokens"):
        assert (await visitor.get(f"/api/v1/users/boss/{way}", headers=headers)).status_code == 403
        assert (await visitor.get(f"/api/v1/users/{li}/{way}", headers=headers)).status_code == 200
    assert (await visitor.delete("/api/v1/users/boss/sessions", headers=headers)).status_code == 403


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"enabled": False}])
async def test_the_last_administrator_stays(client: httpx.AsyncClient, change: dict[str, object]) -> None:
    answer = await client.patch("/api/v1/users/tester", json=change)
    assert answer.status_code == 409
    assert "last administrator" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "x" * 33, "a/b", "<b>"])
async def test_a_name_that_is_none_is_refused(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.post("/api/v1/users", json={"name": name, "role": "viewer"})).status_code in (409, 422)


async def test_a_reset_ends_every_session_and_the_password(
    client: httpx.AsyncClient, visitor: httpx.AsyncClient, known: People, li: str
) -> None:
    headers = await known.signed_in(Role.OPERATOR, li)
    code = (await client.post(f"/api/v1/users/{li}/code")).json()["code"]
    assert (await visitor.get(SESSION, headers=headers)).json()["name"] is None
    assert (await visitor.post(**signing_in())).status_code == 401
    assert (await visitor.post(f"{SESSION}/code", json={"code": code, "password": "new horse 22"})).status_code == 200


async def test_every_change_to_accounts_is_in_the_audit_log(
    client: httpx.AsyncClient, visitor: httpx.AsyncClient, known: People, li: str
) -> None:
    await visitor.post(**signing_in())
    await client.patch(f"/api/v1/users/{li}", json={"role": "evaluator"})
    await client.post(f"/api/v1/users/{li}/code")
    await client.patch(f"/api/v1/users/{li}", json={"enabled": False})
    told = [(r.actor, r.action, r.subject) for r in reversed(known.audit.page())]
    assert told == [
        (li, "session.open", li),
        ("tester", "user.change", li),
        ("tester", "user.reset", li),
        ("tester", "user.change", li),
    ]
    change = known.audit.page()[2].payload()
    assert (change["before"]["role"], change["after"]["role"]) == ("operator", "evaluator")
    assert verify(known.audit.path).faults == ()
    exported = (await client.get("/api/v1/audit/export")).text.splitlines()
    assert [json.loads(line)["seq"] for line in exported] == [1, 2, 3, 4]
    assert (await client.get("/api/v1/audit/verify")).json()["faults"] == []


def test_the_cheap_hash_is_for_tests_only() -> None:
    assert Passwords()._hasher.memory_cost > CHEAP.memory_cost
