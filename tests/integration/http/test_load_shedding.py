"""The pool is used up by slow pages: who books and pays still gets through, who browses is asked to wait."""

from __future__ import annotations

import asyncio

from litestar import get

from hotel_booking.core.db import Database, Transaction
from hotel_booking.http.access import public
from tests.clients.http_client import client_of, running, settings_for
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import GUEST, offer


@get("/en/slow", opt=public())
async def slow(tx: Transaction) -> str:
    """A page whose query takes as long as one may."""
    await tx.execute("SELECT pg_sleep(30)")
    return ""


async def test_bookings_and_payments_pass_while_slow_pages_use_up_the_pool(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    settings = settings_for(database_url, pool_size=4, secret_key="k" * 40)
    async with running(settings, slow) as (app, client):
        client.headers.update(SAME_ORIGIN)
        browsing = [asyncio.create_task(client.get("/en/slow")) for _ in range(12)]
        await asyncio.sleep(0.2)
        # Two of the four connections are all that browsing gets; who waits for one is told after a while.
        async with client_of(app) as another:
            refused = asyncio.create_task(another.get("/en/search?place=Lisbon"))
            assert (await client.get("/health/ready")).status_code == 200
            chosen = await client.post("/en/book", data=offer())
            assert chosen.status_code == 303, chosen.text
            booked = await client.post(chosen.headers["location"], data=GUEST)
            assert booked.status_code == 303, booked.text
            page = await client.get(booked.headers["location"])
            assert page.status_code == 200
            assert (await client.post("/webhooks/sandbox", content=b"{}")).status_code == 400
            answer = await refused
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "One moment, please" in answer.text
        for task in browsing:
            task.cancel()
        await asyncio.gather(*browsing, return_exceptions=True)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT status FROM booking") == "held"
