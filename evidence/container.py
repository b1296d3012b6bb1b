"""The checks of a package as a container: one zip, a whole bag, sound hashes, a signature, a time-stamp.

Each yields what it found in order, or raises `Failed` with every reason it can name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import bagit

from evidence.archive import is_canonical, unpack
from evidence.opened import PAYLOAD, Failed, Opened, both, read_small
from evidence.signing import opened
from evidence.timestamp import check_timestamp
from plant.text import Text

_TAGS = {
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "manifest-sha512.txt",
    "tagmanifest-sha256.txt",
    "tagmanifest-sha512.txt",
    "signature.json",
}
_TAGS_MAYBE = {"signature-sm2.json", "timestamp.tsr", "timestamp-root.pem"}
_OF_A_SCENE = {"samples/improved.parquet", "configuration/scene.yaml"}
"""What is there together, or not at all where a plan names no scene."""
_PAYLOAD_MAYBE = re.compile(
    r"sensitivity\.json|samples/(baseline|improved)\.parquet|configuration/[a-z-]+\.yaml|report/[A-Za-z0-9._-]+\.(pdf|xlsx|docx)"
)


def archive(state: Opened) -> Iterator[Text]:
    state.folder = unpack(state.file, state.scratch)
    if not is_canonical(state.file, state.folder):
        raise Failed(
            Text(
                "压缩包不是按唯一规定的方式写成的：容器中有字节被改动或重新打包。",
                "The zip is not written in the one way a package is: a byte of the container was changed, or it was "
                "zipped again by another program.",
            )
        )
    yield Text("压缩包完好，按唯一方式写成。", "One zip, written in the one way there is.")


def structure(state: Opened) -> Iterator[Text]:
    files = {path.relative_to(state.folder).as_posix() for path in state.folder.rglob("*") if path.is_file()}
    tags = {name for name in files if not name.startswith("data/")}
    payload = {name.removeprefix("data/") for name in files - tags}
    needed = PAYLOAD | _OF_A_SCENE if payload & _OF_A_SCENE else PAYLOAD
    missing = sorted((_TAGS - tags) | {f"data/{name}" for name in needed - payload})
    foreign = sorted(
        (tags - _TAGS - _TAGS_MAYBE)
        | {f"data/{name}" for name in payload - PAYLOAD if not _PAYLOAD_MAYBE.fullmatch(name)}
    )
    reasons = [Text(f"缺少文件 {name}。", f"The file {name} is missing.") for name in missing]
    reasons += [Text(f"多出文件 {name}。", f"The file {name} does not belong in a package.") for name in foreign]
    if reasons:
        raise Failed(*reasons)
    yield Text(f"共 {len(files)} 个文件，一个不多，一个不少。", f"{len(files)} files, none missing and none too many.")


def hashes(state: Opened) -> Iterator[Text]:
    listed = _manifests(state.folder)
    reasons = []
    for name, sums in sorted(listed.items()):
        path = state.folder / name
        if not path.is_file():
            reasons.append(Text(f"清单列出的 {name} 不存在。", f"{name} is listed in a manifest and is not there."))
        elif any(_hash(path, kind) != value for kind, value in sums.items()):
            reasons.append(
                Text(f"{name} 与清单中的摘要不符。", f"{name} is not what its manifest says: it was changed.")
            )
    payload = {path.relative_to(state.folder).as_posix() for path in state.data.rglob("*") if path.is_file()}
    added = sorted(payload - listed.keys())
    reasons += [Text(f"{name} 不在清单中。", f"{name} is in no manifest: it was added.") for name in added]
    if reasons:
        raise Failed(*reasons[:20])
    try:
        bagit.Bag(str(state.folder)).validate(fast=True)
    except (bagit.BagError, OSError, ValueError) as error:
        raise Failed(both(f"BagIt: {error}")) from error
    yield Text(f"{len(listed)} 个文件的摘要相符。", f"{len(listed)} files have the hashes that the manifests state.")


def _manifests(folder: Path) -> dict[str, dict[str, str]]:
    listed: dict[str, dict[str, str]] = {}
    for kind in ("sha256", "sha512"):
        for prefix in ("", "tag"):
            text = (folder / f"{prefix}manifest-{kind}.txt").read_bytes()
            for line in text.decode("utf-8", "replace").splitlines():
                value, _, name = line.partition("  " if "  " in line else " ")
                if not re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{128}", value) or not re.fullmatch(r"[\w./-]+", name):
                    raise Failed(both(f"{prefix}manifest-{kind}.txt: {line[:80]!r} is no line of a manifest"))
                if ".." in name.split("/") or name.startswith("/"):
                    raise Failed(both(f"{prefix}manifest-{kind}.txt: {name[:80]!r} leads out of the folder"))
                listed.setdefault(name, {})[kind] = value
    incomplete = [name for name, sums in listed.items() if len(sums) < 2]
    if incomplete:
        raise Failed(both(f"{incomplete[0]} is listed with one hash instead of two"))
    return listed


def signature(state: Opened) -> Iterator[Text]:
    signed = [(opened(read_small(state.folder / "signature.json")), "Ed25519")]
    second = state.folder / "signature-sm2.json"
    if second.exists():
        signed.append((opened(read_small(second), sm2=True), "SM2"))
    manifest = state.folder / "tagmanifest-sha256.txt"
    for found, _ in signed:
        if found.name != manifest.name or found.sha256 != _hash(manifest, "sha256"):
            raise Failed(
                Text(
                    "签名针对的是另一份清单：签名之后文件和清单都被改过。",
                    "The signature is over another manifest: files and manifests were changed after signing.",
                )
            )
    if len({found.body for found, _ in signed}) > 1:
        raise Failed(both("the two signatures are over different statements"))
    state.signer = signed[0][0].by
    state.json["statement"] = signed[0][0].predicate
    if state.trusted and state.signer not in state.trusted:
        raise Failed(
            Text(
                f"签名有效，但密钥 {state.signer[:16]}… 不在您信任的密钥之列：可能被他人重新签名。",
                f"The signature holds, but the key {state.signer[:16]}… is none of those you trust: somebody else "
                "may have signed this anew.",
            )
        )
    for found, kind in signed:
        yield Text(
            f"{kind} 签名有效，密钥指纹 {found.by}。", f"{kind} signature holds; fingerprint of the key {found.by}."
        )
    if not state.trusted:
        yield Text(
            "未指定信任的密钥：请通过其他途径核对此指纹。",
            "No trusted key was named: compare this fingerprint with one you got another way (--key).",
        )


def timestamp(state: Opened) -> Iterator[Text]:
    token, roots = state.folder / "timestamp.tsr", state.folder / "timestamp-root.pem"
    if token.exists() != roots.exists():
        raise Failed(both("a time-stamp and the root certificate that it is checked by go together"))
    if token.exists():
        yield check_timestamp(read_small(token), read_small(state.folder / "signature.json"), read_small(roots))


def _hash(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
