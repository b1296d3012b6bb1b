"""Who we are and whom we trust: certificates, keys and user, from configuration to a client.

The server's certificate is pinned: it must be the very one the configuration names, itself or by
its fingerprint, or one on its trust list, still valid, and made for the application that shows it.
Our own application URI is the one in our certificate, as OPC UA Part 6 §6.2.2 demands.
"""

from __future__ import annotations

from pathlib import Path

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from collectors.opcua.trust import Shown, TrustList, shown_by
from configs.sources import OpcuaMode, OpcuaPolicy, OpcuaSource
from plant.errors import ConfigError, Fault, Rejected

_MODES = {
    OpcuaMode.SIGN: ua.MessageSecurityMode.Sign,
    OpcuaMode.SIGN_AND_ENCRYPT: ua.MessageSecurityMode.SignAndEncrypt,
}
_PEM = b"-----BEGIN"
_CHECKS = (
    CertificateValidatorOptions.TIME_RANGE | CertificateValidatorOptions.URI | CertificateValidatorOptions.PEER_SERVER
)


def fault(config: OpcuaSource, key: str, message: str, hint: str = "") -> ConfigError:
    """Build the error for one setting of a source."""
    return ConfigError((Fault(config.endpoint, f"sources.{config.id}.{key}", message, hint),))


def equip(client: Client, config: OpcuaSource, server: x509.Certificate | None) -> str | None:
    """Give a client its security policy and its user's certificate; return the user's password.

    `server`: from `trusted_server`. Raises ConfigError when a file or secret cannot be read or does not fit.
    """
    security = config.security
    if server is not None:
        certificate = _certificate(config, "security.certificate", security.certificate)
        client.application_uri = _application_uri(config, certificate)
        policy = SecurityPolicyBasic256Sha256(  # type: ignore[no-untyped-call]
            server,
            certificate,
            _key(config, "security.key", security.key),
            _MODES[security.mode],
        )
        client.security_policy = policy  # type: ignore[assignment]  # asyncua annotates its default only
        client.uaclient.set_security(policy)
        client.certificate_validator = CertificateValidator(_CHECKS)
    if config.user_certificate is not None:
        client.user_certificate = _certificate(config, "user_certificate", config.user_certificate)
        client.user_private_key = _key(config, "user_key", config.user_key)
        return None
    return _password(config) if config.user is not None else None


async def trusted_server(config: OpcuaSource) -> x509.Certificate | None:
    """Return the certificate that the server must prove to be its own; None for a connection in clear.

    Asks the server for it where it is not at hand. Raises ConfigError, with the fingerprint and
    what to do, when nobody accepted what it shows.
    """
    security = config.security
    if security.policy is OpcuaPolicy.NONE:
        return None
    if security.server_certificate is not None:
        return _certificate(config, "security.server_certificate", security.server_certificate)
    key = "trust_list" if security.fingerprint is None else "fingerprint"
    try:
        shown = await shown_by(config.endpoint, config.timeout)
        if security.fingerprint is not None:
            _compare(config, security.fingerprint, shown)
        else:
            _look_up(config, TrustList(Path(security.trust_list or "")), shown)
    except Rejected as error:
        raise fault(config, f"security.{key}", str(error)) from error
    return shown.certificate


def _compare(config: OpcuaSource, accepted: str, shown: Shown) -> None:
    if accepted.replace(":", "").lower() != shown.name:
        message = f"the server shows another certificate; its SHA-256 is {shown.fingerprint}"
        raise fault(
            config, "security.fingerprint", message, "compare it at the server; write down only what is its own"
        )


def _look_up(config: OpcuaSource, known: TrustList, shown: Shown) -> None:
    if known.file_of(shown) is None:
        known.reject(shown)
        hint = f"compare it at the server, then: provenline opcua trust {config.id} {shown.fingerprint}"
        message = f"the server's certificate is not trusted; its SHA-256 is {shown.fingerprint}"
        raise fault(config, "security.trust_list", message, hint)


def check_password_is_protected(client: Client, config: OpcuaSource) -> None:
    """Raise ConfigError if activating the session would send the password in clear text.

    Asked after the session was created, when the server has said how it wants passwords.
    """
    if config.user is None or config.user_certificate is not None or config.password is None:
        return
    encrypted_channel = client.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
    token_policy = client.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri
    if not encrypted_channel and (not token_policy or token_policy.endswith("#None")):
        hint = "use policy basic256sha256 with mode sign-and-encrypt, or a user certificate"
        raise fault(config, "password", "the server takes the password in clear text only", hint)


def _password(config: OpcuaSource) -> str | None:
    if config.password is None:
        return None
    try:
        return config.password.reveal()
    except ValueError as error:
        raise fault(config, "password", str(error)) from error


def _read(config: OpcuaSource, setting: str, path: str | None) -> bytes:
    if path is None:
        raise fault(config, setting, "is needed and not given")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise fault(config, setting, f"{path} cannot be read: {error.strerror}") from error


def _certificate(config: OpcuaSource, setting: str, path: str | None) -> x509.Certificate:
    content = _read(config, setting, path)
    load = x509.load_pem_x509_certificate if content.lstrip().startswith(_PEM) else x509.load_der_x509_certificate
    try:
        return load(content)
    except ValueError as error:
        raise fault(config, setting, f"{path} is not a certificate in PEM or DER") from error


def _key(config: OpcuaSource, setting: str, path: str | None) -> RSAPrivateKey:
    content = _read(config, setting, path)
    pem = content.lstrip().startswith(_PEM)
    load = serialization.load_pem_private_key if pem else serialization.load_der_private_key
    try:
        key = load(content, None)
    except (ValueError, TypeError) as error:
        raise fault(config, setting, f"{path} is not a private key without password, in PEM or DER") from error
    if not isinstance(key, RSAPrivateKey):
        raise fault(config, setting, f"{path} is not an RSA key, which Basic256Sha256 needs")
    return key


def _application_uri(config: OpcuaSource, certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names is not None else []
    if not uris:
        hint = "servers compare it with the client's application URI"
        raise fault(config, "security.certificate", "has no URI among its subject alternative names", hint)
    return uris[0]
