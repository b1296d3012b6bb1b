"""Signatures and time-stamps, judged by OpenSSL: what we sign it accepts, what it signs we accept, and nothing else."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from gmalg import SM2, SM3

from configs.configuration import Configuration
from evidence.archive import pack, unpack
from evidence.campaign import Campaign
from evidence.canonical import canonical, digest
from evidence.package import stamp
from evidence.signing import TYPE, Signer, opened, pae, statement
from evidence.timestamp import Authority, check_timestamp
from evidence.verify import Result, Step, verify
from plant.errors import ProvenlineError, Rejected, Unavailable

BODY = statement("tagmanifest-sha256.txt", "ab" * 32, {"campaign": "x"})


# ------------------------------------------------------------------------------- the envelope
def test_the_encoding_before_signing_is_that_of_dsse() -> None:
    assert pae(b'{"a":1}') == b'DSSEv1 28 application/vnd.in-toto+json 7 {"a":1}'
    assert pae(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_signature_can_be_checked_with_nothing_of_ours(tmp_path: Path) -> None:
    envelope = json.loads(Signer.load(tmp_path / "key.pem").envelope(BODY))
    payload = base64.b64decode(envelope["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(envelope["publicKey"]))
    key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), message)
    assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first, second = Signer.load(tmp_path / "keys" / "key.pem"), Signer.load(tmp_path / "keys" / "key.pem")
    assert first.fingerprint == second.fingerprint
    assert (tmp_path / "keys" / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_key_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(ProvenlineError, match=r"key\.pem"):
        Signer.load(tmp_path / "key.pem")


@pytest.mark.parametrize("part", ["payload", "publicKey", "payloadType"])
def test_no_part_of_an_envelope_can_be_changed(part: str, tmp_path: Path) -> None:
    envelope = json.loads(Signer.load(tmp_path / "key.pem").envelope(BODY))
    envelope[part] = base64.b64encode(b"other").decode()
    with pytest.raises(Rejected):
        opened(canonical(envelope))


# ---------------------------------------------------------------------------------------- SM2
def test_sm3_is_the_standards() -> None:
    hashed = SM3()
    hashed.update(b"abc")
    assert hashed.value().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_an_sm2_signature_holds_and_a_changed_one_does_not(tmp_path: Path) -> None:
    signer = Signer.load(tmp_path / "key.pem", sm2=tmp_path / "sm2.key")
    envelope = signer.sm2_envelope(BODY)
    assert envelope
    assert opened(envelope, sm2=True).name == "tagmanifest-sha256.txt"
    with pytest.raises(Rejected):
        opened(envelope)  # it is no Ed25519 signature
    changed = json.loads(envelope)
    changed["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    with pytest.raises(Rejected):
        opened(canonical(changed), sm2=True)


@pytest.mark.parametrize(("which", "nonce"), [(0, 173), (32, 224)])
def test_an_sm2_signature_with_leading_zeros_holds_as_well(
    which: int, nonce: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sm2.key").write_text("11" * 32)
    signer = Signer.load(tmp_path / "key.pem", sm2=tmp_path / "sm2.key")
    # One number in 256 begins with a zero; with this key and text, these nonces make one that does.
    monkeypatch.setattr("evidence.signing.SM2", partial(SM2, rnd_fn=lambda _: int("5a" * 32, 16) + nonce))
    envelope = signer.sm2_envelope(BODY) or b"{}"
    signature = base64.b64decode(json.loads(envelope)["signatures"][0]["sig"])
    assert len(signature) == 64
    assert signature[which] == 0
    assert opened(envelope, sm2=True).sha256 == "ab" * 32


@pytest.mark.needs("openssl")
def test_openssl_accepts_our_sm2_signature(tmp_path: Path) -> None:
    signer = Signer.load(tmp_path / "key.pem", sm2=tmp_path / "sm2.key")
    envelope = json.loads(signer.sm2_envelope(BODY) or b"{}")
    public, signature = base64.b64decode(envelope["publicKey"]), base64.b64decode(envelope["signatures"][0]["sig"])
    # SubjectPublicKeyInfo: ecPublicKey on the SM2 curve, then the point; the signature as SEQUENCE of r and s.
    head = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
    (tmp_path / "public.der").write_bytes(head + public)
    (tmp_path / "signature.der").write_bytes(sequence(signature[:32], signature[32:]))
    (tmp_path / "message").write_bytes(pae(base64.b64decode(envelope["payload"])))
    arguments = ["-pubin", "-inkey", "public.der", "-keyform", "DER", "-in", "message", "-rawin", "-digest", "sm3"]
    identity = ["-sigfile", "signature.der", "-pkeyopt", "distid:1234567812345678"]
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", *arguments, *identity], cwd=tmp_path, capture_output=True, check=False
    )
    assert b"Signature Verified Successfully" in done.stdout, done
    assert SM2().verify_pk(public)


def sequence(*numbers: bytes) -> bytes:
    """Write DER integers in a sequence."""
    body = b""
    for number in numbers:
        value = number.lstrip(b"\0") or b"\0"
        value = b"\0" + value if value[0] & 0x80 else value
        body += b"\x02" + bytes([len(value)]) + value
    return b"\x30" + bytes([len(body)]) + body


# ------------------------------------------------------------------------------- time-stamps
@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A time-stamp authority of OpenSSL's, with a root of its own."""
    place = tmp_path_factory.mktemp("authority")
    (place / "tsa.cnf").write_text(
        "[tsa]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\ndefault_policy=1.2.3.4\n"
        "digests=sha256\nsigner_digest=sha256\naccuracy=secs:1\ntsa_name=yes\ness_cert_id_chain=no\n"
        "ess_cert_id_alg=sha256\n"
        "[ext]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
    )
    (place / "serial").write_text("01")
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-sha256"]
    root = ["-x509", "-days", "30", "-subj", "/CN=Test root", "-keyout", "root.key", "-out", "root.pem"]
    run(place, *new, *root, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    run(place, *new, "-subj", "/CN=Test authority", "-keyout", "tsa.key", "-out", "tsa.csr")
    sign = ["-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "30"]
    purpose = ["-extfile", "tsa.cnf", "-extensions", "ext"]
    run(place, "openssl", "x509", "-req", "-in", "tsa.csr", *sign, *purpose, "-out", "tsa.pem")
    return place


def run(place: Path, *arguments: str, given: bytes | None = None) -> bytes:
    done = subprocess.run(arguments, cwd=place, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def served(authority: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (authority / "query.tsq").write_bytes(query)
            reply = ["-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query.tsq", "-out", "reply.tsr"]
            run(authority, "openssl", "ts", "-reply", *reply)
            self.send_response(200)
            self.end_headers()
            self.wfile.write((authority / "reply.tsr").read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.needs("openssl")
def test_a_token_of_openssls_authority_holds_and_names_its_root(served: str, authority: Path) -> None:
    named = Authority.named(served, authority / "root.pem")
    told = check_timestamp(named.stamp(b"signature"), b"signature", named.roots)
    assert "CN=Test root" in told.en
    fingerprint = run(authority, "openssl", "x509", "-in", "root.pem", "-noout", "-fingerprint", "-sha256").decode()
    assert fingerprint.partition("=")[2].strip().replace(":", "").lower() in told.en


@pytest.mark.needs("openssl")
def test_a_token_over_something_else_or_by_somebody_else_is_refused(served: str, authority: Path) -> None:
    named = Authority.named(served, authority / "root.pem")
    token = named.stamp(b"signature")
    with pytest.raises(Rejected, match="not one over this signature"):
        check_timestamp(token, b"another signature", named.roots)
    other = Authority.named(served, authority / "tsa.pem")
    with pytest.raises(Unavailable, match="not one over this signature"):
        other.stamp(b"signature")


@pytest.mark.needs("openssl")
def test_no_byte_of_a_token_decides_anything_unseen(served: str, authority: Path) -> None:
    named = Authority.named(served, authority / "root.pem")
    token = named.stamp(b"signature")
    told, refused = check_timestamp(token, b"signature", named.roots), 0
    for spot in range(0, len(token), 61):
        changed = token[:spot] + bytes([token[spot] ^ 1]) + token[spot + 1 :]
        try:
            assert check_timestamp(changed, b"signature", named.roots) == told
        except Rejected:
            refused += 1
    assert refused > 0.8 * len(range(0, len(token), 61))


@pytest.mark.needs("openssl")
def test_a_stamped_package_verifies_and_one_with_a_changed_root_does_not(
    campaign: Campaign, configuration: Configuration, served: str, authority: Path, tmp_path: Path
) -> None:
    folder = unpack(campaign.package, tmp_path)
    named = Authority.named(served, authority / "root.pem")
    stamp(folder, named)
    pack(folder, tmp_path / "stamped.zip")
    found = verify(tmp_path / "stamped.zip")
    assert found.holds
    (checked,) = [check for check in found.checks if check.step is Step.TIMESTAMP]
    assert checked.result is Result.HOLDS
    (folder / "timestamp-root.pem").write_bytes((authority / "tsa.pem").read_bytes())
    pack(folder, tmp_path / "other.zip")
    assert not verify(tmp_path / "other.zip").holds


@pytest.mark.parametrize("token", [b"", b"\x30\x03\x02\x01\x00", b"x" * 5000])
def test_what_is_no_token_is_refused(token: bytes) -> None:
    with pytest.raises(Rejected):
        check_timestamp(token, b"signature", b"")


def test_an_authority_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        Authority("http://127.0.0.1:9/", b"").stamp(b"signature", timeout=2.0)


# --------------------------------------------------------------------------------- canonical
def test_moments_in_nanoseconds_can_be_written_canonically() -> None:
    assert canonical({"at": 1_772_000_000_000_000_001, "n": 5}) == b'{"at":"1772000000000000001","n":5}'
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
