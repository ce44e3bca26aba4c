"""Any number of offers, quotes and bookings in one browser, at once and one after the other: none is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.links import for_reader, signature
from hotel_booking.domains.bookings import browsers
from tests.clients.http_client import client_of
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    held,
    offer,
    one,
    refused_page,
    site,
)


def cookie_bytes(client: httpx.AsyncClient) -> int:
    return sum(len(cookie.name) + len(cookie.value or "") + 3 for cookie in client.cookies.jar)


async def test_many_offers_in_many_tabs_stay_open_and_are_all_booked(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=40)
    async with site(database_url) as (_, client):
        tabs = [await chosen(client, "FLEX", language="en") for _ in range(20)]
        assert [(await client.get(tab)).status_code for tab in tabs] == [200] * 20
        paid = [(await client.post(tab, data=GUEST)).headers["location"] for tab in tabs]
        assert [(await client.get(pay)).status_code for pay in paid] == [200] * 20
        assert cookie_bytes(client) < 1500
        mine = {pay.split("/")[-2] for pay in paid}
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT reference FROM booking")
        assert {row["reference"] for row in rows} == mine


async def test_offers_that_are_opened_at_once_in_a_new_browser_are_all_kept(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=40)
    async with site(database_url) as (_, client):
        answers = await asyncio.gather(*(client.post("/en/book", data=offer("FLEX")) for _ in range(6)))
        tabs = [answer.headers["location"] for answer in answers]
        pages = await asyncio.gather(*(client.get(tab) for tab in tabs))
        assert [page.status_code for page in pages] == [200] * 6
        booked = await asyncio.gather(*(client.post(tab, data=GUEST) for tab in tabs))
        paid = [answer.headers["location"] for answer in booked]
        assert len(set(paid)) == 6
        assert [(await client.get(pay)).status_code for pay in paid] == [200] * 6


async def test_a_browser_that_gets_two_names_at_once_loses_no_booking(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", language="en")
        # Another tab's answer comes late and gives the browser another name.
        client.cookies.delete("hotel_browser")
        await chosen(client, language="en")
        assert (await client.get(pay)).status_code == 200
        assert (await client.get(await held(client, "FLEX", language="en"))).status_code == 200


async def test_who_has_a_quotes_address_sees_a_price_and_no_guest(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (app, client), client_of(app, **SAME_ORIGIN) as other:
        where = await chosen(client, "FLEX", language="en")
        await client.post(where, data={**GUEST, "given_name": ""})  # typed, and not booked yet
        seen = await other.get(where)
        assert seen.status_code == 200
        assert "Beispiel" not in seen.text
        assert "Beispiel" in (await client.get(where)).text
        pay = (await client.post(where, data=GUEST)).headers["location"]
        for answer in (await other.get(where), await other.post(where, data=GUEST)):
            assert answer.status_code == 404
            assert pay.split("/")[-2] not in answer.text + str(answer.headers)
        assert (await other.get(pay)).status_code == 404
        assert await one(db, "SELECT count(*) FROM booking") == 1
        # A name that somebody made up, another's cookie name, a forged cookie of a booking.
        reference = pay.split("/")[-2].replace("-", "")
        at = int(utc_now().timestamp() * 1000)
        for value in (f"{at}.{'x' * 32}", f"{at}.", "x", f"{10**14}.{'x' * 32}"):
            other.cookies.set(f"hotel_booking_{reference}", value)
            other.cookies.set("hotel_browser", "x" * 32)
            assert (await other.get(pay)).status_code == 404


async def test_cookies_of_the_release_before_still_open_their_bookings(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", language="en")
        reference = pay.split("/")[-2].replace("-", "")
        client.cookies.clear()
        assert (await client.get(pay)).status_code == 404
        token = signature("k" * 40, f"browser:hotel_bookings:{reference}")
        client.cookies.set("hotel_bookings", f"{reference}.{token}")
        assert (await client.get(pay)).status_code == 200


async def test_a_mails_link_writes_nothing_and_opens_any_number_of_bookings(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=40)
    async with site(database_url) as (app, client):
        paid = [await held(client, "FLEX", language="en") for _ in range(15)]
        client.cookies.clear()
        before = await one(db, "SELECT count(*) FROM browser_booking")
        for pay in paid:
            path = f"/booking/{pay.split('/')[-2]}"
            token = signature(app.state.settings.secret_key, for_reader(path, GUEST["email"]))
            assert (await client.get(path, params={"token": token})).status_code == 303
            assert (await client.get(pay)).status_code == 200
        assert await one(db, "SELECT count(*) FROM browser_booking") == before
        # Twelve have a cookie; who comes back to an older one takes the link again.
        assert [(await client.get(pay)).status_code for pay in paid] == [404] * 3 + [200] * 12
        assert cookie_bytes(client) < 1500


async def test_what_was_typed_outlives_a_price_that_lapsed_and_a_room_that_went(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=1)
    wishes = {**GUEST, "phone": "+351 21 000 0000", "country": "PT", "requests": "A quiet room"}
    async with site(database_url) as (_, client), site(database_url) as (_, other):
        where = await chosen(client, "FLEX", language="en")
        async with db.transaction() as tx:
            await tx.execute("UPDATE quote SET expires_at = now() - interval '1 minute'")
            await tx.execute("UPDATE rate_night SET price = 12000")
        lapsed = await client.post(where, data=wishes)
        assert lapsed.status_code == 303
        page = await client.get(lapsed.headers["location"])
        assert "€240.00" in page.text
        assert "no longer guaranteed" in page.text
        assert 'class="flash warning"' in page.text
        for typed in (*GUEST.values(), "+351 21 000 0000", "A quiet room", '"PT" selected'):
            assert typed in page.text
        assert await one(db, "SELECT count(*) FROM booking") == 0
        # Looked at again after the guarantee: one button gives the price of now.
        async with db.transaction() as tx:
            await tx.execute("UPDATE quote SET expires_at = now() - interval '1 minute'")
        gone = await client.get(lapsed.headers["location"])
        assert gone.status_code == 410
        fresh = await client.post(lapsed.headers["location"] + "/again")
        assert fresh.status_code == 303
        # Somebody takes the last room meanwhile: nothing typed is lost.
        await held(other, "FLEX")
        taken = await refused_page(client, await client.post(fresh.headers["location"], data=wishes))
        assert "A quiet room" in taken.text
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        again = await client.get(await chosen(client, "FLEX", language="en"))
        assert "A quiet room" in again.text


async def test_a_lapsed_hold_is_taken_again_with_wishes_and_names(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", rooms=2, language="en")
        typed = {**GUEST, "requests": "Late arrival", "guest-2": "Bea Beispiel"}
        pay = (await client.post(where, data=typed)).headers["location"]
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        again = await client.post(pay.removesuffix("/pay") + "/again")
        page = await client.get(again.headers["location"])
        assert "Late arrival" in page.text
        assert "Bea Beispiel" in page.text
        assert f"/en/hotels/{SLUG}" in page.text


async def test_what_browsers_own_ends_with_its_time(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        await held(client, "FLEX", language="en")
        await client.post(await chosen(client), data={**GUEST, "email": "nobody"})
    async with db.transaction() as tx:
        assert await browsers.purge(tx, now=utc_now()) == 0
        assert await browsers.purge(tx, now=utc_now() + timedelta(days=2)) == 1
        assert await browsers.purge(tx, now=utc_now() + timedelta(days=91)) == 1
