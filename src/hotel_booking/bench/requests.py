"""Requests as bytes, made before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from hotel_booking.bench.generator import Request

_UUID = "00000000-0000-0000-0000-000000000000"


class Sender(msgspec.Struct, frozen=True):
    """Who sends: from which address (the server believes its proxy), with which API key or cookie."""

    address: str | None = None
    key: str | None = None
    cookie: str | None = None


NOBODY = Sender()


def get(
    kind: str, path: str, query: Mapping[str, object] | None = None, *, sender: Sender = NOBODY
) -> Request:
    """A GET."""
    where = f"{path}?{urlencode(query)}" if query else path
    return Request(kind, _head("GET", where, sender) + b"\r\n")


def post(kind: str, path: str, body: object, *, sender: Sender = NOBODY) -> Request:
    """A POST of JSON."""
    return Request(kind, _post(path, msgspec.json.encode(body), sender))


def then_post(
    first: Request, path: str, body: Mapping[str, object], *, named: str, sender: Sender = NOBODY
) -> Request:
    """After the first request's answer a POST of `body` with that answer's id in the field `named`."""
    text = msgspec.json.encode({**body, named: _UUID})
    before, _, after = _post(path, text, sender).partition(_UUID.encode())
    return Request(first.kind, first.first, (before, after))


def _post(path: str, body: bytes, sender: Sender) -> bytes:
    head = _head("POST", path, sender)
    return head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _head(method: str, where: str, sender: Sender) -> bytes:
    lines = [
        f"{method} {where} HTTP/1.1",
        "Host: localhost",
        "Accept: */*",
        "User-Agent: hotel-booking-bench",
    ]
    if sender.address is not None:
        lines.append(f"X-Forwarded-For: {sender.address}")
    if sender.key is not None:
        lines.append(f"Authorization: Bearer {sender.key}")
    if sender.cookie is not None:
        lines.append(f"Cookie: {sender.cookie}")
    return "".join(f"{line}\r\n" for line in lines).encode()
