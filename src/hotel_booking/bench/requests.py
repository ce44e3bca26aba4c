"""Requests as bytes, made before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from hotel_booking.bench.generator import Request

_UUID = "00000000-0000-0000-0000-000000000000"


def get(
    kind: str, path: str, query: Mapping[str, object] | None = None, *, key: str | None = None
) -> Request:
    """A GET; `key` is an API key."""
    where = f"{path}?{urlencode(query)}" if query else path
    return Request(kind, _head("GET", where, key) + b"\r\n")


def post(kind: str, path: str, body: object, *, key: str | None = None) -> Request:
    """A POST of JSON."""
    return Request(kind, _post(path, msgspec.json.encode(body), key))


def then_post(first: Request, path: str, body: Mapping[str, object], *, named: str) -> Request:
    """After the first request's answer a POST of `body` with that answer's id in the field `named`."""
    text = msgspec.json.encode({**body, named: _UUID})
    before, _, after = _post(path, text, None).partition(_UUID.encode())
    return Request(first.kind, first.first, (before, after))


def _post(path: str, body: bytes, key: str | None) -> bytes:
    head = _head("POST", path, key)
    return head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _head(method: str, where: str, key: str | None) -> bytes:
    lines = [
        f"{method} {where} HTTP/1.1",
        "Host: localhost",
        "Accept: */*",
        "User-Agent: hotel-booking-bench",
    ]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    return "".join(f"{line}\r\n" for line in lines).encode()
