"""The resolution service: its answers, its limits, and who may register."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.clock import SECOND, VirtualClock
from simulators.identifiers import Code, Handle, Registry, parse
from simulators.identifiers.registry import HandleValue, InvalidHandle
from simulators.identifiers.service import BODY_LIMIT, application
from tests.peers.processes import free_port, program, wait_for_port

TOKEN = "a-token-of-the-test"
NAME = "88.118.8/JXDY2106023"
RECORD = {"values": [{"index": 1, "type": "URL", "data": {"format": "string", "value": "https://example.org/1"}}]}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def service(tmp_path: Path):
    clock = VirtualClock(1_740_728_475 * SECOND)
    with Registry(tmp_path / "handles.db", prefixes=("88.118.8",), clock=clock) as registry:
        transport = httpx.ASGITransport(application(registry, token=TOKEN))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def coded(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["responseCode"]


async def test_what_was_registered_is_resolved_in_the_shape_of_the_handle_system(service) -> None:
    assert coded(await service.get(f"/api/handles/{NAME}")) == (404, 100)
    assert coded(await service.put(f"/api/handles/{NAME}", json=RECORD, headers=BEARER)) == (201, 1)
    assert (await service.get(f"/api/handles/{NAME.lower()}")).json() == {
        "responseCode": 1,
        "handle": NAME.lower(),
        "values": [
            {
                "index": 1,
                "type": "URL",
                "data": {"format": "string", "value": "https://example.org/1"},
                "ttl": 86400,
                "timestamp": "2025-02-28T07:41:15Z",
            }
        ],
    }
    assert coded(await service.put(f"/api/handles/{NAME}", json=RECORD, headers=BEARER)) == (409, 101)


async def test_values_can_be_asked_for_by_type_and_index(service) -> None:
    values = [{"index": i, "type": t, "data": {"value": t}} for i, t in ((1, "URL"), (2, "EMAIL"), (3, "URL"))]
    await service.put(f"/api/handles/{NAME}", json={"values": values}, headers=BEARER)

    async def indexes(query: str) -> list[int]:
        return [v["index"] for v in (await service.get(f"/api/handles/{NAME}?{query}")).json()["values"]]

    assert await indexes("type=URL") == [1, 3]
    assert await indexes("index=2") == [2]
    assert await indexes("type=EMAIL&index=3") == [2, 3]
    assert coded(await service.get(f"/api/handles/{NAME}?type=DESC")) == (404, 200)
    assert coded(await service.get(f"/api/handles/{NAME}?index=first")) == (400, 102)


@pytest.mark.parametrize(
    "name", ["88.118.8", "88.118.8/", "86.118.8/A", "88.118/A", "88.118.8/A B", "88.118.8/" + "A" * 250, "x"]
)
async def test_what_is_no_identifier_is_refused(service, name: str) -> None:
    assert coded(await service.get(f"/api/handles/{name}")) == (400, 102)
    assert coded(await service.put(f"/api/handles/{name}", json=RECORD, headers=BEARER)) == (400, 102)


async def test_the_prefix_of_others_is_not_answered_for(service) -> None:
    assert coded(await service.get("/api/handles/88.118.9/A")) == (400, 301)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
async def test_nobody_registers_without_the_token(service, header: dict) -> None:
    assert coded(await service.put(f"/api/handles/{NAME}", json=RECORD, headers=header)) == (401, 402)
    bulk = {"handles": [{"handle": NAME, **RECORD}]}
    assert coded(await service.post("/api/handles", json=bulk, headers=header)) == (401, 402)
    assert (await service.get("/api/count")).json()["count"] == 0


def test_there_is_no_service_without_a_token_of_some_length() -> None:
    for token in ("", "short"):
        with Registry(None) as registry, pytest.raises(ValueError, match="token"):
            application(registry, token=token)


async def test_many_are_registered_at_once_and_each_refusal_is_named(service) -> None:
    names = ["88.118.8/A", "88.118.8/B", "88.118.8/a", "88.1.1/C", "nonsense"]
    bulk = {"handles": [{"handle": name, **RECORD} for name in names]}
    answer = (await service.post("/api/handles", json=bulk, headers=BEARER)).json()
    assert answer["registered"] == 2
    assert [(r["handle"], r["responseCode"]) for r in answer["refused"]] == [
        ("88.118.8/a", 101),
        ("88.1.1/C", 301),
        ("nonsense", 102),
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"values": []}', b'{"values": [{"index": 1}]}', b"\xff"])
async def test_a_body_that_is_none_is_refused_with_its_reason(service, body: bytes) -> None:
    answer = await service.put(f"/api/handles/{NAME}", content=body, headers=BEARER)
    assert coded(answer) == (400, 102)
    assert answer.json()["message"]


async def test_a_body_beyond_the_limit_is_refused(service) -> None:
    answer = await service.post("/api/handles", content=b" " * (BODY_LIMIT + 1), headers=BEARER)
    assert coded(answer) == (413, 102)


# -------------------------------------------------------------------------------- registry
def test_the_registry_is_still_there_after_it_was_closed(tmp_path: Path) -> None:
    values = (HandleValue(3, "URL", "https://example.org", 60), HandleValue(1, "产品", "阀"))
    with Registry(tmp_path / "r.db") as registry:
        registry.register(Handle("88.1.2/序列号", values))
    with Registry(tmp_path / "r.db") as registry:
        assert registry.resolve("88.1.2/序列号").values == values
        assert len(registry) == 1


@pytest.mark.parametrize(
    "values",
    [
        (),
        (HandleValue(0, "URL", "x"),),
        (HandleValue(1, "", "x"),),
        (HandleValue(1, "URL", "x\x1ey"),),
        (HandleValue(1, "URL", "x"), HandleValue(1, "URL", "y")),
        (HandleValue(1, "URL", "x" * 5000),),
    ],
)
def test_values_that_cannot_be_kept_are_invalid(values: tuple) -> None:
    with Registry(None) as registry:
        assert registry.register(Handle(NAME, values)).code is Code.INVALID


@given(st.text(max_size=300))
def test_any_text_is_an_identifier_that_stays_as_it_is_kept_or_is_refused(name: str) -> None:
    try:
        kept = parse(name)
    except InvalidHandle:
        return
    assert parse(kept) == kept


# --------------------------------------------------------------------------------- program
def test_the_program_serves_on_loopback_and_refuses_to_start_without_a_token(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulators.identifiers", "--data", str(tmp_path / "h.db")]
    bare = subprocess.run(command, capture_output=True, text=True, timeout=30, env={"PATH": "/usr/bin"}, check=False)
    assert bare.returncode == 2
    assert "PROVENLINE_IDENTIFIER_TOKEN" in bare.stderr
    port = free_port()
    with program([*command, "--port", str(port)], env={"PROVENLINE_IDENTIFIER_TOKEN": TOKEN}):
        wait_for_port(port)
        url = f"http://127.0.0.1:{port}/api/handles/{NAME}"
        assert coded(httpx.put(url, json=RECORD, headers=BEARER)) == (201, 1)
        assert coded(httpx.get(url)) == (200, 1)
