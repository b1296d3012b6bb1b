"""What a connection needs to know of a broker, and the secrets and certificates behind it."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from configs.base import Secret
from configs.sources import MqttTls
from plant.errors import ConfigError, Fault


class Broker(Protocol):
    """The settings a connection needs; every MQTT-based source's configuration has them."""

    @property
    def id(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def version(self) -> Literal["3.1.1", "5"]: ...
    @property
    def client_id(self) -> str | None: ...
    @property
    def user(self) -> str | None: ...
    @property
    def password(self) -> Secret | None: ...
    @property
    def tls(self) -> MqttTls | None: ...
    @property
    def keepalive(self) -> int: ...
    @property
    def payload_limit(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What to ask of the broker, how surely, and for how long it remembers us.

    `session`: seconds; 0, or a broker without `client_id`, begins anew each time.
    """

    topics: Sequence[str]
    qos: int
    session: float = 0.0


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us, retained and with QoS 1, when we vanish."""

    topic: str
    payload: bytes


def unusable(source: str, path: str, message: str, hint: str = "") -> ConfigError:
    """Build the error for one setting of a source that no retry can help."""
    return ConfigError((Fault(f"source {source}", path, message, hint),))


def password_of(broker: Broker) -> str | None:
    """Return the password, or None. Raises ConfigError when it cannot be had."""
    try:
        return broker.password.reveal() if broker.password else None
    except ValueError as error:
        raise unusable(broker.id, "password", str(error)) from error


def tls_of(broker: Broker) -> ssl.SSLContext | None:
    """Return a context that verifies the broker, or None for plain TCP. Raises ConfigError."""
    if broker.tls is None:
        return None
    settings = broker.tls
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except OSError as error:
        raise unusable(broker.id, "tls.ca", f"{settings.ca} cannot be used: {error}") from error
    if settings.certificate:
        try:
            context.load_cert_chain(settings.certificate, settings.key)
        except OSError as error:
            raise unusable(broker.id, "tls.certificate", f"{settings.certificate} cannot be used: {error}") from error
    return context
