"""One Chromium for all browser tests of a process; visitors, server and database are each test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.clients.browser import browsing


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium. What a test leaves in it (cookies, storage, caches) goes with its visitors."""
    async with browsing() as running:
        yield running
        assert running.contexts == []
