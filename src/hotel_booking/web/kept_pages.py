"""Whole pages, kept as they are sent, for as long as what they follow from is equal.

A hotel that many look at for the same days, a list that a link leads to, a crawler that comes again: the
same page is asked for, and to write it is most of what it costs. Who makes a page says what of: the versions
of rows, what a search found, the day at the hotel. All of that is read for each request; only what follows
from it is kept. So nothing has a time-out, and nobody has to say that something has changed.

Nothing of a guest is kept: of them a page says at most that somebody is signed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response
from litestar.types import Receive, Scope, Send

from hotel_booking.core.lru_cache import LruCache
from hotel_booking.http.packing import unpacked

MOST_KEPT = 500  # some 13 KB each, packed


class Question(msgspec.Struct, frozen=True):
    """What a page is looked for by: path and query as they came, the currency that was chosen elsewhere,
    whether somebody is signed in, and which of the group's own pages the foot leads to."""

    path: str
    query: bytes
    currency: str | None
    signed_in: bool
    titles: tuple[str, ...]


class Origin(msgspec.Struct, frozen=True):
    """What a page follows from besides its question: `parts`, and the time, but only at some instants: made
    `at` one, it is the same `until` the next of them (None: for ever)."""

    at: datetime
    parts: tuple[object, ...]
    until: datetime | None = None

    def holds(self, now: Origin) -> bool:
        """Whether what was made of this would be made of `now` too."""
        in_time = self.at <= now.at and (self.until is None or now.at < self.until)
        return in_time and self.parts == now.parts


class KeptPage:
    """A page in gzip, with its headers, an ETag among them. Without an `origin` it is of this moment, and not
    kept."""

    def __init__(self, origin: Origin | None, headers: Mapping[str, str], body: bytes) -> None:
        self.origin = origin
        self._etag = headers["etag"].encode()
        self._unchanged = _Sent(b"", headers, status=304)
        self._packed = _Sent(body, {**headers, "content-encoding": "gzip"})
        self._headers, self._body = headers, body

    def answer(self, scope: Scope) -> Response[bytes]:
        """What is sent to who asks: the page, packed where they take that; or that it has not changed since
        they got it."""
        state = scope["state"]
        asked: Mapping[bytes, bytes] = state["headers"]
        if self._etag in asked.get(b"if-none-match", b""):
            return self._unchanged
        if b"gzip" in asked.get(b"accept-encoding", b""):
            return self._packed
        return _Sent(unpacked(self._body), self._headers)


class _Sent(Response[bytes]):
    """A page as it leaves, composed once however often it is sent."""

    def __init__(self, body: bytes, headers: Mapping[str, str], *, status: int = 200) -> None:
        super().__init__(body, status_code=status, headers=headers)
        self._status = status
        self._own = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        if status == 200:
            self._own.append((b"content-type", b"text/html; charset=utf-8"))
            self._own.append((b"content-length", b"%d" % len(body)))

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """As Litestar's."""
        return self._leave

    async def _leave(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        # The layers between change the first of them.
        await send({"type": "http.response.start", "status": self._status, "headers": self._own})
        await send({"type": "http.response.body", "body": self.content, "more_body": False})


KeptPages = LruCache[Question, KeptPage]
