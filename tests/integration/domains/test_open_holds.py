"""How much somebody unknown may hold, and have mailed: enough for a family, and no hotel's night."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import holders, mail, notes
from hotel_booking.domains.bookings.queries import booking_by_reference
from tests.clients.http_client import (
    api_key,
    bearer,
    client_of,
    running,
    settings_for,
)
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.small_hotel import small_hotel, stay
from tests.integration.site.test_checkout import GUEST, offer, refused_page

LIMITS = {
    "open_holds_per_address": 3,
    "open_rooms_per_address": 5,
    "open_holds_per_browser": 2,
    "open_holds_per_mailbox": 2,
}


async def _taken(db: Database) -> int:
    async with db.transaction() as tx:
        taken: int = await tx.fetchval("SELECT coalesce(max(taken), 0) FROM room_night")
        assert taken == await tx.fetchval("SELECT count(*) FROM reservation WHERE status = 'held'")
        return taken


async def _hold(
    client: httpx.AsyncClient, email: str, *, rooms: int = 1, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Ask for a quote and hold it, as a program without a key does."""
    when = stay(20, 2)
    room = {"room_type": "DBL", "rate_plan": "FLEX", "adults": 2, "children": []}
    body = {
        "property": "seaview",
        "arrival": when.arrival.isoformat(),
        "departure": when.departure.isoformat(),
        "rooms": [room] * rooms,
    }
    quote = await client.post("/api/v1/quotes", json=body, headers=headers)
    assert quote.status_code == 201, quote.text
    guest = {"given_name": "Ana", "family_name": "Example", "email": email}
    return await client.post(
        "/api/v1/bookings", json={"quote": quote.json()["id"], "guest": guest}, headers=headers
    )


async def test_an_address_holds_so_many_and_a_key_any_number(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=20)
    async with running(settings_for(database_url, **LIMITS)) as (app, client):
        # All at once, each in another name: exactly as many as one by one.
        answers = await asyncio.gather(*(_hold(client, f"ana{n}@example.com") for n in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert refused["code"] == "too_many_open_holds"
        assert "pay for one" in refused["fix"]
        assert await _taken(db) == 3
        # Another address is somebody else; one network of IPv6 is not, and one booking's rooms count too.
        async with client_of(app, address="2001:db8:1:2::1") as elsewhere:
            assert (await _hold(elsewhere, "b@example.com", rooms=4)).status_code == 201
        async with client_of(app, address="2001:db8:1:2::99") as next_door:
            assert (await _hold(next_door, "c@example.com", rooms=2)).status_code == 409
            assert (await _hold(next_door, "c@example.com", rooms=1)).status_code == 201
        assert await _taken(db) == 8
        # An agency has a key, and is limited by the key's allowance alone.
        key = bearer(await api_key(db))
        for _ in range(4):
            assert (await _hold(client, "agency@example.com", headers=key)).status_code == 201
        assert await _taken(db) == 12
        # What lapsed is not open any more.
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        assert (await _hold(client, "d@example.com")).status_code == 201


@pytest.mark.parametrize("again", ["ana@example.com", "ANA+2@Example.com"])
async def test_a_mailbox_holds_so_many_from_anywhere(db: Database, database_url: str, again: str) -> None:
    await small_hotel(db, rooms=9)
    async with running(settings_for(database_url, **LIMITS)) as (app, _):
        codes = []
        for number, email in enumerate(("ana@example.com", "ana@example.com", again)):
            async with client_of(app, address=f"198.51.100.{number}") as client:
                codes.append((await _hold(client, email)).status_code)
    assert codes == [201, 201, 409]
    assert await _taken(db) == 2


async def test_a_browser_is_told_what_to_do_and_goes_on_after_cancelling(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=9)
    settings = settings_for(database_url, secret_key="k" * 40, **LIMITS | {"open_holds_per_address": 99})
    async with running(settings) as (_, client):
        client.headers.update(SAME_ORIGIN)

        async def book(number: int) -> httpx.Response:
            chosen = await client.post("/en/book", data=offer())
            details = {**GUEST, "email": f"ana{number}@example.com"}
            return await client.post(chosen.headers["location"], data=details)

        answers = [await book(number) for number in range(4)]
        held = [answer for answer in answers if answer.headers["location"].endswith("/pay")]
        assert 2 <= len(held) <= 3, "the first was made before the browser had a name"
        last = await refused_page(client, answers[-1])
        assert "You’re already holding several rooms." in last.text
        assert "ana3@example.com" in last.text, "what was typed stays"
        assert await _taken(db) == len(held)


async def test_lapsed_holds_are_counted_for_a_day(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=9)
    async with running(settings_for(database_url, **LIMITS)) as (app, _):
        codes = []
        for number in range(11):
            async with client_of(app, address=f"198.51.100.{number}") as client:
                codes.append((await _hold(client, "ana@example.com")).status_code)
            async with db.transaction() as tx:
                await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        assert codes == [201] * 10 + [409]
        async with db.transaction() as tx:
            await tx.execute("UPDATE hold_maker SET made_at = made_at - interval '25 hours'")
        async with client_of(app) as client:
            assert (await _hold(client, "ana@example.com")).status_code == 201
    async with db.transaction() as tx:
        await tx.execute("UPDATE hold_maker SET made_at = made_at - interval '25 hours'")
        assert await holders.purge(tx, now=utc_now()) == 10
        assert await tx.fetchval("SELECT count(*) FROM hold_maker") == 1


async def test_nobody_gets_hundreds_of_messages(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=40)
    async with running(settings_for(database_url)) as (_, client):
        references = [(await _hold(client, "stranger@example.com")).json()["reference"] for _ in range(9)]

    async def messages(template: str) -> int:
        async with db.transaction() as tx:
            number: int = await tx.fetchval("SELECT count(*) FROM mail_message WHERE template = $1", template)
            return number

    now = utc_now()
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET email = 'hotel@example.com'")
        bookings = [await booking_by_reference(tx, reference) for reference in references]
        for booking in bookings:
            await mail.link_to_pay(tx, booking, now=now)
    assert await messages("booking_held") == 6
    async with db.transaction() as tx:
        for booking in bookings:
            for number in range(10):
                await notes.write_to_hotel(tx, booking, text=f"Hello {number}", now=now)
        assert await tx.fetchval("SELECT count(*) FROM booking_note") == 90, "the hotel finds all with them"
    assert await messages("guest_message") == 60


def test_the_settings_have_safe_defaults() -> None:
    from hotel_booking.core.config import Settings

    values: dict[str, Any] = {"database_url": "postgresql://nowhere/none"}
    settings = Settings(**values)
    assert settings.open_holds_per_address <= 20
    assert settings.open_rooms_per_address <= 40
    assert settings.open_holds_per_browser <= 6
    assert settings.open_holds_per_mailbox <= 6
