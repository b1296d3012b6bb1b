"""`provenline calc` gives the engine's figures, shows how they come about, and refuses nonsense in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from provenline.calc import app

VORNE = (
    "oee --planned-busy-time 420min --downtime 47min --ideal-cycle 1s --produced 19271 --rejected 423 "
    "--planned-down-time 60min --calendar-time 8h"
)


def calc(words: str, *more: str) -> Result:
    return CliRunner().invoke(app, [*words.split(), *more], env={"COLUMNS": "240", "NO_COLOR": "1"})


def figures(words: str, *more: str) -> dict[str, dict]:
    result = calc(words, "--json", *more)
    assert result.exit_code == 0, result.output
    return {figure["id"]: figure for figure in json.loads(result.stdout)}


def test_the_published_oee_example_comes_out_at_its_precision() -> None:
    found = {kpi: round(100 * figure["value"], 2) for kpi, figure in figures(VORNE).items()}
    assert found["availability"] == 88.81
    assert found["effectiveness"] == 86.11
    assert found["quality-ratio"] == 97.80
    assert found["oee"] == 74.79
    assert found["teep"] == 65.44
    assert found["utilization"] == 87.5


@pytest.mark.parametrize(
    ("lang", "words"), [("zh", ("可用率", "推导", "实际生产时间")), ("en", ("Availability", "derivation"))]
)
def test_a_table_shows_the_derivation_in_the_readers_language(lang: str, words: tuple[str, ...]) -> None:
    text = calc(VORNE, "--lang", lang).stdout
    assert "88.81 %" in text
    assert "22380 / (25200 - 0)" in text
    for word in words:
        assert word in text


def test_without_calendar_time_there_is_no_teep() -> None:
    assert "teep" not in figures("oee --planned-busy-time 7h --ideal-cycle 1s --produced 100")


def test_faster_than_ideal_is_said_and_not_capped() -> None:
    words = "oee --planned-busy-time 100 --ideal-cycle 2 --produced 60 --lang en"
    assert figures(words)["effectiveness"]["value"] == 1.2
    assert "check the ideal cycle" in calc(words).stdout


def test_the_published_mtbf_example_and_the_standards_divisor() -> None:
    found = figures("mtbf --operating-time 10000h --failures 10 --repair-time 50h")
    assert found["mtbf"]["value"] == 1000 * 3600
    assert found["mttr"]["value"] == 5 * 3600
    assert round(found["inherent-availability"]["value"], 5) == 0.99502
    by_standard = figures("mtbf --operating-time 10000h --failures 10 --denominator failures-plus-one")
    assert by_standard["mtbf"]["value"] == pytest.approx(10_000 * 3600 / 11)
    assert by_standard["mtbf"]["formula"] == "mtbf"


def test_no_failure_means_no_mean_between_failures() -> None:
    assert figures("mtbf --operating-time 100h --failures 0")["mtbf"]["status"] == "insufficient-data"


def test_the_published_rolled_throughput_yield() -> None:
    assert figures("rty 0.95 84% .88")["rolled-throughput-yield"]["value"] == pytest.approx(0.70224)


def test_energy_comes_from_a_meter_with_its_resets() -> None:
    found = figures("energy 100 104 3 9 --good 5")
    assert found["energy"]["value"] == 13
    assert found["energy-per-good-piece"]["value"] == 2.6
    assert found["energy"]["flags"] == ["meter-reset"]
    assert figures("energy 95 5 --on-decrease rollover --modulus 100 --unit MJ")["energy"]["value"] == pytest.approx(
        10 / 3.6
    )


def test_numbers_can_come_from_a_csv_file(tmp_path: Path) -> None:
    file = tmp_path / "delays.csv"
    rows = [f"{n},{n % 200}" for n in range(999)] + ["999,lost"]
    file.write_text("seq,rtt\n" + "\n".join(rows), encoding="utf-8")
    found = figures("latency", "--csv", str(file))
    assert found["latency-p50"]["value"] == 99
    assert found["loss-ratio"]["value"] == 0.001
    assert found["latency-p99-9"]["value"] == 199
    assert figures("latency --lost 1", "--csv", str(file))["latency-p99-9"]["status"] == "unbounded"
    assert figures("latency --column seq", "--csv", str(file))["loss-ratio"]["value"] == 0


def test_too_few_packets_are_said_to_be_too_few() -> None:
    assert "1000 are needed" in calc("latency 1 2 3 --lang en").stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("oee --planned-busy-time 7x --ideal-cycle 1s --produced 1", "planned-busy-time: '7x' is not a duration"),
        ("oee --planned-busy-time 7h --ideal-cycle 1s --produced many", "produced: 'many' is not a number"),
        ("oee --planned-busy-time 7h --ideal-cycle 1s --produced nan", "produced: nan is not a number from 0 up"),
        ("oee --planned-busy-time 7h --ideal-cycle 1s --produced 1e999", "produced: inf is not"),
        ("oee --planned-busy-time 7h --ideal-cycle 1s --produced 3 --rejected 5", "more pieces are rejected"),
        ("oee --planned-busy-time 7h --downtime 8h --ideal-cycle 1s --produced 3", "exceed planned busy time"),
        ("oee --planned-busy-time 0 --ideal-cycle 1s --produced 3", "longer than nothing"),
        ("mtbf --operating-time 5h --failures 1.5", "failures: 1.5 is not a whole number"),
        ("rty 1.2", "yield: 1.2 is more than everything"),
        ("rty 0.9 -- -0.1", "yield: -0.1 is not a number from 0 up"),
        ("energy 5", "give at least two"),
        ("energy 5 6 --unit kg", "do not measure the same thing"),
        ("energy", "give either numbers or --csv"),
        ("latency 1 2 --percentile 42", "percentile: 42 is not offered"),
        ("latency 1 2 --lost 0.5", "lost: 0.5 is not a whole number"),
        ("latency 1 x", "delay: 'x' is not a number"),
        ("latency --csv /nowhere/at/all.csv", "No such file"),
        ("latency --csv /proc/self/cmdline --column q", "no column 'q'"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_one_line(words: str, reason: str) -> None:
    result = calc(words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1
