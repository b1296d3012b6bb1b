"""Faults put into a running model on purpose, each written into the truth record.

A fault names its kind, its target (a signal, a machine, a device, a face, a broker or a link)
and, where it matters, a size. It begins at a model time and lasts a while, or until it is
cleared. What a trainee sees is only its effect.

`kinds`: what there is · `targets`: what of a model each kind can be done to, and by which
names people know it · `instruments`, `machines`, `links`: what the kinds do · `board`: begins
and ends them.
"""

from simulators.faults.board import FaultBoard, Outage
from simulators.faults.kinds import KINDS, FaultKind, PlannedFault, RefusedFault, UnknownTarget
from simulators.faults.targets import FaultOffer, Target, names_of, offers

__all__ = [
    "KINDS",
    "FaultBoard",
    "FaultKind",
    "FaultOffer",
    "Outage",
    "PlannedFault",
    "RefusedFault",
    "Target",
    "UnknownTarget",
    "names_of",
    "offers",
]
