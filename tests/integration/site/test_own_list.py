"""Your booking: the browser's own and the account's as a list, and the list of an address by mail."""

from __future__ import annotations

import asyncio
import re
from functools import partial

import msgspec

from hotel_booking.app.adapters import links_of
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.links import signature
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.queries import booking_by_reference
from hotel_booking.domains.bookings.service.contact import correct_guest, details
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.notifications.queries import find
from hotel_booking.domains.notifications.rendering import rendered_message
from tests.clients.http_client import client_of
from tests.clients.jobs import run_jobs
from tests.clients.staff_client import SAME_ORIGIN
from tests.clients.waiting import somebody_waits, until
from tests.factories.guest_accounts import opened
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    held,
    one,
    refused_page,
    site,
)


def references(text: str) -> list[str]:
    """The bookings of the page's list."""
    return re.findall(r'<h[23]><a href="/\w\w/booking/([0-9A-Z]{5}-[0-9A-Z]{5})"', text)


async def test_a_browser_finds_its_own_bookings_again(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=20)
    async with site(database_url) as (app, client), client_of(app, **SAME_ORIGIN) as stranger:
        made = [(await held(client, "FLEX", "en")).split("/")[-2] for _ in range(14)]
        page = await client.get("/en/booking")
        assert sorted(references(page.text)) == sorted(made)
        assert "Lost your booking reference?" in page.text
        assert references((await stranger.get("/en/booking")).text) == []
        form = {"reference": made[0], "email": "no@example.com"}
        wrong = await refused_page(client, await client.post("/en/booking", data=form))
        assert len(references(wrong.text)) == 14


async def test_an_account_finds_its_bookings_in_any_browser(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (app, client), client_of(app, **SAME_ORIGIN) as other:
        token = (await opened(db, GUEST["email"])).token
        made = (await held(client, "FLEX", "en")).split("/")[-2]
        assert references((await other.get("/en/booking")).text) == []
        other.cookies.set("hotel_guest", token)
        assert references((await other.get("/en/booking")).text) == [made]


async def test_a_lost_list_is_mailed_with_links_that_open_and_nobody_learns_whether_there_is_one(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (app, client), client_of(app, **SAME_ORIGIN) as stranger:
        made = {(await held(client, "FLEX", "en")).split("/")[-2] for _ in range(2)}
        other = await client.post(
            await chosen(client, "FLEX"), data={**GUEST, "email": "somebody@example.com"}
        )
        assert other.status_code == 303
        answers = [
            await stranger.post("/ar/booking/lost", data={"email": address})
            for address in ("ANA@example.com", "nobody@example.com")
        ]
        assert {answer.status_code for answer in answers} == {303}
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert await one(db, "SELECT count(*) FROM link_request") == 2  # the same work for both
        assert await one(db, "SELECT count(*) FROM mail_message") == 0
        await run_jobs(db, database_url, "bookings")
        assert await one(db, "SELECT count(*) FROM link_request") == 0
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT id, recipient, template FROM mail_message")
            assert [(row["recipient"], row["template"]) for row in rows] == [
                ("ana@example.com", "booking_list")
            ]
            message = await find(tx, rows[0]["id"])
        assert message is not None
        sent = rendered_message(message, links_of(app.state.settings))
        assert sent.rtl
        links = re.findall(r"http\S+(/booking/(\S{11})\?token=\S+)", sent.text)
        assert {reference for _, reference in links} == made
        for path, reference in links:
            opened = await stranger.get(path)
            assert (
                (await stranger.get(opened.headers["location"]))
                .headers["location"]
                .endswith(f"{reference}/pay")
            )


async def test_lists_are_mailed_a_few_times_only(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        await held(client, "FLEX", "en")
        answers = [await client.post("/en/booking/lost", data={"email": GUEST["email"]}) for _ in range(12)]
        assert "retry-after" in answers[-1].headers
        late = await refused_page(client, answers[-1])
        assert "Too many attempts. Please wait" in late.text.partition('id="lost"')[2]
        await run_jobs(db, database_url, "bookings")
        assert 0 < await one(db, "SELECT count(*) FROM mail_message") <= 5
        for broken in ("", "nobody", "a@b@c.de", "x" * 400 + "@example.com", "ana@example.com\r\nBcc: x@y.z"):
            answer = await client.post("/en/booking/lost", data={"email": broken})
            await refused_page(client, answer)


async def test_an_address_that_was_not_the_guests_opens_nothing_once_it_is_corrected(
    db: Database, database_url: str
) -> None:
    """Neither the link that it was sent, of this release and the one before, nor the browsers that had opened
    the booking by either, nor the account; the link that is sent again does, and the guest's browser."""
    await small_hotel(db, rooms=5)
    async with (
        site(database_url) as (app, client),
        client_of(app, **SAME_ORIGIN) as linked,
        client_of(app, **SAME_ORIGIN) as found,
        client_of(app, **SAME_ORIGIN) as account,
        client_of(app, **SAME_ORIGIN) as right,
    ):
        pay = await held(client, "FLEX", "en")
        reference = pay.split("/")[-2]
        account.cookies.set("hotel_guest", (await opened(db, GUEST["email"])).token)
        wrong, before = (
            links_of(app.state.settings)(f"/booking/{reference}", to).partition(":8000")[2]
            for to in (GUEST["email"], "")
        )
        for link in (wrong, before):
            await linked.get(link)
            assert (await linked.get(pay)).status_code == 200
        linked.cookies.clear()
        await linked.get(wrong)
        assert (await found.post("/en/booking", data={"reference": reference, **GUEST})).status_code == 303
        for browser in (linked, found, account, client):
            assert (await browser.get(pay)).status_code == 200
        async with db.transaction() as tx:
            booking = await booking_by_reference(tx, reference)
            await mail.link_to_pay(tx, booking, now=booking.created_at)
            await tx.execute("UPDATE mail_message SET status = 'sent'")
        answer = await client.post(
            f"/en/booking/{reference}/contact", data={**GUEST, "email": "right@example.com"}
        )
        assert answer.status_code == 303
        for browser in (linked, found):
            assert references((await browser.get("/en/booking")).text) == []
        for link in (wrong, before):
            await linked.get(link)
        assert [(await browser.get(pay)).status_code for browser in (linked, found, account)] == [404] * 3
        assert (await client.get(pay)).status_code == 200
        async with db.transaction() as tx:
            sent = await find(tx, await tx.fetchval("SELECT id FROM mail_message WHERE status = 'waiting'"))
        assert sent is not None
        text = rendered_message(sent, links_of(app.state.settings)).text
        await right.get(re.findall(r"http\S+(/booking/\S+\?token=\S+)", text)[0])
        assert (await right.get(pay)).status_code == 200


async def _corrected(tx: Transaction, booking: Booking, email: str) -> None:
    """The desk writes another address."""
    guest = msgspec.convert(booking, GuestDetails, from_attributes=True)
    now = utc_now()
    wanted = msgspec.structs.replace(guest, email=email)
    await correct_guest(tx, booking_id=booking.id, guest=wanted, seen=details(booking), now=now)


async def test_what_the_release_before_gave_opens_until_the_address_is_corrected(
    db: Database, database_url: str
) -> None:
    """Cookies of a mail's link and of a list did not say for whom they are. The same address in other letters
    is no other."""
    await small_hotel(db, rooms=5)
    async with (
        site(database_url) as (app, client),
        client_of(app, **SAME_ORIGIN) as linked,
        client_of(app, **SAME_ORIGIN) as listed,
    ):
        pay = await held(client, "FLEX", "en")
        reference = pay.split("/")[-2]
        plain, key, at = (
            reference.replace("-", ""),
            app.state.settings.secret_key,
            int(utc_now().timestamp() * 1000),
        )
        signed = signature(key, f"browser:hotel_booking_{plain}:{at}")
        linked.cookies.set(f"hotel_booking_{plain}", f"{at}.{signed}")
        listed.cookies.set("hotel_bookings", f"{plain}.{signature(key, f'browser:hotel_bookings:{plain}')}")
        async with db.transaction() as tx:
            booking = await booking_by_reference(tx, reference)
            await mail.link_to_pay(tx, booking, now=booking.created_at)
            await tx.execute("UPDATE mail_message SET status = 'sent'")
        for address, status in ((GUEST["email"].title(), 200), ("right@example.com", 404)):
            async with db.transaction() as tx:
                await _corrected(tx, await booking_by_reference(tx, reference), address)
            assert [(await browser.get(pay)).status_code for browser in (linked, listed)] == [status] * 2
            assert (references((await linked.get("/en/booking")).text) == [reference]) == (status == 200)
        assert (await client.get(pay)).status_code == 200


async def test_the_browser_that_made_a_booking_keeps_it_though_it_has_found_it_since(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        reference = pay.split("/")[-2]
        found = await client.post("/en/booking", data={"reference": reference, **GUEST})
        assert found.status_code == 303
        async with db.transaction() as tx:
            await _corrected(tx, await booking_by_reference(tx, reference), "right@example.com")
        assert (await client.get(pay)).status_code == 200


async def test_an_address_that_is_being_corrected_lets_nobody_in(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (app, client), client_of(app, **SAME_ORIGIN) as late:
        pay = await held(client, "FLEX", "en")
        reference = pay.split("/")[-2]
        async with db.transaction() as tx:
            await _corrected(tx, await booking_by_reference(tx, reference), "right@example.com")
            asking = asyncio.create_task(late.post("/en/booking", data={"reference": reference, **GUEST}))
            await until(partial(somebody_waits, db))
        assert (await asking).status_code == 422
        assert (await late.get(pay)).status_code == 404
