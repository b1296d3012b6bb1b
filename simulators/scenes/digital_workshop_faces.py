"""Where the workshop's signals live: one OPC UA server, one Modbus line, one MQTT client.

The turning and milling machines hang on one cell controller (OPC UA), washers, meters and
utilities on one fieldbus gateway (Modbus, a unit each), everything that walks, hangs or was
bought later publishes JSON.
"""

from __future__ import annotations

from configs.sources import ModbusAddress, ModbusFormat, ModbusTable
from simulators.faces.layout import Message, ModbusLayout, MqttLayout, OpcuaLayout, Register, Variable
from simulators.scenes.digital_workshop_plant import CLIMATE, LINES
from simulators.scenes.packml_face import nameplate, unit_variables

_CUTTERS = {"turn": "Turning centre T2", "mill": "Machining centre M5"}
_UNITS = [
    (f"{kind}-{line}", f"{kind.capitalize()}{line.upper()}", _CUTTERS[kind]) for line in LINES for kind in _CUTTERS
]

CELLS_FACE = OpcuaLayout(
    "cells",
    (
        *(variable for device, unit, _ in _UNITS for variable in unit_variables(unit, device)),
        Variable("Programmes.Loads", "programmes.loads"),
        Variable("Programmes.LastLoad", "programmes.load"),
    ),
    nameplate={
        path: text for device, unit, model in _UNITS for path, text in nameplate(unit, model, device.upper()).items()
    },
)

_Coding = tuple[str, int, ModbusFormat]
_WASHER: tuple[_Coding, ...] = (
    ("state", 0, ModbusFormat.UINT16),
    ("reason", 1, ModbusFormat.UINT16),
    ("cycle", 2, ModbusFormat.FLOAT32),
    ("ideal", 4, ModbusFormat.FLOAT32),
    ("total", 6, ModbusFormat.UINT32),
    ("good", 8, ModbusFormat.UINT32),
    ("reject", 10, ModbusFormat.UINT32),
    ("power", 12, ModbusFormat.FLOAT32),
    ("energy", 14, ModbusFormat.FLOAT64),
    ("product", 20, ModbusFormat.STRING),
)
_METER: tuple[_Coding, ...] = (("power", 0, ModbusFormat.FLOAT32), ("energy", 2, ModbusFormat.FLOAT64))


def _registers(device: str, unit: int, table: ModbusTable, codings: tuple[_Coding, ...]) -> tuple[Register, ...]:
    """Lay a device's signals into the registers of its unit, words swapped as these gateways have them."""
    return tuple(
        Register(
            f"{device}.{signal}",
            ModbusAddress.model_validate(
                {
                    "unit": unit,
                    "table": table,
                    "register": at,
                    "format": form,
                    "order": "CDAB",
                    "length": 8 if form is ModbusFormat.STRING else None,
                }
            ),
        )
        for signal, at, form in codings
    )


FIELDBUS_FACE = ModbusLayout(
    "fieldbus",
    (
        *(r for unit, x in enumerate(LINES, 1) for r in _registers(f"wash-{x}", unit, ModbusTable.HOLDING, _WASHER)),
        *(r for unit, x in enumerate(LINES, 11) for r in _registers(f"meter-{x}", unit, ModbusTable.INPUT, _METER)),
        *_registers("compressor", 21, ModbusTable.INPUT, (*_METER, ("pressure", 8, ModbusFormat.FLOAT32))),
        *_registers("chiller", 22, ModbusTable.INPUT, (*_METER, ("temperature", 8, ModbusFormat.FLOAT32))),
    ),
)


def _gauge(line: str) -> Message:
    keys = ("state", "cause", "total", "good", "reject", "cycle", "product", "power", "energy")
    return Message(topic=f"shop/gauge-{line}/status", every=2.0, fields={k: f"gauge-{line}.{k}" for k in keys})


def _handheld(name: str) -> tuple[Message, Message]:
    keys = ("place", "cause", "notice")
    return (
        Message(topic=f"shop/{name}/call", on=f"{name}.calls", fields={k: f"{name}.{k}" for k in keys}),
        Message(topic=f"shop/{name}/status", every=5.0, fields={k: f"{name}.{k}" for k in ("calls", "battery")}),
    )


BROKER_FACE = MqttLayout(
    "broker",
    (
        *(_gauge(line) for line in LINES),
        *(message for name in (*(f"handheld-{x}" for x in LINES), "carrier") for message in _handheld(name)),
        *(
            Message(
                topic=f"shop/andon-{line}/status",
                every=5.0,
                fields={"calls": f"andon-{line}.calls", "waiting": f"andon-{line}.waiting"},
            )
            for line in LINES
        ),
        *(
            Message(
                topic=f"shop/{sensor}/air",
                every=10.0,
                fields={"temperature": f"{sensor}.temperature", "humidity": f"{sensor}.humidity"},
            )
            for sensor in CLIMATE
        ),
        Message(
            topic="shop/survey/probe",
            on="survey.probes",
            fields={k: f"survey.{k}" for k in ("x", "y", "rtt", "loss", "signal")},
        ),
    ),
)
