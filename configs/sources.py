"""What can be written about a source: its settings and the addresses of its tags, by `type`.

An address says where one tag lives in a source. It is data only; the collector that
understands it is named by the source's `type`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.base import Identifier, Port, Seconds, Secret, Strict


# ------------------------------------------------------------------------------ OPC UA
class OpcuaPolicy(StrEnum):
    """Security policies a source may ask for; the deprecated ones are left out on purpose."""

    NONE = "none"
    BASIC256SHA256 = "basic256sha256"


class OpcuaMode(StrEnum):
    """Message security modes."""

    SIGN = "sign"
    SIGN_AND_ENCRYPT = "sign-and-encrypt"


class OpcuaSecurity(Strict):
    """How the connection is secured.

    `certificate` and `key` are this client's own (PEM or DER). `server_certificate` pins the
    server, or `fingerprint` does: the SHA-256 of its certificate, as a person compared it; or
    `trust_list` is the folder in which `provenline opcua trust` keeps the servers that a person
    accepted. With a policy other than `none` there is no doing without: an unchecked server
    certificate protects nothing.
    """

    policy: OpcuaPolicy = OpcuaPolicy.NONE
    mode: OpcuaMode = OpcuaMode.SIGN_AND_ENCRYPT
    certificate: str | None = None
    key: str | None = None
    server_certificate: str | None = None
    fingerprint: str | None = Field(default=None, pattern=r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$")
    trust_list: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> OpcuaSecurity:
        if self.policy is not OpcuaPolicy.NONE:
            missing = [n for n in ("certificate", "key") if not getattr(self, n)]
            trusts = [n for n in ("server_certificate", "fingerprint", "trust_list") if getattr(self, n)]
            if not trusts:
                missing.append("server_certificate, fingerprint or trust_list")
            if missing:
                raise ValueError(f"policy {self.policy.value} also needs {', '.join(missing)}")
            if len(trusts) > 1:
                raise ValueError(f"give only one of {', '.join(trusts)}")
        return self


class OpcuaAddress(Strict):
    """One variable: by node id (`ns=2;s=Press.State`), or by a browse path below Objects.

    `nsu=urn:maker:press;s=Press.State` names the namespace itself, whose index a server may number anew at each
    start; `%` and `;` in its URI are written `%25` and `%3B` (OPC UA part 6, 5.3.1.10). A path's parts are browse
    names, `2:Press/2:State`; `*` stands for any one part and must match exactly one node.
    """

    node: str | None = Field(default=None, pattern=r"^(ns=\d+;|nsu=[^;]+;)?[isgb]=.+$")
    path: str | None = None
    sampling: Seconds | None = None
    deadband: float | None = Field(default=None, ge=0, description="absolute, applied by the server, in raw units")
    scale: float = 1.0
    offset: float = 0.0

    @model_validator(mode="after")
    def _one_of(self) -> OpcuaAddress:
        if (self.node is None) == (self.path is None):
            raise ValueError("give either node or path")
        return self


class OpcuaSource(Strict):
    """An OPC UA server, read by subscription."""

    type: Literal["opcua"]
    id: Identifier
    endpoint: str = Field(pattern=r"^opc\.tcp://[^/\s:]+(:\d+)?(/\S*)?$")
    security: OpcuaSecurity = OpcuaSecurity()
    user: str | None = None
    password: Secret | None = None
    user_certificate: str | None = None
    user_key: str | None = None
    publishing: Seconds = 0.1
    sampling: Seconds = 0.1
    queue: int = Field(default=10, ge=2, le=10_000)
    timeout: Seconds = 4.0
    silence: Seconds = Field(default=5.0, description="no publish response (not even keep-alive) for this long = lost")


# ------------------------------------------------------------------------------ Modbus
class ModbusTable(StrEnum):
    """The four Modbus tables."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"


class ModbusFormat(StrEnum):
    """How registers are read as a value."""

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BIT = "bit"
    STRING = "string"


class ModbusAddress(Strict):
    """One value in one unit.

    `register` counts from 0, as on the wire. `order` names the bytes of a 32-bit value A
    (most significant) to D in the order they arrive: ABCD is big-endian, CDAB swaps words,
    BADC swaps bytes, DCBA is little-endian; 64-bit values follow the same rule by word.
    `bit` picks a bit 0–15 of a register. `length` is a string's size in registers.
    """

    unit: int = Field(default=1, ge=0, le=255, description="1-247 on a serial line; many TCP devices answer to 255")
    table: ModbusTable = ModbusTable.HOLDING
    register_: int = Field(alias="register", ge=0, le=65_535)
    format: ModbusFormat = ModbusFormat.UINT16
    order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    bit: int | None = Field(default=None, ge=0, le=15)
    length: int | None = Field(default=None, ge=1, le=125)
    scale: float = 1.0
    offset: float = 0.0

    @model_validator(mode="after")
    def _fits(self) -> ModbusAddress:
        bits = self.table in (ModbusTable.COIL, ModbusTable.DISCRETE)
        if bits and self.format not in (ModbusFormat.BIT, ModbusFormat.UINT16):
            raise ValueError(f"a {self.table.value} is a single bit; format {self.format.value} does not fit")
        if self.bit is not None and self.format is not ModbusFormat.BIT:
            raise ValueError("bit needs format: bit")
        if not bits and self.format is ModbusFormat.BIT and self.bit is None:
            raise ValueError("format bit in a register needs bit: 0-15")
        if self.format is ModbusFormat.STRING and self.length is None:
            raise ValueError("format string needs length (registers)")
        if self.register_ + self.width > 65_536:
            raise ValueError("the value reaches past register 65535")
        return self

    @property
    def width(self) -> int:
        """Registers (or bits, for coils and discrete inputs) that the value occupies."""
        widths = {"int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}
        return self.length or 1 if self.format is ModbusFormat.STRING else widths.get(self.format.value, 1)


class ModbusTcp(Strict):
    """Modbus TCP, or RTU frames over TCP (a serial gateway)."""

    type: Literal["tcp", "rtu-over-tcp"]
    host: str
    port: Port = 502


class ModbusSerial(Strict):
    """Modbus RTU on a serial line."""

    type: Literal["serial"]
    device: str
    baud: int = Field(default=19_200, ge=300)
    parity: Literal["N", "E", "O"] = "E"
    stop_bits: Literal[1, 2] = 1


class ModbusSource(Strict):
    """One Modbus line: a connection with one or more units behind it, polled in blocks."""

    type: Literal["modbus"]
    id: Identifier
    link: Annotated[ModbusTcp | ModbusSerial, Field(discriminator="type")]
    period: Seconds = 0.5
    timeout: Seconds = 1.0
    gap: int = Field(default=8, ge=0, le=124, description="unused registers worth reading over to join two blocks")
    block: int = Field(default=125, ge=1, le=125)
    pause: Seconds = Field(default=5.0, description="how long a unit that did not answer is left alone")


# -------------------------------------------------------------------------------- MQTT
class MqttTls(Strict):
    """TLS to the broker; the server's certificate is always verified."""

    ca: str | None = Field(default=None, description="CA file; the system's CAs when absent")
    certificate: str | None = None
    key: str | None = None


class MqttAddress(Strict):
    """One value in the JSON payloads of a topic.

    `topic` may hold `+`; when the same tag is declared for several devices at once, the
    loader writes one address per device. `pointer` and `time` are JSON pointers (RFC 6901);
    without `time` the receiving time counts. `values` maps payload texts to numbers.
    """

    topic: str = Field(min_length=1, max_length=65_535)
    pointer: str = Field(default="", pattern=r"^(/.*)?$")
    time: str | None = Field(default=None, pattern=r"^/.*$")
    time_unit: Literal["iso", "s", "ms", "us", "ns"] = "ms"
    quality: str | None = Field(default=None, pattern=r"^/.*$", description="pointer to an OPC UA StatusCode")
    scale: float = 1.0
    offset: float = 0.0
    values: dict[str, float] = Field(default_factory=dict)


class MqttSource(Strict):
    """An MQTT broker."""

    type: Literal["mqtt"]
    id: Identifier
    host: str
    port: Port = 1883
    version: Literal["3.1.1", "5"] = "5"
    client_id: str | None = Field(default=None, max_length=65, description="needed for a persistent session")
    session: Seconds = Field(default=3600.0, description="how long the broker keeps the session; 0 = clean start")
    qos: Literal[0, 1, 2] = 1
    user: str | None = None
    password: Secret | None = None
    tls: MqttTls | None = None
    keepalive: int = Field(default=15, ge=5, le=3600)
    payload_limit: int = Field(
        default=262_144, ge=256, le=16_777_216, description="bytes; larger ones are dead letters"
    )

    @model_validator(mode="after")
    def _session(self) -> MqttSource:
        if self.session and self.qos and not self.client_id:
            raise ValueError("a persistent session needs client_id; or set session: 0")
        return self


# ----------------------------------------------------------------- Sparkplug and VDA 5050
class MqttLink(Strict):
    """The broker behind a source that has its own rules for topics, sessions and qualities of service."""

    id: Identifier
    host: str
    port: Port = 1883
    version: Literal["3.1.1", "5"] = "5"
    client_id: str | None = Field(default=None, max_length=65)
    user: str | None = None
    password: Secret | None = None
    tls: MqttTls | None = None
    keepalive: int = Field(default=15, ge=5, le=3600)
    payload_limit: int = Field(
        default=262_144, ge=256, le=16_777_216, description="bytes; larger ones are dead letters"
    )


_SparkplugName = Annotated[str, Field(pattern=r"^[^/+#\x00]+$", max_length=1000)]


class SparkplugAddress(Strict):
    """One metric of an edge node, or of a device behind it."""

    group: _SparkplugName
    node: _SparkplugName
    device: _SparkplugName | None = None
    metric: str = Field(min_length=1, max_length=1000)
    scale: float = 1.0
    offset: float = 0.0


class SparkplugSource(MqttLink):
    """Sparkplug B edge nodes behind a broker, read as a host application.

    `host_id`: the name under which this host says that it is online; edge nodes that wait for
    a primary host need it. `reorder`: how long a missing message may be late.
    """

    type: Literal["sparkplug"]
    host_id: _SparkplugName | None = None
    reorder: Seconds = 2.0


class Vda5050Address(Strict):
    """One figure of one vehicle's state.

    `position`: x, y in metres and theta in radians on its map. `battery`: percent.
    `errors`: how many are active; `error-level`: the worst of them, 0 none, 1 warning,
    2 urgent, 3 critical, 4 fatal. `loads`: the ids of what it carries, joined by commas, "" for
    nothing. `connection`: 1 online, 0 not.
    """

    manufacturer: str = Field(pattern=r"^[^/+#\x00]+$", max_length=1000)
    serial: str = Field(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=1000)
    field: Literal[
        "position-x",
        "position-y",
        "theta",
        "map",
        "battery",
        "charging",
        "driving",
        "paused",
        "operating-mode",
        "emergency-stop",
        "errors",
        "error-level",
        "order",
        "last-node",
        "loads",
        "connection",
    ]


class Vda5050Source(MqttLink):
    """Vehicles that speak VDA 5050 over a broker. `interface` and `major` are its first two topic levels.

    Without `interface` it is the one the specification names: `uagv` for v2, `vda5050` for v3.
    """

    type: Literal["vda5050"]
    interface: str | None = Field(default=None, pattern=r"^[^/+#\x00]+$", max_length=1000)
    major: Literal["v2", "v3"] = "v2"


# ------------------------------------------------------------------------------- STAMP
class StampAddress(Strict):
    """One figure of the measured link, a sample a packet: delays in µs, loss 0 or 1.

    A lost packet has loss 1 and no delay: NaN with the quality *bad: timeout*.
    """

    measure: Literal["rtt", "up", "down", "rtt-jitter", "loss", "clock-error"]


class StampSource(Strict):
    """A STAMP session-sender (RFC 8762) that measures the link to a reflector."""

    type: Literal["stamp"]
    id: Identifier
    host: str
    port: Port = 862
    interval: Seconds = Field(default=0.1, description="between packets")
    timeout: Seconds = Field(default=1.0, description="a packet not back by then is lost")
    size: int = Field(default=44, ge=44, le=1472, description="bytes of UDP payload")


# ------------------------------------------------------------------------------ replay
class ReplayAddress(Strict):
    """A recorded tag, by the path it was recorded under."""

    path: str


class ReplaySource(Strict):
    """A recording (Parquet export) played again; its samples are marked as replayed."""

    type: Literal["replay"]
    id: Identifier
    file: str
    speed: float = Field(default=1.0, ge=0, description="0 = as fast as possible")
    loop: bool = False


SourceConfig = Annotated[
    OpcuaSource | ModbusSource | MqttSource | SparkplugSource | Vda5050Source | StampSource | ReplaySource,
    Field(discriminator="type"),
]
AddressConfig = (
    OpcuaAddress | ModbusAddress | MqttAddress | SparkplugAddress | Vda5050Address | StampAddress | ReplayAddress
)

ADDRESS_OF: dict[str, type[AddressConfig]] = {
    "opcua": OpcuaAddress,
    "modbus": ModbusAddress,
    "mqtt": MqttAddress,
    "sparkplug": SparkplugAddress,
    "vda5050": Vda5050Address,
    "stamp": StampAddress,
    "replay": ReplayAddress,
}
"""Which form of address belongs to which type of source."""
