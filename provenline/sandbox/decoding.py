"""What caught messages say, for people who learn a protocol: names, ids, addresses, values, status.

Nothing here fails: of what cannot be read, the octets remain.
"""

from __future__ import annotations

from labs.sandboxes import WireMessage
from provenline.sandbox.decoding_modbus import modbus
from provenline.sandbox.decoding_mqtt import mqtt
from provenline.sandbox.decoding_opcua import opcua
from provenline.sandbox.decoding_stamp import stamp
from provenline.sandbox.meaning import Meaning
from provenline.sandbox.wire import Caught

_PROTOCOLS = {"modbus": "modbus", "mqtt": "mqtt", "opc.tcp": "opcua", "stamp": "stamp"}
_READERS = {"modbus": modbus, "mqtt": mqtt, "opc.tcp": opcua, "stamp": stamp}
_SHOWN = 256
"""Octets of a message that are shown as they are."""


def decoded(caught: Caught) -> WireMessage:
    """Return a message with what it says."""
    scheme = caught.talk.scheme
    try:
        meaning = _READERS[scheme](caught)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        meaning = Meaning("?", (("unreadable", str(error)[:200]),))
    fields = (*meaning.fields, ("octets", str(caught.size)))
    return WireMessage(
        number=caught.number,
        time=caught.time,
        source=caught.talk.source,
        protocol=_PROTOCOLS[scheme],
        direction=caught.direction,
        summary=meaning.summary,
        fields=fields,
        raw=caught.octets[:_SHOWN].hex(),
    )
