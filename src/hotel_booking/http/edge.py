"""The outermost layer: what every answer gets, also those that no route gave (404, 405, a crash); and what is
refused before anything reads it: too many or too long headers, addresses that cannot be ours, and an address
that asks a hundred times a second."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from litestar.exceptions import NotFoundException as NoRoute
from litestar.types import HTTPScope, Message, Receive, Send

from hotel_booking.core import tracing
from hotel_booking.core.logging import ABOUT
from hotel_booking.core.security_txt import SECURITY_TXT
from hotel_booking.http import access_log, metrics
from hotel_booking.http.access import caller_of, surface
from hotel_booking.http.client_address import Network, Proxies
from hotel_booking.http.errors import problem_messages
from hotel_booking.http.limits import Flood
from hotel_booking.http.pressure import Pressure
from hotel_booking.http.problems import AddressTooLong, HeadersTooLarge, MalformedRequest
from hotel_booking.http.request_id import request_id
from hotel_booking.http.security_headers import API_POLICY, security_headers

if TYPE_CHECKING:
    from opentelemetry.trace import Span

App = Callable[[HTTPScope, Receive, Send], Awaitable[None]]

log = logging.getLogger("hotel_booking.access")

# Browsers send 20 headers of 3 KB in all, with our cookies and a long address 8 KB.
MOST_HEADERS = 100
MOST_HEADER_BYTES = 24_000
LONGEST_ADDRESS = 8_000
_ON_EVERY_HOST = (
    *("/status", "/assets/", "/health/", "/favicon.ico", "/apple-touch-icon"),
    f"/{SECURITY_TXT}",
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BYTE = re.compile(rb"[\x00-\x1f\x7f]")


class Edge:
    """Request id, client address, security headers, HEAD, metrics and the access log. `flood` may refuse an
    address at once, before its request costs anything. An error that nothing below has answered is answered
    here."""

    def __init__(
        self,
        app: App,
        *,
        trusted: tuple[Network, ...],
        production: bool,
        flood: Flood | None,
        status_host: str | None = None,
    ) -> None:
        self.app = app
        self._proxies = Proxies(trusted)
        self._flood = flood
        self._status_host = (status_host or "").encode()
        self._always = [
            *security_headers(production=production),
            (b"content-security-policy", API_POLICY.encode()),
            (b"cache-control", b"no-store"),
        ]
        self._warned = False

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        if not tracing.enabled() or scope["path"].startswith("/health"):
            await self._counted(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        with tracing.spanned(metrics.method_of(scope), "server", traceparent=sent) as span:
            await self._counted(scope, receive, send)
            if span is not None:
                _describe(span, scope)

    async def _counted(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        # A server's lifespan state arrives here shared by all requests; ours is this request's own.
        state = scope["state"] = {
            **(scope.get("state") or {}),
            "headers": headers,  # by name in lower case; of two with one name, the last
            "request_id": request_id(headers),
            "address": self._proxies.client_address(scope),
        }
        if b"x-forwarded-for" in headers:
            self._warn_of_proxy()
        about = ABOUT.set({"request_id": state["request_id"]})
        exchange = _Exchange(receive, send, self._always, state, head=scope["method"] == "HEAD")
        metrics.began()
        try:
            if self._flood is not None and (wait := self._flood.wait(state["address"])):
                pressure: Pressure = scope["litestar_app"].state.pressure
                await pressure.hold()
                await exchange.send_all(_flooded(wait, self._flood.allowance.burst))
            else:
                await self._answer(scope, exchange)
        finally:
            exchange.cut()
            if exchange.head:
                scope["method"] = "HEAD"
            state["status"] = exchange.status
            access_log.tell(scope, status=exchange.status, started=started)
            ABOUT.reset(about)

    async def _answer(self, scope: HTTPScope, exchange: _Exchange) -> None:
        try:
            _check(scope)
            if self._status_host:
                self._place(scope)
            if exchange.head:
                # A page asked for without its body is the same page: no handler needs to know.
                scope["method"] = "GET"
            await self.app(scope, exchange.receive, exchange.send)
        except Exception as error:  # the last one to answer it
            if exchange.begun:
                raise
            await exchange.send_all(problem_messages(scope, error))
            # Its frames hold what the server gave us, and newer Pythons' also those that called them: see
            # `_Exchange`.
            error.__traceback__ = None

    def _place(self, scope: HTTPScope) -> None:
        """On the status page's own host its addresses begin at the top, and there is nothing else."""
        host = scope["state"]["headers"].get(b"host", b"").partition(b":")[0].lower()
        if host == self._status_host and not scope["path"].startswith(_ON_EVERY_HOST):
            scope["path"] = f"/status{scope['path']}".rstrip("/")

    def _warn_of_proxy(self) -> None:
        """Behind a proxy that nobody named, all guests are one address and share one allowance."""
        if self._warned or self._proxies.trusted:
            return
        self._warned = True
        log.warning(
            "requests come through a proxy, and HOTEL_TRUSTED_PROXIES names none: limits count all who come"
            " through it as one"
        )


class _Exchange:
    """The server's side of a request, which nothing may keep once it is answered: the server closes a
    connection whose body was half sent only when the last reference to it is gone, and an error's traceback
    holds them all."""

    __slots__ = ("_always", "_receive", "_send", "_state", "begun", "head", "status")

    def __init__(
        self,
        receive: Receive,
        send: Send,
        always: list[tuple[bytes, bytes]],
        state: dict[str, Any],
        *,
        head: bool,
    ) -> None:
        self._receive: Receive | None = receive
        self._send: Send | None = send
        self._always = always
        self._state = state
        self.head = head
        self.begun = False
        self.status = 499  # stays where the client goes away before there is an answer

    async def receive(self) -> Any:
        """The next message; after the end, that the client is gone."""
        return {"type": "http.disconnect"} if self._receive is None else await self._receive()

    async def send(self, message: Message) -> None:
        """Hand a message on, with the headers that every answer has; after the end, to nobody."""
        if message["type"] == "http.response.start":
            self.begun = True
            self.status = message["status"]
            message["headers"] = self._completed(message["headers"])
        elif self.head and message["type"] == "http.response.body":
            if message.get("more_body"):
                return
            message["body"] = b""
        if self._send is not None:
            await self._send(message)

    async def send_all(self, messages: Iterable[Message]) -> None:
        """Hand several on."""
        for message in messages:
            await self.send(message)

    def cut(self) -> None:
        """The request is answered."""
        self._receive = self._send = None

    def _completed(self, sent: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = list(sent)
        present = dict(headers)
        # An address that somebody typed may come back in `location`: what no header can hold stays encoded.
        if _CONTROL_BYTE.search(b"".join(present.values())):
            headers = [(name, _CONTROL_BYTE.sub(_encoded, value)) for name, value in headers]
        if b"allow" in present:
            headers = [(name, _with_head(value) if name == b"allow" else value) for name, value in headers]
        headers += [header for header in self._always if header[0] not in present]
        headers += self._state.get("limit_headers", ())
        headers.append((b"x-request-id", self._state["request_id"].encode()))
        return headers


def _check(scope: HTTPScope) -> None:
    """Raise for what no browser and no program of good will sends."""
    headers = scope["headers"]
    size = len(b"".join(chain.from_iterable(headers)))
    if size > MOST_HEADER_BYTES or len(list(headers)) > MOST_HEADERS:
        many = len(list(headers))
        raise HeadersTooLarge(
            f"the request has {many} headers with {size} bytes",
            fix=f"send at most {MOST_HEADERS} headers, {MOST_HEADER_BYTES} bytes: fewer cookies, mostly",
        )
    hosts = [value for name, value in headers if name == b"host"]
    if scope.get("http_version") == "1.1" and (len(hosts) != 1 or not hosts[0]):
        # RFC 9112, 3.2: who passes such a request on may have meant another host than we would read. Where
        # there is none, granian gives us an empty one.
        raise MalformedRequest("the request must name one host", fix="send one Host header")
    path, query = scope["path"], scope["query_string"]
    if len(scope.get("raw_path") or path.encode()) + len(query) > LONGEST_ADDRESS:
        raise AddressTooLong(
            f"the address is longer than {LONGEST_ADDRESS} bytes", fix="ask for less at a time"
        )
    if not path.isprintable() and _CONTROL.search(path):
        raise NoRoute
    if b"%00" in query and surface(path) != "other":
        # Calls of the API name the parameter; nobody types this into a page.
        raise MalformedRequest("the address contains a character that is not allowed")


def _flooded(wait: int, limit: int) -> list[Message]:
    # Drawn without a template: whom this stops would else have us draw pages all day.
    body = b"Too many requests from your address. Please wait a moment.\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(wait).encode()),
        (b"ratelimit-limit", str(limit).encode()),
        (b"ratelimit-remaining", b"0"),
        (b"ratelimit-reset", str(wait).encode()),
    ]
    return [
        {"type": "http.response.start", "status": 429, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    ]


def _encoded(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


def _with_head(allowed: bytes) -> bytes:
    methods = [method.strip() for method in allowed.split(b",")]
    return b", ".join(sorted({*methods, b"HEAD"} if b"GET" in methods else methods))


def _describe(span: Span, scope: HTTPScope) -> None:
    """What the log says of it, by the names that OpenTelemetry has."""
    route, state = metrics.route_of(scope), scope["state"]
    typed = (scope.get("path_params") or {}).get("reference")
    span.update_name(f"{metrics.method_of(scope)} {route}")
    tracing.tell(
        span,
        {
            "http.request.method": metrics.method_of(scope),
            "http.route": route,
            "http.response.status_code": state["status"],
            "hotel.request_id": state["request_id"],
            "hotel.actor": access_log.actor(caller_of(scope), state.get("guest")),
            "hotel.booking": access_log.booking(state.get("booking"), typed),
            "hotel.code": state.get("code"),
        },
    )
    if state["status"] >= 500:
        tracing.failed(span, str(state["status"]))
