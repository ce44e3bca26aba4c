"""What lives as long as a web process: the database, the search index, what follows changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from litestar import Litestar
from litestar.datastructures import State

from hotel_booking import web
from hotel_booking.app import adapters
from hotel_booking.core import tracing
from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.pulse import Pulse
from hotel_booking.core.replica import Replica
from hotel_booking.domains.search.index.files import Folder, FolderRefused, default_folder
from hotel_booking.domains.search.index.running import SearchIndex
from hotel_booking.http import access_log, closure, health, metrics
from hotel_booking.http.limits import MemoryLimiter, RedisLimiter

log = logging.getLogger("hotel_booking.app")


@asynccontextmanager
async def open_resources(app: Litestar) -> AsyncIterator[None]:
    """What lives as long as the process: opened before the first request, closed after the last.

    The payment gateway and other third parties are chosen here, and put into `app.state`.
    """
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, tracing.end)
        stack.callback(access_log.settle)
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
        app.state.gateways = adapters.choose_gateways(settings, app.state.database)
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
