"""A slip in the address costs nobody the confirmation: who a booking is for can be corrected until it is
paid."""

from __future__ import annotations

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.queries import booking_by_reference
from tests.clients.outbox import sent
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    held,
    one,
    refused_page,
    site,
)

RIGHT = {**GUEST, "email": "ana.b@example.org", "family_name": "Beispiel-Lima", "phone": "+351 21 000 0000"}


async def test_an_address_is_corrected_and_the_confirmation_goes_to_the_new_one(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        contact = pay.removesuffix("/pay") + "/contact"
        page = await client.get(pay)
        assert "<bdi>ana@example.com</bdi>" in page.text
        assert f'href="{contact}"' in page.text
        form = await client.get(contact)
        assert 'value="ana@example.com"' in form.text
        wrong = await refused_page(client, await client.post(contact, data={**RIGHT, "email": "nobody"}))
        assert "Beispiel-Lima" in wrong.text
        assert await one(db, "SELECT email FROM guest") == "ana@example.com"
        for _again in range(2):
            done = await client.post(contact, data=RIGHT)
            assert done.headers["location"] == pay
        assert await one(db, "SELECT email FROM guest") == "ana.b@example.org"
        assert "<bdi>ana.b@example.org</bdi>" in (await client.get(pay)).text
        async with db.transaction() as tx:
            entries = await tx.fetch(
                "SELECT * FROM audit_entry WHERE object_kind = 'guest' AND action = 'update'"
            )
        assert len(entries) == 1
        assert "ana" not in str(entries[0]["before"]) + str(entries[0]["after"])
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        assert [(one.template, one.recipient) for one in await sent(db)] == [
            ("booking_confirmed", "ana.b@example.org")
        ]
        # Paid or confirmed, it is the hotel's to change.
        late = await client.post(contact, data=GUEST)
        assert late.headers["location"] == pay
        shown = await client.get(pay, follow_redirects=True)
        assert "Your booking has changed in the meantime." in shown.text
        assert (await client.get(contact)).headers["location"] == pay
        assert await one(db, "SELECT email FROM guest") == "ana.b@example.org"


async def test_a_link_to_pay_that_went_to_the_wrong_address_goes_to_the_right_one_too(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        async with db.transaction() as tx:
            booking = await booking_by_reference(tx, pay.split("/")[-2])
            await mail.link_to_pay(tx, booking, now=utc_now())
            await tx.execute("UPDATE mail_message SET status = 'sent'")
        await client.post(pay.removesuffix("/pay") + "/contact", data=RIGHT)
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT recipient, status FROM mail_message ORDER BY created_at")
        assert [tuple(row.values()) for row in rows] == [
            ("ana@example.com", "sent"),
            ("ana.b@example.org", "waiting"),
        ]


async def test_a_message_that_waits_is_turned_to_the_new_address(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        async with db.transaction() as tx:
            booking = await booking_by_reference(tx, pay.split("/")[-2])
            await mail.link_to_pay(tx, booking, now=utc_now())
        await client.post(pay.removesuffix("/pay") + "/contact", data=RIGHT)
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT recipient FROM mail_message")
        assert [row["recipient"] for row in rows] == ["ana.b@example.org"]


async def test_nobody_else_corrects_it_and_a_lapsed_hold_is_not_changed(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client), site(database_url) as (_, stranger):
        contact = (await held(client, "FLEX", "en")).removesuffix("/pay") + "/contact"
        assert (await stranger.get(contact)).status_code == 404
        assert (await stranger.post(contact, data=RIGHT)).status_code == 404
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        late = await client.post(contact, data=RIGHT)
        assert (
            "that time has passed. Nothing has been charged."
            in (await client.get(late.headers["location"])).text
        )
        assert await one(db, "SELECT email FROM guest") == "ana@example.com"


async def test_the_confirmation_has_all_that_a_guest_needs(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET phone = '+351 21 999 9999', address = 'Rua 1'")
        await tx.execute("UPDATE rate_plan SET meal = 19 WHERE code = 'FLEX'")
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", rooms=2, language="en")
        details = {**GUEST, "requests": "A quiet room", "guest-2": "Bea Beispiel", "country": "PT"}
        pay = (await client.post(where, data=details)).headers["location"]
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        page = (await client.get(pay.removesuffix("/pay"))).text
        for text in (
            "2 adults",
            "Bea Beispiel",
            "A quiet room",
            "Breakfast included",
            "+351 21 999 9999",
            "openstreetmap.org",
            "<bdi>ana@example.com</bdi>",
            "Portugal",
        ):
            assert text in page, text
