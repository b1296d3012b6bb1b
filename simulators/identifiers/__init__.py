"""Identifiers of products, registered and resolved: `88.<secondary>.<enterprise>/<code>`.

- `registry`: what is registered, in SQLite; the answers and their codes
- `service`: the same over HTTP, in the shape of the Handle System's REST interface

    PROVENLINE_IDENTIFIER_TOKEN=… python -m simulators.identifiers --data identifiers.db
"""

from simulators.identifiers.registry import Answer, Code, Handle, Registry, parse

__all__ = ["Answer", "Code", "Handle", "Registry", "parse"]
