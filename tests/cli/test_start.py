"""What starts quickly imports nothing that it may never need: a slow library is imported where it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {"scipy", "asyncua", "amqtt", "ruptures", "influxdb_client"}


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("provenline.main", SLOW | {"fastapi", "duckdb", "pymodbus", "simpy", "httpx"}),
        ("provenline.stage", SLOW),
        ("simulators.virtual", SLOW | {"fastapi", "duckdb", "pymodbus"}),
    ],
)
def test_a_module_that_is_imported_at_a_start_brings_no_slow_library_along(module: str, never: set[str]) -> None:
    command = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert not never & set(done.stdout.split())
