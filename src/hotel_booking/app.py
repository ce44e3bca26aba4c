"""The composition root: the only place that chooses real or fake adapters."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
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
from hotel_booking.core import links, tracing, unsafe_settings
from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.environment import read_settings
from hotel_booking.core.logging import configure
from hotel_booking.core.pulse import Pulse
from hotel_booking.core.replica import Replica
from hotel_booking.domains.exchange.types import RateSource
from hotel_booking.domains.incidents.types import Chat, Pager
from hotel_booking.domains.notifications.types import Link, Mailer
from hotel_booking.domains.payments.gateway import Gateway, Gateways
from hotel_booking.domains.properties.types import MediaStore
from hotel_booking.domains.search.index.files import Folder, FolderRefused, default_folder
from hotel_booking.domains.search.index.running import SearchIndex
from hotel_booking.http import closure, ended, health, media, metrics, openapi
from hotel_booking.http.access import provide_caller, provide_now
from hotel_booking.http.bodies import JSON_LIMIT, Arriving
from hotel_booking.http.client_address import networks
from hotel_booking.http.edge import Edge
from hotel_booking.http.errors import handle
from hotel_booking.http.json_answer import Answer
from hotel_booking.http.json_request import JsonRequest
from hotel_booking.http.limits import Allowances, Flood, MemoryLimiter, RedisLimiter
from hotel_booking.http.passage import Passage
from hotel_booking.http.preconditions import provide_if_match
from hotel_booking.http.pressure import Pressure
from hotel_booking.http.routing import Routes, one_by_one
from hotel_booking.http.searching import provide_searching
from hotel_booking.http.transactions import provide_database, provide_tx, provide_unit
from hotel_booking.http.ui import assets
from hotel_booking.integrations.bank_transfer import BankTransfer
from hotel_booking.integrations.media import DiskMedia
from hotel_booking.integrations.pay_at_property import PayAtProperty
from hotel_booking.integrations.s3_media import S3Media
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.integrations.smtp import DemoMailer, SmtpMailer

log = logging.getLogger("hotel_booking.app")


class Application(Litestar):
    """Litestar's handlers behind our own edge and passage: every request takes one way."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        one_by_one(self)
        self._passage = Passage(Routes(self))
        self.furnish(settings)

    def register(self, value: ControllerRouterHandler) -> None:  # type: ignore[override]  # as in Litestar
        """Add a handler."""
        super().register(value)
        if hasattr(self, "_passage"):  # not while all are added
            one_by_one(self)

    def furnish(self, settings: Settings) -> None:
        """Take these settings, and forget whatever is remembered between requests: all of it stands in the
        state and at the edge, made here. An application can so be used again, by tests above all: reading
        the signatures of some hundred handlers takes longer than most tests do. Not while it runs."""
        self.state = _state(settings)
        allowances: Allowances | None = self.state.allowances
        self._edge = Edge(
            self._passage,
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
        # handler that says `tx: Transaction, data: CreateQuote` reads better.
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
        lifespan=[_resources],
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
            "arriving": Arriving(settings.body_seconds),
            "media": choose_media(settings),
            "site_problem_page": web.problem_page,
            "allowances": _allowances(settings),
            # Production has a key (Settings sees to it); elsewhere what is sealed ends with the process.
            "sealing_key": settings.secret_key or secrets.token_hex(),
        }
    )


def choose_gateways(settings: Settings, db: Database) -> Gateways:
    """The payment gateways that the settings name. The sandbox keeps its own books, in tables of its own."""
    card: Gateway
    match settings.gateway:
        case "sandbox":
            card = SandboxGateway(db, elsewhere=settings.sandbox_books)
        case "stripe":
            # Here and below: what few need, and takes long to load, is loaded by who chooses it.
            from hotel_booking.integrations.stripe import StripeGateway

            card = StripeGateway(
                settings.stripe_secret_key or "",
                webhook_secrets=settings.stripe_webhook_secrets,
                api_base=settings.stripe_api_base,
            )
        case "none":
            return _with_transfer(settings, PayAtProperty())
    return _with_transfer(settings, card, PayAtProperty())


def _with_transfer(settings: Settings, *gateways: Gateway) -> Gateways:
    if settings.bank_account:
        gateways += (BankTransfer(settings.bank_account, days=settings.transfer_days),)
    return Gateways(*gateways)


def links_of(settings: Settings) -> Link:
    """The addresses that messages carry."""
    return partial(links.signed, settings.public_url, settings.secret_key)


def choose_mailer(settings: Settings) -> Mailer | None:
    """What sends mail; None where no mail server is set: then messages wait in the outbox."""
    if settings.smtp_url is not None:
        return SmtpMailer(settings.smtp_url, sender=settings.mail_from)
    return DemoMailer() if settings.environment == "demo" else None


def choose_rate_source(settings: Settings) -> RateSource | None:
    """Where exchange rates are fetched; None: nowhere, then they are what was entered by hand."""
    if not settings.exchange_rates_url:
        return None
    from hotel_booking.integrations.ecb import EcbRates

    return EcbRates(settings.exchange_rates_url)


def choose_pager(settings: Settings) -> Pager | None:
    """Who wakes people; None: nobody."""
    if settings.pagerduty_key is None:
        return None
    from hotel_booking.integrations.pagerduty import PagerDuty

    return PagerDuty(
        settings.pagerduty_key,
        secondary_key=settings.pagerduty_secondary_key,
        url=settings.pagerduty_url,
        site=settings.public_url,
    )


def choose_chat(settings: Settings) -> Chat | None:
    """Where people talk; None: nowhere."""
    if settings.slack_token is None:
        return None
    from hotel_booking.integrations.slack import Slack

    return Slack(settings.slack_token, url=settings.slack_url, site=settings.public_url)


def choose_media(settings: Settings) -> MediaStore:
    """Where uploaded photos are kept: a bucket where one is set, else a folder."""
    if settings.media_url is None:
        return DiskMedia(settings.media_dir)
    bucket, _, prefix = settings.media_url.removeprefix("s3://").partition("/")
    return S3Media(
        bucket,
        prefix=prefix.strip("/"),
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
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


@asynccontextmanager
async def _resources(app: Litestar) -> AsyncIterator[None]:
    """What lives as long as the process: opened before the first request, closed after the last.

    The payment gateway and other third parties are chosen here, and put into `app.state`.
    """
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, tracing.end)
        stack.callback(ended.settle)
        app.state.database = await stack.enter_async_context(
            Database.open(
                settings.pooled_database_url or settings.database_url,
                size=settings.pool_size,
                statement_timeout_ms=settings.database_statement_timeout_ms,
                pooled=settings.pooled_database_url is not None,
            )
        )
        app.state.replica = await stack.enter_async_context(Replica.open(app.state.database, settings))
        app.state.pulse = await stack.enter_async_context(
            Pulse.kept(
                settings.pooled_database_url or settings.database_url,
                pooled=settings.pooled_database_url is not None,
            )
        )
        metrics.known_routes(app.routes)
        for told in (
            metrics.tell_of(app.state.database),
            health.follow_maintenance(app.state.database, app.state, settings.mode),
            closure.follow_closure(app.state.pulse, app.state),
        ):
            stack.callback(asyncio.create_task(told).cancel)
        app.state.gateways = choose_gateways(settings, app.state.database)
        stack.push_async_callback(app.state.gateways.close)
        if app.state.allowances is not None:
            app.state.limiter = MemoryLimiter()
            stack.callback(asyncio.create_task(app.state.pressure.watch()).cancel)
            if settings.redis_url:
                shared = RedisLimiter.open(settings.redis_url, app.state.limiter)
                app.state.limiter = await stack.enter_async_context(shared)
        if settings.search_index:
            await _open_search_index(app.state, stack)
        # Before the first page, which an imprint has to be on, and the first question whether it is ready.
        # One after the other, so that they share a connection: opening one takes longer than both.
        await web.look_for_group_pages(app.state.database, app.state)
        await health.look_for_maintenance(app.state.database, app.state, settings.mode)
        await closure.look_whether_closed(app.state.pulse, app.state)
        for told in (web.follow_group_pages(app.state.database, app.state), web.compile_all()):
            stack.callback(asyncio.create_task(told).cancel)
        yield
        app.state.draining = True


async def _open_search_index(state: State, stack: AsyncExitStack) -> None:
    """The search index of this process, kept until the stack is closed. Without one SQL serves."""
    settings: Settings = state.settings
    path = Path(settings.search_index_dir) if settings.search_index_dir else None
    try:
        folder = Folder(path or default_folder(settings.database_url))
    except FolderRefused as error:
        log.warning("search_index.off reason=%s", error)
        return
    index = state.search_index = SearchIndex(
        state.database,
        folder,
        clock=utc_now,
        poll=settings.search_index_poll_ms / 1000,
        stale=settings.search_index_stale_seconds,
        replica=state.replica,
    )
    tasks = [asyncio.create_task(index.run()), asyncio.create_task(_tell(index))]

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stack.push_async_callback(end)


async def _tell(index: SearchIndex) -> None:
    """What the index is like, for the metrics, each second."""
    applied = 0
    while True:
        figures = index.figures()
        metrics.note_search_index(figures, applied=applied)
        applied = figures.applied
        await asyncio.sleep(1)
