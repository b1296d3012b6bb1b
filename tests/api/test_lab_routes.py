"""Every lab route, where labs are given, called with what its description allows: no fault of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from dashboard_api.access import Permission
from dashboard_api.account_store import Token, fingerprint
from dashboard_api.app import create_app
from dashboard_api.centre import Centre
from labs.desk import LabDesk
from labs.library import read_library
from labs.register import Register
from plant.clock import VirtualClock
from tests.labs.sandboxes import FakeSandboxes

EXAMPLE = Path(__file__).parents[1] / "labs" / "example"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
KEY = "a-key-that-opens-everything"
NAMES = {"course": "example", "lab": "belt-speed"}


@pytest.fixture
def desk(tmp_path: Path, centre: Centre) -> Iterator[LabDesk]:
    clock = VirtualClock()
    register = Register(tmp_path / "labs.db")
    centre.labs = LabDesk(read_library([EXAMPLE]), register, FakeSandboxes(clock), clock, tmp_path / "courses")
    yield centre.labs
    register.close()


async def test_every_lab_route_answers_as_it_is_described(centre: Centre, desk: LabDesk) -> None:
    token = Token(fingerprint(KEY), "", "tester", frozenset(Permission), made=0, until=None)
    centre.accounts._tokens[token.key] = token
    lab = desk.library.labs[0]
    attempt = await desk.begin("", lab)
    group = desk.register.roll.form("example", "x", "zhao", 0)
    known = {**NAMES, "attempt": attempt.id, "group": group.id}
    app = create_app(centre, hosts=("localhost", "testserver"))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    of_labs = [one for one in operations if "/labs/" in one.path or "/certificates/" in one.path]
    assert len(of_labs) >= 30
    wrong = [text for operation in of_labs for text in faults(operation, known)]
    assert not wrong, "\n".join(wrong)


def faults(operation: schemathesis.APIOperation, known: dict[str, str]) -> list[str]:
    """Call one operation with some generated cases, on what there is; return what is wrong with the answers."""

    @settings(
        max_examples=3,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        case.path_parameters = {name: known.get(name, value) for name, value in (case.path_parameters or {}).items()}
        case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, checks=CHECKS)

    try:
        call()
    except FailureGroup as group:
        return [f"{operation.label}: {failure.title}: {failure.message[:500]}" for failure in group.exceptions]
    return []
