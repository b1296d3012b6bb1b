"""A real centre with a few alarms, fed by the test: what browsers see of alarms is seen through all layers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from configs.loader import load
from dashboard_api.access import Role
from dashboard_api.centre import Centre
from plant.batch import BatchBuilder, Origin
from plant.clock import SystemClock
from provenline.centre import Address, listening, opened
from provenline.trust import Trust, trust
from tests.peers.processes import free_port

DOCUMENTS = {
    "site.yaml": """
type: site
id: cq
name: {zh: 实训中心, en: Training centre}
""",
    "scene.yaml": """
type: scene
id: shop
name: {zh: 示范车间, en: Demonstration shop}
derived_alarms: [aborted]
sources: [{type: opcua, id: ua, endpoint: "opc.tcp://127.0.0.1:4840"}]
lines:
  - id: line
    name: {zh: 主线, en: Main line}
    devices:
      - id: press
        name: {zh: 压力机, en: Press}
        source: ua
        tags:
          - {id: state, kind: state, role: state, states: packml, stale_after: 1h, address: {node: "ns=2;s=1"}}
          - id: oil
            kind: analog
            unit: Cel
            stale_after: 1h
            description: {zh: 油温, en: Oil temperature}
            address: {node: "ns=2;s=2"}
      - id: oven
        name: {zh: 烘箱, en: Oven}
        source: ua
        tags:
          - id: heat
            kind: analog
            unit: Cel
            stale_after: 1h
            description: {zh: 炉温, en: Oven temperature}
            address: {node: "ns=2;s=3"}
alarms:
  - id: oil
    name: {zh: 油温高, en: Oil too hot}
    priority: medium
    when: {type: limit, tag: line/press/oil, high: 60, high_high: 70, hysteresis: 2}
    consequence: {zh: 密封件损坏, en: Seals are damaged}
    response: {zh: 停机检查冷却器, en: Stop and check the cooler}
  - id: heat
    name: {zh: 炉温变化过快, en: Oven heats too fast}
    priority: low
    when: {type: rate, tag: line/oven/heat, per_second: 2}
    response: {zh: 检查加热器, en: Check the heaters}
  - id: idle
    name: {zh: 压力机久停, en: Press stands}
    when: {type: state, device: line/press, in: [held]}
    suppress: {device: line/press, in: [held]}
    response: {zh: 查看现场, en: Look at it}
""",
}
OIL, STATE, HEAT = "cq/shop/line/press/oil", "cq/shop/line/press/state", "cq/shop/line/oven/heat"
HIGH, HIGHEST = "cq/shop:oil.high", "cq/shop:oil.high-high"


@dataclass(frozen=True, slots=True)
class Alarming:
    """The running centre, and where it is."""

    centre: Centre
    trusted: Trust
    address: str

    def tell(self, value: float, path: str = OIL) -> None:
        """Let a device say something now; alarms have followed it when this returns."""
        builder, now = BatchBuilder(), self.centre.clock.now()
        builder.add(path, now, value, received=now, origin=Origin.SIMULATED)
        self.centre.write(builder.build())
        self.centre.alarms.evaluate()

    async def session(self, name: str, role: Role = Role.OPERATOR) -> dict[str, str]:
        """Return the cookie of somebody who is signed in, for a browser."""
        if name not in {user.name for user in self.trusted.accounts.users()}:
            await self.trusted.accounts.add(name, role)
        user = self.trusted.accounts.user(name)
        secret, _ = await self.trusted.accounts.open(user, address="127.0.0.1", agent="test")
        return {"name": "provenline", "value": secret, "url": self.address}


@asynccontextmanager
async def alarming_centre(folder: Path) -> AsyncIterator[Alarming]:
    """Run a centre on a folder of its own."""
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "data").mkdir()
    configuration, port = load(folder), free_port()
    async with (
        trust(folder / "data", configuration) as trusted,
        opened(configuration, trusted, data=folder / "data", clock=SystemClock()) as centre,
        listening(centre, Address("127.0.0.1", port)),
    ):
        yield Alarming(centre, trusted, f"http://127.0.0.1:{port}")
