"""Where the process of a sandbox begins: whoever only asks for one need not import what it is made of."""

from __future__ import annotations

import socket

from labs.course import LabDocument
from provenline.sandbox.order import Order

End = socket.socket
"""One end of the pipe."""


def enter(end: End, order: Order, lab: LabDocument) -> None:
    """Be a sandbox until the other end is closed; everything is imported already where this runs."""
    from provenline.sandbox.child import main  # noqa: PLC0415 - as above

    main(end, order, lab)
