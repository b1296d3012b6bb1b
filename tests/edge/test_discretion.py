"""What visitors may read of a lost source does not name where it is."""

from __future__ import annotations

import pytest

from edge.edge import discreet


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("10.1.2.3:502 closed the connection", "the device closed the connection"),
        ("opc.tcp://plc-7.line:4840/server: no answer within 4 s", "the device: no answer within 4 s"),
        ("probe.hall port 862: Connection refused", "the device: Connection refused"),
        ("mqtt broker.line:1883 refuses the connection: not authorised (5)", None),
        ("press: connected, but silent for 30 s", "press: connected, but silent for 30 s"),
        ("", ""),
    ],
)
def test_a_reason_names_no_address(reason: str, told: str | None) -> None:
    assert discreet(reason) == (told if told is not None else reason.replace("broker.line:1883", "the device"))
