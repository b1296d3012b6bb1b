"""A course that somebody sends as a ZIP: nothing in it is trusted, and nothing outside its folder is touched.

    zip ─▶ names and sizes ─▶ a folder of its own ─▶ `library.read_course` ─▶ put in place, or every fault

Only text and pictures are taken. Sizes are counted while unpacking, not believed; links, paths
that lead out, names that differ in case only, and files beyond the limits are refused, whole.
"""

from __future__ import annotations

import io
import lzma
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from labs.library import COURSE, Course, Scenery, read_course
from plant.errors import ConfigError, Fault

MOST_BYTES = 5_000_000
"""Of the archive."""
MOST_UNPACKED = 20_000_000
MOST_FILES = 400
LARGEST_FILE = 2_000_000
DEEPEST = 6
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_ENDINGS = (".yaml", ".md", ".png", ".jpg", ".jpeg")
_PICTURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff"}
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_CHUNK = 65_536
_SPOILED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError),
)
"""What the readers of ZIP archives raise where one is not as it should be."""


def receive(archive: bytes, folder: Path, scenery: Scenery | None = None, *, taken: Collection[str] = ()) -> Course:
    """Unpack a course, check it, and put it below `folder`, in place of an earlier one of its id.

    `taken`: ids that no sent course may have. Raises ConfigError with everything that is wrong
    with the archive or the course; then nothing has changed.
    """
    members = _members(archive)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".upload-", dir=folder) as scratch:
        root = Path(scratch)
        place = _unpack(archive, members, root)
        course, faults = read_course(place, scenery)
        if course is None:
            raise ConfigError(faults)
        if course.id in taken:
            raise _refused(COURSE, f"the id {course.id!r} belongs to a course of the product", "choose another one")
        _put(place, folder / course.id)
    final, faults = read_course(folder / course.id, None)
    if final is None:
        raise ConfigError(faults)
    return final


def remove(course: str, folder: Path) -> bool:
    """Remove a course that somebody sent; say whether there was one."""
    place = folder / course
    if not _NAME.fullmatch(course) or not (place / COURSE).is_file():
        return False
    shutil.rmtree(place)
    return True


def _members(archive: bytes) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by their path below the course's folder."""
    if len(archive) > MOST_BYTES:
        raise _refused("", f"larger than {MOST_BYTES} bytes", "leave out what the course does not need")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _refused("", f"not a ZIP archive: {error}") from error
    if len(infos) > MOST_FILES:
        raise _refused("", f"more than {MOST_FILES} files")
    if not all(info.filename for info in infos):
        raise _refused("", "has an entry without a name")
    faults = [fault for info in infos for fault in _member_faults(info)]
    files = [info for info in infos if not info.is_dir()]
    seen: set[str] = set()
    for info in files:
        if info.filename.casefold() in seen:
            faults.append(Fault(_printable(info.filename), "", "is in the archive twice", "keep one"))
        seen.add(info.filename.casefold())
    if sum(info.file_size for info in files) > MOST_UNPACKED:
        faults.append(Fault("archive", "", f"unpacks to more than {MOST_UNPACKED} bytes"))
    if not any(PurePosixPath(info.filename).name == COURSE for info in files):
        faults.append(Fault(COURSE, "", "there is no such file", "zip the course's folder"))
    if faults:
        raise ConfigError(tuple(faults[:100]))
    return {info.filename: info for info in files}


def _member_faults(info: zipfile.ZipInfo) -> Iterator[Fault]:
    name, shown = info.filename, _printable(info.filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir():
        parts = name.rstrip("/").split("/")
    else:
        parts = name.split("/")
        if not name.lower().endswith(_ENDINGS):
            yield Fault(shown, "", "is of a kind that is not taken", f"only {', '.join(_ENDINGS)}")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield Fault(shown, "", "is a link or no plain file", "put the file itself there")
    if not all(_NAME.fullmatch(part) and part.partition(".")[0].lower() not in _RESERVED for part in parts):
        yield Fault(shown, "", "is no path inside a course", "letters, digits, dots, hyphens; no leading dot or slash")
    if len(parts) > DEEPEST:
        yield Fault(shown, "", f"lies deeper than {DEEPEST} folders")
    if info.file_size > LARGEST_FILE:
        yield Fault(shown, "", f"larger than {LARGEST_FILE} bytes")
    if info.flag_bits & 0x1:
        yield Fault(shown, "", "is encrypted", "send it without a password")


def _unpack(archive: bytes, members: dict[str, zipfile.ZipInfo], root: Path) -> Path:
    """Write the files below `root`; return the course's folder, called as its id asks for."""
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for name, info in members.items():
                target = root / "course" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                total = _copy(opened, info, target, total)
    except _SPOILED as error:
        raise _refused("", f"cannot be unpacked: {error}") from error
    except OSError as error:
        raise _refused("", f"cannot be unpacked: {error.strerror}") from error
    top = min((Path(name) for name in members if PurePosixPath(name).name == COURSE), key=lambda path: len(path.parts))
    place = root / "course" / top.parent
    if top.parent == Path():
        # Zipped without its folder: the course's own id is its name then.
        found = re.search(r"^id:\s*([a-z0-9-]{1,48})\s*$", (place / COURSE).read_text("utf-8", "replace"), re.MULTILINE)
        return place.rename(root / (found[1] if found else "course-without-id"))
    return place


def _copy(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, total: int) -> int:
    written = 0
    with opened.open(info) as source, target.open("xb") as out:
        while chunk := source.read(_CHUNK):
            if not written:
                _picture(info.filename, chunk)
            written += len(chunk)
            total += len(chunk)
            if written > LARGEST_FILE or total > MOST_UNPACKED:
                raise _refused(_printable(info.filename), "is larger than it says, or than is taken")
            out.write(chunk)
    return total


def _picture(name: str, begin: bytes) -> None:
    magic = _PICTURES.get(PurePosixPath(name).suffix.lower())
    if magic is not None and not begin.startswith(magic):
        raise _refused(_printable(name), "is not the picture that its name says")


def _put(place: Path, target: Path) -> None:
    aside = target.with_name(f".old-{target.name}")
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists():
        target.rename(aside)
    place.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in name[:120]) or "archive"


def _refused(file: str, message: str, hint: str = "") -> ConfigError:
    return ConfigError((Fault(file or "archive", "", message, hint),))
