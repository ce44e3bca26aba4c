"""Telling a third party something as JSON, without trusting what answers: bounded in time and size, not
followed elsewhere, nothing decompressed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from hotel_booking.core import tracing
from hotel_booking.core.trust import trusted
from hotel_booking.domains.incidents.types import Unavailable

SECONDS = 10.0
_LARGEST = 64_000  # bytes of an answer


class Reply(msgspec.Struct, frozen=True):
    """What was answered. `after` are the seconds that it asks to be left alone."""

    status: int
    body: bytes
    after: float | None


async def post_json(
    url: str, body: Any, *, headers: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> Reply:
    """Send a body. Raises `Unavailable` where there is no answer in time, or one that says so: 429, 5xx, or
    more than anybody has to say."""
    sent = {
        "content-type": "application/json; charset=utf-8",
        "accept-encoding": "identity",
        **tracing.headers(),
        **(headers or {}),
    }
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=seconds, follow_redirects=False, verify=trusted()) as client,
            client.stream("POST", url, content=msgspec.json.encode(body), headers=sent) as answer,
        ):
            found = bytearray()
            async for chunk in answer.aiter_raw(16_384):
                found += chunk
                if len(found) > _LARGEST:
                    raise Unavailable(f"the answer is larger than {_LARGEST} bytes")
            said = Reply(answer.status_code, bytes(found), _seconds(answer.headers.get("retry-after")))
    except (httpx.HTTPError, TimeoutError) as error:
        raise Unavailable(f"no answer ({type(error).__name__})") from None
    if said.status == 429 or said.status >= 500:
        raise Unavailable(f"it answered {said.status}", after=said.after)
    return said


def _seconds(text: str | None) -> float | None:
    """A Retry-After in seconds; one that is a date, or nothing, counts as none."""
    return float(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 6 else None
