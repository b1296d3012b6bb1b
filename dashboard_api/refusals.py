"""What the centre says when it does not do something, in both languages and with a code.

The code that refuses says why in English; this catalogue, in the manner of gettext, has the
Chinese beside it and a code that programs can rely on. `{…}` stands for what is filled in.

    404 {"detail": "no shift is running …", "code": "no-shift", "words": {"zh": "现在没有班次…", "en": "no shift …"}}

A text that is not in it is given as it is, under the code `refused`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from dashboard_api.lab_refusals import LABS

CATALOGUE: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        # windows
        "no-shift": (
            ("no shift is running now; ask for a duration, such as 8h", "现在没有班次在运行；请改选时长，如 8h"),
        ),
        "no-such-shift": (
            (
                "no shift {shift} starts on {day}; there is: {there}",
                "{day} 没有开始名为 {shift} 的班次；当天有：{there}",
            ),
        ),
        "half-a-window": (
            ("start and stop belong together", "开始与结束要一起给出"),
            (
                "shift and day belong together: which shift, and the day it starts on",
                "班次与日期要一起给出：哪个班次、从哪天开始",
            ),
            ("learn_start and learn_stop belong together", "学习时段的开始与结束要一起给出"),
        ),
        "two-windows": (
            ("ask for start and stop, or for shift and day, not for both", "开始与结束、班次与日期，只能选一种"),
        ),
        "window-length": (
            (
                "stop lies after start, by 1 s at least and {days} days at most",
                "结束须晚于开始，至少 1 秒、至多 {days} 天",
            ),
            ("stop must lie after start, by ten years at most", "结束须晚于开始，至多相隔十年"),
            ("a window is 1 s to 32 d long", "时段长 1 秒至 32 天"),
            ("performance is of {days} days at most", "报警绩效至多统计 {days} 天"),
            ("a replay shows {seconds} s at once, at most", "回放每次至多取 {seconds} 秒"),
            ("events are listed for {days} days at most", "事件至多列出 {days} 天"),
        ),
        "window-begin": (("a window begins in 1970 at the earliest", "时段最早从 1970 年开始"),),
        "no-window": (("window: {why}", "时段无法识别：{why}"),),
        "future": (("this window lies in the future: nothing has happened in it yet", "该时段尚未到来，还没有数据"),),
        "no-moment": (("{text} is not a moment: {why}", "{text} 不是有效的时刻：{why}"),),
        # figures, stops and tags
        "no-scene": (("no scene {scene}; there are: {there}", "没有场景 {scene}；现有：{there}"),),
        "no-device": (
            ("no device {device} in scene {scene}", "场景 {scene} 中没有设备 {device}"),
            ("{scope} is no device or line of scene {scene}", "{scope} 不是场景 {scene} 的设备或产线"),
            (
                "{scope} is no device or line of scene {scene}, nor the scene",
                "{scope} 不是场景 {scene} 本身，也不是其设备或产线",
            ),
        ),
        "no-indicator": (("no indicator {key} in this window", "该时段内没有指标 {key}"),),
        "no-process-value": (("{tag} is no process value of scene {scene}", "{tag} 不是场景 {scene} 的过程量"),),
        "no-chart": (
            (
                "the time to learn from has {n} values, and limits need two at least",
                "学习时段内有 {n} 个数值，至少要两个才能得出控制限",
            ),
            (
                "the time to show has {n} values, and a chart needs two at least",
                "所选时段内有 {n} 个数值，至少要两个才能绘制控制图",
            ),
            (
                "{n} points are too many, {most} at most; choose a shorter window",
                "所选时段有 {n} 点，太多了（至多 {most} 点）；请选短一些的时段",
            ),
        ),
        "too-busy": (("too many figures are being worked out; ask again", "正在计算的指标太多，请稍后重试"),),
        "one-stretch": (
            (
                "stops are listed for one stretch of time: a shift, a duration, or start and stop",
                "停机只能按一个连续时段列出：一个班次、一段时长，或开始与结束",
            ),
        ),
        "annotation-length": (
            (
                "stop lies after start, by 32 days at most, and not beyond tomorrow",
                "结束须晚于开始，至多相隔 32 天，且不晚于明天",
            ),
        ),
        "too-many-samples": (
            (
                "{held} samples are in this window, {most} at most; choose a shorter one",
                "该时段有 {held} 个样本，至多 {most} 个；请缩短时段",
            ),
        ),
        # alarms
        "no-alarm": (("there is no alarm {alarm}", "没有报警 {alarm}"),),
        "nothing-to-acknowledge": (("{alarm}: there is nothing to acknowledge", "{alarm}：没有需要确认的内容"),),
        "not-latched": (
            (
                "{alarm}: only a latched alarm that is over and acknowledged can be reset",
                "{alarm}：只有已恢复且已确认的锁存报警才能复位",
            ),
        ),
        "not-shelved": (("{alarm}: it is not shelved", "{alarm}：并未搁置"),),
        "already-aside": (
            ("{alarm}: it is shelved, suppressed or out of service already", "{alarm}：已被搁置、抑制或停用"),
        ),
        "shelving-length": (
            (
                "{alarm}: shelving takes an end, at most {seconds} s from now",
                "{alarm}：搁置须有期限，至多 {seconds} 秒",
            ),
        ),
        "needs-reason": (("{alarm}: to {do} takes a reason", "{alarm}：此操作需要填写原因"),),
        # accounts
        "no-user": (("there is no user {name}", "没有用户 {name}"),),
        "user-exists": (("there is a user {name} already", "用户 {name} 已存在"),),
        "user-name": (
            (
                "a name has 1 to 32 letters and digits, and . _ - but not first",
                "用户名为 1 至 32 个字母或数字，可含 . _ -，但不能以其开头",
            ),
        ),
        "too-many-users": (("there are {most} users, and no more", "用户数已达上限 {most}"),),
        "last-administrator": (("{name} is the last administrator", "{name} 是最后一名管理员"),),
        "beyond-rights": (
            ("{name} may not {what}, so no token of theirs may", "{name} 本人没有 {what} 权限，其令牌也不能有"),
            ("no token may {what}", "令牌不能拥有 {what} 权限"),
        ),
        "too-many-tokens": (
            ("{name} has {most} tokens, and no more; revoke one first", "{name} 的令牌已达上限 {most}，请先吊销一个"),
        ),
        "no-token": (("{name} has no token {id}", "{name} 没有令牌 {id}"),),
        "not-yours": (("this belongs to somebody else", "这不属于您"),),
        "password": (
            ("a password has {least} to {most} characters", "密码长 {least} 至 {most} 个字符"),
            ("a password has {least} different characters at least", "密码至少含 {least} 个不同字符"),
            ("a password does not contain the name", "密码不能包含用户名"),
        ),
        "wrong-password": (
            ("wrong name or password", "用户名或密码错误"),
            ("the present password is another one", "当前密码不正确"),
        ),
        "code-used": (("this code was used, is too old, or never was one", "该代码已使用、已过期或无效"),),
        "too-many-tries": (("too many tries; try again in {seconds} s", "尝试次数过多，请在 {seconds} 秒后重试"),),
        "sign-in": (("sign in, or show a token: {why}", "请登录或出示令牌：{why}"),),
        "forbidden": (
            ("{name} may not do this: {why}", "{name} 没有此操作的权限：{why}"),
            ("this request came from a page of another origin", "该请求来自其他来源的页面"),
            ("a session needs the header Origin", "会话请求缺少 Origin 头"),
        ),
        # campaigns
        "no-campaigns": (("this centre carries out no campaigns", "本中心不开展验收测试"),),
        "no-campaign": (("there is no campaign {id}", "没有验收测试 {id}"),),
        "campaign-exists": (
            (
                "there is a campaign {id} already; choose another id, or revise it",
                "验收测试 {id} 已存在；请换一个编号，或修订它",
            ),
        ),
        "campaign-running": (("campaign {id} is running; cancel it first", "验收测试 {id} 正在运行；请先取消"),),
        "campaign-stage": (
            ("campaign {id} is {stage}; make a new revision first", "验收测试 {id} 处于 {stage} 阶段；请先建立新修订"),
        ),
        "revision-done": (
            (
                "this revision has its package; change the plan to carry it out again",
                "该修订已有证据包；修改计划后才能再次执行",
            ),
        ),
        "no-package": (("there is no package yet", "尚无证据包"),),
        "no-file": (("there is no such file", "没有该文件"), ("there is no file {path}", "没有文件 {path}")),
        "same-plan": (("campaign {id}: this is the same plan", "验收测试 {id}：计划没有变化"),),
        "plan-reason": (
            ("say why the plan is changed; the reason shows in the report", "请说明修改计划的原因；原因会写入报告"),
        ),
        "no-rule": (
            ("the plan has no exclusion rule {rule}; it has {known}", "计划没有剔除规则 {rule}；现有：{known}"),
        ),
        "nothing-left-out": (
            ("there is nothing to leave out: no window of the plan lies there", "此处没有计划的时段，无可剔除"),
        ),
        "no-such-record": (
            (
                "the clause asks for no records of {kind}; it asks for: {known}",
                "该条款不需要 {kind} 记录；需要：{known}",
            ),
        ),
        "not-a-count": (
            (
                "clause {clause} asks for samples of a scene; plan it by its scene",
                "条款 {clause} 需要场景的样本；请按场景制定方案",
            ),
        ),
        "no-shifts": (
            ("from {first} to {last} there is no shift {shift}", "{first} 至 {last} 没有班次 {shift}"),
            (
                "from {first} to {last}: give 1 to {most} days, the first one first",
                "{first} 至 {last}：请给出 1 至 {most} 天，起始日在前",
            ),
        ),
        "no-baseline": (
            ("the clause compares: give the days of the baseline too", "该条款需要比较：请同时给出基线的日期"),
        ),
        "which-plan": (
            (
                "give one of `simulated`, `recorded`, `counted` and `plan`",
                "请给出 `simulated`、`recorded`、`counted`、`plan` 之一",
            ),
        ),
        "window-open": (("what is handed in must be of a window that has ended", "只能提交已结束时段的记录"),),
        "no-clause": (
            ("there is no clause {clause} in a catalogue {catalogue}", "目录 {catalogue} 中没有条款 {clause}"),
        ),
        "clause-changed": (
            (
                "clause {clause} was changed since the plan was fixed; make a new revision",
                "条款 {clause} 在计划固定后有改动；请建立新修订",
            ),
        ),
        "overlap": (("two windows overlap: what happened then would count twice", "两个时段重叠，其间数据会重复计算"),),
        "order": (("a window ends after it starts", "时段的结束须晚于开始"),),
        # commands to devices
        "out-of-range": (("{value} is not within {low} and {high}", "{value} 不在 {low} 与 {high} 之间"),),
        "no-commands": (
            ("this centre has no way to its devices", "本中心不能向设备下发命令"),
            ("{tag} is not among the commands of the centre document", "{tag} 不在中心文档允许的命令之中"),
            ("{name} may not write to {tag}", "{name} 无权向 {tag} 写入"),
        ),
        # configuration
        "no-exploring": (("this centre opens no connections for people", "本中心不为人员建立连接"),),
        "no-source": (("no such source is configured", "没有配置这个数据源"),),
        "no-reload": (
            (
                "this centre runs by one configuration to its end; start it again",
                "本中心运行期间不更换配置；请重新启动",
            ),
        ),
        "busy": (("too much is being worked out; ask again", "正在计算的内容过多；请稍后再试"),),
        # pictures of a scene
        "too-many-days": (
            ("hand-shakes are listed of {days} days at most", "握手记录至多列出 {days} 天"),
            ("a map shows {days} days at most", "平面图至多显示 {days} 天"),
        ),
        "no-floor": (("scene {scene} declares no floor", "场景 {scene} 没有声明平面图"),),
        "too-early": (("until lies in February 1970 at the earliest", "until 最早为 1970 年 2 月"),),
        # the calculator
        "contradiction": (
            ("planned busy time must be longer than nothing", "计划时间须大于零"),
            ("times and quantities cannot be negative", "时间与数量不能为负"),
            ("down time and set-up time together exceed planned busy time", "停机与换型时间之和超过计划时间"),
            ("more pieces are rejected than produced", "不合格件数多于产出件数"),
        ),
        "no-page": (("there is no {path}; see /docs", "没有 {path}；见 /docs"),),
        **LABS,
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal as it goes over the wire: its code, and the words for people."""

    code: str
    words: dict[str, str]


def _pattern(english: str) -> re.Pattern[str]:
    parts = enumerate(re.split(r"\{(\w+)\}", english))
    return re.compile("".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in parts), re.DOTALL)


# What has fewer places to fill in is more exact, so it is tried first.
_KNOWN = sorted(
    (
        (english.count("{"), -len(english), _pattern(english), code, zh)
        for code, all_ in CATALOGUE.items()
        for english, zh in all_
    ),
    key=lambda known: known[:2],
)


def told(text: str) -> Told:
    """Return a refusal's code and its words in both languages."""
    for _, _, pattern, code, zh in _KNOWN:
        found = pattern.fullmatch(text)
        if found:
            return Told(code, {"zh": zh.format(**found.groupdict()), "en": text})
    return Told("refused", {"zh": text, "en": text})


def content(text: str) -> dict[str, Any]:
    """Return the body of a refusal's answer; see `dashboard_api.access.Refusal`."""
    found = told(text)
    return {"detail": text, "code": found.code, "message": text, "words": found.words}


async def refuse(_: Request, error: Exception) -> Response:
    """Answer an HTTP error of any route."""
    assert isinstance(error, HTTPException)
    if error.status_code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return Response(status_code=error.status_code, headers=error.headers)
    return JSONResponse(content(str(error.detail)), error.status_code, dict(error.headers or {}))


async def point_out(_: Request, error: Exception) -> JSONResponse:
    """Answer a request that is not of the form its route describes: `detail` has every fault, for programs."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    places = [".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]) for one in found]
    words = {
        "zh": f"这些内容不合要求：{'、'.join(dict.fromkeys(places))}",
        "en": "; ".join(f"{place}: {one['msg']}" for place, one in zip(places, found, strict=True)),
    }
    body = {"detail": jsonable_encoder(found), "code": "not-valid", "message": words["en"], "words": words}
    return JSONResponse(body, HTTPStatus.UNPROCESSABLE_ENTITY)
