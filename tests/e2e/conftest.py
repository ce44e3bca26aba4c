"""One Chromium for all browser tests of a process; visitors, server and database are each test's own.

A browser lives in the event loop that started it, so these tests run in one loop, with pools of their
databases that do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from hotel_booking.core.db import Database
from tests.clients.browser import browsing

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every asynchronous test of this folder runs in the session's loop."""
    for item in items:
        if item.path.is_relative_to(_HERE) and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium. What a test leaves in it (cookies, storage, caches) goes with its visitors."""
    async with browsing() as running:
        yield running
        assert running.contexts == []


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh migrated database."""
    async with Database.open(database_url, size=20) as database:
        yield database


@pytest_asyncio.fixture(loop_scope="session")
async def chain(chain_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database with three hotels of the demo chain."""
    async with Database.open(chain_url, size=10) as database:
        yield database
