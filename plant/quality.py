"""Quality is an OPC UA StatusCode, carried from the device to the pixel and never dropped.

The top two bits are the severity; the rest says why. Codes unknown to `Quality` are kept
as they came: a plain `int` is a valid quality, the enum only gives names to the usual ones.
Source: OPC UA Part 6 annex A, StatusCode.csv.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Severity(IntEnum):
    """How far a value can be trusted: the top two bits of its StatusCode."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Quality(IntEnum):
    """The StatusCodes this project sets or names."""

    GOOD = 0x00000000
    GOOD_CLAMPED = 0x00300000
    GOOD_LOCAL_OVERRIDE = 0x00960000
    UNCERTAIN = 0x40000000
    UNCERTAIN_LAST_USABLE = 0x40900000
    UNCERTAIN_NO_COMMUNICATION_LAST_USABLE = 0x408F0000
    UNCERTAIN_SUBSTITUTE = 0x40910000
    UNCERTAIN_INITIAL = 0x40920000
    UNCERTAIN_SENSOR_NOT_ACCURATE = 0x40930000
    UNCERTAIN_OUT_OF_RANGE = 0x40940000
    UNCERTAIN_SUB_NORMAL = 0x40950000
    UNCERTAIN_SENSOR_CALIBRATION = 0x420A0000
    BAD = 0x80000000
    BAD_COMMUNICATION_ERROR = 0x80050000
    BAD_TIMEOUT = 0x800A0000
    BAD_NO_COMMUNICATION = 0x80310000
    BAD_WAITING_FOR_INITIAL_DATA = 0x80320000
    BAD_NODE_UNKNOWN = 0x80340000
    BAD_NOT_READABLE = 0x803A0000
    BAD_OUT_OF_RANGE = 0x803C0000
    BAD_TYPE_MISMATCH = 0x80740000
    BAD_CONFIGURATION_ERROR = 0x80890000
    BAD_NOT_CONNECTED = 0x808A0000
    BAD_DEVICE_FAILURE = 0x808B0000
    BAD_SENSOR_FAILURE = 0x808C0000
    BAD_OUT_OF_SERVICE = 0x808D0000
    BAD_NO_DATA = 0x809B0000
    BAD_DATA_LOST = 0x809D0000


def severity(quality: int) -> Severity:
    """Return the severity of one StatusCode; the reserved pattern `11` counts as bad."""
    return Severity(min(quality >> 30 & 0b11, Severity.BAD))


def good(quality: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Return which of many StatusCodes are good."""
    return quality < np.uint32(0x40000000)


def usable(quality: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Return which of many StatusCodes are good or uncertain, that is, not bad."""
    return quality < np.uint32(0x80000000)


def name(quality: int) -> str:
    """Name a StatusCode as `bad: no communication`; an unknown one shows its number.

    The low 16 bits say how a value was made (limits, overflow), not how good it is.
    """
    level = severity(quality).name.lower()
    try:
        words = Quality(quality & 0xFFFF_0000).name.lower().replace("_", " ")
    except ValueError:
        return f"{level}: 0x{quality:08X}"
    detail = words.removeprefix(level).strip()
    return f"{level}: {detail}" if detail else level
