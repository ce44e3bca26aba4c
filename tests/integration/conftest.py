"""Fixtures of the integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hotel_booking.core.db import Database, Transaction


@pytest.fixture
async def among_places(places_url: str) -> AsyncIterator[Transaction]:
    """A transaction on a fresh database with all the places of the world."""
    async with Database.open(places_url, size=5, statement_timeout_ms=0) as db, db.transaction() as tx:
        yield tx
