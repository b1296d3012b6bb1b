"""What the acceptance statistics do, by Monte Carlo: how often they accept wrongly, cover the truth, and see a gain.

    python -m bench.acceptance_statistics [--quick] [--write]

Every verdict comes from `analytics.acceptance.judge` itself; the truth is known because it was
drawn. `--write` puts the tables into docs/acceptance-statistics.md and its Chinese twin.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from analytics.acceptance import Verdict, judge
from bench.acceptance.draws import autoregressive, config, rates, samples, trials, windows
from bench.acceptance.rivals import RIVALS

SHIFTS = (3, 5, 10, 20)
DOCS = Path(__file__).parents[1] / "docs"
PLAN = {"clause": "bench", "confidence": 0.95, "resamples": 400, "seed": 7, "mix": {}}
POWER = ((0.05, 0.10), (0.10, 0.20), (0.20, 0.30))
"""Bound of a clause, and true gain."""


def our_interval(before, after):
    """Return the ends of `judge`'s interval of log(improved / baseline), a comparison each."""
    ones = np.ones(before.shape[1])
    asked = config()
    ends = [
        judge(asked, windows(old, ones), windows(new, ones), **PLAN).interval
        for old, new in zip(before, after, strict=True)
    ]
    return np.log1p(np.array(ends).T)


def shifted(ends, gain, bound):
    """Return the share of comparisons that are met when the improved side is really better by `gain`.

    A true gain moves the interval of the log ratio and does not change its width.
    """
    return np.mean(ends[0] + np.log1p(gain) >= np.log1p(bound))


def covered(ends):
    return np.mean((ends[0] <= 0) & (ends[1] >= 0))


# ----------------------------------------------------------------------------- the tables
def gains(comparisons) -> Iterator[list[str]]:
    """Shifts, spread, correlation; coverage; false accepts; power."""
    for spread in (0.01, 0.02, 0.05, 0.10):
        for correlation in (0.0, 0.3, 0.5):
            for shifts in SHIFTS:
                random = np.random.default_rng([shifts, round(spread * 100), round(correlation * 10)])
                before, after = (
                    rates(random, comparisons, shifts, spread=spread, correlation=correlation) for _ in range(2)
                )
                ends = our_interval(before, after)
                yield [
                    f"{spread:.0%}",
                    f"{correlation:g}",
                    str(shifts),
                    percent(covered(ends)),
                    percent(shifted(ends, 0.0, 0.05)),
                    percent(shifted(ends, 0.2, 0.2)),
                    *(percent(shifted(ends, gain, bound)) for bound, gain in POWER),
                ]


def methods(comparisons) -> Iterator[list[str]]:
    """Every method at the bound, where accepting wrongly is easiest."""
    many = comparisons * 2
    for correlation in (0.0, 0.3):
        drawn = {
            shifts: [
                rates(np.random.default_rng([shifts, side]), many, shifts, spread=0.05, correlation=correlation)
                for side in (0, 1)
            ]
            for shifts in SHIFTS
        }
        for name, method in RIVALS.items():
            cells = []
            for shifts in SHIFTS:
                ends = method(*drawn[shifts], np.random.default_rng(shifts))
                cells += [percent(np.mean(ends[0] > 0)), percent(covered(ends))]
            yield [name, f"{correlation:g}", *cells]
        cells = []
        for shifts in SHIFTS:
            ends = our_interval(*(side[:comparisons] for side in drawn[shifts]))
            cells += [percent(np.mean(ends[0] > 0)), percent(covered(ends))]
        yield ["**provenline**", f"{correlation:g}", *cells]


def rare(comparisons) -> Iterator[list[str]]:
    """Rejects are counted, few a shift: the cut of the defect share, truly at its bound, and truly halved."""
    asked = config(kind="change-down", value=0.05)
    for mean in (2, 10, 50):
        for shifts in SHIFTS:
            random = np.random.default_rng([mean, shifts])
            pieces = np.full(shifts, mean * 50.0)
            row = [str(mean), str(shifts)]
            for cut in (0.05, 0.5):
                met = 0
                for _ in range(comparisons):
                    old, new = random.poisson(mean, shifts), random.poisson(mean * (1 - cut), shifts)
                    finding = judge(asked, windows(old, pieces), windows(new, pieces), **PLAN)
                    met += finding.verdict is Verdict.MET
                row.append(percent(met / comparisons))
            yield row


def proportions(comparisons) -> Iterator[list[str]]:
    """Shares of correct cycles: truly at the bound of 95 %, and truly 98 %; trials in clusters or not."""
    asked = config(kind="absolute", value=0.95, statistic="proportion")
    for spread in (0.0, 0.02):
        for shifts in SHIFTS:
            random = np.random.default_rng([round(spread * 100), shifts])
            row = [f"{spread:g}", str(shifts)]
            for share in (0.95, 0.98):
                truths = np.full((comparisons, shifts), share)
                if spread:
                    strength = share * (1 - share) / spread**2 - 1
                    truths = random.beta(share * strength, (1 - share) * strength, (comparisons, shifts))
                found = random.binomial(500, truths)
                met = sum(judge(asked, None, trials(one, 500), **PLAN).verdict is Verdict.MET for one in found)
                row.append(percent(met / comparisons))
            yield row


def percentiles(comparisons) -> Iterator[list[str]]:
    """Delays whose P99.9 truly is 10 ms, and truly is 8 ms; successive packets alike or not."""
    asked = config(kind="absolute", op="<", value=10, unit="ms", statistic="percentile", percentile="99.9")
    for correlation in (0.0, 0.5, 0.9):
        for packets in (5_000, 20_000, 100_000):
            random = np.random.default_rng([round(correlation * 10), packets])
            covering = false = seen = 0
            repeats = max(comparisons // 4, 25)
            for _ in range(repeats):
                shape = np.exp(0.4 * (autoregressive(random, (5, packets // 5), correlation) - ndtri(0.999)))
                at_bound, better = (judge(asked, None, samples(truth * shape), **PLAN) for truth in (10, 8))
                covering += at_bound.interval is not None and at_bound.interval[0] <= 10 <= at_bound.interval[1]
                false += at_bound.verdict is Verdict.MET
                seen += better.verdict is Verdict.MET
            yield [f"{correlation:g}", f"{packets:,}", *map(percent, np.array([covering, false, seen]) / repeats)]


def percent(share) -> str:
    return f"{share * 100:.1f}"


# ------------------------------------------------------------------------------ the pages
TABLES = {
    "gains": (
        gains,
        "shift CV | correlation | shifts | interval covers | met, no gain, bound 5 % | met, gain at bound 20 % | "
        "power: bound 5 %, gain 10 % | bound 10 %, gain 20 % | bound 20 %, gain 30 %",
        "班次变异系数 | 相关 | 班次数 | 区间覆盖率 | 无提升、限值5%判达标 | 真值恰为限值20%判达标 | "
        "功效：限值5%、提升10% | 限值10%、提升20% | 限值20%、提升30%",
    ),
    "methods": (
        methods,
        "method | correlation | 3: wrong | 3: covers | 5: wrong | 5: covers | 10: wrong | 10: covers | "
        "20: wrong | 20: covers",
        "方法 | 相关 | 3：误判 | 3：覆盖 | 5：误判 | 5：覆盖 | 10：误判 | 10：覆盖 | 20：误判 | 20：覆盖",
    ),
    "rare": (
        rare,
        "rejects a shift | shifts | met, cut truly 5 % | met, cut truly 50 %",
        "每班不良数 | 班次数 | 真降5%判达标 | 真降50%判达标",
    ),
    "proportions": (
        proportions,
        "spread between shifts | shifts | met, share truly 95 % | met, share truly 98 %",
        "班次间波动 | 班次数 | 真值95%判达标 | 真值98%判达标",
    ),
    "percentiles": (
        percentiles,
        "correlation of packets | packets | interval covers | met, P99.9 truly 10 ms | met, P99.9 truly 8 ms",
        "报文相关 | 报文数 | 区间覆盖率 | P99.9真值10 ms判达标 | P99.9真值8 ms判达标",
    ),
}
"""Rows, and the headings in English and Chinese."""


def table(heading, rows) -> str:
    columns = heading.count("|") + 1
    lines = [f"| {heading} |", "|" + " --- |" * columns, *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def write(page, tables) -> None:
    """Put each table between its two marks on a page."""
    text = page.read_text(encoding="utf-8")
    for name, made in tables.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, count = marks.subn(lambda found, made=made: f"{found[1]}\n{made}\n\n{found[2]}", text)
        if count != 1:
            sys.exit(f"{page} has no place for the table {name}")
    page.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the comparisons")
    parser.add_argument("--write", action="store_true", help="put the tables into the pages of docs/")
    options = parser.parse_args()
    comparisons = 200 if options.quick else 2000
    english, chinese = {}, {}
    for name, (rows, heading, chinese_heading) in TABLES.items():
        started = time.perf_counter()
        found = list(rows(comparisons))
        english[name], chinese[name] = table(heading, found), table(chinese_heading, found)
        print(f"\n{name}, in per cent ({time.perf_counter() - started:.0f} s)\n\n{english[name]}", flush=True)
    if options.write:
        write(DOCS / "acceptance-statistics.md", english)
        write(DOCS / "acceptance-statistics.zh-CN.md", chinese)


if __name__ == "__main__":
    main()
