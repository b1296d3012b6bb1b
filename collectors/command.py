"""Writing to devices: what may go wrong, in the words that matter to whoever asked for it.

A command is sent once. When its answer is missing nobody knows whether the device carried it
out, and sending it again could do it twice; so that is said, and left to a person.
"""

from __future__ import annotations

from dataclasses import dataclass

from plant.errors import ProvenlineError

Setpoint = float | bool


class NotWritable(ProvenlineError):
    """The device refused, or this address cannot be written to. Nothing was changed."""


class Unconfirmed(ProvenlineError):
    """The command was sent, and no answer says whether it was carried out."""


@dataclass(frozen=True, slots=True)
class Written:
    """The device accepted a command. `read_back`: what it holds now; None where it cannot be asked."""

    read_back: float | bool | None
