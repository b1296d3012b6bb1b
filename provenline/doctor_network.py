"""What a doctor looks at around a centre: its port, its certificate, and whether its sources can be reached."""

from __future__ import annotations

import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from configs import sources
from configs.configuration import Binding
from plant.clock import SECOND
from plant.errors import ProvenlineError
from plant.text import Text
from provenline.doctor import Finding, Patient, Weight
from provenline.trust import CONSOLE, console_of

_PATIENCE = 3.0
_AT_ONCE = 16
_SOON = 30
Place = tuple[str, int]


def port(patient: Patient) -> Iterator[Finding]:
    """Look at the port: answered by the centre that runs on this folder, or free for it."""
    if patient.configuration is None:
        return
    if (patient.data / CONSOLE).exists():
        yield from _answering(patient.data)
        return
    settings = patient.configuration.centre
    if settings.port < 1024 and os.geteuid() != 0:
        yield Finding(
            "port-privileged",
            Weight.FAULT,
            Text(f"普通用户不能监听端口 {settings.port}", f"only root may listen on port {settings.port}"),
            Text(
                "改用 8000 以上端口，或给服务 CAP_NET_BIND_SERVICE", "take one above 1023, or give CAP_NET_BIND_SERVICE"
            ),
        )
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            yield Finding(
                "port-taken",
                Weight.FAULT,
                Text(
                    f"无法监听 {settings.host}:{settings.port}：{error.strerror}",
                    f"cannot listen on {settings.host} port {settings.port}: {error.strerror}",
                ),
                Text(
                    f"用 ss -ltnp 'sport = :{settings.port}' 查看占用者，或改 centre.port",
                    f"`ss -ltnp 'sport = :{settings.port}'` shows who has it; or change `centre.port`",
                ),
            )


def _answering(data: Path) -> Iterator[Finding]:
    try:
        where = console_of(data)
    except ProvenlineError:
        return
    context = ssl.create_default_context(cafile=where.certificate) if where.certificate else None
    if context is not None:
        context.check_hostname = False  # it is this very certificate, whatever names are in it
    try:
        with urllib.request.urlopen(f"{where.url}health/ready", timeout=_PATIENCE, context=context):  # noqa: S310 - ours
            return
    except urllib.error.HTTPError as error:
        with error:
            told = error.read(10_000)
        reason = told.decode(errors="replace")
        with suppress(ValueError, KeyError, AttributeError):
            checks = json.loads(told)["checks"].values()
            reason = "; ".join(check["output"] for check in checks if "output" in check)
    except OSError as error:
        reason = str(error)
    yield Finding(
        "not-ready",
        Weight.FAULT,
        Text(f"监测中心未就绪：{reason}", f"the centre is not ready: {reason}"),
        Text("查看日志：journalctl -u provenline-centre", "its log says more: journalctl -u provenline-centre"),
    )


def certificates(patient: Patient) -> Iterator[Finding]:
    """Look for certificates that ended or end soon: the centre's own, its clients' and those of trusted servers."""
    for file in sorted(set(_certificates(patient))):
        try:
            ends = x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc
        except ValueError:
            with suppress(ValueError):
                ends = x509.load_der_x509_certificate(file.read_bytes()).not_valid_after_utc
                yield from _ending(file, ends, patient.now)
            continue
        yield from _ending(file, ends, patient.now)


def _ending(file: Path, ends: datetime, now: int) -> Iterator[Finding]:
    days = (ends - datetime.fromtimestamp(now / SECOND, UTC)).days
    if days >= _SOON:
        return
    yield Finding(
        "certificate",
        Weight.FAULT if days < 0 else Weight.WARNING,
        Text(f"证书 {file} 于 {ends:%Y-%m-%d} 到期", f"the certificate {file} ends on {ends:%Y-%m-%d}"),
        Text(
            "换新证书后重启；自签名的删除后会重新生成",
            "replace it and restart; one of our own is made anew once removed",
        ),
    )


def _certificates(patient: Patient) -> Iterator[Path]:
    own = patient.data / "tls" / "certificate.pem"
    if own.exists():
        yield own
    if patient.configuration is None:
        return
    tls = patient.configuration.centre.tls
    if tls and tls.certificate:
        yield patient.configuration.folder / tls.certificate
    for binding in patient.configuration.bindings:
        security = getattr(binding.source, "security", None)
        for name in ("certificate", "server_certificate"):
            if given := getattr(security, name, None):
                yield Path(given)
        if trusted := getattr(security, "trust_list", None):
            yield from (file for file in Path(trusted).rglob("*") if file.suffix in (".der", ".pem", ".crt"))


def reachable(patient: Patient) -> Iterator[Finding]:
    """Knock at every source that is reached over TCP: whether something takes a connection there."""
    if patient.configuration is None:
        return
    places = [(binding, place) for binding in patient.configuration.bindings if (place := place_of(binding))]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(_knock, [place for _, place in places]))
    for (binding, (host, number)), reason in zip(places, answers, strict=True):
        if reason:
            name = f"{binding.scene}/{binding.source.id}"
            yield Finding(
                "source-unreachable",
                Weight.FAULT,
                Text(
                    f"连不上采集源 {name}（{host}:{number}）：{reason}",
                    f"{name} cannot be reached at {host} port {number}: {reason}",
                ),
                Text(
                    "检查设备电源、网线、地址与防火墙",
                    "look after its power, its network, its address and the firewall",
                ),
            )


def place_of(binding: Binding) -> Place | None:
    """Return host and port of a source; None for one that is not reached over TCP."""
    match binding.source:
        case sources.OpcuaSource(endpoint=endpoint):
            parts = urlsplit(endpoint)
            return parts.hostname or "", parts.port or 4840
        case sources.ModbusSource(link=sources.ModbusTcp(host=host, port=number)):
            return host, number
        case sources.MqttSource() | sources.SparkplugSource() | sources.Vda5050Source():
            return binding.source.host, binding.source.port
        case _:
            return None


def _knock(place: Place) -> str:
    try:
        socket.create_connection(place, timeout=_PATIENCE).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
