"""A guarded OPC UA server: Basic256Sha256 only, its own certificate, and users with passwords.

The server library answers on a channel without security even if none is offered, because that
is how clients ask for endpoints; a session on one is refused here, so that nothing but the
endpoints is ever said in clear.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from cryptography import x509

from configs.guard import GuardConfig
from configs.sources import OpcuaMode
from plant.errors import ConfigError, Fault

if TYPE_CHECKING:
    from asyncua.server.internal_server import InternalServer

_POLICIES = {
    OpcuaMode.SIGN: ua.SecurityPolicyType.Basic256Sha256_Sign,
    OpcuaMode.SIGN_AND_ENCRYPT: ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
}


@dataclass(frozen=True, slots=True)
class Guard:
    """What `GuardConfig` names, read. `certificate` and `key` are PEM; `uri` is the server's, as certified."""

    certificate: bytes
    key: bytes
    uri: str
    modes: tuple[OpcuaMode, ...]
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def protect(self, server: Server) -> None:
        """Let a server that has been initialised, and not started, demand all this."""
        await server.load_certificate(self.certificate, "pem")
        await server.load_private_key(self.key, format="pem")
        await server.set_application_uri(self.uri)
        server.set_security_policy([_POLICIES[mode] for mode in self.modes])
        named = ua.UserNameIdentityToken if self.passwords else ua.AnonymousIdentityToken
        server.set_identity_tokens([named])
        server.iserver.user_manager = _Doorman(self.passwords)


def read_guard(place: str, config: GuardConfig) -> Guard:
    """Read the files that a guard names. Raises ConfigError, `place` being where it stands."""
    try:
        certificate, key = Path(config.certificate).read_bytes(), Path(config.key).read_bytes()
        uri = _uri(x509.load_pem_x509_certificate(certificate))
        passwords = {name: secret.reveal() for name, secret in config.users.items()}
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise ConfigError((Fault(place, "", f"this server cannot be guarded: {error}"),)) from error
    return Guard(certificate, key, uri, config.modes, passwords)


def _uri(certificate: x509.Certificate) -> str:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if not uris:
        raise ValueError("its certificate has no URI among its subject alternative names")
    return uris[0]


class _Doorman(UserManager):
    """Says who may have a session."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords

    def get_user(
        self,
        iserver: InternalServer,  # noqa: ARG002 - the library's signature
        username: str | None = None,
        password: str | None = None,
        certificate: bytes | None = None,
    ) -> User | None:
        """Return None for whoever has no secured channel, or not the password."""
        if not certificate:
            return None
        if self._passwords:
            known = self._passwords.get(username or "")
            if known is None or not hmac.compare_digest(known.encode(), (password or "").encode()):
                return None
        return User(role=UserRole.User, name=username)
