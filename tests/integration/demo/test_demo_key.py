"""The demo's own key, after somebody has tried the commands about keys on it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.demo.console import console, welcome
from hotel_booking.demo.keys import credentials, read_credentials
from hotel_booking.domains.identity.service import revoke_key
from tests.clients.server import serving

pytestmark = pytest.mark.postgresql


async def test_a_key_that_opens_nothing_is_not_shown_as_one(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await credentials(database_url, tmp_path)
    opens = read_credentials(tmp_path)
    assert opens is not None
    async with serving(database_url) as where:
        port = urlsplit(where).port or 0

        def printed() -> str:
            with console.capture() as shown:
                welcome(port, (1, 2), tmp_path, 1.0, first=False)
            return shown.get()

        async def said() -> str:
            return await asyncio.to_thread(printed)

        assert f"Demo API key   {opens.api_key}" in await said()
        async with db.transaction() as tx:
            key_id = await tx.fetchval("SELECT id FROM api_key")
            await revoke_key(tx, key_id=key_id, now=utc_now())
        told = await said()
    assert opens.api_key not in told
    assert "was revoked or rotated: `hotel-booking api-key create --name demo --scope all`" in told
    assert f"Demo API key   {opens.api_key}" in await said(), "who does not answer refuses nothing"
