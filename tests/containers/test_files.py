"""What can be said about the container files without running them."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.containers.engine import ROOT

COMPOSITION: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSITION["services"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIRED = re.compile(r"\$\{(\w+):\?set \1 in \.env, see \.env\.example\}")
SECRET = re.compile("PASSWORD|TOKEN|SECRET")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_bounded_and_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert {"mem_limit", "cpus", "pids_limit", "logging"} <= service.keys()
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & service.keys()


def test_every_image_has_a_version() -> None:
    base = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for image in (*base, *(service["image"] for service in SERVICES.values())):
        assert re.fullmatch(r"[a-z-]+:\d+\.\d+\.\d+(-[a-z-]+)?", image), image
    assert set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)) == {"${BASE}"}


def test_the_image_has_the_version_of_the_product() -> None:
    ours = {service["image"] for service in SERVICES.values() if "build" in service}
    assert ours == {f"provenline:{PROJECT['project']['version']}"}


def test_no_secret_stands_in_a_file_and_none_has_a_default() -> None:
    required = set()
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key):
                assert re.fullmatch(r"\$\{\w+(:\?[^}]*)?\}", value), f"{name}: {key}"
                required |= {found[1] for found in [REQUIRED.fullmatch(value)] if found}
    used = set(re.findall(r"\$\{(\w*(?:PASSWORD|TOKEN)\w*)", (ROOT / "docker-compose.yml").read_text()))
    assert used == required
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == required
    assert not re.search(r"^\w+=.", example, re.MULTILINE)


def test_simulated_devices_reach_nothing_but_the_edge() -> None:
    assert COMPOSITION["networks"]["field"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "field" in service["networks"]} == {
        "simulators",
        "mosquitto",
        "edge",
    }
    assert SERVICES["simulators"]["networks"] == SERVICES["mosquitto"]["networks"] == ["field"]


def test_all_that_a_service_keeps_is_on_a_named_volume() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSITION["volumes"] or volume.endswith(":ro"), f"{name}: {volume}"


def test_the_image_is_made_of_every_package_of_the_wheel_and_of_no_secret() -> None:
    allowed = (ROOT / ".dockerignore").read_text().split()
    assert "*" in allowed
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {f"!{package}" for package in packages} <= set(allowed)
    assert not [line for line in allowed if line.startswith("!.")]


def test_own_configuration_covers_every_service_that_reads_one() -> None:
    own = yaml.safe_load((ROOT / "docker/own-config.yml").read_text())["services"]
    assert set(own) == {name for name, service in SERVICES.items() if "build" in service}
    assert all(service["volumes"][0].endswith("}:/etc/provenline:ro") for service in own.values())
    assert not [name for name, service in SERVICES.items() if "simulators" in service.get("depends_on", {})]
