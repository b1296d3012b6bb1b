"""One way to write data down, so that a hash of it can be computed anywhere.

Canonical JSON is RFC 8785. It knows integers only up to 2^53, for that is what JavaScript
keeps; moments in nanoseconds are larger and are written as decimal text.
"""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

_SAFE = 2**53


def canonical(value: object) -> bytes:
    """Return JSON-safe data as canonical JSON. Raises ValueError for what JSON cannot hold."""
    try:
        return rfc8785.dumps(_safe(value))
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from error


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _safe(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_SAFE < value < _SAFE else str(value)
    if isinstance(value, dict):
        return {str(key): _safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(item) for item in value]
    return value
