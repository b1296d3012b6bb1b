"""Verifying a package of 10⁷ samples: time and peak memory, beside reading its Parquet and hashing its bytes.

The samples are drawn, not simulated: delays of four links, ten a millisecond, with some lost. Everything
else is what a campaign does: plan, recording, measures, verdict, package, signature; verification runs in a
process of its own, whose peak memory is its own.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from configs.loader import PACKAGED, load
from evidence.assess import Arm, assess, clause_digest
from evidence.dossier import Dossier, Run
from evidence.package import Side, recorded, write
from evidence.plan import Frozen, Plan, RecordedArm, Window
from evidence.signing import Signer
from evidence.verify import verify
from plant.batch import Batch, Origin
from plant.clock import SECOND
from plant.tags import Role

SAMPLES = int(os.environ.get("SAMPLES", "10_000_000"))
START = 1_772_000_000 * SECOND
SHIFTS, SHIFT = 5, 3_600 * SECOND


class Drawn:
    """A store of drawn samples."""

    def __init__(self, paths: list[str]) -> None:
        each, random = SAMPLES // len(paths), np.random.default_rng(7)
        times = START + np.arange(each, dtype=np.int64) * (SHIFTS * SHIFT // each)
        self._batches = {
            path: Batch.floats(
                (path,),
                np.zeros(each, np.uint32),
                times,
                random.lognormal(1.2, 0.4, each) * 1000,
                received=times,
                origin=Origin.SIMULATED,
            )
            for path in paths
        }

    def history(self, paths: list[str], start: int, stop: int) -> Batch:
        parts = [self._batches[path] for path in paths if path in self._batches]
        parts = [part.take(slice(*np.searchsorted(part.time, [start, stop]).tolist())) for part in parts]
        return Batch.concat(parts)

    def before(self, paths: list[str], moment: int) -> Batch:
        return self.history(paths, 0, moment).take(slice(-1, None))

    def close(self) -> None:
        self._batches.clear()


def made(folder: Path) -> Path:
    """Make the package."""
    configuration = load(PACKAGED)
    scene = next(one for one in configuration.site.scenes if one.id == "line-coordination")
    paths = [tag.path for tag in scene.tags if tag.role in (Role.LATENCY_UP, Role.LATENCY_DOWN)]
    clause = next(c for c in configuration.catalogues["cq-2020-1"].clauses if c.scene == scene.id)
    clause = clause.model_copy(update={"indicators": tuple(i for i in clause.indicators if i.id == "latency")})
    spans = [(START + i * SHIFT, START + (i + 1) * SHIFT) for i in range(SHIFTS)]
    plan = Plan(
        id="bench",
        name=clause.name,
        scene=scene.id,
        catalogue="cq-2020-1",
        clause=clause.id,
        clause_digest=clause_digest(clause),
        improved=RecordedArm(windows=tuple(Window(start=a, stop=b) for a, b in spans)),
        author="bench",
    )
    sides = recorded(configuration, scene.id, {Arm.IMPROVED: Side(historian=Drawn(paths), windows=spans)}, folder)
    found = assess(plan, clause, sides)
    print(f"   made of {sides[Arm.IMPROVED].measured.historian.rows.count:,} samples; {found.finding.verdict.value}")
    dossier = Dossier(
        revisions=(Frozen(plan=plan, hash=plan.hash, at=START),),
        catalogue=configuration.catalogues["cq-2020-1"],
        clause=clause,
        sides=sides,
        assessment=found,
        run=Run(began=START, ended=START + SHIFTS * SHIFT),
    )
    write(dossier, configuration, folder / "bench.zip", samples=folder, signer=Signer.load(folder / "key.pem"))
    return folder / "bench.zip"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        package = made(Path(scratch))
        size = package.stat().st_size
        began = time.perf_counter()
        hashlib.sha256(package.read_bytes()).hexdigest()
        hashed = time.perf_counter() - began
        began = time.perf_counter()
        pq.read_table(Path(scratch) / "samples" / "improved.parquet")
        parquet = time.perf_counter() - began
        arguments = [sys.executable, "-m", "bench.verify_evidence", "--verify", str(package)]
        began = time.perf_counter()
        said = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
        took = time.perf_counter() - began
    print(f"   package {size / 1e6:.0f} MB; hashing its bytes {hashed:.2f} s, reading its Parquet {parquet:.2f} s")
    print(f"   verifying: {said[0]}, {took:.1f} s in all ({float(said[1]):.1f} s after imports), peak {said[2]} MB")
    print(f"   = {took / parquet:.1f} × reading the Parquet; {1e6 * took / SAMPLES:.2f} s a million samples")


def verified(package: Path) -> None:
    began = time.perf_counter()
    found = verify(package)
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("holds" if found.holds else f"FAILS {[c for c in found.checks if c.details]}", took, round(peak))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--verify"]:
        verified(Path(sys.argv[2]))
    else:
        main()
