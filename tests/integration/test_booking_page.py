"""The page that links in mail lead to: it opens by its signature alone, and pays once."""

from __future__ import annotations

from datetime import timedelta

import httpx

from hotel_booking.core import links
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service as bookings
from tests.http_client import running, settings_for
from tests.small_hotel import GUEST, make_quote, small_hotel, stay
from tests.staff_client import SAME_ORIGIN

KEY = "k" * 40


async def held(db: Database) -> tuple[str, str]:
    """A hold's path and the token of its link."""
    await small_hotel(db)
    quote = await make_quote(db, stay(5, 2), lifetime=timedelta(days=7))
    async with db.transaction() as tx:
        now = max(utc_now(), quote.created_at)
        booking = (await bookings.hold(tx, quote_id=quote.id, guest=GUEST, now=now)).booking
    path = f"/booking/{booking.reference}"
    return path, links.signature(KEY, path)


async def pay(client: httpx.AsyncClient, path: str, token: str, card: str) -> httpx.Response:
    return await client.post(f"{path}/pay", data={"token": token, "card": card})


async def test_the_link_shows_the_booking_and_pays_for_it_once(db: Database, database_url: str) -> None:
    path, token = await held(db)
    async with running(settings_for(database_url, secret_key=KEY)) as (_, client):
        client.headers.update(SAME_ORIGIN)
        shown = await client.get(path, params={"token": token})
        assert shown.status_code == 200
        assert GUEST.family_name in shown.text
        assert shown.headers["referrer-policy"] == "no-referrer"
        declined = await pay(client, path, token, "tok_decline")
        assert declined.status_code == 422
        assert "declined" in declined.text
        for _ in range(2):
            answer = await pay(client, path, token, "tok_success")
            assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?token={token}")
        assert "Confirmed" in (await client.get(path, params={"token": token})).text
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM payment WHERE status = 'captured'") == 1


async def test_no_other_link_opens_it(db: Database, database_url: str) -> None:
    path, token = await held(db)
    other = links.signature(KEY, "/booking/AAAA-AAAA")
    async with running(settings_for(database_url, secret_key=KEY)) as (_, client):
        client.headers.update(SAME_ORIGIN)
        for wrong in ("", other, token[:-1], token + "A", "é", "x" * 199):
            answer = await client.get(path, params={"token": wrong})
            assert answer.status_code == 404, wrong
            assert GUEST.family_name not in answer.text
            assert (await pay(client, path, wrong, "tok_success")).status_code == 404
        for reference in ("nothing", "AAAA-AAAA", "%00", "a" * 300):
            assert (await client.get(f"/booking/{reference}", params={"token": token})).status_code in (
                400,
                404,
            )
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(SAME_ORIGIN)
        # Without a key there are no links, and nothing opens.
        assert (await client.get(path, params={"token": links.signature("", path)})).status_code == 404
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM payment") == 0


async def test_a_hold_that_has_lapsed_is_said_to_be(db: Database, database_url: str) -> None:
    path, token = await held(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE booking SET hold_expires_at = $1", utc_now() - timedelta(seconds=1))
    async with running(settings_for(database_url, secret_key=KEY)) as (_, client):
        client.headers.update(SAME_ORIGIN)
        shown = (await client.get(path, params={"token": token})).text
        assert "The hold has lapsed" in shown
        assert "Pay and confirm" not in shown
        assert (await pay(client, path, token, "tok_success")).status_code == 422
