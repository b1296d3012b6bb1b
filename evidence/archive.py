"""A bag as one file: a zip that can be written in one way only.

Entries are stored, not compressed (samples and PDF are compressed already), sorted by name,
with a fixed time and fixed attributes. So the same bag is the same file to the last byte,
nothing can unpack to more than it is, and a change of any byte of the container shows: it
is written again from what was read, and compared.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, cast

from plant.errors import Rejected

MOST_BYTES = 8 << 30
MOST_FILES = 2_000
LONGEST_NAME = 200

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SYSTEM = 3  # UNIX
_MODE = (stat.S_IFREG | 0o644) << 16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_PIECE = 1 << 20


def pack(folder: Path, file: Path) -> None:
    """Write `folder` and everything in it as `file`; the folder's own name is the first part of every entry."""
    with file.open("wb") as out:
        _write(folder, _Pipe(out.write))
        out.flush()
        os.fsync(out.fileno())


def unpack(file: Path, into: Path) -> Path:
    """Unpack a package below `into` and return its folder.

    Raises Rejected, before anything is written where that is possible, for what is no zip, is too
    large, leaves the folder, is a link, is compressed or encrypted, or has the same name twice.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            top = _examined(entries)
            for entry in entries:
                target = into / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, target.open("xb") as out:
                    left = entry.file_size
                    while piece := source.read(min(_PIECE, left + 1)):
                        left -= len(piece)
                        if left < 0:
                            raise Rejected(f"archive: {entry.filename} is larger than it says")
                        out.write(piece)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, UnicodeError) as error:
        raise Rejected(f"archive: not a readable zip file: {error}") from error
    except (OSError, RuntimeError, ValueError, OverflowError) as error:
        raise Rejected(f"archive: cannot be unpacked: {error}") from error
    return into / top


def is_canonical(file: Path, folder: Path) -> bool:
    """Say whether `file` is byte for byte what `pack` makes of what was unpacked from it."""
    written, read = hashlib.sha256(), hashlib.sha256()
    _write(folder, _Pipe(written.update))
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE):
            read.update(piece)
    return written.digest() == read.digest()


def _examined(entries: list[zipfile.ZipInfo]) -> str:
    if not 0 < len(entries) <= MOST_FILES:
        raise Rejected(f"archive: {len(entries)} entries; a package has 1 to {MOST_FILES}")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise Rejected(f"archive: unpacks to more than {MOST_BYTES} bytes")
    names = [entry.filename for entry in entries]
    for entry in entries:
        _examine(entry)
    if len({name.lower() for name in names}) != len(names):
        raise Rejected("archive: two entries have the same name")
    tops = {PurePosixPath(name).parts[0] for name in names}
    if len(tops) != 1 or any("/" not in name for name in names):
        raise Rejected("archive: not one folder with everything in it")
    return tops.pop()


def _examine(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    if name != entry.filename or len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise Rejected(f"archive: the name {name[:80]!r} leads out of the folder or is not a plain one")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Rejected(f"archive: {name} is a symbolic link")
    if entry.flag_bits & 0x1:
        raise Rejected(f"archive: {name} is encrypted")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise Rejected(f"archive: {name} is compressed; a package stores its files as they are")


def _write(folder: Path, out: _Pipe) -> None:
    with zipfile.ZipFile(cast("IO[bytes]", out), "w", zipfile.ZIP_STORED) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", _EPOCH)
            entry.create_system, entry.external_attr = _SYSTEM, _MODE
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while piece := source.read(_PIECE):
                    target.write(piece)


def _files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


class _Pipe:
    """Where a zip is written to: onwards only, so that the file and its check are written alike."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def write(self, data: bytes) -> int:
        self._write(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""
