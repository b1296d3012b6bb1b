"""The centre's own certificate: the configured one, or one made at first start and kept.

Who connects compares its fingerprint once; that is why it is printed at every start. Beyond
loopback there is no listening without TLS, unless the configuration says `insecure: true`.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from configs.schema import CentreDocument
from plant.errors import ProvenlineError

log = structlog.get_logger(__name__)

_YEARS = 10
_NOT = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
_NOR = ("crl_sign", "encipher_only", "decipher_only")
_USAGE = x509.KeyUsage(digital_signature=True, key_cert_sign=True, **dict.fromkeys(_NOT + _NOR, False))


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files of a certificate, its chain included, and of its key."""

    certificate: str
    key: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers show it."""
        return fingerprint(_first(Path(self.certificate)))


def transport(
    settings: CentreDocument, data: Path, *, host: str, loopback: bool, folder: Path = Path()
) -> Certificate | None:
    """Return the certificate to serve with, None for plain HTTP. `folder`: where its files are named from.

    Raises ProvenlineError for files that are no certificate and its key, and when the centre
    would listen beyond loopback in clear without being told to.
    """
    if settings.tls is None:
        if not loopback and not settings.insecure:
            raise ProvenlineError(
                f"{host} is reached by others, and without TLS passwords and tokens travel in clear; "
                "write `tls: {}` in the centre document, or `insecure: true` where something else protects the way"
            )
        if not loopback:
            log.warning("listening without TLS, as configured: passwords and tokens travel in clear", host=host)
        return None
    if settings.tls.certificate and settings.tls.key:
        chosen = Certificate(str(folder / settings.tls.certificate), str(folder / settings.tls.key))
    else:
        chosen = _kept(data / "tls", {"localhost", socket.gethostname(), host, *settings.names})
    _check(chosen)
    log.info("TLS", certificate=chosen.certificate, sha256=chosen.fingerprint)
    return chosen


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate as pairs of digits with colons."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _check(chosen: Certificate) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chosen.certificate, chosen.key)
        ends = _first(Path(chosen.certificate)).not_valid_after_utc
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ProvenlineError(f"centre: tls: {chosen.certificate} with {chosen.key}: {error}") from error
    if ends < datetime.now(UTC):
        raise ProvenlineError(f"centre: tls: {chosen.certificate} ended on {ends:%Y-%m-%d}")


def _first(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(file.read_bytes())[0]


def _kept(folder: Path, names: Iterable[str]) -> Certificate:
    kept = Certificate(str(folder / "certificate.pem"), str(folder / "key.pem"))
    if not Path(kept.certificate).exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(kept, names)
    return kept


def _make(files: Certificate, names: Iterable[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provenline")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as private:
        private.write(pem)
    Path(files.certificate).write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ("127.0.0.1", "::1")]
    for name in sorted(names):
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            found.append(x509.DNSName(name))
        else:
            if not address.is_unspecified and not address.is_loopback:
                found.append(x509.IPAddress(address))
    return found
