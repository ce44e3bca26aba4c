"""How answers of the API leave: not at all where the caller has them (304), and packed where that helps."""

from __future__ import annotations

import zlib

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPResponseStartEvent, HTTPScope, Message, Receive, Send
from litestar.types import Scope as AsgiScope

from hotel_booking.http.preconditions import ENCODED, tags_of

LEAST = 1_024  # bytes; below that a packed answer costs more than it saves
_LEVEL = 4  # 43 KB of offers: 0.14 ms of a core and a thirteenth of the size; 2 KB: 0.05 ms and a sixth
_GZIP_WINDOW = 31
SECRET = "secret"  # noqa: S105  # the name of a mark


def secret() -> dict[str, bool]:
    """`opt` of a route whose answers hold a secret beside what the sender chose: never packed, for its length
    would tell what of the sender's text the secret shares (BREACH)."""
    return {SECRET: True}


class Answers:
    """Middleware, outermost, for what lies under /api: `304` for who has the answer, gzip for who takes it,
    and an OPTIONS that names every method."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith("/api"):
            await self.app(scope, receive, send)
            return
        start: HTTPResponseStartEvent | None = None

        async def leaving(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if message["type"] == "http.response.body" and start is not None:
                first, start = start, None
                if not message.get("more_body"):
                    message["body"] = _shaped(scope, first, message["body"])
                await send(first)
            await send(message)

        await self.app(scope, receive, leaving)


def _shaped(scope: HTTPScope, start: HTTPResponseStartEvent, body: bytes) -> bytes:
    headers = {name.lower(): value for name, value in start["headers"]}
    if scope["method"] == "OPTIONS" and b"allow" in headers:
        headers[b"allow"] = _methods(scope).encode()
    if scope["method"] == "GET" and start["status"] == 200 and _has_it(scope, headers):
        start["status"] = 304
        body = b""
        headers.pop(b"content-type", None)
    elif _may_pack(scope, headers, body):
        headers[b"vary"] = b"accept-encoding"
        if _takes_gzip(scope):
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
            body = packer.compress(body) + packer.flush()
            headers[b"content-encoding"] = b"gzip"
            if b"etag" in headers:
                headers[b"etag"] = headers[b"etag"].removesuffix(b'"') + ENCODED.encode() + b'"'
    if b"content-length" in headers:
        headers[b"content-length"] = str(len(body)).encode()
    start["headers"] = list(headers.items())
    return body


def _has_it(scope: HTTPScope, headers: dict[bytes, bytes]) -> bool:
    sent = b",".join(value for name, value in scope["headers"] if name == b"if-none-match").decode("latin-1")
    if not sent or b"etag" not in headers:
        return False
    return sent.strip() == "*" or bool(tags_of(headers[b"etag"].decode("latin-1")) & tags_of(sent))


def _may_pack(scope: HTTPScope, headers: dict[bytes, bytes], body: bytes) -> bool:
    kind = headers.get(b"content-type", b"").partition(b";")[0]
    return (
        len(body) >= LEAST
        and (kind.endswith(b"json") or kind.startswith(b"text/"))
        and b"content-encoding" not in headers
        and not scope["route_handler"].opt.get(SECRET)
    )


def _takes_gzip(scope: HTTPScope) -> bool:
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            for part in value.lower().split(b",")[:20]:
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
