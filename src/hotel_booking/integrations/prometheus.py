"""Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from hotel_booking.core.trust import trusted

_LARGEST = 4_000_000  # bytes of an answer


class PrometheusSilent(Exception):
    """It gave no answer in time, or none that it gives to a query that is right."""


class Series(msgspec.Struct, frozen=True):
    """One line: its labels, and (seconds since 1970, the value as text) for each step that has one."""

    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Matrix(msgspec.Struct, frozen=True, tag_field="resultType", tag="matrix"):
    result: list[Series]


class _Answer(msgspec.Struct, frozen=True):
    data: _Matrix


async def query_range(
    url: str, query: str, *, start: int, end: int, step: int, seconds: float = 5.0
) -> list[Series]:
    """A query's values between two times (seconds since 1970), one each `step` seconds. Raises
    `PrometheusSilent`, after `seconds` at the latest."""
    import httpx  # few have a Prometheus to ask

    form: dict[str, Any] = {"query": query, "start": start, "end": end, "step": step}
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=seconds, follow_redirects=False, verify=trusted()) as client,
            client.stream("POST", f"{url.rstrip('/')}/api/v1/query_range", data=form) as answer,
        ):
            found = bytearray()
            async for chunk in answer.aiter_bytes(65_536):
                found += chunk
                if len(found) > _LARGEST:
                    raise PrometheusSilent(f"the answer is larger than {_LARGEST} bytes")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise PrometheusSilent(f"no answer ({type(error).__name__})") from None
    if answer.status_code != 200:
        raise PrometheusSilent(f"it answered {answer.status_code}")
    try:
        return msgspec.json.decode(bytes(found), type=_Answer).data.result
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PrometheusSilent("its answer is none of Prometheus'") from None
