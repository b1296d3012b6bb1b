"""OPC UA messages in words; the reading itself is `collectors.opcua.heard`."""

from __future__ import annotations

from collectors.opcua.heard import heard
from provenline.sandbox.meaning import Meaning
from provenline.sandbox.wire import Caught


def opcua(caught: Caught) -> Meaning:
    """Return what an OPC UA message says. Raises ValueError for what cannot be read."""
    if caught.size > len(caught.octets):
        return Meaning("long message")
    try:
        return Meaning(*heard(caught.octets, request=caught.request, items=tuple(caught.talk.items)))
    except ValueError:
        if not caught.talk.secured:
            raise
        return Meaning("encrypted message")
