"""Time-stamps: a token by which a third party says that a signature existed at a moment (RFC 3161).

The authority is named in configuration; nothing is asked of anybody unless it is. A token can be checked
offline: it holds the authority's certificates. Whether that authority is to be trusted is, as with keys,
the reader's to decide; its name is printed.
"""

from __future__ import annotations

import hashlib

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from plant.errors import Rejected, Unavailable
from plant.text import Text

MOST_BYTES = 1 << 20


def get_timestamp(url: str, message: bytes, *, timeout: float = 30.0) -> bytes:
    """Ask an authority for a token over `message`. Raises Unavailable when it gives none that holds."""
    request = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    try:
        answer = httpx.post(
            url, content=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, timeout=timeout
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Unavailable(f"the time-stamp authority {url}: {error}") from error
    token = answer.content
    try:
        check_timestamp(token, message)
    except Rejected as error:
        raise Unavailable(f"the time-stamp authority {url}: {error}") from error
    return token


def check_timestamp(token: bytes, message: bytes) -> Text:
    """Check a token over `message` and say when and by whom it was given. Raises Rejected."""
    if len(token) > MOST_BYTES:
        raise Rejected("the time-stamp is larger than any token is")
    try:
        response = decode_timestamp_response(token)
        if response.as_bytes() != token:
            raise Rejected("the time-stamp was changed")
        certificates = [x509.load_der_x509_certificate(one) for one in response.signed_data.certificates]
        verifier = VerifierBuilder(roots=[one for one in certificates if one.issuer == one.subject] or certificates)
        for one in certificates:
            if one.issuer != one.subject:
                verifier = verifier.add_intermediate_certificate(one)
        verifier.build().verify(response, hashlib.sha256(message).digest())
    except (VerificationError, ValueError) as error:
        raise Rejected(f"the time-stamp is not one over this signature: {error}") from error
    at = response.tst_info.gen_time.isoformat()
    name = response.tst_info.name
    who = str(getattr(name, "value", name)) if name is not None else ""
    return Text(f"时间戳有效：{at} {who}", f"The time-stamp holds: {at} {who}")
