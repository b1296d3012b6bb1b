"""The PackML state machine of ANSI/ISA-TR88.00.02: states, commands and allowed transitions.

A machine that speaks another dialect is mapped to these states in configuration; nothing
after that needs to know the dialect.
"""

from __future__ import annotations

from enum import IntEnum


class PackState(IntEnum):
    """The 17 states with the numbers of the PackTag `Status.StateCurrent`."""

    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETE = 17


class Command(IntEnum):
    """The commands with the numbers of the PackTag `Command.CntrlCmd`."""

    RESET = 1
    START = 2
    STOP = 3
    HOLD = 4
    UNHOLD = 5
    SUSPEND = 6
    UNSUSPEND = 7
    ABORT = 8
    CLEAR = 9
    COMPLETE = 10


class Mode(IntEnum):
    """The unit modes that TR88 fixes; user-defined modes start at 4."""

    INVALID = 0
    PRODUCE = 1
    MAINTENANCE = 2
    MANUAL = 3


_S = PackState
_STOPPABLE = frozenset(_S) - {_S.STOPPING, _S.STOPPED, _S.ABORTING, _S.ABORTED, _S.CLEARING}
_ABORTABLE = frozenset(_S) - {_S.ABORTING, _S.ABORTED}

_ON_COMMAND: dict[tuple[PackState, Command], PackState] = {
    (_S.IDLE, Command.START): _S.STARTING,
    (_S.EXECUTE, Command.HOLD): _S.HOLDING,
    (_S.HELD, Command.UNHOLD): _S.UNHOLDING,
    (_S.EXECUTE, Command.SUSPEND): _S.SUSPENDING,
    (_S.SUSPENDED, Command.UNSUSPEND): _S.UNSUSPENDING,
    (_S.SUSPENDED, Command.HOLD): _S.HOLDING,
    (_S.EXECUTE, Command.COMPLETE): _S.COMPLETING,
    (_S.COMPLETE, Command.RESET): _S.RESETTING,
    (_S.STOPPED, Command.RESET): _S.RESETTING,
    (_S.ABORTED, Command.CLEAR): _S.CLEARING,
    **{(state, Command.STOP): _S.STOPPING for state in _STOPPABLE},
    **{(state, Command.ABORT): _S.ABORTING for state in _ABORTABLE},
}

_ON_DONE: dict[PackState, PackState] = {
    _S.STARTING: _S.EXECUTE,
    _S.COMPLETING: _S.COMPLETE,
    _S.RESETTING: _S.IDLE,
    _S.HOLDING: _S.HELD,
    _S.UNHOLDING: _S.EXECUTE,
    _S.SUSPENDING: _S.SUSPENDED,
    _S.UNSUSPENDING: _S.EXECUTE,
    _S.STOPPING: _S.STOPPED,
    _S.ABORTING: _S.ABORTED,
    _S.CLEARING: _S.STOPPED,
}

ACTING = frozenset(_ON_DONE) | {_S.EXECUTE}
"""States in which the machine does something; the others wait for a command."""


def after(state: PackState, command: Command) -> PackState | None:
    """Return the state that `command` leads to from `state`, or None where it is not allowed."""
    return _ON_COMMAND.get((state, command))


def done(state: PackState) -> PackState | None:
    """Return the state that follows when an acting state has finished (SC), or None.

    EXECUTE ends by a command or by the job's own completion, so it has no fixed successor.
    """
    return _ON_DONE.get(state)
