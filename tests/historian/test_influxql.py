"""Answers of an InfluxDB as samples, also while points are being written."""

from __future__ import annotations

from historian.influxql import read_csv, series_of, to_batch

COUNT, NOTE = "cq/line/main/press/count", "cq/line/main/press/note"
HEAD = "tags,time,v,i,b,s,n,q,lat,o\n"


def answered(*rows: tuple[str, str]) -> list[tuple[str, int, object]]:
    text = HEAD + "".join(f'"{series_of(path)}",{fields}\n' for path, fields in rows)
    table = read_csv(text.encode())
    assert table is not None
    batch = to_batch(table, [COUNT, NOTE])
    return [(sample.path, sample.time, sample.value) for sample in batch.samples()]


def test_a_point_that_is_being_written_is_not_there_yet() -> None:
    found = answered(
        (COUNT, "1,,7,,,,0,5,"),
        (COUNT, "3,,8,,,,,5,"),
        (COUNT, "4,,9,,,,0,,"),
        (COUNT, "5,,,,,1,2150760448,5,"),
    )
    assert [time for _, time, _ in found] == [1, 5]


def test_an_empty_text_is_a_text() -> None:
    found = answered((NOTE, "1,,,,,,0,5,"), (NOTE, "2,,,,word,,0,5,"), (COUNT, "3,1.5,,,,,0,5,"))
    assert found == [(NOTE, 1, ""), (NOTE, 2, "word"), (COUNT, 3, 1.5)]


def test_an_answer_of_nothing_but_such_points_holds_no_sample() -> None:
    assert answered((COUNT, "3,,8,,,,,5,")) == []
