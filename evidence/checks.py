"""The checks of what a package says, one function a step; see `verify` for what each is about.

Each yields what it found in order, or raises `Failed` with every reason it can name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from analytics.acceptance.judge import VERSION as JUDGE_VERSION
from configs.catalogue import ClauseConfig
from configs.configuration import Configuration, assemble
from configs.loader import parse
from configs.reading import read
from evidence import dossier as contents
from evidence.assess import Arm, Recorded, assess, clause_digest
from evidence.opened import PAYLOAD, Failed, Opened, both, fault, moment, read_json
from evidence.package import reread
from evidence.payload import differences, first, plain
from evidence.plan import Arm as ArmPlan
from evidence.plan import Exclusion, Frozen, HandedIn, RecordedArm
from evidence.rows import Recording
from plant.calendar import Span
from plant.text import Text


def plan(state: Opened) -> Iterator[Text]:
    state.json |= {name: read_json(state.data / name) for name in PAYLOAD if name.endswith(".json")}
    try:
        state.frozen = tuple(TypeAdapter(tuple[Frozen, ...]).validate_python(state.json["plan.json"]))
        state.exclusions = tuple(TypeAdapter(tuple[Exclusion, ...]).validate_python(state.json["exclusions.json"]))
        state.records = tuple(TypeAdapter(tuple[HandedIn, ...]).validate_python(state.json["records.json"]))
    except ValidationError as error:
        raise Failed(both(f"plan: {fault(error)}")) from error
    if not state.frozen:
        raise Failed(Text("没有任何冻结的方案。", "There is no frozen plan."))
    before: Frozen | None = None
    for number, one in enumerate(state.frozen, start=1):
        follows = (one.revision, one.previous) == (number, before.hash if before else None)
        if not follows or (before and (one.at < before.at or not one.reason)):
            raise Failed(both(f"plan: revision {one.revision} does not follow the one before it"))
        before = one
    plan = state.frozen[-1]
    if state.json["statement"].get("plan") != plan.hash or state.json["statement"].get("campaign") != plan.plan.id:
        raise Failed(Text("签名声明的不是这份方案。", "The signature states another plan than this one."))
    began = moment(state.json["run.json"].get("began"))
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
    ended = moment(state.json["run.json"].get("ended"))
    for left_out in state.exclusions:
        if left_out.rule not in rules:
            raise Failed(both(f"an exclusion names the rule {left_out.rule!r}, which the plan does not have"))
        if left_out.at < state.frozen[0].at:
            raise Failed(Text("剔除登记早于方案冻结。", "An exclusion was entered before the plan was fixed."))
        if left_out.at > ended:
            raise Failed(Text("剔除登记晚于执行结束。", "An exclusion was entered after the campaign had ended."))
    for record in state.records:
        if not state.frozen[0].at <= record.at <= ended:
            raise Failed(both(f"a record of {record.kind} was not handed in between plan and end of the campaign"))
        if record.window.stop > record.at:
            raise Failed(both(f"a record of {record.kind} was handed in before its window had ended"))


def clause(state: Opened) -> Iterator[Text]:
    try:
        state.clause = ClauseConfig.model_validate(state.json["catalogue.json"].get("clause"))
    except ValidationError as error:
        raise Failed(both(f"catalogue: {fault(error)}")) from error
    plan = state.frozen[-1].plan
    if state.json["catalogue.json"].get("id") != plan.catalogue:
        raise Failed(both("catalogue: it is not the one that the plan names"))
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
        both(f"formula {name}: used in version {version}, here it is {known.get(name, 'not known')}")
        for name, version in sorted(used)
        if known.get(name) != version or stated.get("formulas", {}).get(name) != version
    ]
    if stated.get("statistics") != JUDGE_VERSION:
        reasons.append(both(f"statistics: used in version {stated.get('statistics')}, here it is {JUDGE_VERSION}"))
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
        raise Failed(both(f"the configuration has no scene {scene}"))
    stated = state.json["measurements.json"]
    for arm in Arm:
        file = state.data / "samples" / f"{arm.value}.parquet"
        windows = [*stated[arm.value]["windows"], *stated[arm.value]["excluded"]] if arm.value in stated else []
        if file.exists() != bool(windows):
            raise Failed(both(f"samples of the {arm.value} side: there, or missing, against the measurements"))
        if file.exists():
            spans: list[Span] = sorted((moment(a), moment(b)) for a, b in windows)
            state.sides[arm] = reread(configuration, scene, spans, file)
    for arm, side in state.sides.items():
        name, historian = f"{arm.value}.parquet", side.measured.historian
        assert isinstance(historian, Recording)
        found = plain(historian.rows)
        wrong = first(differences(state.json["samples/rows.json"].get(name), found))
        if wrong:
            raise Failed(*(both(f"{name}: {one}") for one in wrong))
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
            raise Failed(both(f"samples of the {arm.value} side are missing; the plan has one"))
    for arm, side in state.sides.items():
        _as_planned(arm, plan.baseline if arm is Arm.BASELINE else plan.improved, side)
    wrong = first(differences(state.json["completeness.json"], contents.completeness(state.sides)))
    if wrong:
        raise Failed(*(both(f"completeness: {one}") for one in wrong))
    yield Text("完整性声明与样本一致。", "The statement of completeness is what the samples say.")


def _as_planned(arm: Arm, planned: ArmPlan | None, side: Recorded) -> None:
    """Compare windows with the plan's. Raises Failed: no window may be missing, or be there too many."""
    if planned is None:
        raise Failed(both(f"the plan has no {arm.value} side"))
    if isinstance(planned, RecordedArm):
        agreed = sorted((one.start, one.stop) for one in planned.windows)
        if agreed != list(side.windows):
            raise Failed(both(f"{arm.value}: the windows are not those of the plan"))
    elif len(side.windows) != planned.shifts:
        raise Failed(both(f"{arm.value}: {len(side.windows)} windows, and the plan says {planned.shifts}"))


def figures(state: Opened) -> Iterator[Text]:
    assert state.clause is not None
    state.assessment = assess(
        state.frozen[-1].plan, state.clause, state.sides, state.exclusions, state.records, progress=state.progress
    )
    computed = contents.measurements(state.assessment)
    wrong = first(differences(state.json["measurements.json"], computed))
    if wrong:
        raise Failed(*(both(f"measurements: {one}") for one in wrong))
    simulated = contents.is_simulated(state.sides, state.assessment)
    if {state.json["run.json"].get("simulated"), state.json["statement"].get("simulated")} != {simulated}:
        raise Failed(Text("“仿真”标记与样本不符。", "The mark for simulated data is not what the samples say."))
    count = sum(len(many) for found in state.assessment.measurements.values() for many in found.values())
    yield Text(f"重新计算了 {count} 个指标值，全部一致。", f"{count} figures computed anew, all the same.")


def verdicts(state: Opened) -> Iterator[Text]:
    assert state.assessment is not None
    wrong = first(differences(state.json["findings.json"], plain(state.assessment.finding)))
    if wrong:
        raise Failed(*(both(f"findings: {one}") for one in wrong))
    verdict = state.assessment.finding.verdict.value
    yield Text(f"结论重新判定一致：{verdict}。", f"Judged anew with the same outcome: {verdict}.")


def _configuration(folder: Path) -> Configuration:
    documents = []
    for path in sorted(folder.glob("*.yaml")):
        document, faults = parse(read(path, path.name))
        if document is None:
            raise Failed(*(both(f"configuration: {fault}") for fault in faults))
        documents.append(document)
    return assemble(folder, documents)
