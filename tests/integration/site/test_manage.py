"""A guest changes a booking, writes to the hotel and takes a lapsed room again, by plain forms."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.notifications.rendering import render
from tests.clients.outbox import sent
from tests.factories.small_hotel import small_hotel, stay
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    held,
    one,
    refused_page,
    site,
)
from tests.integration.site.test_money_back import paid, sold_on


async def booked(client: httpx.AsyncClient, plan: str = "FLEX", language: str = "en") -> str:
    """The path of a confirmed booking."""
    pay = await held(client, plan, language)
    form = {"method": "pay_at_property", "expected": "0"}
    if plan == "NRF":
        form = {"method": "card", "expected": "18000", "card": "tok_success"}
    assert (await client.post(pay, data=form)).status_code == 303
    return pay.removesuffix("/pay")


def change(nights: int = 3, first: int = 20, adults: str = "2", act: str = "preview") -> dict[str, str]:
    when = stay(first, nights)
    return {
        "arrival": when.arrival.isoformat(),
        "departure": when.departure.isoformat(),
        "adults-1": adults,
        "children-1": "",
        "act": act,
    }


async def looked_at(client: httpx.AsyncClient, booking: str, form: dict[str, str]) -> httpx.Response:
    """What a change would cost, or why it cannot be had: where its form leads, which can be loaded anew."""
    answer = await client.post(f"{booking}/amend", data=form)
    assert answer.status_code == 303, answer.text
    return await client.get(answer.headers["location"])


async def test_a_change_is_shown_with_its_price_and_made_at_that_price_once(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        booking = await booked(client)
        assert f'href="{booking}/amend"' in (await client.get(booking)).text
        page = await client.get(booking + "/amend")
        assert stay(20, 2).arrival.isoformat() in page.text
        shown = await looked_at(client, booking, change())
        assert shown.status_code == 200
        assert "€300.00" in shown.text
        assert await one(db, "SELECT total FROM booking") == 20_000  # a look changes nothing
        agreed = re.search(r'name="agreed" value="(\d+)"', shown.text)
        assert agreed is not None
        other = await client.post(booking + "/amend", data=change(act="confirm") | {"agreed": "29999"})
        other = await refused_page(client, other)
        assert "The amount has changed. Please check the new amount" in other.text
        assert "€300.00" in other.text
        for _again in range(2):
            done = await client.post(booking + "/amend", data=change(act="confirm") | {"agreed": agreed[1]})
            assert done.status_code == 303
        assert await one(db, "SELECT total FROM booking") == 30_000
        assert await one(db, "SELECT sum(taken) FROM room_night") == 3
        (mail,) = (mail for mail in await sent(db) if mail.template == "booking_amended")
        assert mail.data["open"] == 30_000
        assert mail.data["cancellable"]
        assert str(mail.data["free_until"]).startswith("2030-03-")


@pytest.mark.parametrize(
    ("deposit", "now", "button"), [("none", "0.00", "secondary"), ("full", "100.00", "primary")]
)
async def test_a_change_says_what_of_it_is_paid_now(
    db: Database, database_url: str, deposit: str, now: str, button: str
) -> None:
    await small_hotel(db, rooms=2)
    await sold_on(db, deposit)
    async with site(database_url) as (_, client):
        booking = await paid(client) if deposit == "full" else await booked(client)
        shown = await looked_at(client, booking, change())
        said = shown.text.partition("What it would cost")[2]
        assert "<dt>Current price</dt><dd>€200.00</dd>" in said
        assert "<dt>Additional amount to pay</dt><dd>€100.00</dd>" in said
        assert f"<dt>To pay now</dt><dd>€{now}</dd>" in said.partition("</section>")[0]
        done = await client.post(booking + "/amend", data=change(act="confirm") | {"agreed": "30000"})
        assert done.status_code == 303
        # What is due at once is what the page asks for first.
        assert (
            f'<a class="button {button}" href="{booking}/pay">Pay now</a>' in (await client.get(booking)).text
        )
    (mail,) = (mail for mail in await sent(db) if mail.template == "booking_amended")
    text = render("booking_amended", "en", {**mail.data, "link": "https://hotel.example/"}, sender="x").text
    assert ("Due now: €100.00" in text) == (deposit == "full")
    assert ("To pay at the hotel: €300.00" in text) == (deposit == "none")
    assert "Balance due" not in text
    before = {name: value for name, value in mail.data.items() if name not in ("at_hotel", "due", "later")}
    before |= {"link": "https://hotel.example/"}
    text = render("booking_amended", "en", before, sender="x").text  # queued by the release before
    assert "Balance due: €" in text


async def test_a_change_that_cannot_be_had_says_why_and_what_can(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=1)
    async with site(database_url) as (_, client), site(database_url) as (_, other):
        booking = await booked(client, language="de")
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET physical = 0 WHERE night = $1", stay(22, 1).arrival)
        del other
        refused = await looked_at(client, booking, change(nights=4))
        assert "Ausgebucht am" in refused.text
        sold = await client.post(booking + "/amend", data=change(nights=4, act="confirm") | {"agreed": "1"})
        assert "Ausgebucht am" in (await refused_page(client, sold)).text
        crowd = await looked_at(client, booking, change(nights=2, adults="9"))
        assert 'role="alert"' in crowd.text
        for broken in (
            {"arrival": "soon"},
            {"adults-1": "0"},
            {"adults-1": "9" * 400},
            {"children-1": "99"},
            {"departure": "2030-01-01"},
            {"arrival": "2030-03-21", "departure": "2039-03-22"},
        ):
            for act in ("preview", "confirm"):
                form = change() | broken | {"agreed": "20000", "act": act}
                answer = await looked_at(client, booking, form)
                assert 'aria-invalid="true"' in answer.text, broken
        assert await one(db, "SELECT total FROM booking") == 20_000


async def test_no_change_where_cancelling_would_cost(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        booking = await booked(client, "NRF")
        shown = (await client.get(booking)).text
        assert f'href="{booking}/amend"' not in shown
        assert "If you don’t arrive, you’ll be charged the full price, €180.00" in shown
        page = await client.get(booking + "/amend")
        assert "Please contact the hotel" in page.text
        tried = await looked_at(client, booking, change(act="confirm") | {"agreed": "27000"})
        assert "Free changes are no longer possible." in tried.text
        assert await one(db, "SELECT total FROM booking") == 18_000


async def test_a_message_reaches_the_hotel_and_the_panel_and_can_be_forgotten(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET email = 'desk@hotel.example'")
    async with site(database_url) as (_, client):
        booking = await booked(client)
        empty = await refused_page(client, await client.post(booking + "/message", data={"text": "  "}))
        assert "Please fill this in." in empty.text
        text = "We come late.\n<b>= Button | https://evil.example</b>"
        for _twice in range(2):
            done = await client.post(booking + "/message", data={"text": text})
            assert done.status_code == 303
        page = await client.get(booking)
        assert "We come late." in page.text
        assert "<b>=" not in page.text
        mails = [mail for mail in await sent(db) if mail.template == "guest_message"]
        assert [(mail.recipient, mail.data["text"]) for mail in mails] == [("desk@hotel.example", text)]
        texts = [{"text": f"{number}?"} for number in range(11)]
        ends = [(await client.post(booking + "/message", data=text)).headers["location"] for text in texts]
        assert ["refused" in end for end in ends] == [False] * 9 + [True] * 2
        long = await refused_page(client, await client.post(booking + "/message", data={"text": "x" * 4001}))
        assert "x" * 4001 in long.text
        assert await one(db, "SELECT count(*) FROM booking_note WHERE staff_id IS NULL") == 10


async def test_a_lapsed_room_is_taken_again_with_one_press(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=1)
    async with site(database_url) as (_, client), site(database_url) as (_, other):
        pay = await held(client, language="en")
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE booking SET hold_expires_at = now() - $1::interval", timedelta(minutes=1)
            )
            await tx.execute("SELECT booking_lapse(id, now()) FROM booking")
        again = pay.removesuffix("/pay") + "/again"
        assert f'action="{again}"' in (await client.get(pay)).text
        assert (await other.post(again)).status_code == 404
        taken = await client.post(again)
        assert taken.status_code == 303
        details = await client.get(taken.headers["location"])
        assert 'value="ana@example.com"' in details.text
        assert "The price has changed" not in details.text
        second = await client.post(taken.headers["location"], data=GUEST)
        assert second.status_code == 303
        gone = await client.post(again)  # it is held now, by the same guest
        assert "/hotels/" in gone.headers["location"]
        page = await client.get(gone.headers["location"])
        assert "This offer has just sold out" in page.text


async def test_a_lapsed_room_that_costs_something_else_by_now_says_so(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=1)
    async with site(database_url) as (_, client):
        pay = await held(client, language="en")
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
            await tx.execute("UPDATE rate_night SET price = price - 1000")
        taken = await client.post(pay.removesuffix("/pay") + "/again")
        details = await client.get(taken.headers["location"])
        assert "The price has changed in the meantime. This is the price now." in details.text


async def test_rooms_of_one_kind_are_told_apart_by_their_numbers(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        single = (await client.get(await booked(client))).text
        assert ">Room 1" not in single
        where = await chosen(client, "FLEX", rooms=2, language="en")
        pay = (await client.post(where, data=GUEST)).headers["location"]
        assert "Your confirmation will be sent to:" in (await client.get(pay)).text
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        booking = pay.removesuffix("/pay")
        page = (await client.get(booking)).text
        assert "Confirmation by email to: <bdi>ana@example.com</bdi>" in page
        assert re.findall(r'<h2 id="(room-\d)">(Room \d · )<bdi>DBL', page) == [
            ("room-1", "Room 1 · "),
            ("room-2", "Room 2 · "),
        ]
        assert 'aria-labelledby="room-2"' in page
        form = (await client.get(f"{booking}/amend")).text
        assert re.findall(r"<legend>(Room \d) · <bdi>DBL", form) == ["Room 1", "Room 2"]
        crowd = change() | {"adults-2": "9", "children-2": ""}
        refused = (await looked_at(client, booking, crowd)).text
        assert re.search(r"<li>Room 2 · <bdi>DBL</bdi>: For up to 4 guests", refused)
        assert "<li>Room 1" not in refused


async def test_what_a_change_costs_has_an_address(db: Database, database_url: str) -> None:
    """So the page can be loaded anew, come back to and read in another language."""
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        booking = await booked(client)
        form = (await client.get(f"{booking}/amend")).text
        assert 'value="preview" formmethod="get"' in form
        for _again in range(2):
            shown = await client.get(f"{booking}/amend", params=change())
            assert shown.status_code == 200
            assert 'name="agreed" value="30000"' in shown.text
            assert "act%3Dpreview" in re.findall(r'<a [^>]*hreflang="de"[^>]*>', shown.text)[0]
        assert await one(db, "SELECT total FROM booking") == 20_000
        wrong = await client.get(f"{booking}/amend", params=change(adults="0") | {"arrival": "soon"})
        assert wrong.status_code == 200
        assert wrong.text.count('aria-invalid="true"') == 2
        assert 'name="agreed"' not in wrong.text
        assert "Please enter the date like this: " in wrong.text
        typed = change() | {
            name: f"{day[8:]}.{day[5:7]}.{day[:4]}" for name, day in change().items() if "-" in day
        }
        german = await looked_at(client, booking.replace("/en/", "/de/"), typed)
        assert 'name="agreed" value="30000"' in german.text
        assert f'type="date" value="{change()["departure"]}"' in german.text
        same = await client.get(f"{booking}/amend", params=change(nights=2))
        assert "This wouldn’t change anything." in same.text
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET physical = 0 WHERE night >= $1", stay(22, 1).arrival)
        full = await client.get(f"{booking}/amend", params=change(nights=4, adults="1"))
        assert "This change isn’t possible:" in full.text
        # The suggestion is for the party that was asked for, and shows its price at once.
        (fix,) = re.findall(r'<p><a href="([^"]*/amend[^"]*)"', full.text)
        there = await client.get(fix.replace("&amp;", "&"))
        assert 'name="adults-1" type="number" value="1"' in there.text
        assert 'name="agreed"' in there.text


async def test_one_room_of_a_party_is_cancelled_by_its_guest(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", rooms=2, language="en")
        pay = str((await client.post(where, data=GUEST)).headers["location"])
        form = {"method": "pay_at_property", "expected": "0"}
        assert (await client.post(pay, data=form)).status_code == 303
        booking = pay.removesuffix("/pay")
        page = (await client.get(booking)).text
        assert page.count("Cancel this room") == 2
        assert "The new total is €200.00." in page
        seen = {"rooms": "2", "fee": "0"}
        for _again in range(2):  # sent twice, it is cancelled once
            answer = await client.post(f"{booking}/cancel", data=seen)
            assert (answer.status_code, answer.headers["location"]) == (303, booking)
        page = (await client.get(booking)).text
        assert "Your booking is confirmed" in page
        assert "Room cancelled" in page
        assert "Cancel this room" not in page  # the last room is the booking
        assert (await client.get(pay)).text.count("2 adults") == 1  # of what is to be paid
        assert 'name="adults-2"' not in (await client.get(f"{booking}/amend")).text
    (mail,) = (mail for mail in await sent(db) if mail.template == "booking_amended")
    text = render("booking_amended", "en", {**mail.data, "link": "https://hotel.example/"}, sender="x").text
    assert "Cancelled: Room 2, DBL" in text
    assert await one(db, "SELECT sum(taken) FROM room_night") == 2
