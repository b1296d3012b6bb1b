"""Which servers are trusted: a folder of certificates that a person has compared and accepted.

    trust_list/trusted/<sha256>.der     may be talked to
    trust_list/rejected/<sha256>.der    showed themselves and wait for somebody to decide

A server is asked for its certificate in clear, which proves nothing yet. If the very same one
lies among the trusted, it is pinned, and only who holds its key gets through the handshake.
Any other is put among the rejected, and nothing more is said to that server.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from collectors.opcua import transport
from plant.errors import Rejected

MOST_REJECTED = 100
"""Certificates that wait for a decision; a server that shows a new one each time fills no disk."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A server's certificate, as a person compares it."""

    certificate: x509.Certificate

    @classmethod
    def of(cls, der: bytes) -> Shown:
        """Read DER. Raises Rejected when it is no certificate."""
        try:
            return cls(x509.load_der_x509_certificate(der))
        except ValueError as error:
            raise Rejected(f"what the server shows is no certificate: {error}") from error

    @property
    def name(self) -> str:
        """The file's name: the SHA-256 as hexadecimal digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 as people compare it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def der(self) -> bytes:
        """The certificate as bytes."""
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class TrustList:
    """The certificates in a folder, which need not be there yet."""

    folder: Path

    def trusted(self) -> list[Shown]:
        """Return what may be talked to."""
        return _read(self.folder / "trusted")

    def rejected(self) -> list[Shown]:
        """Return what waits for a decision."""
        return _read(self.folder / "rejected")

    def file_of(self, shown: Shown) -> Path | None:
        """Return the file of a certificate if it is trusted."""
        file = self.folder / "trusted" / f"{shown.name}.der"
        return file if file.is_file() and file.read_bytes() == shown.der else None

    def trust(self, shown: Shown) -> Path:
        """Put a certificate among the trusted. Raises OSError when the folder cannot be written."""
        return self._move(shown, "rejected", "trusted")

    def reject(self, shown: Shown) -> Path:
        """Take a certificate from the trusted, if it is there, and keep it for a decision."""
        waiting = sorted((self.folder / "rejected").glob("*.der"), key=lambda file: file.stat().st_mtime)
        for old in waiting[: max(0, len(waiting) + 1 - MOST_REJECTED)]:
            old.unlink()
        return self._move(shown, "trusted", "rejected")

    def _move(self, shown: Shown, source: str, target: str) -> Path:
        file = self.folder / target / f"{shown.name}.der"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(shown.der)
        (self.folder / source / file.name).unlink(missing_ok=True)
        return file


async def shown_by(endpoint: str, patience: float) -> Shown:
    """Ask a server for its certificate, in clear, waiting `patience` seconds for each answer; sends nothing of ours.

    Raises asyncua's errors and OSError when it does not answer, Rejected when it shows none.
    """
    client = transport.new_client(endpoint, patience)
    found: list[ua.EndpointDescription] = await client.connect_and_get_server_endpoints()
    certificates = [one.ServerCertificate for one in found if one.ServerCertificate]
    if not certificates:
        raise Rejected("the server shows no certificate; it offers no secured endpoint")
    return Shown.of(certificates[0])


def _read(folder: Path) -> list[Shown]:
    return [Shown.of(file.read_bytes()) for file in sorted(folder.glob("*.der"))]
