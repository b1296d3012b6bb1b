"""Decoding registers: properties, and pymodbus's own conversion as a second opinion."""

from __future__ import annotations

import math
import struct
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from collectors.modbus.decode import Layout
from collectors.modbus.plan import blocks
from configs.sources import ModbusAddress, ModbusFormat
from plant.batch import Batch, Value
from plant.quality import Quality

ORDERS = get_args(ModbusAddress.model_fields["order"].annotation)
CODES = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"} | {
    "float32": "f",
    "float64": "d",
}


def decode(addresses: list[ModbusAddress], payload: bytes) -> list[tuple[Value, int]]:
    """Decode one block; value and quality in the order of the addresses."""
    [block] = blocks(addresses, limit=125, gap=124)
    layout, texts = Layout(block, addresses), []
    columns, zeros = layout.decode(payload, texts), np.zeros(len(addresses), np.int64)
    batch = Batch(
        names=tuple(str(n) for n in range(len(addresses))),
        tag=layout.rows,
        time=zeros,
        received=zeros,
        raw=columns.raw,
        quality=columns.quality,
        form=columns.form,
        origin=np.zeros(len(addresses), np.uint8),
        texts=tuple(texts),
    )
    found = {int(s.path): (s.value, s.quality) for s in batch.samples()}
    return [found[n] for n in range(len(addresses))]


def on_the_wire(value: float, code: str, order: str) -> bytes:
    """Write a value as the device would: an encoder that shares nothing with the decoder."""
    data = struct.pack(">" + code, value)
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


@st.composite
def a_value(draw) -> tuple[str, str, float]:
    kind, order = draw(st.sampled_from(sorted(CODES))), draw(st.sampled_from(ORDERS))
    code = CODES[kind]
    if code in "fd":
        value = draw(st.floats(width=32 if code == "f" else 64, allow_nan=False, allow_infinity=False))
    else:
        bits = 8 * struct.calcsize(">" + code)
        low, high = (0, 2**bits - 1) if code.isupper() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        value = draw(st.integers(low, high))
    return kind, order, value


@given(st.lists(a_value(), min_size=1, max_size=30), st.data())
def test_what_a_device_writes_is_what_is_read_in_every_format_and_order(values, data) -> None:
    payload, addresses = b"", []
    for kind, order, value in values:
        payload += bytes(2 * data.draw(st.integers(0, 1)))
        addresses.append(ModbusAddress(register=len(payload) // 2, format=kind, order=order))
        payload += on_the_wire(value, CODES[kind], order)
    payload = payload[2 * addresses[0].register_ :]
    for (value, quality), (kind, _, written) in zip(decode(addresses, payload), values, strict=True):
        assert quality == Quality.GOOD
        if kind == "uint64" and written > 2**63 - 1:
            assert value == float(written)
        else:
            assert value == written
            assert type(value) is (float if kind.startswith("float") else int)


@given(st.binary(min_size=8, max_size=8), st.sampled_from(sorted(CODES)), st.sampled_from(["big", "little"]))
def test_pymodbus_reads_the_same(payload, kind, words) -> None:
    address = ModbusAddress(register=0, format=kind, order="ABCD" if words == "big" else "CDAB")
    payload = payload[: 2 * address.width]
    registers = list(struct.unpack(f">{address.width}H", payload))
    theirs = ModbusClientMixin.convert_from_registers(
        registers, ModbusClientMixin.DATATYPE[kind.upper()], word_order=words
    )
    [(ours, quality)] = decode([address], payload)
    if math.isfinite(theirs):
        assert ours == (float(theirs) if theirs > 2**63 - 1 else theirs)
        assert quality == Quality.GOOD
    else:
        assert str(ours) == str(theirs)
        assert quality == Quality.BAD_SENSOR_FAILURE


@given(st.text(max_size=20).filter(lambda t: "\0" not in t), st.sampled_from(ORDERS))
def test_a_string_is_read_up_to_its_first_nul_without_padding(text, order) -> None:
    data = text.encode() + b"\0"
    data += b"x" * (84 - len(data))  # what lies behind the NUL is somebody's old text
    if order in ("BADC", "DCBA"):
        data = b"".join(data[i : i + 2][::-1] for i in range(0, len(data), 2))
    [(value, quality)] = decode([ModbusAddress(register=5, format="string", length=42, order=order)], data)
    assert value == text.rstrip(" ")
    assert quality == Quality.GOOD


def test_pymodbus_reads_the_same_string() -> None:
    registers = ModbusClientMixin.convert_to_registers("工位 A-7", ModbusClientMixin.DATATYPE.STRING)
    payload = struct.pack(f">{len(registers)}H", *registers)
    [(ours, _)] = decode([ModbusAddress(register=0, format="string", length=len(registers))], payload)
    assert ours == ModbusClientMixin.convert_from_registers(registers, ModbusClientMixin.DATATYPE.STRING)


def test_a_string_that_is_not_utf8_is_uncertain_and_shows_where() -> None:
    addresses = [ModbusAddress(register=0, format="string", length=2), ModbusAddress(register=2, format="uint16")]
    text, number = decode(addresses, "工位".encode("gbk") + b"\0\7")
    assert text[1] == Quality.UNCERTAIN
    assert "\ufffd" in str(text[0])
    assert number == (7, Quality.GOOD)


@given(st.integers(0, 65_535), st.sampled_from(ORDERS))
def test_bits_of_a_register_are_booleans(word, order) -> None:
    addresses = [ModbusAddress(register=9, format="bit", bit=bit, order=order) for bit in range(16)]
    values = [value for value, _ in decode(addresses, on_the_wire(word, "H", order))]
    assert values == [bool(word >> bit & 1) for bit in range(16)]


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_coils_are_read_lowest_bit_first(states) -> None:
    addresses = [ModbusAddress(register=n, table="coil") for n in range(len(states))]
    payload = bytes(sum(on << i for i, on in enumerate(states[at : at + 8])) for at in range(0, len(states), 8))
    assert [value for value, _ in decode(addresses, payload)] == states


@given(st.integers(-(2**15), 2**15 - 1), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_scale_and_offset_make_a_float(raw, scale, offset) -> None:
    addresses = [ModbusAddress(register=0, format="int16", scale=scale, offset=offset)]
    [(value, quality)] = decode(addresses, struct.pack(">h", raw))
    if (scale, offset) == (1.0, 0.0):
        assert type(value) is int
    else:
        assert type(value) is float
    assert value == raw * scale + offset
    assert quality == Quality.GOOD


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("kind", "code"), [("float32", "f"), ("float64", "d")])
def test_a_float_that_is_no_number_is_bad_and_spoils_no_neighbour(value, kind, code) -> None:
    width = struct.calcsize(code) // 2
    addresses = [ModbusAddress(register=n * width, format=kind, scale=2.0) for n in range(3)]
    found = decode(addresses, struct.pack(f">3{code}", 1.5, value, 2.5))
    assert [q for _, q in found] == [Quality.GOOD, Quality.BAD_SENSOR_FAILURE, Quality.GOOD]
    assert (found[0][0], found[2][0]) == (3.0, 5.0)


def test_decoding_leaves_nothing_behind_for_the_next_poll() -> None:
    addresses = [ModbusAddress(register=0, format=ModbusFormat.FLOAT32)]
    [block] = blocks(addresses, limit=125, gap=0)
    layout = Layout(block, addresses)
    assert layout.decode(struct.pack(">f", math.nan), []).quality[0] == Quality.BAD_SENSOR_FAILURE
    assert layout.decode(struct.pack(">f", 1.0), []).quality[0] == Quality.GOOD
