"""Every route called with what its description allows: no fault of ours, and answers as described."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dashboard_api.access import Permission
from dashboard_api.account_store import Token, fingerprint
from dashboard_api.centre import Centre
from provenline.centre import Address, listening
from tests.peers.processes import free_port

EXAMPLES = 5
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
KEY = "a-key-that-opens-everything"
FEWEST_ROUTES = 30


@contextmanager
def served(centre: Centre) -> Iterator[str]:
    """Serve from a thread of its own; give the address."""
    address, ready, done = Address("127.0.0.1", free_port()), threading.Event(), threading.Event()

    async def serve() -> None:
        async with listening(centre, address):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield address.url.rstrip("/")
    finally:
        done.set()
        thread.join(30)


@pytest.fixture
def everything(centre: Centre) -> dict[str, str]:
    """The headers of one who may do everything, and whose key nothing in the API revokes."""
    token = Token(fingerprint(KEY), "", "tester", frozenset(Permission), made=0, until=None)
    centre.accounts._tokens[token.key] = token
    return {"Authorization": f"Bearer {KEY}"}


def test_every_route_answers_as_it_is_described_and_never_with_a_fault_of_ours(
    centre: Centre, everything: dict[str, str]
) -> None:
    with served(centre) as base:
        schema = schemathesis.openapi.from_dict(httpx.get(f"{base}/openapi.json").json())
        schema.config.update(base_url=base)
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) >= FEWEST_ROUTES
        wrong = [text for operation in operations for text in faults(operation, everything)]
    assert not wrong, "\n".join(wrong)


def faults(operation: schemathesis.APIOperation, headers: dict[str, str]) -> list[str]:
    """Call one operation with some generated cases; return what is wrong with the answers."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

    try:
        call()
    except FailureGroup as group:
        return [f"{operation.label}: {failure.title}: {failure.message[:500]}" for failure in group.exceptions]
    return []
