"""What labs say when something is not done, in both languages; part of the catalogue of `refusals`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LABS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "no-labs": (("this centre gives no labs", "本中心没有开设实训"),),
        "no-course": (
            ("there is no course {course}", "没有课程 {course}"),
            ("there is no such course that was sent", "没有这样的自建课程"),
        ),
        "no-lab": (
            ("there is no lab {lab}", "没有实验 {lab}"),
            ("the lab {lab} is no longer in the library", "实验 {lab} 已不在课程库中"),
        ),
        "no-attempt": (
            ("there is no such attempt of yours", "您没有这次实验"),
            ("there is no such attempt", "没有这次实验"),
        ),
        "attempt-ended": (("this attempt has ended; begin a new one", "本次实验已结束；请重新开始"),),
        "line-stopped": (
            (
                "the line of this attempt was stopped; reset it, or begin a new attempt",
                "本次实验的产线已停止；请重置，或重新开始",
            ),
            ("the line of this attempt belongs to another one now", "本次实验的产线已分配给另一次实验"),
        ),
        "no-sandbox": (("there is no such sandbox of yours, or no longer", "没有这条产线，或它已停止"),),
        "sandbox-busy": (
            ("this sandbox does not answer now; ask again, or reset it", "这条产线现在没有应答；请稍后再试，或重置它"),
            ("there is no such path", "没有这个路径"),
            ("this sandbox is {state}", "这条产线当前状态：{state}"),
        ),
        "too-long": (("more than {size} octets", "超过 {size} 字节"),),
        "no-question": (("there is no question {question} in this lab", "本实验没有题目 {question}"),),
        "no-hint": (("there is no further hint in this step", "本步骤没有更多提示"),),
        "answer-stands": (
            ("{questions}: this was graded already; begin a new attempt", "{questions}：已评分，不能再改；请重新开始"),
        ),
        "guessing": (("more than {most} claims are guesses", "申报超过 {most} 次，视为猜测"),),
        "files-changed": (
            (
                "another configuration was applied meanwhile; look at it before you apply yours",
                "期间已有另一份配置被应用；请先查看，再应用您的修改",
            ),
        ),
        "no-pair": (
            ("no attempt under way has the code {code}", "进行中的实验里没有结对码 {code}"),
            ("this code is for another lab: {lab}", "这个结对码属于另一个实验：{lab}"),
            (
                "a pair needs two names; practice without a name is done alone",
                "结对需要双方都登录；匿名练习只能一人进行",
            ),
            (
                "this is the code of your own attempt; your partner enters it",
                "这是您自己这次实验的结对码，请让搭档输入",
            ),
            (
                "two people work on this attempt already; a pair takes no third",
                "这次实验已有两个人，不能再加入第三人",
            ),
            (
                "this attempt was graded already; a partner joins before that",
                "这次实验已评分；搭档须在评分之前加入",
            ),
            (
                "you have an attempt of {lab} under way; end or leave it first, then join",
                "您还有实验 {lab} 在进行；请先结束或退出，再加入",
            ),
            ("nobody works on this attempt as a partner", "这次实验没有搭档"),
            (
                "this was graded for both already; the pair stays, or your partner leaves",
                "已为两人评分，不能再请搭档退出；搭档可自行退出",
            ),
        ),
        "no-picture": (("no text of this course shows such a picture", "本课程没有这张图片"),),
        "no-name": (
            ("sign in to enrol; without a name there is practice only", "请登录后报名；匿名只能练习"),
            (
                "enrol first; who practises without a name gets no certificate",
                "请先报名；匿名练习不发证书",
            ),
        ),
        "not-passed": (
            ("{points} of {of} points; {needed} are needed", "已得 {points} 分（满分 {of}）；需要 {needed} 分"),
        ),
        "no-certificate": (
            ("there is no such certificate of yours", "您没有这张证书"),
            ("there is no certificate {code}", "没有编号为 {code} 的证书"),
        ),
        "too-many-codes": (("too many codes; try again later", "查询次数过多，请稍后再试"),),
        "no-class": (("there is no class {group}", "没有班级 {group}"),),
        "no-exercise": (("there is no exercise {drill}", "没有练习 {drill}"),),
        "exercise-ended": (("this exercise has ended", "该练习已结束"),),
        "no-such-scene": (("there is no scene {scene}", "没有场景 {scene}"),),
        "no-incident": (("there is no incident {incident}", "没有事件回放 {incident}"),),
        "incident-span": (
            ("give a begin and an end, a day apart at most", "请给出起止时间，至多相隔一天"),
            ("every question is asked between the begin and the end", "每个问题都要在起止时间之内提出"),
        ),
        "incident-thinned": (
            (
                "the samples of this time were thinned, so it cannot be played again",
                "这段时间的原始数据已被精简，不能再回放",
            ),
        ),
        "incident-question": (
            ("there is no question {question}", "没有第 {question} 题"),
            ("this was answered already; the first answer stands", "此题已经回答，以第一次回答为准"),
        ),
        "whose-line": (("give either `group` or `attempt`", "请指定班级或某次实验，只能选一种"),),
        "nobody-there": (("nobody of them works on a line now", "现在没有学员在产线上"),),
        "no-target": (
            (
                "no line of this class has {target}, or it cannot have that fault",
                "本班的产线没有 {target}，或那里不会有这种故障",
            ),
        ),
        "attendance-days": (
            ("give a first and a last day, {days} days apart at most", "请给出起止日期，至多相隔 {days} 天"),
        ),
        "course-faulty": (("the course has {count} faults", "课程有 {count} 处错误"),),
    }
)
