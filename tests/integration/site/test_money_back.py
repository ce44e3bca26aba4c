"""A guest who cancels is told what comes back, by what way and by when: before, and afterwards."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.moments import long_date
from hotel_booking.domains.bookings import service
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.refunds import give_refunds
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.dates import date_text
from tests.clients.outbox import sent
from tests.factories.small_hotel import small_hotel, stay
from tests.integration.site.test_checkout import held, one, refused_page, site


async def sold_on(db: Database, deposit: str = "full", capture: str = "booking") -> None:
    """The flexible plan, paid (or reserved) when booking."""
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE rate_plan SET deposit_kind = $1, deposit_capture = $2 WHERE code = 'FLEX'",
            deposit,
            capture,
        )


async def paid(client: httpx.AsyncClient, language: str = "en") -> str:
    pay = await held(client, "FLEX", language)
    form = {"method": "card", "expected": "20000", "card": "tok_success"}
    assert (await client.post(pay, data=form)).status_code == 303
    return pay.removesuffix("/pay")


async def cancelled(client: httpx.AsyncClient, booking: str) -> str:
    shown = await client.get(booking)
    fee = re.search(r'name="fee" value="(\d+)"', shown.text)
    assert fee is not None
    assert (await client.post(booking + "/cancel", data={"fee": fee[1]})).status_code == 303
    return (await client.get(booking)).text


async def test_a_paid_booking_says_what_comes_back_before_and_after(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    await sold_on(db)
    async with site(database_url) as (app, client):
        booking = await paid(client)
        before = (await client.get(booking)).text
        assert "You’ll receive €200.00 on the card you paid with by" in before
        after = await cancelled(client, booking)
        assert "€200.00 is on its way to the card you paid with and will arrive by" in after
        assert "<dt>Paid</dt><dd>€200.00</dd>" in after
        assert "<dt>Refund</dt><dd>€200.00</dd>" in after
        assert "€0.00" not in after
        assert await give_refunds(app.state.database, app.state.gateways, now=utc_now()) == 1
        sent = (await client.get(booking)).text
        assert "€200.00 was refunded to the card you paid with on" in sent
        async with db.transaction() as tx:
            await tx.execute("UPDATE refund SET status = 'failed', problem = 'the card is gone'")
        assert "We haven’t been able to refund €200.00 yet" in (await client.get(booking)).text


async def test_who_paid_nothing_gets_no_amount_of_nothing(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        booking = pay.removesuffix("/pay")
        before = (await client.get(booking)).text
        assert "Cancellation is free. You haven’t paid anything and there’s nothing to pay." in before
        assert "<dd>free of charge</dd>" in before
        assert "€0.00 back" not in before
        after = await cancelled(client, booking)
        assert "You haven’t paid anything and there’s nothing to pay." in after
        assert "€0.00" not in after


async def test_what_was_only_reserved_is_said_to_be_released(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    await sold_on(db, capture="check_in")
    async with site(database_url) as (_, client):
        booking = await paid(client)
        assert (
            "€200.00 was only reserved on your card and will be released" in (await client.get(booking)).text
        )
        after = await cancelled(client, booking)
        assert "€200.00 was only reserved on your card and has been released" in after
        assert await one(db, "SELECT count(*) FROM refund") == 0


async def told(db: Database) -> str:
    (message,) = (one for one in await sent(db) if one.template == "booking_confirmed")
    return render(
        "booking_confirmed", "en", {**message.data, "link": "https://hotel.example/"}, sender="Hotel"
    ).text


async def test_the_page_and_the_mail_say_that_the_price_is_paid_at_the_hotel(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        page = (await client.get(pay.removesuffix("/pay"))).text
    assert "<dt>Balance due</dt><dd>€200.00</dd>" in page
    assert "<li>Nothing to pay now: you pay at the hotel</li>" in page
    assert "To pay at the hotel: €200.00" in await told(db)


async def test_what_is_only_reserved_is_neither_paid_nor_to_be_paid_at_the_hotel(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    await sold_on(db, capture="check_in")
    async with site(database_url) as (_, client):
        page = (await client.get(await paid(client))).text
    assert "<dt>Reserved on your card</dt><dd>€200.00</dd>" in page
    assert "Balance due" not in page
    mail = await told(db)
    assert "Reserved on your card: €200.00, charged at check-in" in mail
    assert "Paid:" not in mail
    assert "at the hotel:" not in mail


async def test_the_rest_is_paid_on_its_day_and_not_at_the_hotel(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await sold_on(db, deposit="nights")
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_plan SET deposit_value = 1, balance_days = 2 WHERE code = 'FLEX'")
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        form = {"method": "card", "expected": "10000", "card": "tok_success"}
        assert (await client.post(pay, data=form)).status_code == 303
        page = (await client.get(pay.removesuffix("/pay"))).text
    arrival = await one(db, "SELECT min(arrival) FROM reservation")
    day = arrival - timedelta(days=2)
    assert f"<li>The rest, €100.00, is due on {date_text(day, 'en')}</li>" in page
    mail = await told(db)
    assert f"Due later: €100.00 on {long_date(day)}" in mail
    assert "Paid: €100.00" in mail
    assert "at the hotel:" not in mail


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_was_paid_in_cash_is_arranged_with_the_hotel(
    db: Database, database_url: str, language: str
) -> None:
    await small_hotel(db, rooms=2)

    def said(text: str) -> str:
        """The sentence up to its amount, and after it, as the page has it in the guest's language."""
        found = translations(language).gettext(text)
        assert (found == text) == (language == "en")
        return max(re.split(r"\{\w+\}", found), key=len).strip()

    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", language)
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        booking = pay.removesuffix("/pay")
        assert f'href="{pay}"' in (await client.get(booking)).text  # what is open can be paid online
        booking_id = await one(db, "SELECT id FROM booking")
        async with db.transaction() as tx:
            await service.record_desk_payment(
                tx, booking_id=booking_id, amount=None, way="cash", receipt="till slip", now=utc_now()
            )
        page = (await client.get(booking)).text
        assert f'href="{pay}"' not in page
        assert (
            said("You’ll get back {amount} that you paid in cash. Please arrange it with the hotel.") in page
        )
        assert "till slip" not in page
        over = await cancelled(client, booking)
        due = "You have {amount} to get back that you paid in cash. Please arrange it with the hotel."
        assert said(due) in over
        (mail,) = (one for one in await sent(db) if one.template == "booking_cancelled")
        assert mail.data["back"] == [{"way": "cash", "amount": 20_000}]
        text = render("booking_cancelled", language, mail.data | {"link": "x"}, sender="x").text
        assert text.count("200") == 2  # how much, and by what way
        async with db.transaction() as tx:
            refund_id = await tx.fetchval("SELECT id FROM refund WHERE status = 'due'")
            await payments.refund_done(tx, refund_id=refund_id, now=utc_now())
        given = (await client.get(booking)).text
        assert said("The hotel gave you back {amount} in cash on {sent}.") in given
        assert said(due) not in given


async def test_who_did_not_come_is_told_and_what_it_costs(db: Database, database_url: str) -> None:
    """By mail and on the booking's page; whoever did come can say so."""
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        booking_id = await one(db, "SELECT id FROM booking")
        late = datetime.combine(stay(20, 2).arrival, time(23), UTC)
        async with db.transaction() as tx:
            await service.no_show(tx, booking_id=booking_id, now=late)
        (mail,) = (one for one in await sent(db) if one.template == "booking_no_show")
        text = render(mail.template, "en", mail.data | {"link": "x"}, sender="x").text
        assert "No-show fee: €100.00\nBalance due: €100.00\n" in text
        assert "please reply to this message" in text
        page = (await client.get(pay.removesuffix("/pay"))).text
        assert "<h1>Nobody arrived for this booking</h1>" in page
        assert "please message the hotel" in page
        assert "You haven’t paid anything yet. The no-show fee of €100.00 is due." in page
        assert "cancellation fee" not in page


@pytest.mark.parametrize("deposit", ["full", "none"])
async def test_a_late_cancellation_names_the_fee_and_what_is_owed(
    db: Database, database_url: str, deposit: str
) -> None:
    await small_hotel(db, rooms=2)
    await sold_on(db, deposit)
    async with db.transaction() as tx:  # one night from the moment of booking
        await tx.execute(
            "UPDATE cancellation_policy SET steps = jsonb_set(steps, '{0,days_before}', 'null')"
            " WHERE code = 'FLEX'"
        )
    async with site(database_url) as (_, client):
        if deposit == "full":
            booking = await paid(client)
        else:
            pay = await held(client, "FLEX", "en")
            await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
            booking = pay.removesuffix("/pay")
        before = (await client.get(booking)).text
        after = await cancelled(client, booking)
        if deposit == "full":
            assert "The hotel keeps €100.00 as the cancellation fee." in before
            assert "You’ll receive €100.00" in before
            assert "<dt>Cancellation fee</dt><dd>€100.00</dd>" in after
        else:
            assert "The cancellation fee of €100.00 is due." in before
            assert "<dt>Balance due</dt><dd>€100.00</dd>" in after


async def test_a_form_that_failed_can_be_reloaded_and_read_in_another_language(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", "en")
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        booking = pay.removesuffix("/pay")
        wrong = await client.post(booking + "/cancel", data={"fee": "1"})
        assert "The amount has changed." in (await refused_page(client, wrong)).text
        german = await client.get(wrong.headers["location"].replace("/en/", "/de/"))
        assert "Der Betrag hat sich geändert." in german.text
        for step in ("cancel", "message", "again"):
            answer = await client.get(f"{booking.replace('/en/', '/de/')}/{step}")
            assert answer.headers["location"] == booking.replace("/en/", "/de/")
        assert await one(db, "SELECT status FROM booking") == "confirmed"
