"""KPIs of somebody's own table: as documented, from CSV and Parquet, wide and long, or refused with reasons."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from provenline.main import app

GUIDE = Path(__file__).parents[2] / "docs" / "kpi-from-your-own-data.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def run(folder: Path, table: str, data: str, mapping: str, *options: str) -> Result:
    (folder / table).write_text(data, encoding="utf-8")
    (folder / "map.yaml").write_text(mapping, encoding="utf-8")
    return CliRunner().invoke(app, ["kpi", "--from", str(folder / table), "--map", str(folder / "map.yaml"), *options])


def examples() -> list[tuple[str, str, dict[str, float]]]:
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    tables, maps, figures = ([text for kind, text in blocks if kind == k] for k in ("csv", "yaml", "figures"))
    values = [{name: float(value) for name, value in (line.split() for line in f.splitlines())} for f in figures]
    return list(zip(tables, maps, values, strict=True))


PRESS, LONG = examples()


@pytest.mark.parametrize("example", [PRESS, LONG], ids=["wide", "long"])
def test_the_guide_says_what_the_command_prints(tmp_path: Path, example: tuple[str, str, dict[str, float]]) -> None:
    data, mapping, expected = example
    result = run(tmp_path, "own.csv", data, mapping, "--json")
    assert result.exit_code == 0, result.output
    found = {indicator["id"]: indicator["value"] for indicator in json.loads(result.stdout)}
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_parquet_gives_the_figures_of_the_csv(tmp_path: Path) -> None:
    data, mapping, _ = PRESS
    from_csv = run(tmp_path, "own.csv", data, mapping, "--json")
    pq.write_table(arrow_csv.read_csv(pa.BufferReader(data.encode())), tmp_path / "own.parquet", row_group_size=2)
    command = ["kpi", "--from", str(tmp_path / "own.parquet"), "--map", str(tmp_path / "map.yaml"), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == json.loads(from_csv.stdout)


def test_rows_in_any_order_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    data, mapping, _ = PRESS
    head, *rows = data.splitlines()
    expected = run(tmp_path, "own.csv", data, mapping, "--json").stdout
    shuffled = run(tmp_path, "own.csv", "\ufeff" + "\n".join([head, *rows[::-1], *rows[:2]]) + "\n", mapping, "--json")
    assert shuffled.stdout == expected


def test_the_table_speaks_both_languages_and_says_why_there_is_no_figure(tmp_path: Path) -> None:
    data, mapping, _ = PRESS
    late = mapping.replace("role: state,", "role: state, stale_after: 1min,")
    assert "数据不足" in run(tmp_path, "own.csv", data, late, "--lang", "zh").stdout
    assert "81.94 %" in run(tmp_path, "own.csv", data, mapping, "--lang", "en").stdout


def test_a_calendar_decides_what_was_planned(tmp_path: Path) -> None:
    data, mapping, _ = PRESS
    calendar = 'calendar: {shifts: [{id: day, start: "09:00", end: "11:00"}]}\n'
    found = json.loads(run(tmp_path, "own.csv", data, mapping + calendar, "--json").stdout)
    assert {i["id"]: i["value"] for i in found}["availability"] == pytest.approx(1.5 / 2)


def test_everything_wrong_with_a_map_is_said_at_once(tmp_path: Path) -> None:
    data, mapping, _ = PRESS
    wrong = mapping.replace("role: good-count}", "role: good-count, unit: kg}").replace(
        "device: press", "device: pres", 1
    )
    result = run(tmp_path, "own.csv", data, wrong)
    assert result.exit_code == 2
    assert "signals[0].device" in result.stderr
    assert "signals[1].unit" in result.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("column: Press good", "column: Press god"), "did you mean 'Press good'?"),
        (("role: state", "role: stat"), "signals[0].role"),
        (("time:", "tme:"), "did you mean 'time'?"),
        (("{column: Time,", "{column: Press state,"), "not a time"),
        (("role: good-count", "role: total-count, column: x"), "written twice"),
        (("time:", "layout: long\ntime:"), "long table"),
    ],
)
def test_a_map_that_does_not_fit_is_refused_with_a_hint(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    data, mapping, _ = PRESS
    result = run(tmp_path, "own.csv", data, mapping.replace(*change, 1))
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((",1650,", ",many,"), "'many' is not a number"),
        (("2026-03-02 09:30:00", ""), "has no time"),
        (("2026-03-02 09:30:00", "1926-03-02 09:30:00"), "more than 20 years"),
        (("2026-03-02 09:30:00,FAULT,2500,40", "2026-03-02 09:30:00,FAULT"), "CSV"),
    ],
)
def test_a_field_that_cannot_be_is_refused_not_guessed(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    data, mapping, _ = PRESS
    result = run(tmp_path, "own.csv", data.replace(*change, 1), mapping)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    for table, data in (("own.csv", ""), ("own.parquet", "no parquet"), ("own.csv", "Time,Press state\n")):
        result = run(tmp_path, table, data, PRESS[1])
        assert result.exit_code == 2, result.output
        assert "provenline kpi:" in result.stderr
