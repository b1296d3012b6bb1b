"""The checks of a package, one function a step; see `verify` for what each is about.

Each yields what it found in order, or raises `Failed` with every reason it can name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bagit
from pydantic import TypeAdapter, ValidationError

from analytics.acceptance.judge import VERSION as JUDGE_VERSION
from configs.catalogue import ClauseConfig
from configs.configuration import Configuration, assemble
from configs.loader import parse
from configs.reading import read
from evidence import dossier as contents
from evidence.archive import is_canonical, unpack
from evidence.assess import Arm, Assessment, Recorded, assess, clause_digest
from evidence.package import reread
from evidence.payload import Plain, differences, first, plain
from evidence.plan import Arm as ArmPlan
from evidence.plan import Exclusion, Frozen, HandedIn, RecordedArm
from evidence.rows import Recording
from evidence.signing import opened
from evidence.timestamp import check_timestamp
from plant.calendar import Span
from plant.clock import from_iso
from plant.errors import Rejected
from plant.text import Text

MOST_JSON = 64 << 20
"""Bytes one JSON file of a package may have."""

_TAGS = {
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "manifest-sha512.txt",
    "tagmanifest-sha256.txt",
    "tagmanifest-sha512.txt",
    "signature.json",
}
_TAGS_MAYBE = {"signature-sm2.json", "timestamp.tsr"}
_PAYLOAD = {
    "plan.json",
    "catalogue.json",
    "exclusions.json",
    "records.json",
    "annotations.json",
    "completeness.json",
    "measurements.json",
    "findings.json",
    "software.json",
    "run.json",
    "provenance.json",
    "ro-crate-metadata.json",
    "samples/rows.json",
    "configuration/site.yaml",
}
_OF_A_SCENE = {"samples/improved.parquet", "configuration/scene.yaml"}
"""What is there together, or not at all where a plan names no scene."""
_PAYLOAD_MAYBE = re.compile(
    r"sensitivity\.json|samples/(baseline|improved)\.parquet|configuration/[a-z-]+\.yaml|report/[A-Za-z0-9._-]+\.(pdf|xlsx|docx)"
)


class Failed(Exception):
    """A check fails, for these reasons."""

    def __init__(self, *reasons: Text) -> None:
        super().__init__(reasons[0].en)
        self.reasons = reasons


@dataclass(slots=True)
class Opened:
    """What has been read of a package so far."""

    file: Path
    scratch: Path
    trusted: frozenset[str]
    progress: Callable[[float], None]
    folder: Path = Path()
    json: dict[str, Plain] = field(default_factory=dict)
    frozen: tuple[Frozen, ...] = ()
    clause: ClauseConfig | None = None
    exclusions: tuple[Exclusion, ...] = ()
    records: tuple[HandedIn, ...] = ()
    sides: dict[Arm, Recorded] = field(default_factory=dict)
    assessment: Assessment | None = None
    signer: str = ""

    @property
    def data(self) -> Path:
        return self.folder / "data"


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
    needed = _PAYLOAD | _OF_A_SCENE if payload & _OF_A_SCENE else _PAYLOAD
    missing = sorted((_TAGS - tags) | {f"data/{name}" for name in needed - payload})
    foreign = sorted(
        (tags - _TAGS - _TAGS_MAYBE)
        | {f"data/{name}" for name in payload - _PAYLOAD if not _PAYLOAD_MAYBE.fullmatch(name)}
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
        raise Failed(_both(f"BagIt: {error}")) from error
    yield Text(f"{len(listed)} 个文件的摘要相符。", f"{len(listed)} files have the hashes that the manifests state.")


def _manifests(folder: Path) -> dict[str, dict[str, str]]:
    listed: dict[str, dict[str, str]] = {}
    for kind in ("sha256", "sha512"):
        for prefix in ("", "tag"):
            text = (folder / f"{prefix}manifest-{kind}.txt").read_bytes()
            for line in text.decode("utf-8", "replace").splitlines():
                value, _, name = line.partition("  " if "  " in line else " ")
                if not re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{128}", value) or not re.fullmatch(r"[\w./-]+", name):
                    raise Failed(_both(f"{prefix}manifest-{kind}.txt: {line[:80]!r} is no line of a manifest"))
                if ".." in name.split("/") or name.startswith("/"):
                    raise Failed(_both(f"{prefix}manifest-{kind}.txt: {name[:80]!r} leads out of the folder"))
                listed.setdefault(name, {})[kind] = value
    incomplete = [name for name, sums in listed.items() if len(sums) < 2]
    if incomplete:
        raise Failed(_both(f"{incomplete[0]} is listed with one hash instead of two"))
    return listed


def signature(state: Opened) -> Iterator[Text]:
    signed = [(opened(_small(state.folder / "signature.json")), "Ed25519")]
    second = state.folder / "signature-sm2.json"
    if second.exists():
        signed.append((opened(_small(second), sm2=True), "SM2"))
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
        raise Failed(_both("the two signatures are over different statements"))
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
    token = state.folder / "timestamp.tsr"
    if token.exists():
        yield check_timestamp(_small(token), (state.folder / "signature.json").read_bytes())


def plan(state: Opened) -> Iterator[Text]:
    state.json |= {name: _json(state.data / name) for name in _PAYLOAD if name.endswith(".json")}
    try:
        state.frozen = tuple(TypeAdapter(tuple[Frozen, ...]).validate_python(state.json["plan.json"]))
        state.exclusions = tuple(TypeAdapter(tuple[Exclusion, ...]).validate_python(state.json["exclusions.json"]))
        state.records = tuple(TypeAdapter(tuple[HandedIn, ...]).validate_python(state.json["records.json"]))
    except ValidationError as error:
        raise Failed(_both(f"plan: {_said(error)}")) from error
    if not state.frozen:
        raise Failed(Text("没有任何冻结的方案。", "There is no frozen plan."))
    before: Frozen | None = None
    for number, one in enumerate(state.frozen, start=1):
        follows = (one.revision, one.previous) == (number, before.hash if before else None)
        if not follows or (before and (one.at < before.at or not one.reason)):
            raise Failed(_both(f"plan: revision {one.revision} does not follow the one before it"))
        before = one
    plan = state.frozen[-1]
    if state.json["statement"].get("plan") != plan.hash or state.json["statement"].get("campaign") != plan.plan.id:
        raise Failed(Text("签名声明的不是这份方案。", "The signature states another plan than this one."))
    began = _moment(state.json["run.json"].get("began"))
    if plan.at > began:
        raise Failed(Text("方案在采集开始之后才冻结。", "The plan was fixed only after the campaign had begun."))
    _entered(state, plan)
    yield Text(
        f"第 {plan.revision} 版，冻结于采集之前，摘要 {plan.hash[:16]}…。",
        f"Revision {plan.revision}, fixed before the campaign began; hash {plan.hash[:16]}….",
    )


def _entered(state: Opened, plan: Frozen) -> None:
    """Check what people left out and handed in against the plan. Raises Failed."""
    rules = {rule.id for rule in plan.plan.exclusion_rules}
    ended = _moment(state.json["run.json"].get("ended"))
    for left_out in state.exclusions:
        if left_out.rule not in rules:
            raise Failed(_both(f"an exclusion names the rule {left_out.rule!r}, which the plan does not have"))
        if left_out.at < state.frozen[0].at:
            raise Failed(Text("剔除登记早于方案冻结。", "An exclusion was entered before the plan was fixed."))
        if left_out.at > ended:
            raise Failed(Text("剔除登记晚于执行结束。", "An exclusion was entered after the campaign had ended."))
    for record in state.records:
        if not state.frozen[0].at <= record.at <= ended:
            raise Failed(_both(f"a record of {record.kind} was not handed in between plan and end of the campaign"))
        if record.window.stop > record.at:
            raise Failed(_both(f"a record of {record.kind} was handed in before its window had ended"))


def clause(state: Opened) -> Iterator[Text]:
    try:
        state.clause = ClauseConfig.model_validate(state.json["catalogue.json"].get("clause"))
    except ValidationError as error:
        raise Failed(_both(f"catalogue: {_said(error)}")) from error
    plan = state.frozen[-1].plan
    if state.json["catalogue.json"].get("id") != plan.catalogue:
        raise Failed(_both("catalogue: it is not the one that the plan names"))
    if clause_digest(state.clause) != plan.clause_digest:
        raise Failed(
            Text(
                "条款与方案冻结时不同：界限、统计量或最少证据被改过。",
                "The clause is not the one the plan fixed: a bound, a statistic or the least evidence was changed.",
            )
        )
    yield Text(f"条款 {state.clause.number} 与方案一致。", f"Clause {state.clause.number} is the one the plan fixed.")


def formulas(state: Opened) -> Iterator[Text]:
    stated = state.json["software.json"]
    known = contents.formulas()
    used = {
        (one["indicator"]["formula"], one["indicator"]["version"])
        for arm in state.json["measurements.json"].values()
        for found in arm["indicators"].values()
        for one in found
    }
    reasons = [
        _both(f"formula {name}: used in version {version}, here it is {known.get(name, 'not known')}")
        for name, version in sorted(used)
        if known.get(name) != version or stated.get("formulas", {}).get(name) != version
    ]
    if stated.get("statistics") != JUDGE_VERSION:
        reasons.append(_both(f"statistics: used in version {stated.get('statistics')}, here it is {JUDGE_VERSION}"))
    if reasons:
        raise Failed(*reasons)
    yield Text(f"{len(used)} 个公式版本一致。", f"{len(used)} formulas, each in the version known here.")


def rows(state: Opened) -> Iterator[Text]:
    scene = state.frozen[-1].plan.scene
    if scene is None:
        yield from _without_a_scene(state)
        return
    configuration = _configuration(state.data / "configuration")
    if scene not in configuration.scenes:
        raise Failed(_both(f"the configuration has no scene {scene}"))
    stated = state.json["measurements.json"]
    for arm in Arm:
        file = state.data / "samples" / f"{arm.value}.parquet"
        windows = [*stated[arm.value]["windows"], *stated[arm.value]["excluded"]] if arm.value in stated else []
        if file.exists() != bool(windows):
            raise Failed(_both(f"samples of the {arm.value} side: there, or missing, against the measurements"))
        if file.exists():
            spans: list[Span] = sorted((_moment(a), _moment(b)) for a, b in windows)
            state.sides[arm] = reread(configuration, scene, spans, file)
    for arm, side in state.sides.items():
        name, historian = f"{arm.value}.parquet", side.measured.historian
        assert isinstance(historian, Recording)
        found = plain(historian.rows)
        wrong = first(differences(state.json["samples/rows.json"].get(name), found))
        if wrong:
            raise Failed(*(_both(f"{name}: {one}") for one in wrong))
        yield Text(
            f"{name}：{historian.rows.count} 行，逐行一致。", f"{name}: {historian.rows.count} rows, as assessed."
        )


def _without_a_scene(state: Opened) -> Iterator[Text]:
    if any((state.data / "samples").glob("*.parquet")) or state.json["samples/rows.json"] != {}:
        raise Failed(Text("方案未指定场景，却有样本。", "There are samples, and the plan names no scene."))
    yield Text("方案只依据报送记录，没有样本。", "The plan rests on records alone; there are no samples.")


def data(state: Opened) -> Iterator[Text]:
    plan = state.frozen[-1].plan
    for arm, planned in ((Arm.BASELINE, plan.baseline), (Arm.IMPROVED, plan.improved)):
        if planned is not None and arm not in state.sides:
            raise Failed(_both(f"samples of the {arm.value} side are missing; the plan has one"))
    for arm, side in state.sides.items():
        _as_planned(arm, plan.baseline if arm is Arm.BASELINE else plan.improved, side)
    wrong = first(differences(state.json["completeness.json"], contents.completeness(state.sides)))
    if wrong:
        raise Failed(*(_both(f"completeness: {one}") for one in wrong))
    yield Text("完整性声明与样本一致。", "The statement of completeness is what the samples say.")


def _as_planned(arm: Arm, planned: ArmPlan | None, side: Recorded) -> None:
    """Compare windows with the plan's. Raises Failed: no window may be missing, or be there too many."""
    if planned is None:
        raise Failed(_both(f"the plan has no {arm.value} side"))
    if isinstance(planned, RecordedArm):
        agreed = sorted((one.start, one.stop) for one in planned.windows)
        if agreed != list(side.windows):
            raise Failed(_both(f"{arm.value}: the windows are not those of the plan"))
    elif len(side.windows) != planned.shifts:
        raise Failed(_both(f"{arm.value}: {len(side.windows)} windows, and the plan says {planned.shifts}"))


def figures(state: Opened) -> Iterator[Text]:
    assert state.clause is not None
    state.assessment = assess(
        state.frozen[-1].plan, state.clause, state.sides, state.exclusions, state.records, progress=state.progress
    )
    computed = contents.measurements(state.assessment)
    wrong = first(differences(state.json["measurements.json"], computed))
    if wrong:
        raise Failed(*(_both(f"measurements: {one}") for one in wrong))
    simulated = contents.is_simulated(state.sides, state.assessment)
    if {state.json["run.json"].get("simulated"), state.json["statement"].get("simulated")} != {simulated}:
        raise Failed(Text("“仿真”标记与样本不符。", "The mark for simulated data is not what the samples say."))
    count = sum(len(many) for found in state.assessment.measurements.values() for many in found.values())
    yield Text(f"重新计算了 {count} 个指标值，全部一致。", f"{count} figures computed anew, all the same.")


def verdicts(state: Opened) -> Iterator[Text]:
    assert state.assessment is not None
    wrong = first(differences(state.json["findings.json"], plain(state.assessment.finding)))
    if wrong:
        raise Failed(*(_both(f"findings: {one}") for one in wrong))
    verdict = state.assessment.finding.verdict.value
    yield Text(f"结论重新判定一致：{verdict}。", f"Judged anew with the same outcome: {verdict}.")


def _configuration(folder: Path) -> Configuration:
    documents = []
    for path in sorted(folder.glob("*.yaml")):
        document, faults = parse(read(path, path.name))
        if document is None:
            raise Failed(*(_both(f"configuration: {fault}") for fault in faults))
        documents.append(document)
    return assemble(folder, documents)


def _json(path: Path) -> Plain:
    try:
        if path.stat().st_size > MOST_JSON:
            raise Rejected(f"{path.name}: larger than {MOST_JSON} bytes")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise Rejected(f"{path.name}: not readable as JSON: {error}") from error


def _small(path: Path) -> bytes:
    if path.stat().st_size > 1 << 20:
        raise Rejected(f"{path.name}: larger than any such file is")
    return path.read_bytes()


def _hash(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _moment(text: object) -> int:
    try:
        return from_iso(str(text))
    except ValueError as error:
        raise Rejected(f"{text!r} is not a moment in time") from error


def _said(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


def _both(text: str) -> Text:
    return Text(text, text)
