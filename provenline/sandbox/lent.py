"""What lies beside a trainee's configuration where a device is guarded: files a collector has, and nobody edits.

    collector.pem, collector-key.pem    the collector's own certificate and key, made for this sandbox
    <user>.password                     the password of each user of the device

They are named in the configuration as those of a real collector are, and no page shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from configs.base import Secret
from configs.configuration import Configuration
from configs.guard import GuardConfig

CERTIFICATE, KEY = "collector.pem", "collector-key.pem"
URI = "urn:provenline:sandbox:collector"

_DAYS = 30
_FOR = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
_NOT_FOR = ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
_USAGE = x509.KeyUsage(**dict.fromkeys(_FOR, True), **dict.fromkeys(_NOT_FOR, False))


def passwords(plant: Configuration) -> dict[str, Secret]:
    """Return where the password of each user of a plant's guarded devices is, by the name under which it is lent."""
    return {f"{user}.password": secret for guard in _guards(plant) for user, secret in guard.users.items()}


def lent(plant: Configuration) -> dict[str, bytes]:
    """Return the files by name; none where nothing is guarded. Raises ValueError for a password that cannot be had."""
    if not any(_guards(plant)):
        return {}
    certificate, key = _identity()
    words = {name: secret.reveal().encode() for name, secret in passwords(plant).items()}
    return {CERTIFICATE: certificate, KEY: key, **words}


def _guards(plant: Configuration) -> Iterator[GuardConfig]:
    for scene in plant.scenes.values():
        if scene.simulation is not None:
            yield from scene.simulation.guards.values()


@cache
def _identity() -> tuple[bytes, bytes]:
    """Make a certificate and its key, once a process, which is one sandbox."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provenline collector")])
    now = datetime.now(UTC)
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
