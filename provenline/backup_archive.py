"""The form of a backup: a plain tar file that any tool opens, and that says of each file what it must hash to.

    backup.json              what this is: made when, by which version, with or without keys
    data/…                   the data folder
    configuration/…          the configuration folder
    SHA256SUMS               the last member; without it the archive is not whole

Samples are packed already, so nothing is compressed again. An archive can hold password hashes and
keys, so only its owner can read it, and it gets its name when it is whole and on the disk.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from plant.errors import ProvenlineError, Rejected

FORMAT = 1
_MANIFEST, _SUMS = "backup.json", "SHA256SUMS"
_BLOCK = 2**20
_LARGEST_LIST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `elsewhere`: where samples are when they are not in it."""

    made: str
    version: str
    site: str
    keys: bool
    elsewhere: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Contents:
    """A backup that was read to its end and found whole. `files`: name to SHA-256."""

    manifest: Manifest
    files: dict[str, str]
    bytes: int


class Packing:
    """An archive that is being written; use `packing`."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.sums: dict[str, str] = {}
        self.bytes = 0

    def add(self, name: str, file: Path) -> None:
        """Put a file in under a name; it must not change meanwhile."""
        with file.open("rb") as source:
            self._add(name, source, os.fstat(source.fileno()).st_size)

    def add_text(self, name: str, text: str) -> None:
        """Put a text in under a name."""
        content = text.encode()
        self._add(name, io.BytesIO(content), len(content))

    def _add(self, name: str, source: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        hashing = _Hashing(source)
        self._tar.addfile(member, hashing)
        self.sums[name] = hashing.digest.hexdigest()
        self.bytes += size


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self.digest.update(block)
        return block


@contextmanager
def packing(path: Path, manifest: Manifest) -> Iterator[Packing]:
    """Write an archive; it is there, whole, when the context is left, and not at all when that fails.

    Raises ProvenlineError when there is such a file already, OSError when the disk does not take it.
    """
    if path.exists():
        raise ProvenlineError(f"{path} exists; a backup never overwrites another")
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                archive = Packing(tar)
                archive.add_text(_MANIFEST, json.dumps(asdict(manifest), indent=2) + "\n")
                yield archive
                archive.add_text(_SUMS, "".join(f"{digest}  {name}\n" for name, digest in archive.sums.items()))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def examined(path: Path) -> Contents:
    """Read a backup to its end and compare every file with what it must hash to.

    Raises Rejected, with the reason, for one that is damaged, cut off, of a newer form, or no backup.
    """
    found: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                source = _regular(tar, member)
                digest = hashlib.sha256()
                while block := source.read(_BLOCK):
                    digest.update(block)
                    if member.name in (_MANIFEST, _SUMS):
                        texts[member.name] = texts.get(member.name, b"") + block
                        _check_size(len(texts[member.name]), member.name)
                found[member.name] = digest.hexdigest()
                size += member.size
    except tarfile.TarError as error:
        raise Rejected(f"{path} is no backup, or a damaged one: {error}") from error
    except OSError as error:
        raise Rejected(f"{path} cannot be read: {error.strerror or error}") from error
    if next(reversed(found), "") != _SUMS:
        raise Rejected(f"{path} is cut off, or no backup: its last file is not {_SUMS}")
    del found[_SUMS]
    _compare(path, found, _sums(texts[_SUMS]))
    return Contents(_manifest(path, texts), found, size)


def unpack(path: Path, contents: Contents, part: str, into: Path) -> int:
    """Write a part (`data` or `configuration`) of an examined backup into a folder; return how many files."""
    count = 0
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            if member.name not in contents.files or name.parts[0] != part:
                continue
            target = into.joinpath(*name.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                source = _regular(tar, member)
                while block := source.read(_BLOCK):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            count += 1
    return count


def _regular(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    name = PurePosixPath(member.name)
    source = tar.extractfile(member) if member.isreg() else None
    if source is None or name.is_absolute() or ".." in name.parts or "\\" in member.name or not name.parts:
        raise tarfile.TarError(f"{member.name!r} does not belong in a backup")
    return source


def _check_size(size: int, name: str) -> None:
    if size > _LARGEST_LIST:
        raise tarfile.TarError(f"{name} is larger than any backup's")


def _sums(text: bytes) -> dict[str, str]:
    lines = text.decode(errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _compare(path: Path, found: dict[str, str], sums: dict[str, str]) -> None:
    wrong = [f"{name} was altered" for name in sums if name in found and found[name] != sums[name]]
    wrong += [f"{name} is missing" for name in sums.keys() - found.keys()]
    wrong += [f"{name} is not in the list" for name in found.keys() - sums.keys()]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise Rejected(f"{path} is damaged: {'; '.join(wrong[:3])}{more}")


def _manifest(path: Path, texts: dict[str, bytes]) -> Manifest:
    try:
        told = json.loads(texts[_MANIFEST])
        form = int(told["format"])
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Rejected(f"{path} does not say what it is: {error!r}") from error
    if form > FORMAT:
        raise Rejected(f"{path} was made by a newer version ({told.get('version')}); this one reads form {FORMAT}")
    try:
        return Manifest(**told)
    except TypeError as error:
        raise Rejected(f"{path} does not say what it is: {error}") from error
