"""`provenline user` and `provenline audit`: beside a running centre under TLS, and without one."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from configs.loader import load
from configs.schema import CentreDocument
from edge.uplink import HttpUplink
from plant.batch import BatchBuilder
from plant.errors import ProvenlineError, Unavailable
from provenline.centre import serve_centre
from provenline.certificate import transport
from provenline.console import answer, console
from provenline.main import app
from provenline.trust import CONSOLE, visitors
from tests.peers.processes import free_port

SITE = "type: site\nid: cq\nname: Centre\n"


def run(*arguments: str, data: Path, exit_code: int = 0) -> str:
    found = CliRunner().invoke(app, [*arguments, "--data", str(data)])
    assert found.exit_code == exit_code, found.output
    return re.sub(r"\s+", " ", found.output)


def configuration(folder: Path, centre: str):
    folder.mkdir()
    (folder / "site.yaml").write_text(SITE)
    (folder / "centre.yaml").write_text(f"type: centre\n{centre}\n")
    return load(folder)


@asynccontextmanager
async def serving(tmp_path: Path, centre: str) -> AsyncIterator[tuple[str, Path, list]]:
    """Serve a configured centre as `provenline serve` does; give its address, data folder and log."""
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    with capture_logs() as log:
        configured = configuration(tmp_path / "config", centre)
        task = asyncio.create_task(serve_centre(configured, data=data, host=None, port=port))
        try:
            async with asyncio.timeout(60):
                while not any(entry["event"] == "centre ready" for entry in log):
                    if task.done():
                        task.result()
                    await asyncio.sleep(0.02)
            yield f"localhost:{port}", data, log
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_a_fresh_centre_under_tls_is_taken_over_with_the_link_that_its_start_prints(tmp_path: Path) -> None:
    async with serving(tmp_path, "tls: {}") as (host, data, log):
        (tls,) = [entry for entry in log if entry["event"] == "TLS"]
        assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", tls["sha256"])
        (link,) = [entry["link"] for entry in log if "link" in entry]
        assert link.startswith(f"https://{host}/welcome#")
        assert (data / "tls" / "key.pem").stat().st_mode & 0o077 == 0
        assert (data / CONSOLE).stat().st_mode & 0o077 == 0
        trusted = ssl.create_default_context(cafile=data / "tls" / "certificate.pem")
        page = f"https://{host}"
        async with httpx.AsyncClient(base_url=page, verify=trusted, headers={"Origin": page}) as browser:
            body = {"code": link.partition("#")[2], "password": "a fine password 1"}
            answered = await browser.post("/api/v1/session/code", json=body)
            assert answered.json()["role"] == "admin"
            assert "Secure" in answered.headers["set-cookie"]
            assert answered.headers["strict-transport-security"]
            assert (await browser.get("/api/v1/users")).status_code == 200
            # The commands find their way to the running centre, and what they end is ended there.
            async with console(data) as client:
                assert [user["name"] for user in await answer(client, "GET", "/api/v1/users")] == ["admin"]
                await answer(client, "DELETE", "/api/v1/users/admin/sessions")
                with pytest.raises(ProvenlineError, match="last administrator"):
                    await answer(client, "PATCH", "/api/v1/users/admin", {"role": "viewer"})
            assert (await browser.get("/api/v1/users")).status_code == 401
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(verify=ssl.create_default_context()) as stranger:
                await stranger.get(f"https://{host}/health")
    assert not (data / CONSOLE).exists()


async def test_plain_http_is_never_answered_where_there_is_tls(tmp_path: Path) -> None:
    async with serving(tmp_path, "tls: {}") as (host, _, _log):
        with pytest.raises(httpx.HTTPError):
            async with httpx.AsyncClient() as client:
                await client.get(f"http://{host}/health")


async def test_a_centre_in_clear_beyond_loopback_does_not_start_unless_told_to(tmp_path: Path) -> None:
    clear = CentreDocument(type="centre")
    with pytest.raises(ProvenlineError, match="insecure: true"):
        transport(clear, tmp_path, host="192.0.2.1", loopback=False)
    with capture_logs() as log:
        told = clear.model_copy(update={"insecure": True})
        assert transport(told, tmp_path, host="192.0.2.1", loopback=False) is None
    assert any("in clear" in entry["event"] for entry in log)


def test_beyond_loopback_nobody_looks_without_signing_in_unless_told_so(tmp_path: Path) -> None:
    silent = configuration(tmp_path / "a", "")
    assert visitors(silent, loopback=True) == "viewer"
    assert visitors(silent, loopback=False) is None
    closed = configuration(tmp_path / "b", "access: {anonymous: none}")
    assert visitors(closed, loopback=True) is None
    opened = configuration(tmp_path / "c", "access: {anonymous: viewer}")
    assert visitors(opened, loopback=False) == "viewer"


@pytest.mark.parametrize("broken", ["missing", "garbage", "other key"])
def test_a_certificate_that_cannot_be_used_is_said_at_the_start(tmp_path: Path, broken: str) -> None:
    made = transport(CentreDocument(type="centre", tls={}), tmp_path / "a", host="h", loopback=False)
    other = transport(CentreDocument(type="centre", tls={}), tmp_path / "b", host="h", loopback=False)
    assert made
    assert other
    key = {"missing": str(tmp_path / "none"), "garbage": str(tmp_path / "garbage"), "other key": other.key}[broken]
    (tmp_path / "garbage").write_text("nothing")
    settings = CentreDocument(type="centre", tls={"certificate": made.certificate, "key": key})
    with pytest.raises(ProvenlineError, match="centre: tls"):
        transport(settings, tmp_path, host="h", loopback=False)


def test_a_certificate_is_made_once(tmp_path: Path) -> None:
    settings = CentreDocument(type="centre", tls={})
    first, again = (transport(settings, tmp_path, host=socket.gethostname(), loopback=False) for _ in range(2))
    assert first
    assert again
    assert first.fingerprint == again.fingerprint


# ------------------------------------------------------------------------ without a centre
def test_accounts_are_made_changed_and_listed_without_a_centre(tmp_path: Path) -> None:
    assert re.search(r"welcome#\S{20,}", run("user", "add", "Li", "--role", "operator", data=tmp_path))
    assert "li operator no password yet" in run("user", "list", data=tmp_path)
    run("user", "role", "li", "evaluator", data=tmp_path)
    run("user", "disable", "li", data=tmp_path)
    assert "li evaluator disabled" in run("user", "list", data=tmp_path)
    run("user", "enable", "li", data=tmp_path)
    assert "welcome#" in run("user", "reset", "li", data=tmp_path)
    assert "0 sessions ended" in run("user", "sign-out", "li", data=tmp_path)
    assert "last seen" in run("user", "sessions", "li", data=tmp_path)


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(tmp_path: Path) -> None:
    run("user", "add", "li", "--role", "operator", data=tmp_path)
    made = run("user", "token", "add", "li", "--label", "wall", "--may", "view", "--days", "2", data=tmp_path)
    (secret,) = re.findall(r"pl_\S+", made)
    listed = run("user", "token", "list", "li", data=tmp_path)
    assert secret not in listed
    (id_,) = re.findall(r"([0-9a-f]{16}) wall view", listed)
    run("user", "token", "revoke", "li", id_, data=tmp_path)
    assert "wall" not in run("user", "token", "list", "li", data=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["user", "role", "nobody", "admin"], "there is no user 'nobody'"),
        (["user", "add", "a b"], "a name has"),
        (["user", "token", "add", "li", "--label", "x", "--may", "write-samples"], "may not write-samples"),
        (["user", "token", "revoke", "li", "x"], "has no token"),
    ],
)
def test_what_is_not_possible_ends_with_its_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    run("user", "add", "li", data=tmp_path)
    found = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path)])
    assert found.exit_code == 1
    assert reason in re.sub(r"\s+", " ", found.output + capfd.readouterr().err)


def test_the_audit_log_is_shown_exported_and_verified_and_a_forged_one_fails(tmp_path: Path) -> None:
    run("user", "add", "li", data=tmp_path)
    run("user", "role", "li", "operator", data=tmp_path)
    (head,) = re.findall(r"2:[0-9a-f]{64}", run("audit", "verify", data=tmp_path))
    assert "user.change li" in run("audit", "show", data=tmp_path)
    assert "user.add" not in run("audit", "show", "--most", "1", data=tmp_path)
    run("audit", "export", "--out", str(tmp_path / "audit.jsonl"), data=tmp_path)
    exported = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [record["action"] for record in exported] == ["user.add", "user.change"]
    with closing(sqlite3.connect(tmp_path / "audit.db")) as connection, connection:
        connection.executescript("DROP TRIGGER record_stays; UPDATE record SET actor = 'wang' WHERE seq = 1")
    assert "record 1 was altered" in run("audit", "verify", "--head", head, data=tmp_path, exit_code=1)


def test_a_data_folder_without_a_centre_is_said(tmp_path: Path) -> None:
    run("audit", "verify", data=tmp_path, exit_code=1)
    run("user", "list", data=tmp_path / "none", exit_code=1)


async def test_an_edge_delivers_over_tls_only_to_the_certificate_that_it_was_given(tmp_path: Path) -> None:
    async with serving(tmp_path, "tls: {}") as (host, data, _log):
        where = {"organisation": "o", "bucket": "b", "timeout": 20.0, "token": (data / "write-token").read_text()}
        builder, now = BatchBuilder(), time.time_ns()
        builder.add("cq/scene/line/press/speed", now, 1.0, received=now)
        own = str(data / "tls" / "certificate.pem")
        async with HttpUplink.to(f"https://{host}", ca=own, **where) as uplink:
            await uplink.deliver(builder.build())
        async with HttpUplink.to(f"https://{host}", **where) as uplink:
            with pytest.raises(Unavailable, match=r"(?i)certificate"):
                await uplink.deliver(builder.build())
