"""The application over HTTP, in process: everything but the socket is real."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from litestar.exceptions import LitestarDeprecationWarning
from litestar.types import ControllerRouterHandler

from hotel_booking.app import Application, build
from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.domains.identity import service
from hotel_booking.domains.identity.types import Scope

Handlers = tuple[ControllerRouterHandler, ...]


def settings_for(database_url: str, **changes: Any) -> Settings:
    """Settings of a test: sandbox payments, no limits unless asked for: all tests come from one address."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "environment": "test",
        "gateway": "sandbox",
        "rate_limit_reads": 0,
        "rate_limit_writes": 0,
        "open_holds_per_address": 100_000,
        "open_rooms_per_address": 100_000,
        "open_holds_per_browser": 100_000,
        "open_holds_per_mailbox": 100_000,
        "exchange_rates_url": "",  # nobody outside is asked
        "search_index": False,  # what a test writes is read at once, and not a tenth of a second later
        **changes,
    }
    return Settings(**values)


# Built applications that nobody uses, with the handlers that tests added: the last few.
_IDLE: list[tuple[Handlers, Application]] = []


def looked_at() -> Application:
    """The application for who reads its routes and its document, and sends it nothing: the one that the
    process has already, or will use next, as building another takes a second."""
    settings = settings_for("postgresql://nowhere/none")
    for handlers, app in _IDLE:
        if not handlers:
            app.furnish(settings)
            return app
    _IDLE.append(((), app := build(settings)))
    return app


@asynccontextmanager
async def application(settings: Settings, *handlers: ControllerRouterHandler) -> AsyncIterator[Application]:
    """The application, not started, with extra handlers of the test. It is built once and furnished anew for
    every test: of what a test sets or leaves in its state, nothing is there in the next. After a failure it
    is thrown away."""
    last = reversed(range(len(_IDLE)))
    place = next((place for place in last if _IDLE[place][0] == handlers), None)
    if place is not None:
        _, app = _IDLE.pop(place)
        app.furnish(settings)
    else:
        app = build(settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LitestarDeprecationWarning)  # as in `build`
            for handler in handlers:
                app.register(handler)
    yield app
    _IDLE.append((handlers, app))
    del _IDLE[:-4]


@asynccontextmanager
async def running(
    settings: Settings, *handlers: ControllerRouterHandler, address: str = "203.0.113.7"
) -> AsyncIterator[tuple[Application, httpx.AsyncClient]]:
    """The application, started, with extra handlers of the test; and a client at `address`."""
    async with (
        application(settings, *handlers) as app,
        app.lifespan(),
        client_of(app, address=address) as client,
    ):
        yield app, client


def client_of(app: Application, *, address: str = "203.0.113.7", **headers: str) -> httpx.AsyncClient:
    """A client whose requests come from `address`. What the application raises is raised in the test."""
    # Our own application type is one.
    transport = httpx.ASGITransport(app, client=(address, 40_000))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


async def api_key(db: Database, *scopes: Scope, properties: Sequence[str] | None = None) -> str:
    """A fresh key's secret; every scope unless some are named."""
    async with db.transaction() as tx:
        new = await service.create_key(
            tx, name="test", scopes=scopes or [Scope.ALL], properties=properties, now=utc_now()
        )
    return new.secret


def bearer(token: str) -> dict[str, str]:
    """The header that carries a key or access token."""
    return {"Authorization": f"Bearer {token}"}
