"""The outermost layer: what every answer gets, also those that no route gave (404, 405, a crash); and what is
refused before anything reads it: too many or too long headers, addresses that cannot be ours, and an address
that asks a hundred times a second."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable
from typing import Any

from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException as NoRoute
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Send
from litestar.types import Scope as AsgiScope

from hotel_booking.core.errors import DomainError
from hotel_booking.http import metrics
from hotel_booking.http.access import caller_of, surface
from hotel_booking.http.client_address import Network, client_address
from hotel_booking.http.errors import problem_messages
from hotel_booking.http.limits import Flood
from hotel_booking.http.problems import AddressTooLong, HeadersTooLarge, MalformedRequest
from hotel_booking.http.request_id import request_id
from hotel_booking.http.security_headers import API_POLICY, security_headers

_log = logging.getLogger("hotel_booking.access")

# Browsers send 20 headers of 3 KB in all, with our cookies and a long address 8 KB.
MOST_HEADERS = 100
MOST_HEADER_BYTES = 24_000
LONGEST_ADDRESS = 8_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BYTE = re.compile(rb"[\x00-\x1f\x7f]")
_NUL_SENT = re.compile(rb"%00")


class Edge:
    """Request id, client address, security headers, HEAD, metrics and the access log. `flood` may refuse an
    address at once, before its request costs anything."""

    def __init__(
        self, app: ASGIApp, *, trusted: tuple[Network, ...], production: bool, flood: Flood | None
    ) -> None:
        self.app = app
        self._trusted = trusted
        self._flood = flood
        self._headers = security_headers(production=production)
        self._warned = False

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        line = _Line(receive, send)
        try:
            await self._request(scope, line)
        finally:
            line.cut()

    async def _request(self, scope: HTTPScope, line: _Line) -> None:
        # A server's lifespan state arrives here shared by all requests; ours is this request's own.
        state = scope["state"] = dict(scope.get("state") or {})
        state["request_id"] = rid = request_id(scope)
        state["address"] = client_address(scope, self._trusted)
        self._warn_of_proxy(scope)
        status = 499  # stays where the client goes away before there is an answer
        started = time.perf_counter()
        head = scope["method"] == "HEAD"

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._completed(message["headers"], state.get("limit_headers", ()), rid)
            elif head and message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message["body"] = b""
            await line.send(message)

        metrics.began()
        try:
            if self._flood is not None and (wait := self._flood.wait(state["address"])):
                for message in _flooded(wait, self._flood.allowance.burst):
                    await with_headers(message)
                return
            try:
                _check(scope)
            except (DomainError, NoRoute) as error:
                for message in problem_messages(scope, error):
                    await with_headers(message)
                return
            if head:
                # A page asked for without its body is the same page: no handler needs to know.
                scope["method"] = "GET"
            await self._answer(scope, line.receive, with_headers)
        finally:
            if head:
                scope["method"] = "HEAD"
            seconds = time.perf_counter() - started
            metrics.ended(scope, status=status, seconds=seconds)
            _log_access(scope, status, seconds)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """The application's answer; where it breaks beyond its own error handlers, still one of ours."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            if begun:
                raise
            for message in problem_messages(scope, error):
                await send(message)

    def _completed(
        self, sent: Iterable[tuple[bytes, bytes]], limits: Iterable[tuple[bytes, bytes]], rid: str
    ) -> list[tuple[bytes, bytes]]:
        """An answer's headers, with those that every answer has."""
        # An address that somebody typed may come back in `location`: what no header can hold stays encoded.
        headers = [(name.lower(), _CONTROL_BYTE.sub(_encoded, value)) for name, value in sent]
        present = {name for name, _ in headers}
        headers += [header for header in self._headers if header[0] not in present]
        if b"content-security-policy" not in present:
            headers.append((b"content-security-policy", API_POLICY.encode()))
        if b"cache-control" not in present:
            headers.append((b"cache-control", b"no-store"))
        if b"allow" in present:
            headers = [(name, _with_head(value) if name == b"allow" else value) for name, value in headers]
        headers += limits
        headers.append((b"x-request-id", rid.encode()))
        return headers

    def _warn_of_proxy(self, scope: HTTPScope) -> None:
        """Behind a proxy that nobody named, all guests are one address and share one allowance."""
        if (
            self._warned
            or self._trusted
            or not any(name == b"x-forwarded-for" for name, _ in scope["headers"])
        ):
            return
        self._warned = True
        _log.warning(
            "requests come through a proxy, and HOTEL_TRUSTED_PROXIES names none: limits count all who come"
            " through it as one"
        )


class _Line:
    """The server's side of a request, which nothing may keep once it is answered: the server closes a
    connection whose body was half sent only when the last reference to it is gone, and an error's traceback
    holds them all."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive: Receive | None = receive
        self._send: Send | None = send

    async def receive(self) -> Any:
        """The next message; after the end, that the client is gone."""
        return {"type": "http.disconnect"} if self._receive is None else await self._receive()

    async def send(self, message: Message) -> None:
        """Hand a message on; after the end, to nobody."""
        if self._send is not None:
            await self._send(message)

    def cut(self) -> None:
        """The request is answered."""
        self._receive = self._send = None


def _check(scope: HTTPScope) -> None:
    """Raise for what no browser and no program of good will sends."""
    sizes = [len(name) + len(value) for name, value in scope["headers"]]
    if len(sizes) > MOST_HEADERS or sum(sizes) > MOST_HEADER_BYTES:
        raise HeadersTooLarge(
            f"the request has {len(sizes)} headers with {sum(sizes)} bytes",
            fix=f"send at most {MOST_HEADERS} headers, {MOST_HEADER_BYTES} bytes: fewer cookies, mostly",
        )
    query = scope.get("query_string", b"")
    if len(scope.get("raw_path") or scope["path"].encode()) + len(query) > LONGEST_ADDRESS:
        raise AddressTooLong(
            f"the address is longer than {LONGEST_ADDRESS} bytes", fix="ask for less at a time"
        )
    if _CONTROL.search(scope["path"]):
        raise NoRoute
    if _NUL_SENT.search(query) and surface(scope["path"]) != "other":
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


def _log_access(scope: HTTPScope, status: int, seconds: float) -> None:
    # The route's template, not the address: paths and queries hold references and search terms.
    route = metrics.route_of(scope)
    level = logging.DEBUG if route.startswith(("/health", "/metrics")) and status < 400 else logging.INFO
    _log.log(
        level,
        "request",
        extra={
            "request_id": scope["state"]["request_id"],
            "method": scope["method"],
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "key_id": caller_of(scope).key_id,
            "code": scope["state"].get("code"),
        },
    )
