"""A course in a ZIP is untrusted: whatever is wrong with it, nothing is put in place and nothing else is touched."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from labs.upload import LARGEST_FILE, MOST_BYTES, MOST_FILES, receive, remove
from plant.errors import ConfigError

EXAMPLE = Path(__file__).parent / "example"
Entries = list[tuple[str | zipfile.ZipInfo, bytes]]


def sound(prefix: str = "example/") -> Entries:
    files = sorted(file for file in EXAMPLE.rglob("*") if file.is_file())
    return [(f"{prefix}{file.relative_to(EXAMPLE).as_posix()}", file.read_bytes()) for file in files]


def packed(entries: Entries, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def link(name: str, target: bytes) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info, target


def device(name: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFIFO | 0o666) << 16
    return info, b""


def faults(archive: bytes, folder: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        receive(archive, folder)
    return str(refused.value)


def everything(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*"))


def changed(name: str, change: Callable[[str], str]) -> Entries:
    return [
        (file, change(content.decode()).encode() if str(file).endswith(name) else content) for file, content in sound()
    ]


@pytest.mark.parametrize("prefix", ["example/", ""])
def test_a_sound_course_is_put_in_place_and_replaced_and_removed(tmp_path: Path, prefix: str) -> None:
    for _ in range(2):
        course = receive(packed(sound(prefix)), tmp_path / "courses")
    assert (course.id, course.folder) == ("example", tmp_path / "courses" / "example")
    assert [entry.name for entry in (tmp_path / "courses").iterdir()] == ["example"]
    assert remove("example", tmp_path / "courses")
    assert not remove("example", tmp_path / "courses")
    assert not remove("../courses", tmp_path / "courses")


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ([("../evil.yaml", b"x: 1")], "no path inside a course"),
        ([("example/../../evil.yaml", b"x: 1")], "no path inside a course"),
        ([("/etc/evil.yaml", b"x: 1")], "no path inside a course"),
        ([("C:/evil.yaml", b"x: 1")], "no path inside a course"),
        ([("example/..\\evil.yaml", b"x: 1")], "no path inside a course"),
        ([("example//evil.yaml", b"x: 1")], "no path inside a course"),
        ([("example/.hidden.yaml", b"x: 1")], "no path inside a course"),
        ([("example/aux.yaml", b"x: 1")], "no path inside a course"),
        ([("example/a\u202eb.yaml", b"x: 1")], "no path inside a course"),
        ([("example/a/b/c/d/e/f/g.yaml", b"x: 1")], "deeper"),
        ([link("example/passwd.md", b"/etc/passwd")], "is a link"),
        ([link("example/start/out.yaml", b"../../../out")], "is a link"),
        ([device("example/pipe.yaml")], "is a link or no plain file"),
        ([("example/COURSE.yaml", b"x: 1")], "twice"),
        ([("example/run.py", b"import os")], "not taken"),
        ([("example/picture.svg", b"<svg onload='alert(1)'/>")], "not taken"),
        ([("example/picture.png", b"<script>alert(1)</script>")], "not the picture"),
        ([("example/big.md", b"x" * (LARGEST_FILE + 1))], "larger than"),
        ([(f"example/more-{n}.md", b"x") for n in range(MOST_FILES)], "more than"),
        ([(f"example/heavy-{n}.md", b"\0" * LARGEST_FILE) for n in range(12)], "unpacks to more"),
    ],
)
def test_what_is_not_plainly_part_of_a_course_is_refused(tmp_path: Path, extra: Entries, says: str) -> None:
    folder = tmp_path / "courses"
    assert says in faults(packed([*sound(), *extra]), folder)
    assert everything(tmp_path) in ([], ["courses"])


def test_a_size_that_is_not_true_is_found_while_unpacking(tmp_path: Path) -> None:
    entries = [*sound(), ("example/bomb.md", b"\0" * (LARGEST_FILE * 2))]
    archive = bytearray(packed(entries))
    # Both records of the entry are made to say that it is small.
    true, said = (LARGEST_FILE * 2).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert archive.count(true) >= 2
    assert faults(bytes(archive.replace(true, said)), tmp_path / "courses")
    assert everything(tmp_path) == ["courses"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    assert "twice" in faults(packed([*sound(), *sound()[:1]]), tmp_path)


@pytest.mark.parametrize("archive", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 60, b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_or_empty_is_refused(tmp_path: Path, archive: bytes) -> None:
    assert faults(archive, tmp_path)


def test_an_entry_without_a_name_is_refused(tmp_path: Path) -> None:
    # A name ends at its first zero byte; this one begins with it. Found by the hunt in tests/fuzz.
    archive = packed([*sound(), ("0start.md", b"x")]).replace(b"0start.md", b"\0start.md")
    assert "without a name" in faults(archive, tmp_path)


@pytest.mark.parametrize("missing", [1, 40, 109])
def test_an_archive_without_its_beginning_is_refused(tmp_path: Path, missing: int) -> None:
    # Its list of entries is whole, and points before the first byte. Found by the hunt in tests/fuzz.
    assert "cannot be unpacked" in faults(packed(sound())[missing:], tmp_path)


def test_damage_anywhere_is_a_fault_and_never_more(tmp_path: Path) -> None:
    archive = packed(sound())
    for place in range(0, len(archive), max(1, len(archive) // 60)):
        damaged = bytearray(archive)
        damaged[place] ^= 0xFF
        with suppress(ConfigError):
            receive(bytes(damaged), tmp_path / "courses")
    assert {name.partition("/")[0] for name in everything(tmp_path / "courses")} <= {"example"}


def test_an_archive_that_is_too_large_or_encrypted_is_refused(tmp_path: Path) -> None:
    assert "larger than" in faults(b"x" * (MOST_BYTES + 1), tmp_path)
    archive = bytearray(packed(sound()))
    place = archive.rfind(b"PK\x01\x02")
    archive[place + 8] |= 1
    assert "encrypted" in faults(bytes(archive), tmp_path)


BOMB = "x: &a [1,1,1,1,1,1,1,1,1]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(9)
)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text + "\nextra: !!python/object/apply:os.system ['id']\n", "unknown key"),
        (lambda text: BOMB + "\n" + text, "more than"),
        (lambda text: text.replace("type: course", "type: course\n" + "a: " + "[" * 200 + "]" * 200), "nested"),
        (lambda text: text + "\nname: {zh: x, en: y}\n", "written twice"),
        (lambda text: "*missing\n" + text, "not YAML"),
        (lambda text: text.replace("scene: first-light", "scene: ../../../etc"), ""),
        (lambda text: text.replace("text: belt-speed", "text: ../other"), "not a place inside"),
        (lambda text: text.replace("files: start/belt-speed", "files: /etc"), "not a place inside"),
    ],
)
def test_yaml_from_outside_is_data_and_bounded(tmp_path: Path, change: Callable[[str], str], says: str) -> None:
    from labs.scenery import Scenes

    with pytest.raises(ConfigError) as refused:
        receive(packed(changed("example/course.yaml", change)), tmp_path / "courses", Scenes())
    assert says in str(refused.value)
    assert everything(tmp_path) == ["courses"]


def test_a_faulty_course_leaves_the_one_before_in_place(tmp_path: Path) -> None:
    receive(packed(sound()), tmp_path)
    before = contents(tmp_path)
    faults(packed(changed("example/course.yaml", lambda text: text.replace("points: 3", "points: 0"))), tmp_path)
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in everything(folder) if (folder / name).is_file()}


def test_the_id_of_a_course_of_the_product_is_not_to_be_had(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="belongs to a course of the product"):
        receive(packed(sound()), tmp_path, taken={"example"})
    assert everything(tmp_path) == []
