"""How answers of the API leave: not at all where the caller has them (304), and packed where that helps."""

from __future__ import annotations

from functools import reduce
from operator import getitem
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import HTTPResponseStartEvent, HTTPScope, Message, Send

from hotel_booking.core.errors import DomainError
from hotel_booking.http.errors import problem_messages
from hotel_booking.http.packing import packed
from hotel_booking.http.preconditions import ENCODED, if_match_of, tags_of

LEAST = 1_024  # bytes; below that a packed answer costs more than it saves
CREATED = "created"
LOCATION = {"description": "Where to read what was created.", "schema": {"type": "string"}}
SECRET = "secret"  # noqa: S105  # the name of a mark


def created(member: str) -> dict[str, str]:
    """`opt` of a route that creates what can be read at an address of its own, which the member of the answer
    ends: the answer says so (RFC 9110, 15.3.2), a repeated one too. `key.id` is a member of a member."""
    return {CREATED: member}


def secret() -> dict[str, bool]:
    """`opt` of a route whose answers hold a secret beside what the sender chose: never packed, for its length
    would tell what of the sender's text the secret shares (BREACH)."""
    return {SECRET: True}


def shaping(scope: HTTPScope, send: Send) -> Send:
    """What takes an answer of the API: it leaves as `304` for who has it, gzipped for who takes that, and an
    OPTIONS names every method. Many parts leave as they come."""
    start: HTTPResponseStartEvent | None = None

    async def leaving(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        if start is not None and message["type"] == "http.response.body":
            first, start = start, None
            if (refused := _refused(scope, first)) is not None:
                for part in problem_messages(scope, refused):
                    await send(part)
                return
            if not message.get("more_body"):
                message["body"] = _shaped(scope, first, message["body"])
            await send(first)
        await send(message)

    return leaving


def _shaped(scope: HTTPScope, start: HTTPResponseStartEvent, body: bytes) -> bytes:
    headers = dict(start["headers"])
    was = len(body)
    if scope["method"] == "OPTIONS" and b"allow" in headers:
        headers[b"allow"] = _methods(scope).encode()
    if start["status"] == 201 and (member := scope["route_handler"].opt.get(CREATED)) is not None:
        name: Any = reduce(getitem, member.split("."), msgspec.json.decode(body))
        name = quote(str(name), safe="")
        headers[b"location"] = f"{scope['path'].rstrip('/')}/{name}".encode()
    has_it = scope["method"] == "GET" and start["status"] == 200 and _has_it(scope, headers)
    packs = False
    if was >= LEAST and _may_pack(scope, headers):
        headers[b"vary"] = b", ".join(filter(None, (headers.get(b"vary"), b"accept-encoding")))
        packs = _takes_gzip(scope)
    if packs and b"etag" in headers:
        headers[b"etag"] = headers[b"etag"].removesuffix(b'"') + ENCODED.encode() + b'"'
    if has_it:  # with the tag and the Vary of what it stands for: by these a cache finds what it has
        start["status"] = 304
        body = b""
        headers.pop(b"content-type", None)
    elif packs:
        body = packed(body)
        headers[b"content-encoding"] = b"gzip"
    if len(body) != was and b"content-length" in headers:
        headers[b"content-length"] = str(len(body)).encode()
    start["headers"] = list(headers.items())
    return body


def _refused(scope: HTTPScope, start: HTTPResponseStartEvent) -> DomainError | None:
    """Why the thing that was read is not answered: it is not what the reader's If-Match names."""
    if b"if-match" not in scope["state"]["headers"] or scope["method"] != "GET" or start["status"] != 200:
        return None
    tag = dict(start["headers"]).get(b"etag")
    try:
        if tag is not None:
            if_match_of(scope).check(tag.decode("latin-1").strip('"'))
    except DomainError as error:
        return error
    return None


def _has_it(scope: HTTPScope, headers: dict[bytes, bytes]) -> bool:
    sent = b",".join(value for name, value in scope["headers"] if name == b"if-none-match").decode("latin-1")
    if not sent or b"etag" not in headers:
        return False
    return sent.strip() == "*" or bool(tags_of(headers[b"etag"].decode("latin-1")) & tags_of(sent))


def _may_pack(scope: HTTPScope, headers: dict[bytes, bytes]) -> bool:
    kind = headers.get(b"content-type", b"").partition(b";")[0]
    return (
        (kind.endswith(b"json") or kind.startswith(b"text/"))
        and b"content-encoding" not in headers
        and not scope["route_handler"].opt.get(SECRET)
    )


def _takes_gzip(scope: HTTPScope) -> bool:
    sent: bytes = scope["state"]["headers"].get(b"accept-encoding", b"")
    for part in sent.lower().split(b",")[:20]:
        coding, _, weight = part.partition(b";")
        if coding.strip() in (b"gzip", b"*"):
            return weight.replace(b" ", b"").strip(b"0.") != b"q="
    return False


def _methods(scope: HTTPScope) -> str:
    """All methods of the address: Litestar's own answer knows only those of its first handler."""
    app: Litestar = scope["litestar_app"]
    if "methods" not in app.state:
        app.state.methods = {
            route.path_format: ", ".join(sorted({str(method) for method in route.methods}))
            for route in app.routes
            if isinstance(route, HTTPRoute)
        }
    return str(app.state.methods.get(scope.get("path_template", ""), "OPTIONS"))
