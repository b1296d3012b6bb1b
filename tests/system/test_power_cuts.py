"""kill -9 of the edge and of the centre, at any moment: what was acknowledged is there, once."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from historian.embedded import EmbeddedReader
from tests.peers.mqtt_broker import Mosquitto
from tests.peers.processes import free_port
from tests.system.rig import COUNTER, SENSOR, SITE, Publisher, configuration, mqtt_source, once, ours, scene

KILLS = 24


@pytest.mark.needs("mosquitto")
@pytest.mark.timeout(900)
def test_every_acknowledged_sample_is_there_once_after_power_cuts_at_random_moments(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    port, moments = free_port(), random.Random(20)
    folder = configuration(
        tmp_path / "configuration",
        site=SITE,
        scene=scene(mqtt_source(broker.port), SENSOR),
        centre=f"type: centre\nport: {port}\nhistorian: {{type: embedded, seal_every: 1s}}\n"
        "write_tokens: [{env: RIG_TOKEN}]\n",
        edge=f"type: edge\nuplink: {{url: 'http://127.0.0.1:{port}', token: {{env: RIG_TOKEN}}}}\n",
    )
    data = tmp_path / "data"
    try:
        with (
            ours("serve", folder, "--data", data, ready="centre ready") as centre,
            ours("edge", folder, "--data", data, ready="source connected") as edge,
            Publisher(broker.port) as publisher,
        ):
            for _ in range(KILLS):
                time.sleep(moments.uniform(0.1, 1.5))
                for process in moments.choice([(centre,), (edge,), (centre, edge)]):
                    process.kill()
                    process.start(wait=False)
            publisher.paused.set()
            stored = _settled(data, publisher)
            assert len(publisher.acknowledged) > 1_000
            once(stored, publisher.acknowledged)
    finally:
        broker.stop()


def _settled(data: Path, publisher: Publisher, patience: float = 150.0) -> list[int]:
    """Wait until all that was acknowledged is stored, and return what is stored."""
    deadline = time.monotonic() + patience
    values: list[int] = []
    while time.monotonic() < deadline:
        reader = EmbeddedReader(data / "historian")
        try:
            batch = reader.history([COUNTER], 0, 2**62)
        finally:
            reader.close()
        # A lost source leaves a sample without a number: a mark, not a count.
        values = [int(s.value) for s in batch.samples() if s.value == s.value]
        if publisher.acknowledged <= set(values):
            break
        time.sleep(0.5)
    return values
