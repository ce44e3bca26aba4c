"""The outermost layer: what every answer gets, also those that no route gave (404, 405, a crash)."""

from __future__ import annotations

import logging
import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Send
from litestar.types import Scope as AsgiScope

from hotel_booking.http import metrics
from hotel_booking.http.access import caller_of
from hotel_booking.http.client_address import Network, client_address
from hotel_booking.http.request_id import request_id
from hotel_booking.http.security_headers import API_POLICY, security_headers

_log = logging.getLogger("hotel_booking.access")


class Edge:
    """Request id, client address, security headers, metrics and the access log."""

    def __init__(self, app: ASGIApp, *, trusted: tuple[Network, ...], production: bool) -> None:
        self.app = app
        self._trusted = trusted
        self._headers = security_headers(production=production)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        # A server's lifespan state arrives here shared by all requests; ours is this request's own.
        state = scope["state"] = dict(scope.get("state") or {})
        state["request_id"] = rid = request_id(scope)
        state["address"] = client_address(scope, self._trusted)
        status = 499  # stays where the client goes away before there is an answer
        started = time.perf_counter()

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message["headers"])
                present = {name.lower() for name, _ in headers}
                headers += [header for header in self._headers if header[0] not in present]
                if b"content-security-policy" not in present:
                    headers.append((b"content-security-policy", API_POLICY.encode()))
                if b"cache-control" not in present:
                    headers.append((b"cache-control", b"no-store"))
                headers += state.get("limit_headers", ())
                headers.append((b"x-request-id", rid.encode()))
                message["headers"] = headers
            await send(message)

        metrics.began()
        try:
            await self.app(scope, receive, with_headers)
        finally:
            seconds = time.perf_counter() - started
            metrics.ended(scope, status=status, seconds=seconds)
            _log_access(scope, status, seconds)


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
