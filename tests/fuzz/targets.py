"""What reads bytes from outside, and what may come of it: a result that makes sense, or the one error that says no.

A target takes any bytes. It returns when they were read or refused as they should be; whatever
else it raises is a finding. Seeds are sound inputs, so that a mutation gets past the first check.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from collectors.modbus.decode import Layout
from collectors.modbus.plan import blocks
from collectors.mqtt import MqttSource, SparkplugSource, Vda5050Source
from collectors.mqtt.base import BrokerSource
from collectors.mqtt.client import Message
from collectors.opcua import generic, notification
from collectors.opcua.batches import Table
from collectors.opcua.variable import Malformed, Unusual
from collectors.source import Point
from collectors.stamp.packet import ReflectorPacket, SenderPacket
from configs import sources as configs
from configs.loader import parse
from configs.reading import read
from configs.sources import ModbusAddress, MqttAddress, OpcuaAddress, SparkplugAddress, Vda5050Address
from dashboard_api.write import foreign_path
from evidence import archive, rows, signing, timestamp
from historian.export import to_arrow
from historian.port import EXPORT_SCHEMA
from labs import upload
from plant import wire
from plant.batch import Batch, BatchBuilder, Origin
from plant.clock import SECOND, VirtualClock
from plant.errors import ProvenlineError
from plant.tags import Kind, Tag
from provenline import backup_archive

NOW = 1_760_000_000 * SECOND


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of foreign bytes. `attempt` raises only when there is a finding; `longest`: bytes of an input."""

    name: str
    attempt: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    longest: int = 4096


# ------------------------------------------------------------------------- what comes over the wire
def _line_protocol(data: bytes) -> None:
    """Whatever is read can be written, and reads the same again."""
    found = wire.decode(data, received=NOW, naming=partial(foreign_path, "cq"))
    again = wire.decode(wire.encode(found.batch), received=NOW)
    assert not again.errors, again.errors
    assert again.batch.to_bytes() == found.batch.to_bytes()


_SERIES = b"sample,device=e,line=c,scene=b,signal=d,site=a "
_LINES = (
    (_SERIES + b"v=1.5,q=0i,lat=1000i 1760000000000000000\n") * 2,
    _SERIES + b"i=-3i,q=0i,lat=1000i,o=1i 1760000000000000000\n" + _SERIES + b"b=t,q=2i,lat=0i 1\n",
    _SERIES + rb's="a \"b\" \\ c",q=0i,lat=1000i 1760000000000000000',
    b"sample,path=a/b/c/d/e v=1.5,q=0i,lat=1000i 1760000000000000000\n",
    b'weather,place=roof\\ top temp=21.5,ok=true,n=3i,who="x, y" 1760000000000000000',
)


class _Hearing:
    """Hands messages to a source as its broker would."""

    def __init__(self, source: BrokerSource, topics: tuple[str, ...]) -> None:
        self._source, self._topics = source, topics

    def __call__(self, data: bytes) -> None:
        topic = self._topics[data[0] % len(self._topics)] if data else self._topics[0]
        rows = BatchBuilder()
        self._source._read(Message(topic, data[1:], 1, 1, False, NOW), rows)
        _sensible(rows.build())


def _sensible(batch: Batch) -> None:
    good = (batch.quality >> 30) == 0
    values = [batch.value(row) for row in np.flatnonzero(good)]
    assert not any(isinstance(value, float) and not np.isfinite(value) for value in values), "good and not finite"
    assert Batch.from_bytes(batch.to_bytes()).names == batch.names


def _tag(signal: str, kind: Kind = Kind.ANALOG) -> Tag:
    return Tag(path=f"cq/lab/line/device/{signal}", kind=kind)


def _json() -> _Hearing:
    config = configs.MqttSource(type="mqtt", id="broker", host="127.0.0.1", session=0)
    plain = {"pointer": "/a/0/b", "time": "/t", "quality": "/q"}
    points = [
        Point(_tag("scaled"), MqttAddress(topic="a", scale=0.1, offset=-5, **plain)),
        Point(_tag("words", Kind.STATE), MqttAddress(topic="a", values={"on": 1, "off": 0}, **plain)),
        Point(_tag("text", Kind.TEXT), MqttAddress(topic="a", pointer="", time="/t", time_unit="iso")),
    ]
    return _Hearing(MqttSource(config, points, clock=VirtualClock(NOW)), ("a",))


def _vda5050() -> _Hearing:
    config = configs.Vda5050Source(type="vda5050", id="fleet", host="127.0.0.1")
    fields = ("position-x", "theta", "map", "battery", "driving", "operating-mode", "errors", "error-level", "loads")
    points = [Point(_tag(f), Vda5050Address(manufacturer="m", serial="s", field=f)) for f in (*fields, "connection")]
    topics = tuple(f"uagv/v2/m/s/{kind}" for kind in ("state", "visualization", "connection"))
    return _Hearing(Vda5050Source(config, points, clock=VirtualClock(NOW)), topics)


def _sparkplug() -> _Hearing:
    config = configs.SparkplugSource(type="sparkplug", id="uns", host="127.0.0.1")
    points = [
        Point(_tag("a"), SparkplugAddress(group="g", node="n", metric="a", scale=0.5)),
        Point(_tag("b", Kind.TEXT), SparkplugAddress(group="g", node="n", device="d", metric="b")),
    ]
    source = SparkplugSource(config, points, clock=VirtualClock(NOW))
    topics = [f"spBv1.0/g/{kind}/n" for kind in ("NBIRTH", "NDATA", "NDEATH")]
    return _Hearing(source, (*topics, "spBv1.0/g/DDATA/n/d"))


_STAMP = b"1760000000000"
_JSON = (
    b'\0{"a":[{"b":3.5}],"t":' + _STAMP + b',"q":0}',
    b'\0{"a":[{"b":"on"}],"t":' + _STAMP + b',"q":1073741824,"simulated":true}',
    b'\0{"t":"2025-10-09T08:53:20Z"}',
)
_VEHICLE = json.dumps(
    {
        "headerId": 1,
        "timestamp": "2025-10-09T08:53:20.00Z",
        "loads": [{"loadId": "p1"}, {"loadType": "pallet"}],
        "agvPosition": {"x": 1, "y": 2, "theta": 0.1, "mapId": "m", "positionInitialized": False},
        "batteryState": {"batteryCharge": 80, "charging": False},
        "driving": True,
        "operatingMode": "AUTOMATIC",
        "errors": [{"errorType": "x", "errorLevel": "FATAL"}],
        "connectionState": "ONLINE",
    }
).encode()
# timestamp, seq, and a metric with name, alias, type and value: an NBIRTH of "a" = 1.5 as Sparkplug B lays it out.
_METRIC = b"\x0a\x01a\x10\x01\x18\x80\xd0\x95\xff\x98\x33\x20\x0a\x69" + struct.pack("<d", 1.5)
_BIRTH = b"\x08\x80\xd0\x95\xff\x98\x33\x12" + bytes([len(_METRIC)]) + _METRIC + b"\x18\x00"


def _publication(data: bytes) -> None:
    """Bytes are read by the quick decoder, else by the generic one, else said to be none; rows make a batch."""
    try:
        try:
            found = notification.decode(data)
        except Unusual:
            found = generic.decode(data)
    except Malformed:
        return
    handles = np.unique(found.rows.handle)
    if len(handles) and handles[-1] < len(_MONITORED):
        batch = _TABLE.batch(found.rows, received=NOW, origin=Origin.DEVICE)
        assert Batch.from_bytes(batch.to_bytes()).names == batch.names


_MONITORED = [Point(Tag(path=f"cq/lab/line/press/p{i}", kind=Kind.ANALOG), OpcuaAddress(node="i=1")) for i in range(8)]
_TABLE = Table(_MONITORED)


def _published(*values: ua.DataValue) -> bytes:
    items = [ua.MonitoredItemNotification(handle, value) for handle, value in enumerate(values)]
    response = ua.PublishResponse()
    change = ua.DataChangeNotification(items, [])
    response.Parameters.NotificationMessage.NotificationData = [change]
    return struct_to_binary(response)


@cache
def _layouts() -> tuple[tuple[Layout, int], ...]:
    formats = ("uint16", "int16", "uint32", "int32", "float32", "uint64", "float64", "string", "bit")
    addresses = [
        ModbusAddress(
            register=8 * i,
            format=f,
            order="CDAB" if f.endswith("32") else "ABCD",
            length=4 if f == "string" else None,
            bit=3 if f == "bit" else None,
        )
        for i, f in enumerate(formats)
    ]
    return tuple((Layout(b, addresses), b.count) for b in blocks(addresses, limit=125, gap=16))


def _registers(data: bytes) -> None:
    for layout, count in _layouts():
        payload = data[: 2 * count].ljust(2 * count, b"\0")
        columns = layout.decode(payload, [])
        assert len(columns.quality) == len(layout.rows)


def _probe(data: bytes) -> None:
    for kind in (SenderPacket, ReflectorPacket):
        try:
            packet = kind.from_bytes(data)
        except ValueError:
            continue
        assert packet.to_bytes()[:14] == data[:14]


# ------------------------------------------------------------------------------- what comes as a file
@cache
def _scratch() -> TemporaryDirectory[str]:
    return TemporaryDirectory()


@contextmanager
def _folder() -> Iterator[Path]:
    """Lend a folder, empty again for the next input; to make one for each takes longer than to read it."""
    try:
        yield Path(_scratch().name)
    finally:
        for entry in os.scandir(_scratch().name):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()


@contextmanager
def _file(data: bytes) -> Iterator[Path]:
    with _folder() as folder:
        path = folder / "file"
        path.write_bytes(data)
        yield path


def _configuration(data: bytes) -> None:
    with _file(data) as path:
        reading = read(path, "file.yaml")
    assert reading.faults or reading.lines or reading.data is None
    if not reading.faults:
        document, faults = parse(reading)
        assert (document is None) == bool(faults)


_YAML = (
    b"type: site\nid: cq\nname: x\ntime_zone: Asia/Shanghai\n",
    b"type: edge\nid: e\nuplink: {url: 'http://127.0.0.1:8086', bucket: b, token: {env: T}}\n",
    b"a: &x [1, 2, {b: 08:30}]\nc: *x\nd: {<<: {e: 1}, f: 2026-01-01}\n",
)


def _package(data: bytes) -> None:
    with _file(data) as path, suppress(ProvenlineError):
        archive.unpack(path, path.parent / "into")
        outside = {p.name for p in path.parent.iterdir()} - {"file", "into"}
        assert not outside


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        out.writestr("one/bagit.txt", "BagIt-Version: 1.0\n")
        out.writestr("one/data/plan.json", "{}")
    return buffer.getvalue()


def _course(data: bytes) -> None:
    with _folder() as folder, suppress(ProvenlineError):
        upload.receive(data, folder / "courses")
        assert {p.name for p in folder.iterdir()} == {"courses"}


def _course_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("first/course.yaml", "type: course\nid: first\nname: {zh: x, en: x}\nlabs: []\n")
        out.writestr("first/text.md", "# x\n")
    return buffer.getvalue()


def _backup(data: bytes) -> None:
    """An archive of any bytes; after a first byte of 1, a sound archive that says any bytes of itself."""
    with _folder() as folder, suppress(ProvenlineError, OSError):
        path = folder / "backup.tar"
        path.write_bytes(_tar({"backup.json": data[1:], "data/a": b"x"}) if data[:1] == b"\1" else data[1:])
        backup_archive.unpack(path, backup_archive.examined(path), "data", folder / "into")
        assert {p.name for p in folder.iterdir()} <= {"backup.tar", "into"}


_BACKUP = {
    "backup.json": b'{"made": "2026-01-01", "version": "1", "site": "cq", "keys": false, "elsewhere": "", "format": 1}',
    "data/a": b"x",
}


def _tar(files: dict[str, bytes]) -> bytes:
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in (files | {"SHA256SUMS": sums.encode()}).items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    whole = buffer.getvalue().rstrip(b"\0")
    return whole + bytes(-len(whole) % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)  # not filled up to a tape's record


def _samples(data: bytes) -> None:
    with _file(data) as path, suppress(ProvenlineError):
        rows.inspect(path)


def _parquet() -> bytes:
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, EXPORT_SCHEMA) as writer:
        writer.write_table(pa.Table.from_batches([to_arrow(_batch())], EXPORT_SCHEMA))
    return buffer.getvalue()


def _envelope(data: bytes) -> None:
    for sm2 in (False, True):
        with suppress(ProvenlineError):
            signing.opened(data, sm2=sm2)


@cache
def _signed() -> bytes:
    with TemporaryDirectory() as folder:
        key = Path(folder) / "key.pem"
        signer = signing.Signer.load(key)
        return signer.envelope(signing.statement("bag", "0" * 64, {"verdict": "met"}))


def _token(data: bytes) -> None:
    with suppress(ProvenlineError):
        timestamp.check_timestamp(data, b"message", b"")


def _blob(data: bytes) -> None:
    with suppress(ValueError):
        batch = Batch.from_bytes(data)
        list(batch.samples())


def _batch() -> Batch:
    builder = BatchBuilder()
    builder.add("a/b/c/d/e", NOW, 1.5, received=NOW)
    builder.add("a/b/c/d/f", NOW, "text", received=NOW)
    return builder.build()


EVERY = "every"
"""The name of all targets together: the first byte of an input says which."""


def named(name: str) -> Target:
    """Return a target by its name, or `EVERY`."""
    if name == EVERY:
        return Target(EVERY, _any, tuple(bytes([n]) + seed for n, one in enumerate(targets()) for seed in one.seeds))
    return next(target for target in targets() if target.name == name)


def _any(data: bytes) -> None:
    if data:
        targets()[data[0] % len(targets())].attempt(data[1:])


@cache
def targets() -> tuple[Target, ...]:
    """Return every reader of foreign bytes."""
    good = ua.DataValue(ua.Variant(1.5, ua.VariantType.Double))
    text = ua.DataValue(ua.Variant("x", ua.VariantType.String), StatusCode=ua.StatusCode(0x80000000))
    return (
        Target("line-protocol", _line_protocol, _LINES, longest=512),
        Target("mqtt-json", _json(), _JSON),
        Target("mqtt-sparkplug", _sparkplug(), tuple(bytes([kind]) + _BIRTH for kind in range(4)), longest=512),
        Target("mqtt-vda5050", _vda5050(), tuple(bytes([kind]) + _VEHICLE for kind in range(3))),
        Target("opcua-publication", _publication, (_published(good), _published(good, text, good)), longest=1024),
        Target("modbus-registers", _registers, (bytes(range(130)), b"\x7f\xc0" * 65), longest=130),
        Target("stamp-packet", _probe, (bytes(44), bytes(range(60)))),
        Target("configuration", _configuration, _YAML, longest=96),
        Target("evidence-package", _package, (_zip(),), longest=1024),
        Target("evidence-samples", _samples, (_parquet(),)),
        Target("evidence-signature", _envelope, (_signed(),)),
        Target("evidence-timestamp", _token, (b"0\x03\x02\x01\x00",)),
        Target("course-upload", _course, (_course_zip(),), longest=1024),
        Target("backup", _backup, (b"\0" + _tar(_BACKUP), b"\1" + _BACKUP["backup.json"]), longest=5000),
        Target("stored-batch", _blob, (_batch().to_bytes(),)),
    )
