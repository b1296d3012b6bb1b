"""From a configuration to its alarms: those it declares, and those every plant has without being told.

Two are derived, because they are true of any plant and ask for somebody: a device that is no
longer heard of, and a machine in the PackML state ABORTED, which it leaves only when somebody
clears it. A tag's `low` and `high` are no alarm limits: they say what its sensor can measure.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analytics.alarms.conditions import InState, Limit, OutOfControl, Rate, Side
from analytics.alarms.detection import Delays
from analytics.alarms.rules import AlarmRule, Condition, OfFigure, OfSilence, OfTag, Suppression
from analytics.alarms.states import Definition, Priority
from analytics.spc import Chart, Limits
from configs.alarms import (
    SHIFT,
    AlarmConfig,
    ControlCondition,
    Derived,
    FigureCondition,
    LimitCondition,
    RateCondition,
    StaleCondition,
    StateCondition,
    SuppressConfig,
    Urgency,
)
from configs.configuration import Configuration
from configs.schema import SceneDocument
from plant.assets import Device, Scene
from plant.clock import SECOND
from plant.packml import PackState
from plant.tags import Role, Tag
from plant.text import Text

_PRIORITY = {urgency: Priority[urgency.name] for urgency in Urgency}
_LEVELS = (
    ("high_high", Side.ABOVE, 1, Text("高高限", "high-high")),
    ("high", Side.ABOVE, 0, Text("高限", "high")),
    ("low", Side.BELOW, 0, Text("低限", "low")),
    ("low_low", Side.BELOW, 1, Text("低低限", "low-low")),
)
_SILENCE_SETTLES = 5.0
"""Seconds a device must stay silent, or be heard again, so that one late message is no alarm."""

_SILENT = (
    Text("设备无数据", "Device silent"),
    Text("页面与报表中该设备的数值不可信", "Values of this device on pages and in reports cannot be trusted"),
    Text("检查设备电源、网络与采集器状态", "Check the device's power, its network and its collector"),
)
_ABORTED = (
    Text("设备异常中止", "Machine aborted"),
    Text("设备停产，直到有人处理", "The machine does not produce until somebody acts"),
    Text("到现场确认安全，排除原因后执行清除与复位", "Make sure it is safe, remove the cause, then clear and reset"),
)


def alarm_rules(configuration: Configuration) -> tuple[AlarmRule, ...]:
    """Return every alarm of a sound configuration, scene by scene, declared ones first."""
    return tuple(
        rule for scene in configuration.site.scenes for rule in _of_scene(scene, configuration.scenes[scene.id])
    )


def _of_scene(scene: Scene, document: SceneDocument) -> Iterator[AlarmRule]:
    for config in document.alarms:
        yield from _declared(scene, config)
    for device in scene.devices:
        if Derived.SILENT in document.derived_alarms and device.tags and device.type != "collector":
            yield _silent(scene, device)
        state = device.role(Role.STATE)
        if Derived.ABORTED in document.derived_alarms and state and PackState.ABORTED in state.states.values():
            yield _aborted(scene, device, state)


def _declared(scene: Scene, config: AlarmConfig) -> Iterator[AlarmRule]:
    tags = {tag.path: tag for tag in scene.tags}
    devices = {device.path: device for device in scene.devices}
    whole = partial(_rule, scene, config, devices)
    match config.when:
        case LimitCondition() as when:
            tag = tags[f"{scene.path}/{when.tag}"]
            for level, side, step, name in _LEVELS:
                if (limit := getattr(when, level)) is not None:
                    beyond = Limit(side=side, limit=limit, hysteresis=when.hysteresis)
                    watched = OfTag(path=tag.path, condition=beyond, unit=tag.unit)
                    yield whole(watched, scope=tag.path, level=(level.replace("_", "-"), step, name))
        case RateCondition() | ControlCondition() as when:
            tag = tags[f"{scene.path}/{when.tag}"]
            watched = OfTag(path=tag.path, condition=_moving(when), unit=tag.unit)
            yield whole(watched, scope=tag.path)
        case StateCondition() as when:
            device = devices[f"{scene.path}/{when.device}"]
            yield whole(_state(device, frozenset(when.states)), scope=device.path)
        case StaleCondition() as when:
            place = f"{scene.path}/{when.tag or when.device}"
            chosen = (tags[place],) if when.tag else devices[place].tags
            after = when.after or min(tag.stale_after for tag in chosen)
            yield whole(OfSilence(paths=tuple(tag.path for tag in chosen), after=after), scope=place)
        case FigureCondition() as when:
            scope = f"{scene.path}/{when.of}" if when.of else scene.path
            yield whole(_figure(scene, when, _figure_scope(scope, tags)), scope=scope)


def _moving(when: RateCondition | ControlCondition) -> Condition:
    if isinstance(when, RateCondition):
        return Rate(per_second=when.per_second, over=when.over, hysteresis=when.hysteresis)
    learned = Limits(Chart.INDIVIDUALS, when.mean, when.sigma, 1, 0)
    return OutOfControl(limits=learned, rules=when.rules)


def _figure(scene: Scene, when: FigureCondition, scope: str) -> OfFigure:
    side, limit = (Side.ABOVE, when.above) if when.above is not None else (Side.BELOW, when.below)
    return OfFigure(
        scene=scene.id,
        key=f"{scope}:{when.indicator}",
        limit=Limit(side=side, limit=limit or 0.0, hysteresis=when.hysteresis),
        window=0.0 if when.window == SHIFT else float(when.window),
    )


def _figure_scope(scope: str, tags: dict[str, Tag]) -> str:
    # As `delays.read` has it: a device's one round-trip tag speaks for the device.
    tag = tags.get(scope)
    return tag.device if tag is not None and tag.role is Role.LATENCY and not tag.label else scope


def _state(device: Device, states: frozenset[PackState]) -> OfTag:
    tag = device.role(Role.STATE)
    assert tag is not None
    return OfTag(path=tag.path, condition=InState(states=states, table=tag.states or None))


def _rule(
    scene: Scene,
    config: AlarmConfig,
    devices: dict[str, Device],
    watched: OfTag | OfSilence | OfFigure,
    *,
    scope: str,
    level: tuple[str, int, Text] | None = None,
) -> AlarmRule:
    suffix, step, words = level or ("", 0, Text())
    name = config.name.text
    if level is not None:
        name = Text(f"{name.of('zh')}（{words.zh}）", f"{name.of('en')} ({words.en})")
    return AlarmRule(
        definition=Definition(
            id=f"{scene.path}:{config.id}{f'.{suffix}' if suffix else ''}",
            name=name,
            scope=scope,
            priority=Priority(max(Priority.CRITICAL, _PRIORITY[config.priority] - step)),
            consequence=config.consequence.text,
            response=config.response.text,
            latching=config.latching,
            max_shelving=round(config.max_shelving * SECOND),
            simulated=scene.simulated,
        ),
        watched=watched,
        delays=Delays(on=config.on_delay, off=config.off_delay),
        suppression=_suppression(config.suppress, scene, devices) if config.suppress else None,
    )


def _suppression(config: SuppressConfig, scene: Scene, devices: dict[str, Device]) -> Suppression:
    device = devices[f"{scene.path}/{config.device}"]
    states = frozenset(config.within) if config.within else frozenset(PackState) - frozenset(config.without)
    watched = _state(device, states)
    assert isinstance(watched.condition, InState)
    tag = next(tag for tag in device.tags if tag.path == watched.path)
    return Suppression(path=tag.path, within=watched.condition, stale_after=tag.stale_after)


def _silent(scene: Scene, device: Device) -> AlarmRule:
    name, consequence, response = _SILENT
    return AlarmRule(
        definition=_derived(scene, device, Derived.SILENT, Priority.MEDIUM, (name, consequence, response)),
        watched=OfSilence(
            paths=tuple(tag.path for tag in device.tags), after=min(tag.stale_after for tag in device.tags)
        ),
        delays=Delays(on=_SILENCE_SETTLES, off=_SILENCE_SETTLES),
    )


def _aborted(scene: Scene, device: Device, state: Tag) -> AlarmRule:
    return AlarmRule(
        definition=_derived(scene, device, Derived.ABORTED, Priority.HIGH, _ABORTED),
        watched=OfTag(
            path=state.path, condition=InState(states=frozenset({PackState.ABORTED}), table=state.states or None)
        ),
    )


def _derived(
    scene: Scene, device: Device, kind: Derived, priority: Priority, words: tuple[Text, Text, Text]
) -> Definition:
    place = device.path.removeprefix(f"{scene.path}/").replace("/", ".")
    name, consequence, response = words
    return Definition(
        id=f"{scene.path}:{place}.{kind}",
        name=Text(f"{name.zh}：{device.name.of('zh')}", f"{name.en}: {device.name.of('en')}"),
        scope=device.path,
        priority=priority,
        consequence=consequence,
        response=response,
        simulated=scene.simulated,
    )
