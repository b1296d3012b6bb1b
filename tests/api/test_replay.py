"""A past stretch of time is shown as it was shown then, and the live values do not notice."""

from __future__ import annotations

import httpx
import pytest

from analytics.alarms.states import Action, Do
from dashboard_api.centre import Centre
from plant.batch import Batch, Origin
from plant.clock import MILLISECOND, SECOND
from plant.quality import Quality
from tests.analytics.signals import samples
from tests.api.test_figures import PRESS, SCENE

FORCE = f"{PRESS}/force"
REPLAY = f"{SCENE}/replay"


def ms(seconds: float) -> int:
    return int(seconds * 1000)


@pytest.fixture
def begun(centre: Centre) -> float:
    """The moment (s) ten minutes ago at which the tests' past begins."""
    return centre.clock.now() // SECOND - 600


async def frames(client: httpx.AsyncClient, start: float, seconds: float, step: int = 1000) -> list[dict]:
    asked = {"start": ms(start), "stop": ms(start + seconds), "step": step}
    answer = await client.get(REPLAY, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["frames"]


def shown(found: list[dict], path: str) -> list[tuple[int, object, int]]:
    """What a page shows of one tag, as `(moment of the frame, value, quality)` for each change."""
    at = found[0]["paths"].index(path)
    return [(frame["now"], row[1], row[2]) for frame in found for row in frame["rows"] if row[0] == at]


async def test_a_replay_begins_with_what_was_in_force_and_goes_on_with_what_came(
    client: httpx.AsyncClient, centre: Centre, begun: float
) -> None:
    centre.write(samples([(begun + s, 400.0 + s) for s in range(0, 60, 2)], path=FORCE))
    found = await frames(client, begun + 10, 10)
    assert found[0]["snapshot"]
    assert [frame["snapshot"] for frame in found[1:]] == [False] * 10
    assert [frame["now"] for frame in found] == [ms(begun + 10 + s) for s in range(11)]
    assert [value for _, value, _ in shown(found, FORCE)] == [410.0, 412.0, 414.0, 416.0, 418.0, 420.0]


async def test_silence_was_shown_then_as_it_is_shown_now(
    client: httpx.AsyncClient, centre: Centre, begun: float
) -> None:
    centre.write(samples([(begun + s, 400.0) for s in (0, 1, 2, 30)], path=FORCE))
    stale = centre.tags[FORCE].stale_after
    found = shown(await frames(client, begun + 1, 40), FORCE)
    silent = [(at, value) for at, value, quality in found if quality == Quality.BAD_NO_COMMUNICATION]
    assert [value for _, value in silent][:1] == [None]
    assert ms(begun + 2 + stale) <= silent[0][0] <= ms(begun + 2 + stale + 1)
    assert next(value for at, value, _ in found if at >= ms(begun + 30)) == 400.0


async def test_what_came_late_counts_from_when_it_was_received(
    client: httpx.AsyncClient, centre: Centre, begun: float
) -> None:
    late = samples([(begun + 5, 555.0)], path=FORCE)
    late.received[:] = int((begun + 25) * SECOND)
    centre.write(Batch.concat([samples([(begun, 400.0)], path=FORCE), late]))
    before = shown(await frames(client, begun + 2, 20), FORCE)
    assert 555.0 not in [value for _, value, _ in before]
    after = shown(await frames(client, begun + 20, 10), FORCE)
    assert [at for at, value, _ in after if value == 555.0] == [ms(begun + 25)]


async def test_a_replay_leaves_the_live_values_alone(client: httpx.AsyncClient, centre: Centre, begun: float) -> None:
    now = centre.clock.now() / SECOND
    centre.write(samples([(begun + s, 400.0) for s in range(30)] + [(now, 777.0)], path=FORCE))
    before = centre.live.changes(0, [FORCE])
    await frames(client, begun, 30)
    after = centre.live.changes(0, [FORCE])
    assert [s.value for s in after.batch.samples()] == [777.0]
    assert after.number == before.number


async def test_what_a_recording_put_in_moved_no_live_value_then(
    client: httpx.AsyncClient, centre: Centre, begun: float
) -> None:
    recorded = samples([(begun + 5, 999.0)], path=FORCE)
    recorded.origin[:] = int(Origin.REPLAYED)
    centre.write(Batch.concat([samples([(begun + 4, 400.0)], path=FORCE), recorded]))
    assert [value for _, value, _ in shown(await frames(client, begun + 3, 5), FORCE)] == [400.0]


async def test_a_fast_replay_gives_one_sample_a_second(client: httpx.AsyncClient, centre: Centre, begun: float) -> None:
    centre.write(samples([(begun + s / 10, float(s)) for s in range(600)], path=FORCE))
    found = await frames(client, begun, 60, step=15_000)
    assert len(found) == 5
    values = [value for _, value, _ in shown(found, FORCE)]
    assert values[:4] == [0.0, 10.0, 20.0, 30.0]
    assert len(values) == 61


@pytest.mark.parametrize(
    ("seconds", "step", "code"),
    [(0, 250, "window-length"), (1_801, 10_000, "window-length"), (301, 250, "window-length")],
)
async def test_a_replay_is_bounded(client: httpx.AsyncClient, begun: float, seconds: int, step: int, code: str) -> None:
    start = begun - 3600
    answer = await client.get(REPLAY, params={"start": ms(start), "stop": ms(start + seconds), "step": step})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "回放" in answer.json()["words"]["zh"]


async def test_the_future_cannot_be_replayed(client: httpx.AsyncClient, centre: Centre) -> None:
    start = centre.clock.now() // MILLISECOND + 60_000
    answer = await client.get(REPLAY, params={"start": start, "stop": start + 1000})
    assert answer.json()["code"] == "future"


async def test_alarms_are_shown_as_they_stood(client: httpx.AsyncClient, centre: Centre) -> None:
    alarm = next(name for name in centre.alarms.rules if name.startswith("cq/first-light:"))
    times: list[int] = []

    def done(do: Do, reason: str = "") -> None:
        def action(now: int) -> Action:
            times.append(max(now, *(one + 10 * MILLISECOND for one in times)) if times else now)
            return Action(time=times[-1], do=do, by="Li Wei", reason=reason)

        centre.alarms.people([alarm], action)

    async def stood(at: int) -> dict[str, str]:
        answer = await client.get(f"{REPLAY}/alarms", params={"at": at // MILLISECOND})
        return {one["id"]: one["state"] for one in answer.json()["alarms"]}

    done(Do.REMOVE, "being repaired")
    done(Do.RETURN)
    assert await stood(times[0] - SECOND) == {}
    assert await stood(times[1] - MILLISECOND) == {alarm: "out-of-service"}
    assert await stood(times[1] + SECOND) == {}
