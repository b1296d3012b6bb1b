"""OPC UA: values by subscription, columns straight from the publish response.

- `source`: the `Source`; `explore`: what a server offers, to draft a configuration from
- `link`, `credentials`, `transport`: session, trust, and all we need of asyncua's inside
- `addresses`, `subscription`: from points to monitored items and their notifications
- `notification`, `variable`, `generic`, `columns`: from bytes to rows
- `batches`: from rows to samples
"""

from collectors.opcua.explore import Variable, browse
from collectors.opcua.source import OpcuaSource

__all__ = ["OpcuaSource", "Variable", "browse"]
