"""Make the containers' configuration from the packs that ship.

    packs ──addresses──▶ TARGET ◀──as they are── SETTINGS (centre, edge)

A pack expects its simulated devices on this machine. Between containers, brokers are behind
the name `mosquitto` and want a password, all other devices are behind `simulators`. Nothing
else is changed, and it is done whenever the image is built, so the two cannot drift apart.

The containers run the small assembly line; name other packs to have those.

    python docker/configure.py SETTINGS TARGET [SCENE …]
"""

# ruff: noqa: INP001 - a script of the image build, no package
from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from configs.loader import PACKAGED

LOOPBACK = ("127.0.0.1", "localhost")
BROKERS = {"mqtt", "sparkplug", "vda5050"}
ACCOUNT = {"user": "edge", "password": {"env": "MQTT_PASSWORD"}}
ORIGIN = "# Made from the pack of the same name by docker/configure.py: the addresses are those between containers.\n"


def main(settings: Path, target: Path, scenes: list[str]) -> None:
    """Write the documents of the packs, with only those scenes, and of `settings` below `target`."""
    for file in PACKAGED.rglob("*.yaml"):
        if file.parent.name != "scenes" or file.stem in scenes:
            write(file, target / file.relative_to(PACKAGED))
    for file in settings.glob("*.yaml"):
        write(file, target / file.name)


def write(file: Path, copy: Path) -> None:
    """Copy one document; a scene gets other addresses."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    if document["type"] != "scene":
        shutil.copyfile(file, copy)
        return
    document["sources"] = [between_containers(source) for source in document["sources"]]
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, default_flow_style=None, width=120)
    copy.write_text(ORIGIN + text, encoding="utf-8")


def between_containers(source: dict[str, Any]) -> dict[str, Any]:
    """Return a source's settings with the names of services where the pack says loopback."""
    service = "mosquitto" if source["type"] in BROKERS else "simulators"
    moved = {key: moved_to(service, value) for key, value in source.items()}
    return moved | ACCOUNT if source["type"] in BROKERS and moved != source else moved


def moved_to(service: str, value: Any) -> Any:  # noqa: ANN401 - raw YAML
    """Return `value` with `service` wherever it names a loopback address as a host."""
    if isinstance(value, dict):
        return {key: moved_to(service, part) for key, part in value.items()}
    if isinstance(value, str):
        for host in LOOPBACK:
            value = service if value == host else value.replace(f"://{host}:", f"://{service}:")
    return value


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or ["first-light"])
