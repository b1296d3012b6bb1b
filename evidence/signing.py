"""Signatures over a package: Ed25519 always, SM2 and a time-stamp where they are asked for.

What is signed is an in-toto statement that names the bag's tag manifest by its hash; the tag
manifest names the manifests, and those every file. It is carried in a DSSE envelope:

    PAE = "DSSEv1 " len(type) " " type " " len(body) " " body

A signature proves that nothing was changed since the holder of a key signed. Whose key that is, a package
cannot prove about itself: compare the fingerprint with one you got another way.

Sources: DSSE protocol v1.0.2; in-toto Attestation Statement v1; RFC 8032 (Ed25519); GB/T 32918 (SM2);
GM/T 0009 (its default identity).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from gmalg import SM2

from evidence.canonical import canonical
from plant.errors import ProvenlineError, Rejected

TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:provenline:evidence:1"
MOST_BYTES = 65_536

_SM2_IDENTITY = b"1234567812345678"


def pae(body: bytes, kind: str = TYPE) -> bytes:
    """Return DSSE's pre-authentication encoding of a body."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(body), body)


def statement(name: str, sha256: str, predicate: dict[str, Any]) -> bytes:
    """Return the statement that `name` has this hash, as canonical JSON."""
    return canonical(
        {
            "_type": STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": sha256}}],
            "predicateType": PREDICATE,
            "predicate": predicate,
        }
    )


@dataclass(frozen=True, slots=True)
class Signer:
    """Holder of an Ed25519 key, and of an SM2 key where Chinese reviewers want one."""

    key: Ed25519PrivateKey
    sm2: bytes | None = None

    @classmethod
    def load(cls, file: Path, *, sm2: Path | None = None) -> Signer:
        """Read a key, made at the first use, readable by its owner alone.

        Raises ProvenlineError when the file cannot be read or written, or holds no such key.
        """
        try:
            pem = file.read_bytes() if file.exists() else _made(file, _new_pem())
            key = serialization.load_pem_private_key(pem, password=None)
            secret = None
            if sm2 is not None:
                secret = bytes.fromhex((sm2.read_bytes() if sm2.exists() else _made(sm2, _new_sm2())).decode().strip())
        except (OSError, ValueError) as error:
            raise ProvenlineError(f"the signing key in {file} cannot be used: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ProvenlineError(f"the key in {file} is no Ed25519 key")
        return cls(key, secret)

    @property
    def public(self) -> bytes:
        """The public key, 32 octets."""
        return self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    @property
    def fingerprint(self) -> str:
        """What tells this key from all others."""
        return fingerprint(self.public)

    def envelope(self, body: bytes) -> bytes:
        """Return the signed envelope of a statement."""
        signature = {"keyid": self.fingerprint, "sig": _text(self.key.sign(pae(body)))}
        return canonical(
            {
                "payloadType": TYPE,
                "payload": _text(body),
                "signatures": [signature],
                "publicKey": _text(self.public),
            }
        )

    def sm2_envelope(self, body: bytes) -> bytes | None:
        """Return the same statement signed with SM2 over SM3, or None without such a key."""
        if self.sm2 is None:
            return None
        public = SM2().generate_pk(self.sm2)
        r, s = SM2(self.sm2, _SM2_IDENTITY, public).sign(pae(body))
        # The library leaves leading zeros out, of one number in 256; the standard's form has 32 octets each.
        signature = {"keyid": fingerprint(public), "sig": _text(r.rjust(32, b"\0") + s.rjust(32, b"\0"))}
        return canonical(
            {"payloadType": TYPE, "payload": _text(body), "signatures": [signature], "publicKey": _text(public)}
        )


def fingerprint(public: bytes) -> str:
    """Return the SHA-256 of a public key, in hexadecimal."""
    return hashlib.sha256(public).hexdigest()


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement whose signature holds. `by`: fingerprint of the key that signed it."""

    name: str
    sha256: str
    predicate: dict[str, Any]
    by: str
    body: bytes


def opened(envelope: bytes, *, sm2: bool = False) -> Signed:
    """Check an envelope and return what was signed. Raises Rejected when anything about it is not right."""
    if len(envelope) > MOST_BYTES:
        raise Rejected("the envelope is larger than any that was signed here")
    try:
        held = json.loads(envelope)
        body, public = _bytes(held["payload"]), _bytes(held["publicKey"])
        (signature,) = held["signatures"]
        signed = _bytes(signature["sig"])
        if canonical(held) != envelope or held["payloadType"] != TYPE or signature["keyid"] != fingerprint(public):
            raise Rejected("the envelope was changed")
        stated = json.loads(body)
        (subject,) = stated["subject"]
        found = Signed(subject["name"], subject["digest"]["sha256"], stated["predicate"], fingerprint(public), body)
        if canonical(stated) != body or stated["_type"] != STATEMENT or stated["predicateType"] != PREDICATE:
            raise Rejected("the envelope holds another statement than one about evidence")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Rejected("the envelope is not one of a signature") from error
    holds = _sm2_holds(public, signed, pae(body)) if sm2 else _ed25519_holds(public, signed, pae(body))
    if not holds:
        raise Rejected("the signature is not one of the key beside it over this statement")
    return found


def _ed25519_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _sm2_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    if len(public) != 65 or len(signature) != 64:
        return False
    try:
        return bool(SM2(None, _SM2_IDENTITY, public).verify(message, signature[:32], signature[32:]))
    except Exception:  # noqa: BLE001 - the library raises whatever its arithmetic stumbles over; none of it is a signature
        return False


def _new_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _new_sm2() -> bytes:
    secret, _ = SM2().generate_keypair()
    return bytes(secret).hex().encode() + b"\n"


def _made(file: Path, content: bytes) -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    return content


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: object) -> bytes:
    """Decode base64 that can be written in one way only. Raises ValueError."""
    if not isinstance(text, str):
        raise TypeError("not a text")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if _text(data) != text:
        raise ValueError("not the only way to write it")
    return data
