"""What a record in the audit log must carry, action by action: a new action without a line here fails.

A change says how it was and how it is, what is new only how it is, what is gone only how it was.
A deed, such as signing in or carrying a campaign out, changes nothing that stands: it has no
`before`, and may say in `after` what it came to.
"""

from __future__ import annotations

from enum import Enum, auto


class Shape(Enum):
    """What is said of before and after."""

    CHANGE = auto()
    CREATION = auto()
    REMOVAL = auto()
    KEEPING = auto()
    """A creation or, where something stood in its place, a change."""
    DEED = auto()

    def fits(self, *, before: bool, after: bool) -> bool:
        """Say whether a record that has these sides is of this shape."""
        return (before, after) in _SIDES[self]


_SIDES = {
    Shape.CHANGE: {(True, True)},
    Shape.CREATION: {(False, True)},
    Shape.REMOVAL: {(True, False)},
    Shape.KEEPING: {(False, True), (True, True)},
    Shape.DEED: {(False, False), (False, True)},
}

SHAPES = {
    **dict.fromkeys(
        (
            "alarm.acknowledge",
            "alarm.comment",
            "alarm.remove-from-service",
            "alarm.reset",
            "alarm.return-to-service",
            "alarm.shelve",
            "alarm.unshelve",
            "campaign.revise",
            "command.outcome",
            "command.send",
            "configuration.reload",
            "lab.answer",
            "lab.apply",
            "lab.class-members",
            "lab.join",
            "lab.part",
            "user.change",
            "user.reset",
        ),
        Shape.CHANGE,
    ),
    **dict.fromkeys(
        (
            "annotation.add",
            "campaign.exclude",
            "campaign.freeze",
            "campaign.hand-in",
            "lab.attendance",
            "lab.begin",
            "lab.certificate",
            "lab.claim",
            "lab.class",
            "lab.grade",
            "lab.hide-fault",
            "lab.hint",
            "lab.incident",
            "lab.incident-answer",
            "token.add",
            "user.add",
        ),
        Shape.CREATION,
    ),
    **dict.fromkeys(
        ("lab.class-dissolved", "lab.course-removed", "lab.incident-removed", "lab.leave", "token.revoke"),
        Shape.REMOVAL,
    ),
    **dict.fromkeys(("lab.course", "lab.enrol"), Shape.KEEPING),
    **dict.fromkeys(
        (
            "backup.restore",
            "backup.take",
            "campaign.cancel",
            "campaign.run",
            "configuration.browse",
            "configuration.draft",
            "configuration.scan",
            "configuration.test",
            "evidence.export",
            "lab.end",
            "lab.exercise-end",
            "lab.reset",
            "lab.resume",
            "retention.thin",
            "sandbox.act",
            "sandbox.reset",
            "sandbox.stop",
            "session.end",
            "session.open",
            "user.change-password",
            "user.set-password",
        ),
        Shape.DEED,
    ),
}
