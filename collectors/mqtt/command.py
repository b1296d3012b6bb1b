"""Publishing one command to a broker, with QoS 1, under a name of its own: the collector's session is not touched.

A broker's acknowledgement says that it has the command, not that a device carried it out; the
tag's own next value says that.
"""

from __future__ import annotations

import asyncio
import json
import math

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from collectors.command import NotWritable, Setpoint, Unconfirmed, Written
from collectors.mqtt.broker import password_of, tls_of
from configs.sources import MqttAddress, MqttSource
from plant.errors import Disconnected

_PATIENCE = 5.0


async def write(config: MqttSource, address: MqttAddress, value: Setpoint, *, topic: str, key: str) -> Written:
    """Publish `{key: value}`, or the bare value without a key, in the device's unit, once.

    Raises Disconnected when the broker cannot be reached, Unconfirmed when it does not acknowledge.
    """
    raw = value if isinstance(value, bool) else (float(value) - address.offset) / address.scale
    if not math.isfinite(raw):
        raise NotWritable(f"{raw} is no number")
    payload = json.dumps({key: raw} if key else raw).encode()
    await asyncio.to_thread(_publish, config, topic, payload)
    return Written(None)


def _publish(config: MqttSource, topic: str, payload: bytes) -> None:
    five = config.version == "5"
    version = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
    if config.user is not None:
        client.username_pw_set(config.user, password_of(config))
    if (context := tls_of(config)) is not None:
        client.tls_set_context(context)
    client.connect_timeout = _PATIENCE
    place = f"{config.host}:{config.port}"
    try:
        client.connect(config.host, config.port, config.keepalive)
    except OSError as error:
        raise Disconnected(f"{place}: {error.strerror or error}") from error
    client.loop_start()
    try:
        told = client.publish(topic, payload, qos=1)
        told.wait_for_publish(_PATIENCE)
        if not told.is_published():
            raise Unconfirmed(f"{place} did not acknowledge within {_PATIENCE:g} s")
    except (RuntimeError, ValueError) as error:
        raise Unconfirmed(f"{place}: {error}") from error
    finally:
        client.disconnect()
        client.loop_stop()
