"""MQTT brokers as sources.

- `client`, `connection`: paho on asyncio's transport; bounded, acknowledged after the commit
- `topics`: which subscriptions a topic answers
- `payload`, `source`: JSON documents mapped to tags by pointers
"""

from collectors.mqtt.source import MqttSource

__all__ = ["MqttSource"]
