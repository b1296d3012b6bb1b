"""Whatever is done to a package after it was signed is caught, each manipulation with its own message.

Three levels of effort: the files alone; files and manifests; files, manifests and a new signature by
another key. Only the last needs the reader to know whose key it should be – and even then what was
computed must still follow from the samples.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evidence.archive import pack, unpack
from evidence.canonical import canonical
from evidence.signing import Signer, statement
from evidence.verify import Result, Step, Verification, verify


class Cover(Enum):
    """How far somebody goes to hide what he did."""

    NONE = "nothing else touched"
    MANIFESTS = "manifests made anew"
    SIGNATURE = "manifests and signature made anew, with another key"


@dataclass(frozen=True)
class Manipulation:
    """What is done, how it is covered up, which step catches it, with what message."""

    what: str
    do: Callable[[Path], None]
    cover: Cover
    step: Step
    message: str


def test_an_untouched_package_verifies(package: Path, signer: Signer) -> None:
    found = verify(package, trusted=[signer.fingerprint])
    assert found.holds, told(found)
    assert {check.step for check in found.checks if check.result is Result.ABSENT} == {Step.TIMESTAMP}
    assert found.simulated is True


def test_the_same_bag_is_the_same_file_whoever_zips_it(package: Path, tmp_path: Path) -> None:
    folder = unpack(package, tmp_path)
    pack(folder, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


# --------------------------------------------------------------------------- what can be done
def edit(name: str, change: Callable[[object], object]) -> Callable[[Path], None]:
    """Return what rewrites one JSON file."""

    def do(folder: Path) -> None:
        file = folder / "data" / name
        data = json.loads(file.read_bytes())
        changed = change(data)
        file.write_bytes((json.dumps(data if changed is None else changed, ensure_ascii=False) + "\n").encode())

    return do


def table(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    """Return what rewrites one file of samples."""

    def do(folder: Path) -> None:
        file = folder / "data" / "samples" / name
        pq.write_table(change(pq.read_table(file)), file, compression="zstd", row_group_size=250_000)

    return do


def replaced(column: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    def change(samples: pa.Table) -> pa.Table:
        values = samples.column(column).to_pylist()
        usable = [i for i, one in enumerate(values) if one is not None]
        values[usable[row]] = value if not callable(value) else value(values[usable[row]])
        index = samples.schema.get_field_index(column)
        return samples.set_column(
            index, samples.schema.field(column), pa.array(values, samples.schema.field(column).type)
        )

    return change


def without_row(samples: pa.Table) -> pa.Table:
    return pa.concat_tables([samples.slice(0, 100), samples.slice(101)])


def swapped(folder: Path) -> None:
    a, b = (folder / "data" / "samples" / f"{side}.parquet" for side in ("baseline", "improved"))
    a.rename(folder / "x"), b.rename(a), (folder / "x").rename(b)


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        file = folder / "data" / name
        content = file.read_text(encoding="utf-8")
        assert old in content
        file.write_text(content.replace(old, new, 1), encoding="utf-8")

    return do


def put(**items: object) -> Callable[[dict], None]:
    return lambda data: data.update(items)


def bound(data: dict) -> None:
    data["clause"]["indicators"][0]["value"] = 0.01


def first_window(data: dict) -> None:
    for side in data.values():
        side["windows"].pop(0)
        for name in side["indicators"]:
            side["indicators"][name].pop(0)


def formula_version(data: dict) -> None:
    for side in data.values():
        for many in side["indicators"].values():
            for one in many:
                one["indicator"]["version"] += 1


def verdict(data: dict) -> None:
    data["verdict"] = data["findings"][0]["verdict"] = "not-met"


def estimate(data: dict) -> None:
    data["findings"][0]["estimate"] += 0.01


def figure(data: dict) -> None:
    data["improved"]["indicators"]["collect-gain"][-1]["indicator"]["value"] *= 1.1


def plan_later(data: list) -> None:
    data[0]["at"] += 10**15


def plan_seed(data: list) -> None:
    data[0]["plan"]["seed"] += 1


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def add(name: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"%PDF-1.7 forged")

    return do


def key_swapped(folder: Path) -> None:
    envelope = json.loads((folder / "signature.json").read_bytes())
    envelope["signatures"][0]["keyid"] = "0" * 64
    (folder / "signature.json").write_bytes(canonical(envelope))


def loosely_written(folder: Path) -> None:
    envelope = json.loads((folder / "signature.json").read_bytes())
    (folder / "signature.json").write_text(json.dumps(envelope, indent=2))


def manifest_line_gone(folder: Path) -> None:
    file = folder / "manifest-sha256.txt"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "run.json" not in line))


def manifest_outside(folder: Path) -> None:
    file = folder / "manifest-sha256.txt"
    file.write_text(file.read_text() + f"{'0' * 64}  data/../../etc/passwd\n")


_IMPROVED = "improved.parquet"
MANIPULATIONS = (
    Manipulation(
        "a bound lowered", edit("catalogue.json", bound), Cover.NONE, Step.HASHES, "catalogue.json is not what"
    ),
    Manipulation(
        "a verdict edited", edit("findings.json", verdict), Cover.NONE, Step.HASHES, "findings.json is not what"
    ),
    Manipulation(
        "a row removed", table(_IMPROVED, without_row), Cover.NONE, Step.HASHES, "improved.parquet is not what"
    ),
    Manipulation(
        "a value changed", table(_IMPROVED, replaced("number", 50, 1e6)), Cover.NONE, Step.HASHES, "is not what"
    ),
    Manipulation("the sides swapped", swapped, Cover.NONE, Step.HASHES, "baseline.parquet is not what"),
    Manipulation(
        "configuration edited", text("configuration/site.yaml", "test", "real"), Cover.NONE, Step.HASHES, "site.yaml"
    ),
    Manipulation("a file removed", remove("data/run.json"), Cover.NONE, Step.STRUCTURE, "data/run.json is missing"),
    Manipulation("samples removed", remove("data/samples/improved.parquet"), Cover.NONE, Step.STRUCTURE, "is missing"),
    Manipulation("a report added", add("data/report/better.pdf"), Cover.NONE, Step.HASHES, "it was added"),
    Manipulation("a program added", add("data/run.sh"), Cover.NONE, Step.STRUCTURE, "does not belong"),
    Manipulation("a tag file added", add("fetch.txt"), Cover.NONE, Step.STRUCTURE, "fetch.txt does not belong"),
    Manipulation(
        "the signature removed", remove("signature.json"), Cover.NONE, Step.STRUCTURE, "signature.json is missing"
    ),
    Manipulation("a manifest removed", remove("manifest-sha512.txt"), Cover.NONE, Step.STRUCTURE, "is missing"),
    Manipulation("a line of a manifest removed", manifest_line_gone, Cover.NONE, Step.HASHES, "."),
    Manipulation("a manifest that leads outside", manifest_outside, Cover.NONE, Step.HASHES, "leads out"),
    Manipulation("another key's name", key_swapped, Cover.NONE, Step.SIGNATURE, "was changed"),
    Manipulation("the envelope written loosely", loosely_written, Cover.NONE, Step.SIGNATURE, "was changed"),
    Manipulation(
        "a verdict edited", edit("findings.json", verdict), Cover.MANIFESTS, Step.SIGNATURE, "changed after signing"
    ),
    Manipulation(
        "a row removed", table(_IMPROVED, without_row), Cover.MANIFESTS, Step.SIGNATURE, "changed after signing"
    ),
    Manipulation(
        "the mark removed", edit("run.json", put(simulated=False)), Cover.MANIFESTS, Step.SIGNATURE, "after signing"
    ),
    Manipulation(
        "a report swapped in", add("data/report/report.pdf"), Cover.MANIFESTS, Step.SIGNATURE, "after signing"
    ),
    Manipulation(
        "a bound lowered", edit("catalogue.json", bound), Cover.SIGNATURE, Step.CLAUSE, "a bound, a statistic"
    ),
    Manipulation(
        "a verdict edited",
        edit("findings.json", verdict),
        Cover.SIGNATURE,
        Step.VERDICTS,
        "findings: .*'not-met' stated",
    ),
    Manipulation("an estimate edited", edit("findings.json", estimate), Cover.SIGNATURE, Step.VERDICTS, "estimate"),
    Manipulation(
        "a figure edited", edit("measurements.json", figure), Cover.SIGNATURE, Step.FIGURES, "indicator.value"
    ),
    Manipulation(
        "a bad shift dropped",
        edit("measurements.json", first_window),
        Cover.SIGNATURE,
        Step.DATA,
        "3 windows, and the plan says 4",
    ),
    Manipulation(
        "a row removed", table(_IMPROVED, without_row), Cover.SIGNATURE, Step.ROWS, "count: \\d+ stated, \\d+ computed"
    ),
    Manipulation(
        "a value changed", table(_IMPROVED, replaced("number", 50, 1e6)), Cover.SIGNATURE, Step.ROWS, "sha256"
    ),
    Manipulation(
        "a bad value made good",
        table(_IMPROVED, replaced("quality", 3, 0x40000000)),
        Cover.SIGNATURE,
        Step.ROWS,
        "sha256",
    ),
    Manipulation(
        "the mark taken off a sample", table(_IMPROVED, replaced("origin", 0, 0)), Cover.SIGNATURE, Step.ROWS, "sha256"
    ),
    Manipulation("the sides swapped", swapped, Cover.SIGNATURE, Step.ROWS, "baseline.parquet"),
    Manipulation(
        "the mark removed", edit("run.json", put(simulated=False)), Cover.SIGNATURE, Step.FIGURES, "mark for simulated"
    ),
    Manipulation(
        "a formula's version changed",
        edit("measurements.json", formula_version),
        Cover.SIGNATURE,
        Step.FORMULAS,
        "used in version 2, here it is 1",
    ),
    Manipulation(
        "the statistics' version changed",
        edit("software.json", put(statistics=99)),
        Cover.SIGNATURE,
        Step.FORMULAS,
        "version 99",
    ),
    Manipulation(
        "the plan's seed changed",
        edit("plan.json", plan_seed),
        Cover.SIGNATURE,
        Step.PLAN,
        "hash is not that of the plan",
    ),
    Manipulation(
        "a plan made afterwards", edit("plan.json", plan_later), Cover.SIGNATURE, Step.PLAN, "only after the campaign"
    ),
    Manipulation(
        "completeness edited",
        edit("completeness.json", lambda d: d["improved"].update(samples=1)),
        Cover.SIGNATURE,
        Step.DATA,
        "samples: 1 stated",
    ),
    Manipulation(
        "an ideal cycle edited",
        text("configuration/scene.yaml", "\nid: identifier", "\nid: identifier2"),
        Cover.SIGNATURE,
        Step.ROWS,
        "no scene",
    ),
)


def test_there_are_at_least_thirty_kinds() -> None:
    assert len({(one.what, one.cover) for one in MANIPULATIONS}) == len(MANIPULATIONS) >= 30


@pytest.mark.parametrize("one", MANIPULATIONS, ids=lambda one: f"{one.what}, {one.cover.name.lower()}")
def test_a_manipulation_is_caught_with_its_own_message(one: Manipulation, package: Path, tmp_path: Path) -> None:
    found = verify(manipulated(one, package, tmp_path))
    assert not found.holds
    (caught,) = [check for check in found.checks if check.step is one.step]
    assert caught.result is Result.FAILS, told(found)
    assert re.search(one.message, " ".join(detail.en for detail in caught.details)), told(found)
    earlier = next(check for check in found.checks if check.result is Result.FAILS)
    assert earlier.step is one.step, told(found)


def test_a_foreign_key_is_caught_where_the_right_one_is_known(package: Path, signer: Signer, tmp_path: Path) -> None:
    forged = Manipulation("nothing", lambda _: None, Cover.SIGNATURE, Step.SIGNATURE, "")
    file = manipulated(forged, package, tmp_path)
    assert verify(file).holds  # by itself it is a sound package of somebody's
    found = verify(file, trusted=[signer.fingerprint])
    (caught,) = [check for check in found.checks if check.result is Result.FAILS]
    assert caught.step is Step.SIGNATURE
    assert "none of those you trust" in caught.details[0].en


def manipulated(one: Manipulation, package: Path, place: Path) -> Path:
    folder = unpack(package, place)
    one.do(folder)
    if one.cover is not Cover.NONE:
        manifests(folder)
    if one.cover is Cover.SIGNATURE:
        sign_anew(folder, Signer.load(place / "other.pem"))
    pack(folder, place / "forged.zip")
    shutil.rmtree(folder)
    return place / "forged.zip"


def manifests(folder: Path) -> None:
    """Make every manifest anew, as a forger would."""
    payload = sorted(path for path in (folder / "data").rglob("*") if path.is_file())
    info = folder / "bag-info.txt"
    octets = sum(path.stat().st_size for path in payload)
    info.write_text(re.sub(r"Payload-Oxum: .*", f"Payload-Oxum: {octets}.{len(payload)}", info.read_text()))
    for kind in ("sha256", "sha512"):
        write_manifest(folder, f"manifest-{kind}.txt", kind, payload)
    tags = [folder / name for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest-sha512.txt")]
    for kind in ("sha256", "sha512"):
        write_manifest(folder, f"tagmanifest-{kind}.txt", kind, tags)


def write_manifest(folder: Path, name: str, kind: str, files: list[Path]) -> None:
    lines = [f"{hashlib.new(kind, f.read_bytes()).hexdigest()}  {f.relative_to(folder).as_posix()}\n" for f in files]
    (folder / name).write_text("".join(lines))


def sign_anew(folder: Path, other: Signer) -> None:
    old = json.loads((folder / "signature.json").read_bytes())
    predicate = json.loads(base64.b64decode(old["payload"]))["predicate"]
    manifest = folder / "tagmanifest-sha256.txt"
    body = statement(manifest.name, hashlib.sha256(manifest.read_bytes()).hexdigest(), predicate)
    (folder / "signature.json").write_bytes(other.envelope(body))
    (folder / "signature-sm2.json").unlink(missing_ok=True)


# ------------------------------------------------------------------------------ single bits
def test_no_flipped_byte_of_ten_thousand_verifies(package: Path, tmp_path: Path) -> None:
    """What decides is decided without computing figures: archive, manifests, signature.

    Whole verifications of 40 flips; for the rest the cheap half, which must catch all by itself.
    """
    content = bytearray(package.read_bytes())
    dice, file = random.Random(20), tmp_path / "flipped.zip"
    spots = {0, 1, len(content) - 1, *(dice.randrange(len(content)) for _ in range(40))}
    for spot in sorted(spots):
        content[spot] ^= 1 << dice.randrange(8)
        file.write_bytes(content)
        assert not verify(file).holds, spot
        content[:] = package.read_bytes()
    whole = entries(package)
    covered = sum(stop - start for start, stop, _ in whole)
    structure = [i for i in range(len(content)) if not any(start <= i < stop for start, stop, _ in whole)]
    assert covered + len(structure) == len(content)
    digests = {name: hashlib.sha256(content[start:stop]).digest() for start, stop, name in whole}
    for _ in range(10_000):
        spot = dice.randrange(len(content))
        inside = next(((start, stop, name) for start, stop, name in whole if start <= spot < stop), None)
        if inside is None:
            continue  # outside of any file: each such byte is tried below
        start, stop, name = inside
        flipped = bytearray(content[start:stop])
        flipped[spot - start] ^= 1 << dice.randrange(8)
        assert hashlib.sha256(flipped).digest() != digests[name]
    for spot in dice.sample(structure, 60):
        content[spot] ^= 1 << dice.randrange(8)
        file.write_bytes(content)
        assert not verify(file).holds, spot
        content[:] = package.read_bytes()


def entries(package: Path) -> list[tuple[int, int, str]]:
    """Return where in the zip each file's content lies."""
    found = []
    with zipfile.ZipFile(package) as archive, package.open("rb") as raw:
        for entry in archive.infolist():
            raw.seek(entry.header_offset + 26)
            name, extra = struct.unpack("<HH", raw.read(4))
            start = entry.header_offset + 30 + name + extra
            found.append((start, start + entry.file_size, entry.filename))
    return found


# ------------------------------------------------------------------------- hostile packages
def hostile(name: str, file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        if name == "a path out of the folder":
            archive.writestr("../../evil.txt", b"x")
        elif name == "an absolute path":
            archive.writestr("/tmp/evil.txt", b"x")
        elif name == "a link":
            entry = zipfile.ZipInfo("bag/link")
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, b"/etc/passwd")
        elif name == "a bomb":
            archive.writestr(zipfile.ZipInfo("bag/zeros"), b"\0" * 50_000_000, compress_type=zipfile.ZIP_DEFLATED)
        elif name == "too many files":
            for i in range(2_001):
                archive.writestr(f"bag/{i}", b"")
        elif name == "one name twice":
            archive.writestr("bag/a", b"1")
            archive.writestr("bag/A", b"2")
        elif name == "two folders":
            archive.writestr("a/x", b"1")
            archive.writestr("b/x", b"2")
        elif name == "nothing":
            pass


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a path out of the folder", "leads out"),
        ("an absolute path", "leads out"),
        ("a link", "symbolic link"),
        ("a bomb", "compressed"),
        ("too many files", "2001 entries"),
        ("one name twice", "same name"),
        ("two folders", "not one folder"),
        ("nothing", "0 entries"),
    ],
)
def test_hostile_archives_are_refused_before_anything_is_unpacked(name: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "hostile.zip"
    hostile(name, file)
    found = verify(file, scratch=tmp_path)
    assert found.checks[0].step is Step.ARCHIVE
    assert found.checks[0].result is Result.FAILS
    assert message in found.checks[0].details[0].en
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.zip"]


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 100, b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_zip_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.zip"
    file.write_bytes(content)
    found = verify(file)
    assert not found.holds
    assert found.checks[0].result is Result.FAILS


def parquet_bomb(folder: Path) -> None:
    zeros = pa.table({"path": pa.array(["x"] * 3_000_000).dictionary_encode()})
    pq.write_table(zeros, folder / "data" / "samples" / "improved.parquet", compression="zstd")


def parquet_noise(folder: Path) -> None:
    (folder / "data" / "samples" / "improved.parquet").write_bytes(b"PAR1" + random.Random(1).randbytes(4096) + b"PAR1")


def parquet_cut(folder: Path) -> None:
    file = folder / "data" / "samples" / "improved.parquet"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def deep_json(folder: Path) -> None:
    (folder / "data" / "plan.json").write_bytes(b"[" * 200_000)


def yaml_bomb(folder: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    (folder / "data" / "configuration" / "site.yaml").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("do", "step"),
    [
        (parquet_bomb, Step.ROWS),
        (parquet_noise, Step.ROWS),
        (parquet_cut, Step.ROWS),
        (deep_json, Step.PLAN),
        (yaml_bomb, Step.ROWS),
    ],
)
def test_hostile_content_under_a_sound_signature_is_refused(
    do: Callable[[Path], None], step: Step, package: Path, tmp_path: Path
) -> None:
    found = verify(manipulated(Manipulation("", do, Cover.SIGNATURE, step, ""), package, tmp_path))
    first = next(check for check in found.checks if check.result is Result.FAILS)
    assert first.step is step, told(found)


def told(found: Verification) -> str:
    return "\n".join(f"{c.step}: {c.result} {[d.en for d in c.details]}" for c in found.checks)
