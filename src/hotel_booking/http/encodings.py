"""How bodies travel: packed with gzip by those who send much, within the same limits as plain ones."""

from __future__ import annotations

import zlib

from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPReceiveMessage, HTTPScope, Receive

from hotel_booking.http.problems import MalformedRequest, TooLarge, UnsupportedMedia

_GZIP = frozenset({b"gzip", b"x-gzip"})
_GZIP_WINDOW = 31  # zlib's sign for the format with gzip's own header


def unpacked(scope: HTTPScope, receive: Receive) -> Receive:
    """What the handlers receive: a body sent with `Content-Encoding: gzip` is what it unpacks to, when it is
    read, and may be no larger than a plain one: a bomb costs its budget, no more. Other encodings are
    refused."""
    if b"content-encoding" not in scope["state"]["headers"]:
        return receive
    encoding = _encoding(scope)
    if encoding in (b"", b"identity"):
        return receive
    if encoding not in _GZIP:
        raise UnsupportedMedia(
            f"the body's encoding {encoding[:40].decode('latin-1')!r} is not supported",
            fix="send the body uncompressed, or with Content-Encoding: gzip",
        )
    handler = scope["route_handler"]
    most = handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else 0
    scope["headers"] = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-encoding", b"content-length")
    ]
    return _inflating(receive, most or 0)


def _encoding(scope: HTTPScope) -> bytes:
    sent = [value for name, value in scope["headers"] if name == b"content-encoding"]
    return b", ".join(sent).strip().lower()


def _inflating(receive: Receive, most: int) -> Receive:
    given = False

    async def inflated() -> HTTPReceiveMessage:
        nonlocal given
        if given:
            return await receive()  # type: ignore[return-value]  # an HTTP connection
        given = True
        packed = bytearray()
        while True:
            message: HTTPReceiveMessage = await receive()  # type: ignore[assignment]  # an HTTP one
            if message["type"] == "http.disconnect":
                return message
            packed += message.get("body", b"")
            if len(packed) > most:
                raise TooLarge("the body is too large", fix="send it in several parts")
            if not message.get("more_body"):
                return {"type": "http.request", "body": inflate(bytes(packed), most), "more_body": False}

    return inflated


def inflate(packed: bytes, most: int) -> bytes:
    """What a gzip body unpacks to. Raises `TooLarge` past `most` bytes, at the cost of these bytes; and
    `MalformedRequest` where it is no gzip, cut short, or more than one member (which would let a small body
    cost much)."""
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = stream.decompress(packed, most + 1)
    except zlib.error:
        raise MalformedRequest(
            "the body is not gzip", fix="leave out Content-Encoding if the body is not compressed"
        ) from None
    if len(plain) > most:
        raise TooLarge("the body is too large once decompressed", fix="send it in several parts")
    if not stream.eof or stream.unused_data:
        raise MalformedRequest(
            "the body is not one complete gzip member", fix="compress the whole body in one piece"
        )
    return plain
