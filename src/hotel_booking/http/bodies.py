"""Bodies are read first: whole, in their time and within their size, before any transaction begins.

A client that sends half a body and then nothing would else keep a connection to the database for as long as
it likes. The handlers find the body in memory, however they ask for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from litestar.types import HTTPReceiveMessage, HTTPScope, Receive

from hotel_booking.http.client_address import limited_as
from hotel_booking.http.problems import (
    MalformedRequest,
    Overloaded,
    RequestTimedOut,
    TooLarge,
    TooManyRequests,
)

# Bytes a second that a body must keep up with after its first seconds: a phone with one bar does.
SLOWEST = 4_000
# Bodies on their way at once: of one address, and all of them in bytes.
MOST_OF_ONE = 200
MOST_BYTES = 200_000_000


# Bytes of a body, by what it is: JSON and the panel's forms, guests' forms, notices.
JSON_LIMIT = 1_000_000
SITE_LIMIT = 128_000
NOTICE_LIMIT = 500_000


class ArrivingBodies:
    """The bodies that are on their way to one process. `seconds` is how long one may take at first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._of: Counter[str] = Counter()
        self._bytes = 0

    async def read(self, receive: Receive, *, address: str, most: int, announced: int | None) -> bytes:
        """The whole body. Raises `TooLarge` beyond `most` bytes, `RequestTimedOut`, `MalformedRequest` where
        it breaks off, and `TooManyRequests` or `Overloaded` where too many are on their way."""
        if announced is not None and announced > most:
            raise _too_large(most)
        sender = limited_as(address)
        if self._of[sender] >= MOST_OF_ONE:
            raise TooManyRequests(
                "too many of your requests are incomplete", retry_after=max(1, round(self._seconds))
            )
        self._of[sender] += 1
        held = 0
        parts: list[bytes] = []
        started = asyncio.get_running_loop().time()
        try:
            while True:
                message = await self._next(receive, started + self._seconds + held / SLOWEST)
                if message["type"] == "http.disconnect":
                    raise MalformedRequest("the body ended early")
                part = message.get("body", b"")
                parts.append(part)
                held += len(part)
                self._bytes += len(part)
                if held > most:
                    raise _too_large(most)
                if self._bytes > MOST_BYTES:
                    raise Overloaded("too much data is being sent at once", fix="try again soon")
                if not message.get("more_body", False):
                    return b"".join(parts)
        finally:
            self._bytes -= held
            self._of[sender] -= 1
            if not self._of[sender]:
                del self._of[sender]

    async def _next(self, receive: Receive, until: float) -> HTTPReceiveMessage:
        try:
            async with asyncio.timeout_at(until):
                return await receive()  # type: ignore[return-value]  # an HTTP connection
        except TimeoutError as late:
            # Its frames and its cause hold each other, and what was waited for, until garbage is collected;
            # but the server closes the connection only when nobody holds that any more.
            late.__traceback__ = None
        except Exception:  # the server's own errors: a chunk that is none, a length that does not hold
            raise MalformedRequest("the body can't be read") from None
        raise RequestTimedOut(
            f"the body did not arrive within {self._seconds:g} seconds, or too slowly",
            fix="send it again without pauses",
        )


async def arrived(scope: HTTPScope, receive: Receive) -> Receive:
    """Read the body of who may send it; what the handlers receive in the server's place. Raises as
    `Arriving.read`."""
    handler: Any = scope["route_handler"]
    arriving: ArrivingBodies = scope["litestar_app"].state.arriving
    body = await arriving.read(
        receive,
        address=scope["state"]["address"],
        most=handler.resolve_request_max_body_size() or 0,
        announced=_announced(scope),
    )
    if body and "strict" in handler.opt and "data" not in handler.parsed_fn_signature.parameters:
        _refuse(body)
    return _again(body, receive)


def _refuse(body: bytes) -> None:
    """What somebody asked for in a body that nobody reads would be passed over in silence: a cancellation
    with `{"preview": true}` was meant to change nothing."""
    if body.strip() not in (b"", b"{}"):
        raise MalformedRequest("this call takes no body", fix="send it without one")


def _again(body: bytes, receive: Receive) -> Receive:
    """What the handlers receive: the body at once, and then what the server says."""
    given = False

    async def replay() -> HTTPReceiveMessage:
        nonlocal given
        if given:
            return await receive()  # type: ignore[return-value]  # an HTTP connection
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _announced(scope: HTTPScope) -> int | None:
    text: bytes | None = scope["state"]["headers"].get(b"content-length")
    if text is None:
        return None
    if not text.isdigit():
        raise MalformedRequest("Content-Length is not a number")
    return int(text[:20])


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is larger than {most} bytes", fix="send it in several parts")
