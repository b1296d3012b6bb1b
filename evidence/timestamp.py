"""Time-stamps: a token by which a third party says that a signature existed at a moment (RFC 3161).

Nothing is asked of any authority unless one is named. The package carries the token and the root
certificate that it is checked by, so it can be checked offline; as with keys, whether that root is to be
trusted is the reader's to decide: its fingerprint is printed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from plant.errors import ProvenlineError, Rejected, Unavailable
from plant.text import Text

MOST_BYTES = 1 << 20
_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Authority:
    """Who gives time-stamps, and the root certificates (PEM) that its tokens are checked by."""

    url: str
    roots: bytes

    @classmethod
    def named(cls, url: str, roots: Path) -> Authority:
        """Return the authority at `url`. Raises ProvenlineError when `roots` holds no certificates."""
        try:
            return cls(url, _pem(x509.load_pem_x509_certificates(roots.read_bytes())))
        except (OSError, ValueError) as error:
            raise ProvenlineError(f"{roots} holds no certificates: {error}") from error

    def stamp(self, message: bytes, *, timeout: float = _TIMEOUT) -> bytes:
        """Return a token over `message`. Raises Unavailable when none is given that holds."""
        request = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
        headers = {"Content-Type": "application/timestamp-query"}
        try:
            answer = httpx.post(self.url, content=request.as_bytes(), headers=headers, timeout=timeout)
            answer.raise_for_status()
            check_timestamp(answer.content, message, self.roots)
        except (httpx.HTTPError, Rejected) as error:
            raise Unavailable(f"the time-stamp authority {self.url}: {error}") from error
        return answer.content


def check_timestamp(token: bytes, message: bytes, roots: bytes) -> Text:
    """Check a token over `message` by root certificates (PEM); say when and by whom it was given. Raises Rejected."""
    if max(len(token), len(roots)) > MOST_BYTES:
        raise Rejected("the time-stamp is larger than any token is")
    try:
        response = decode_timestamp_response(token)
        trusted = x509.load_pem_x509_certificates(roots)
        if response.as_bytes() != token or _pem(trusted) != roots:
            raise Rejected("the time-stamp was changed")
        verifier = VerifierBuilder(roots=trusted)
        for der in response.signed_data.certificates:
            one = x509.load_der_x509_certificate(der)
            if one.issuer != one.subject:
                verifier = verifier.add_intermediate_certificate(one)
        verifier.build().verify(response, hashlib.sha256(message).digest())
    except (VerificationError, ValueError) as error:
        raise Rejected(f"the time-stamp is not one over this signature: {error}") from error
    at = response.tst_info.gen_time.isoformat()
    name, known = trusted[0].subject.rfc4514_string(), trusted[0].fingerprint(SHA256()).hex()
    return Text(
        f"时间戳有效：{at}；根证书 {name}，SHA-256 指纹 {known}。",
        f"The time-stamp holds: {at}; root certificate {name}, SHA-256 {known}.",
    )


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
