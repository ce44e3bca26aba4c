"""The receipt of a booking: the same sums as everywhere, for who paid something and for nobody else."""

from __future__ import annotations

import re

import httpx

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.formats import money
from hotel_booking.core.languages import LANGUAGES, LOCALES
from hotel_booking.domains.bookings import service
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import one, site
from tests.integration.site.test_manage import booked
from tests.integration.site.test_money_back import cancelled, paid, sold_on


async def lines(client: httpx.AsyncClient, booking: str) -> list[tuple[str, str]]:
    """What the receipt says of money, without days and what is said of taxes."""
    page = await client.get(f"{booking}/receipt")
    assert page.status_code == 200, page.headers
    assert page.headers["cache-control"] == "no-store"
    charges = "".join(re.findall(r'<dl class="charges">.*?</dl>', page.text, re.DOTALL))
    charges = re.sub(r'<span class="hint">.*?</span> ', "", charges)
    found: list[tuple[str, str]] = re.findall(
        r"<div(?: class=\"sum\")?><dt>(.*?)</dt><dd>(.*?)</dd>", charges
    )
    return found


async def test_a_paid_stay_has_a_receipt_in_every_language(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    await sold_on(db)
    async with site(database_url) as (_, client):
        booking = await paid(client)
        assert f'href="{booking}/receipt"' in (await client.get(booking)).text
        found = await lines(client, booking)
        assert found[-4:] == [
            ("Total, taxes included", "€200.00"),
            ("Paid by card", "€200.00"),
            ("Paid", "€200.00"),
            ("Balance due", "€0.00"),
        ]
        assert sum(amount == "€100.00" for _name, amount in found) == 2  # the nights
        for language in LANGUAGES:
            page = await client.get(f"/{language}{booking[3:]}/receipt")
            assert money(20_000, "EUR", LOCALES[language]) in page.text, language
        client.cookies.clear()
        assert (await client.get(f"{booking}/receipt")).status_code == 404


async def test_a_receipt_is_not_older_than_its_booking_and_payments(db: Database, database_url: str) -> None:
    """At one in the morning, when the hotel's business day is still the one before."""
    await small_hotel(db, rooms=2)
    await sold_on(db)
    hours = (1 - utc_now().hour + 12) % 24 - 12
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE property SET timezone = $1, day_end_time = '06:00'",
            f"Etc/GMT{-hours:+d}" if hours else "UTC",
        )
    async with site(database_url) as (_, client):
        page = (await client.get(f"{await paid(client)}/receipt")).text
    days = re.findall(r"<dt>(?:Booked|Issued) on</dt><dd>(.*?)</dd>", page)
    assert len(days) == 2
    assert len(set(days)) == 1


async def test_there_is_no_receipt_for_nothing(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        booking = await booked(client)
        assert "/receipt" not in (await client.get(booking)).text
        answer = await client.get(f"{booking}/receipt")
        assert (answer.status_code, answer.headers["location"]) == (303, booking)


async def test_what_was_taken_off_and_what_went_back_stand_on_the_receipt(
    db: Database, database_url: str
) -> None:
    """And on the booking's page: a total that is not paid in full says why nothing is due."""
    await small_hotel(db, rooms=2)
    await sold_on(db)
    async with site(database_url) as (_, client):
        booking = await paid(client)
        async with db.transaction() as tx:
            await service.give_back(
                tx,
                booking_id=await one(db, "SELECT id FROM booking"),
                amount=5_000,
                reason="The shower was cold",
                now=utc_now(),
            )
        taken_off = [
            ("Total, taxes included", "€200.00"),
            ("Reduction by the hotel", "-€50.00"),
            ("Paid by card", "€200.00"),
            ("Refund to card", "-€50.00"),
            ("Paid", "€150.00"),
            ("Balance due", "€0.00"),
        ]
        assert (await lines(client, booking))[-6:] == taken_off
        assert "<dt>Reduction by the hotel</dt><dd>-€50.00</dd>" in (await client.get(booking)).text
        await cancelled(client, booking)
        over = await lines(client, booking)
        assert over[0] == ("Cancellation fee", "€0.00")
        assert over[-2:] == [("Paid", "€0.00"), ("Balance due", "€0.00")]


async def test_what_was_paid_at_the_desk_counts_and_what_was_noted_by_mistake_does_not(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        booking = await booked(client)
        booking_id = await one(db, "SELECT id FROM booking")
        async with db.transaction() as tx:
            payments = [
                await service.record_desk_payment(
                    tx, booking_id=booking_id, amount=amount, way="cash", receipt=None, now=utc_now()
                )
                for amount in (3_000, 8_000)
            ]
        assert (await lines(client, booking))[-4:] == [
            ("Paid in cash", "€30.00"),
            ("Paid in cash", "€80.00"),
            ("Paid", "€110.00"),
            ("Balance due", "€90.00"),
        ]
        async with db.transaction() as tx:
            await service.reverse_desk_payment(
                tx, booking_id=booking_id, payment_id=payments[1].id, reason="Another room’s", now=utc_now()
            )
        assert (await lines(client, booking))[-3:] == [
            ("Paid in cash", "€30.00"),
            ("Paid", "€30.00"),
            ("Balance due", "€170.00"),
        ]
