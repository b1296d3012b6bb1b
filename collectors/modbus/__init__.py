"""Modbus TCP, RTU over TCP and serial RTU, polled in blocks.

plan     addresses → blocks               pure
decode   a reply's bytes → columns        pure
link     one request, one reply           pymodbus, and nowhere else
turns    whose turn it is, the silent ones included
unit     what one unit was asked, refused and left unanswered
source   the `Source`: rounds on a fixed grid, one batch per unit and round
"""

from collectors.modbus.source import ModbusSource

__all__ = ["ModbusSource"]
