"""Thinning in an InfluxDB: broken off anywhere it loses nothing and counts nothing twice, whichever version it is."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from historian.influxdb import InfluxHistorian, Server
from historian.influxdb_link import Link
from historian.influxdb_turns import Turns
from historian.port import Hole
from historian.rollup import rollup
from plant.batch import Batch
from plant.errors import Rejected, Unavailable
from plant.quality import Quality
from tests.historian.test_influxdb import gateway
from tests.historian.test_thinning import (
    DAY,
    DAY0,
    HOUR,
    METER,
    MINUTE,
    SAMPLES,
    START,
    STEPS,
    TEMPERATURE,
    adds_up,
    batch,
    regular,
    same,
)

pytestmark = pytest.mark.needs("influxd")


@pytest.fixture
def server(influx_server, influx_database) -> Server:
    return Server(url=influx_server.url, version=1, database=influx_database)


def in_time(*parts: Batch) -> Batch:
    everything = Batch.concat(parts)
    return everything.take(np.argsort(everything.time))


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=SAMPLES, late=SAMPLES, steps=STEPS, again=STEPS)
def test_sums_over_samples_and_buckets_are_those_of_all_samples(server, first, late, steps, again):
    seen = {at for at, _, _ in first}
    late = [row for row in late if row[0] not in seen]
    first, late = (list({row[0]: row for row in rows}.values()) for rows in (first, late))
    with closing(InfluxHistorian(server)) as store:
        for measurement in ("sample", "sample_rollup", "sample_thinned"):
            store._link.http.post("/query", params={"db": server.database, "q": f"DROP MEASUREMENT {measurement}"})
        adds_up(store, ((first, steps), (late, again)))


# ------------------------------------------------------------------------------- broken off
class Killed(BaseException):
    """The process ends here."""


@dataclass
class Ending:
    """Ends the process at a change of the server: before it, or after it when the answer was lost."""

    left: int = 0
    after: bool = False
    met: list[str] = field(default_factory=list)

    def around(self, name, real):
        def step(link, *arguments):
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed
            real(link, *arguments)
            if self.left == 0:
                raise Killed
            if self.left < 0:
                self.met.append(name)

        return step


@pytest.mark.parametrize("after", [False, True], ids=["before a change", "after a change"])
def test_a_process_that_is_killed_at_any_step_loses_nothing_and_counts_nothing_twice(server, monkeypatch, after):
    ending = Ending(after=after)
    for name in ("write", "delete"):
        monkeypatch.setattr(Link, name, ending.around(name, getattr(Link, name)))
    whole = regular(TEMPERATURE, 0, DAY, HOUR)
    late = batch([(TEMPERATURE, START + HOUR + 1, 7.0, Quality.GOOD)])
    later = [batch([(TEMPERATURE, START + 2 * HOUR + moment, 9.0, Quality.GOOD)]) for moment in range(1, 20)]
    with closing(InfluxHistorian(server)) as store:
        store.write(whole)
        store.thin([TEMPERATURE], DAY0, MINUTE)
        store.write(late)
    known, ended = [whole, late], 0
    for moment in range(1, 20):
        expected = rollup(in_time(*known), START, START + DAY, 24)
        with closing(InfluxHistorian(server)) as store:
            ending.left = moment
            try:
                store.thin([TEMPERATURE], DAY0, MINUTE)
            except Killed:
                ended += 1
            done = ending.left > 0
            ending.left = 0
        with closing(InfluxHistorian(server)) as store:
            same(store.rollup(TEMPERATURE, START, START + DAY, 24), expected)
            store.write(later[moment - 1])  # into the very day that was being thinned
            known.append(later[moment - 1])
            expected = rollup(in_time(*known), START, START + DAY, 24)
            same(store.rollup(TEMPERATURE, START, START + DAY, 24), expected)
        if done:
            break
    assert done
    assert ended >= 6, "buckets, two notes in the ledger, samples and the old slot"


def test_what_the_server_does_not_delete_is_counted_once_and_deleted_later(server, monkeypatch):
    whole = regular(TEMPERATURE, 0, DAY, HOUR)
    window = START, START + DAY
    with closing(InfluxHistorian(server)) as store:
        store.write(whole)
        with monkeypatch.context() as lost:
            lost.setattr(Link, "delete", lambda *_: None)
            with pytest.raises(Unavailable, match="it was to delete"):
                store.thin([TEMPERATURE], DAY0, HOUR)
            assert store.rollup(TEMPERATURE, *window, 24).count.tolist() == [1] * 24
            with pytest.raises(Unavailable, match="it was to delete"):
                store.write(batch([(TEMPERATURE, START + 1, 5.0, Quality.GOOD)]))
            store.write(batch([(TEMPERATURE, START + 2 * DAY, 5.0, Quality.GOOD)]))
        store.write(batch([(TEMPERATURE, START + 1, 5.0, Quality.GOOD)]))
        assert store.history([TEMPERATURE], *window).numbers.tolist() == [5.0]
        assert store.rollup(TEMPERATURE, *window, 24).count.tolist() == [2] + [1] * 23


def test_nothing_is_dropped_for_buckets_that_cannot_be_read_back(server, monkeypatch):
    whole = regular(TEMPERATURE, 0, DAY, HOUR)
    with closing(InfluxHistorian(server)) as store:
        store.write(whole)
        with monkeypatch.context() as lost:
            lost.setattr(Link, "write", lambda *_: None)
            with pytest.raises(Unavailable, match="nothing is dropped"):
                store.thin([TEMPERATURE], DAY0, HOUR)
        assert len(store.history([TEMPERATURE], START, START + DAY)) == 24
        assert store.thinned([TEMPERATURE], START, START + DAY) == ()


def test_a_day_that_others_write_to_meanwhile_is_left_for_later(server, monkeypatch):
    real, foreign = Link.write, batch([(TEMPERATURE, START + 1, 5.0, Quality.GOOD)])
    with closing(InfluxHistorian(server)) as store, closing(InfluxHistorian(server)) as somebody:
        store.write(regular(TEMPERATURE, 0, DAY, HOUR))
        with monkeypatch.context() as crowded:

            def write(link, lines):
                real(link, lines)
                if link is store._link:
                    somebody.write(foreign)

            crowded.setattr(Link, "write", write)
            with pytest.raises(Unavailable, match="somebody writes"):
                store.thin([TEMPERATURE], DAY0, HOUR)
        assert store.thin([TEMPERATURE], DAY0, HOUR).samples == 25


def test_tags_whose_samples_are_all_gone_are_still_known_with_the_last_they_had(server):
    with closing(InfluxHistorian(server)) as store:
        store.write(regular(TEMPERATURE, 0, DAY, HOUR))
        store.write(regular(METER, 0, DAY, HOUR))
        store.thin([TEMPERATURE, METER], DAY0, HOUR)
        assert store.history([TEMPERATURE, METER], START, START + DAY).time.tolist() == []
        assert store.paths() == (METER, TEMPERATURE)
        assert store.latest([TEMPERATURE]).numbers.tolist() == [23.0]
        assert (store.dropped.samples, store.dropped.buckets) == (48, 0)


# ------------------------------------------------------------------------------- versions
def test_version_2_deletes_through_its_api(influx_server, influx_database):
    awkward = 'cq/first/line/press/a"b=c,d'
    with gateway(influx_server, 2) as (url, _):
        server = Server(url=url, version=2, database=influx_database, organisation="centre", token="let-me-in")
        with closing(InfluxHistorian(server)) as store:
            whole = regular(awkward, 0, DAY, HOUR)
            last = batch([(awkward, START + DAY - 1, 5.0, Quality.GOOD), (awkward, START + DAY, 6.0, Quality.GOOD)])
            store.write(whole)
            store.write(last)
            store.write(regular(METER, 0, DAY, HOUR))
            assert store.thin([awkward], DAY0, HOUR).samples == 25
            window = START, START + 2 * DAY
            same(store.rollup(awkward, *window, 48), rollup(in_time(whole, last), *window, 48))
            assert store.history([awkward], *window).numbers.tolist() == [6.0]
            assert len(store.history([METER], *window)) == 24
            assert store.thinned([METER, awkward], *window) == (Hole(awkward, START, START + DAY),)


def test_version_3_has_no_holes_and_refuses_to_thin(influx_server, influx_database):
    with gateway(influx_server, 3) as (url, _):
        server = Server(url=url, version=3, database=influx_database, organisation="centre", token="let-me-in")
        with closing(InfluxHistorian(server)) as store:
            store.write(regular(METER, 0, DAY, HOUR))
            assert store.thinned([METER], START, START + DAY) == ()
            with pytest.raises(Rejected, match="3 cannot delete"):
                store.thin([METER], DAY0, HOUR)
            assert len(store.history([METER], START, START + DAY)) == 24


# ------------------------------------------------------------------------------- turns
def test_whoever_wants_a_span_alone_waits_for_those_within_and_keeps_others_out():
    turns, seen = Turns(), []
    entered, wanted, left = threading.Event(), threading.Event(), threading.Event()

    def among():
        with turns.among(0, 10):
            entered.set()
            assert wanted.wait(60)
            seen.append("among")

    def alone():
        wanted.set()
        with turns.alone(10, 20):
            seen.append("alone")
            with turns.among(21, 30):
                seen.append("elsewhere")
        left.set()

    threads = [threading.Thread(target=among)]
    threads[0].start()
    assert entered.wait(60)
    threads.append(threading.Thread(target=alone))
    threads[1].start()
    assert left.wait(60)
    with turns.among(15, 15):
        seen.append("after")
    for thread in threads:
        thread.join(60)
    assert seen == ["among", "alone", "elsewhere", "after"]
