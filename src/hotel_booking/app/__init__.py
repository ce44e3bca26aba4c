"""The composition root: all surfaces put together; `adapters` says what stands for third parties."""

from __future__ import annotations

import logging
import os
import secrets
import warnings
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import LitestarDeprecationWarning
from litestar.types import (
    ControllerRouterHandler,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Receive,
    Scope,
    Send,
)

from hotel_booking import status, web
from hotel_booking.admin import mail, styleguide
from hotel_booking.admin.routes import router as panel
from hotel_booking.api import reference, router, webhooks
from hotel_booking.app import adapters
from hotel_booking.app.resources import open_resources
from hotel_booking.core import tracing, unsafe_settings
from hotel_booking.core.config import Settings
from hotel_booking.core.environment import read_settings
from hotel_booking.core.logging import configure
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.properties.types import MediaStore
from hotel_booking.http import closure, health, media, openapi
from hotel_booking.http.access import provide_caller, provide_now
from hotel_booking.http.bodies import JSON_LIMIT, ArrivingBodies
from hotel_booking.http.client_address import networks
from hotel_booking.http.edge import Edge
from hotel_booking.http.errors import handle
from hotel_booking.http.json_answer import Answer
from hotel_booking.http.json_request import JsonRequest
from hotel_booking.http.limits import Allowances, Flood
from hotel_booking.http.pipeline import Pipeline
from hotel_booking.http.preconditions import provide_if_match
from hotel_booking.http.pressure import Pressure
from hotel_booking.http.routing import Routes, one_by_one
from hotel_booking.http.searching import provide_searching
from hotel_booking.http.transactions import provide_database, provide_tx, provide_unit
from hotel_booking.http.ui import assets

log = logging.getLogger("hotel_booking.app")


class Application(Litestar):
    """Litestar's handlers behind our own edge and pipeline: every request takes one way."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        one_by_one(self)
        self._pipeline = Pipeline(Routes(self))
        self.furnish(settings)

    def register(self, value: ControllerRouterHandler) -> None:  # type: ignore[override]  # as in Litestar
        """Add a handler."""
        super().register(value)
        if hasattr(self, "_pipeline"):  # not while all are added
            one_by_one(self)

    def furnish(self, settings: Settings) -> None:
        """Take these settings, and forget whatever is remembered between requests: all of it stands in the
        state and at the edge, made here. An application can so be used again, by tests above all: reading
        the signatures of some hundred handlers takes longer than most tests do. Not while it runs."""
        self.state = _state(settings)
        allowances: Allowances | None = self.state.allowances
        self._edge = Edge(
            self._pipeline,
            trusted=networks(settings.trusted_proxies),
            production=settings.production,
            flood=Flood(allowances.all) if allowances is not None else None,
            status_host=settings.status_host,
        )

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        """Application entry point."""
        if scope["type"] == ScopeType.HTTP:
            scope["litestar_app"] = self  # type: ignore[typeddict-unknown-key]  # Litestar's own key
            await self._edge(scope, receive, send)  # type: ignore[arg-type]  # only requests come here
        else:
            await super().__call__(scope, receive, send)


def create_app() -> Application:
    """The application as the environment describes it: what the web server is told to run."""
    settings = read_settings(os.environ)
    configure(settings.log_level, human=settings.environment == "demo")
    tracing.configure(settings, "web")
    for warning in unsafe_settings.warnings_of(settings):
        log.warning("%s", warning)
    return build(settings)


def build(settings: Settings) -> Application:
    """The application. A rate limit of 0 limits nobody."""
    with warnings.catch_warnings():
        # Litestar 3 will want every argument marked for where it comes from; we are pinned below it, and a
        # handler that says `tx: Transaction, data: QuoteRequest` reads better.
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        return _build(settings)


def _build(settings: Settings) -> Application:
    return Application(
        settings,
        route_handlers=[
            router,
            panel,
            assets.serve,
            assets.serve_icon,
            media.serve,
            *styleguide.handlers,
            *mail.demo_handlers,
            *web.handlers,
            *status.handlers,
            health.live,
            health.ready,
            *reference.handlers,
            webhooks.receive_alerts,
            webhooks.receive_notice,
        ],
        lifespan=[open_resources],
        dependencies={
            "caller": Provide(provide_caller, sync_to_thread=False),
            "now": Provide(provide_now, sync_to_thread=False),
            "searching": Provide(provide_searching, sync_to_thread=False),
            "tx": Provide(provide_tx, sync_to_thread=False),
            "if_match": Provide(provide_if_match, sync_to_thread=False),
            "unit": Provide(provide_unit, sync_to_thread=False),
            "database": Provide(provide_database, sync_to_thread=False),
            "settings": Provide(_provide_settings, sync_to_thread=False),
            "gateways": Provide(_provide_gateways, sync_to_thread=False),
            "media": Provide(_provide_media, sync_to_thread=False),
        },
        exception_handlers={Exception: handle},
        request_class=JsonRequest,
        response_class=Answer,
        request_max_body_size=JSON_LIMIT,
        openapi_config=openapi.config(),
        logging_config=None,
        debug=False,
    )


def _state(settings: Settings) -> State:
    """What handlers and layers share, and what they remember between requests."""
    return State(
        {
            "settings": settings,
            "production": settings.production,
            "draining": False,
            "mode": settings.mode,
            **closure.OPEN,
            "group_pages": {},
            "status_read": None,
            "status_parts": {},
            **web.kept(),
            "warnings": unsafe_settings.warnings_of(settings),
            "limiter": None,
            "pressure": Pressure(),
            "search_index": None,
            "arriving": ArrivingBodies(settings.body_seconds),
            "media": adapters.choose_media(settings),
            "site_problem_page": web.problem_page,
            "allowances": _allowances(settings),
            # Production has a key (Settings sees to it); elsewhere what is sealed ends with the process.
            "sealing_key": settings.secret_key or secrets.token_hex(),
        }
    )


def _provide_settings(state: State) -> Settings:
    settings: Settings = state.settings
    return settings


def _provide_gateways(state: State) -> Gateways:
    gateways: Gateways = state.gateways
    return gateways


def _provide_media(state: State) -> MediaStore:
    store: MediaStore = state.media
    return store


def _allowances(settings: Settings) -> Allowances | None:
    if not settings.rate_limit_reads or not settings.rate_limit_writes:
        return None
    return Allowances.of(reads=settings.rate_limit_reads, writes=settings.rate_limit_writes)
