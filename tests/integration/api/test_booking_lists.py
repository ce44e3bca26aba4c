"""A program keeps a copy of a hotel's bookings: it lists them once, and follows what is changed from then on,
whatever is written at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import time, timedelta
from typing import Any

import httpx

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import partners, service
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.types import Scope
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.factories.paying import held, one
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.small_hotel import SLUG
from tests.integration.payments.test_desk_payments import owing, record

BOOKINGS = f"/api/v1/properties/{SLUG}/bookings"
CHANGES = f"/api/v1/properties/{SLUG}/booking-changes"


@asynccontextmanager
async def partner(db: Database, url: str, *scopes: Scope) -> AsyncIterator[httpx.AsyncClient]:
    """A program with a key for the hotel."""
    async with running(settings_for(url)) as (_, client):
        client.headers.update(bearer(await api_key(db, *(scopes or (Scope.BOOKINGS_READ,)))))
        yield client


async def page(client: httpx.AsyncClient, address: str, **asked: Any) -> dict[str, Any]:
    answer = await client.get(address, params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def references(found: dict[str, Any]) -> list[str]:
    return [item["reference"] for item in found["items"]]


async def cancel(db: Database, booking: Booking) -> None:
    async with db.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())


_READ = """
SELECT e.actor_name, e.object_id, p.slug FROM audit_entry e LEFT JOIN property p ON p.id = e.property_id
 WHERE e.action = 'export' AND e.object_kind = 'list' AND e.actor_kind = 'key' ORDER BY e.id
"""


async def test_the_log_knows_once_a_day_which_key_read_which_list(hotel: Database, database_url: str) -> None:
    await owing(hotel)
    lists = ("bookings", "booking-changes", "account-lines", "desk-takings")
    today = business_date(utc_now(), "Europe/Lisbon", time(6))
    async with partner(hotel, database_url, Scope.BOOKINGS_READ, Scope.REPORTS_READ) as client:
        for _ in range(2):
            for what in lists:
                asked = {"first": today, "last": today} if what == "account-lines" else {}
                await page(client, f"/api/v1/properties/{SLUG}/{what}", **asked)
        unknown = await client.get("/api/v1/properties/nowhere/bookings")
        assert unknown.status_code == 404
    async with partner(hotel, database_url) as other:
        await page(other, BOOKINGS)
    async with partner(hotel, database_url, Scope.REPORTS_READ) as refused:
        assert (await refused.get(BOOKINGS)).status_code == 403
    async with hotel.transaction() as tx:
        rows = [tuple(row) for row in await tx.fetch(_READ)]
    assert {row[1:] for row in rows} == {(f"{what} {today}", SLUG) for what in lists}
    assert len(rows) == 5
    assert all(row[0] for row in rows)  # by whom


async def test_a_copy_is_made_and_kept(hotel: Database, database_url: str) -> None:
    first, second = await owing(hotel), await owing(hotel, 30)
    await held(hotel, "FLEX", 40)
    async with partner(hotel, database_url) as client:
        begun = await page(client, CHANGES)
        assert (begun["items"], begun["next_cursor"]) == ([], None)
        # Page by page; what is booked meanwhile comes last, and the hold is none.
        listed = await page(client, BOOKINGS, limit=1)
        third = await owing(hotel, 50)
        all_of_them = references(listed)
        while listed["next_cursor"]:
            listed = await page(client, BOOKINGS, limit=1, cursor=listed["next_cursor"])
            all_of_them += references(listed)
        assert all_of_them == [first.reference, second.reference, third.reference]
        # Each is what the single call says.
        alone = await client.get(f"/api/v1/bookings/{third.reference}")
        assert listed["items"] == [] or listed["items"][-1] == alone.json()
        found = await page(client, CHANGES, cursor=begun["resume"])
        assert references(found) == [third.reference]
        await record(hotel, first, 5_000)
        await cancel(hotel, second)
        await record(hotel, first, 5_000)
        found = await page(client, CHANGES, cursor=found["resume"])
        assert [(item["reference"], item["status"], item["paid"]["amount"]) for item in found["items"]] == [
            (second.reference, "cancelled", 0),
            (first.reference, "confirmed", 10_000),
        ]
        again = await page(client, CHANGES, cursor=found["resume"])
        assert (again["items"], again["next_cursor"]) == ([], None)


async def test_pages_of_changes_lose_nothing(hotel: Database, database_url: str) -> None:
    async with partner(hotel, database_url) as client:
        resume = (await page(client, CHANGES))["resume"]
        made = [await owing(hotel, first) for first in (20, 30, 40)]
        told: list[str] = []
        found = await page(client, CHANGES, cursor=resume, limit=1)
        told += references(found)
        await record(hotel, made[0], 100)
        while found["next_cursor"]:
            assert found["next_cursor"] == found["resume"]
            found = await page(client, CHANGES, cursor=found["next_cursor"], limit=1)
            told += references(found)
        assert list(dict.fromkeys(told)) == [booking.reference for booking in made]
        assert told[-1] == made[0].reference
        # From a time on: at least what was since.
        since = (utc_now() - timedelta(hours=1)).isoformat()
        assert set(references(await page(client, CHANGES, since=since))) == set(told)


async def test_what_ends_later_than_it_was_written_is_not_passed_over(
    hotel: Database, database_url: str
) -> None:
    """A number is given when an entry is written, and seen when its transaction ends."""
    slow, quick = await owing(hotel), await owing(hotel, 30)
    async with partner(hotel, database_url) as client:
        resume = (await page(client, CHANGES))["resume"]
        written, told = asyncio.Event(), asyncio.Event()

        async def slowly() -> None:
            async with hotel.transaction() as tx:
                await service.cancel(tx, booking_id=slow.id, now=utc_now())
                written.set()
                await told.wait()

        task = asyncio.create_task(slowly())
        await written.wait()
        await record(hotel, quick, 100)
        first = await page(client, CHANGES, cursor=resume)
        told.set()
        await task
        second = await page(client, CHANGES, cursor=first["resume"])
        assert {slow.reference, quick.reference} == {*references(first), *references(second)}


async def test_other_entries_are_passed_over(hotel: Database, database_url: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(partners, "_ENTRIES", 2)
    async with partner(hotel, database_url) as client:
        found = await page(client, CHANGES)
        async with hotel.transaction() as tx:
            for stars in (1, 2, 3, 4):
                await tx.execute("UPDATE property SET stars = $1", stars)
        booking = await owing(hotel)
        pages, told = 0, list[str]()
        while pages == 0 or found["next_cursor"]:
            found = await page(client, CHANGES, cursor=found["resume"])
            told += references(found)
            pages += 1
        assert pages > 2
        assert set(told) == {booking.reference}


async def test_filters_and_refusals(hotel: Database, database_url: str) -> None:
    booking, later = await owing(hotel), await owing(hotel, 30)
    await held(hotel, "FLEX", 40)
    await cancel(hotel, later)
    arrival = str(booking.reservations[0].arrival)
    async with partner(hotel, database_url) as client:
        asked: dict[str, Any]
        for asked, found in (
            ({"arrival_to": arrival}, [booking.reference]),
            ({"arrival_from": arrival, "arrival_to": arrival}, [booking.reference]),
            ({"departure_to": arrival}, []),
            ({"status": "cancelled"}, [later.reference]),
        ):
            assert references(await page(client, BOOKINGS, **asked)) == found, asked
        assert len(references(await page(client, BOOKINGS, status="held"))) == 1
        listed = await page(client, BOOKINGS, limit=1)
        resume = (await page(client, CHANGES))["resume"]
        old = (utc_now() - timedelta(days=32)).isoformat()
        for address, asked, code, field in (
            (CHANGES, {"since": old}, "changes_too_old", "since"),
            (CHANGES, {"since": (utc_now() + timedelta(hours=1)).isoformat()}, "invalid", "since"),
            (CHANGES, {"since": "yesterday"}, "invalid_request", "since"),
            (CHANGES, {"since": utc_now().isoformat(), "cursor": resume}, None, "since"),
            (CHANGES, {"cursor": listed["next_cursor"]}, "invalid_cursor", "cursor"),
            (BOOKINGS, {"cursor": resume}, "invalid_cursor", "cursor"),
            (BOOKINGS, {"status": "lost"}, None, "status"),
            (BOOKINGS, {"limit": 101}, None, "limit"),
            (BOOKINGS, {"arrival_from": "0001-01-01"}, None, "arrival_from"),
            (BOOKINGS, {"arrival_from": "2030-03-02", "arrival_to": "2030-03-01"}, None, "arrival_to"),
            (BOOKINGS, {"departure_from": "2030-03-02", "departure_to": "2030-03-01"}, None, "departure_to"),
            (BOOKINGS, {"departure_to": "9999-12-31"}, None, "departure_to"),
            (BOOKINGS, {"arrival": arrival}, None, "arrival"),
        ):
            refused = await client.get(address, params=asked)
            assert (refused.status_code // 100, refused.json()["field"]) == (4, field), (asked, refused.text)
            assert code in (None, refused.json()["code"]), refused.text
        for scope in (Scope.REPORTS_READ, Scope.RATES_WRITE):
            other = bearer(await api_key(hotel, scope))
            for address in (BOOKINGS, CHANGES):
                answer = await client.get(address, headers=other)
                assert answer.json()["code"] == "missing_scope", scope
        elsewhere = bearer(await api_key(hotel, Scope.BOOKINGS_READ, properties=[]))
        for address in (BOOKINGS, CHANGES):
            assert (await client.get(address, headers=elsewhere)).status_code in (403, 404)
        assert await one(hotel, "SELECT count(*) FROM booking") == 3
