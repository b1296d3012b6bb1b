"""MQTT brokers as sources.

- `client`, `connection`, `broker`: paho on asyncio's transport; bounded, acknowledged after the commit
- `topics`: which subscriptions a topic answers
- `base`: what all sources behind a broker do alike
- `payload`, `source`: JSON documents mapped to tags by pointers
- `sparkplug_payload`, `sparkplug_host`, `sparkplug`: Sparkplug B edge nodes
- `vda5050`: vehicles
"""

from collectors.mqtt.source import MqttSource
from collectors.mqtt.sparkplug import SparkplugSource
from collectors.mqtt.vda5050 import Vda5050Source

__all__ = ["MqttSource", "SparkplugSource", "Vda5050Source"]
