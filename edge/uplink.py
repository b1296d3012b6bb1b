"""Delivery to the centre: in this process, or over the InfluxDB write API to wherever it is.

A delivery returns only when the far side has the samples durably. `Unavailable` means keep
and try later; `Rejected` means these samples will never be taken.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import httpx

from plant import wire
from plant.batch import Batch
from plant.errors import Rejected, Unavailable

_LATER = frozenset({408, 425, 429})
_NEVER = frozenset({400, 404, 413, 422})


class Uplink(Protocol):
    """Where an edge delivers."""

    async def deliver(self, batch: Batch) -> None:
        """Return when the far side has the batch durably.

        Raises Unavailable when it cannot take it now, Rejected when it never will.
        """


class InProcess:
    """Delivery to a historian in the same process; `write` is durable when it returns."""

    def __init__(self, write: Callable[[Batch], None]) -> None:
        self._write = write

    async def deliver(self, batch: Batch) -> None:
        await asyncio.to_thread(self._write, batch)


class HttpUplink:
    """Delivery by `POST /api/v2/write`, gzip: to a centre, or to any InfluxDB 2.x or 3.x."""

    def __init__(self, client: httpx.AsyncClient, *, organisation: str, bucket: str) -> None:
        self._client = client
        self._parameters = {"org": organisation, "bucket": bucket, "precision": "ns"}

    @staticmethod
    @asynccontextmanager
    async def to(
        url: str,
        *,
        organisation: str,
        bucket: str,
        token: str | None,
        timeout: float,  # noqa: ASYNC109
        ca: str | None = None,
    ) -> AsyncIterator[HttpUplink]:
        """Keep connections to `url` while the context is open.

        Under https the far side's certificate is always checked, against the file `ca` when one is
        given. Raises OSError when that cannot be used.
        """
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"}
        if token:
            headers["Authorization"] = f"Token {token}"
        trusted = ssl.create_default_context(cafile=ca)
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=timeout, trust_env=False, verify=trusted
        ) as client:
            yield HttpUplink(client, organisation=organisation, bucket=bucket)

    async def deliver(self, batch: Batch) -> None:
        body = await asyncio.to_thread(lambda: gzip.compress(wire.encode(batch), 1))
        try:
            response = await self._client.post("/api/v2/write", params=self._parameters, content=body)
        except httpx.HTTPError as error:
            raise Unavailable(f"{self._client.base_url}: {str(error) or type(error).__name__}") from error
        if response.is_success:
            return
        reason = f"{self._client.base_url} answered {response.status_code}: {_message(response)}"
        if response.status_code in _NEVER:
            raise Rejected(reason)
        # 401 and 403 are a person's to mend; the samples are as good as ever and wait.
        raise Unavailable(reason, retry_after=_retry_after(response) if response.status_code in _LATER else None)


def _message(response: httpx.Response) -> str:
    try:
        said = response.json()
    except ValueError:
        return response.text[:500]
    return str(said.get("message", said) if isinstance(said, dict) else said)[:500]


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return min(float(response.headers.get("Retry-After", "")), 300.0)
    except ValueError:
        return None
