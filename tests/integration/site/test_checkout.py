"""A guest books on the site, by plain forms and without any script."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from hotel_booking.app import Application
from hotel_booking.core.db import Database
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import SAME_ORIGIN
from tests.clients.waiting import until
from tests.doubles.stripe import StripeDouble
from tests.factories.paying import stripe_settings
from tests.factories.small_hotel import (
    FIRST,
    SLUG,
    small_hotel,
    stay,
)

GUEST = {"given_name": "Ana", "family_name": "Beispiel", "email": "ana@example.com"}


@asynccontextmanager
async def site(url: str) -> AsyncIterator[tuple[Application, httpx.AsyncClient]]:
    async with running(settings_for(url, secret_key="k" * 40)) as (app, client):
        client.headers.update(SAME_ORIGIN)
        yield app, client


def offer(plan: str = "NRF", rooms: int = 1) -> dict[str, Any]:
    when = stay(20, 2)
    return {
        "property": SLUG,
        "arrival": when.arrival.isoformat(),
        "departure": when.departure.isoformat(),
        "room_type": ["DBL"] * rooms,
        "rate_plan": [plan] * rooms,
        "adults": ["2"] * rooms,
        "children": [""] * rooms,
    }


async def chosen(client: httpx.AsyncClient, plan: str = "NRF", rooms: int = 1, language: str = "de") -> str:
    answer = await client.post(f"/{language}/book", data=offer(plan, rooms))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def held(client: httpx.AsyncClient, plan: str = "NRF", language: str = "de") -> str:
    where = await chosen(client, plan, language=language)
    answer = await client.post(where, data=GUEST)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def refused_page(client: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """The page that the sender of a refused form is sent to: it can be loaded as often as one likes, and its
    address says no more than why."""
    assert answer.status_code == 303, answer.text
    where = str(answer.headers["location"])
    assert re.search(r"[?&]refused=[a-z_]+$", where), where
    pages = [await client.get(where) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert all('role="alert"' in page.text for page in pages)
    return pages[1]


async def one(db: Database, sql: str) -> Any:
    async with db.transaction() as tx:
        return await tx.fetchval(sql)


async def test_from_an_offer_to_a_confirmed_booking_and_its_cancellation(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        where = await chosen(client)
        details = await client.get(where)
        assert details.status_code == 200
        assert "180,00" in details.text
        wrong = {**GUEST, "email": "nobody", "given_name": "<script>x</script>"}
        bad = await refused_page(client, await client.post(where, data=wrong))
        assert "<script>x" not in bad.text
        assert "&lt;script&gt;x" in bad.text
        pay = await held(client)
        page = await client.get(pay)
        assert page.status_code == 200
        form = {"method": "card", "expected": "18000"}
        declined = await client.post(pay, data={**form, "card": "tok_decline"})
        await refused_page(client, declined)
        assert await one(db, "SELECT count(*) FROM ledger_entry") == 0
        for _again in range(2):
            done = await client.post(pay, data={**form, "card": "tok_success"})
            assert done.status_code == 303
        shown = await client.get(done.headers["location"])
        assert shown.status_code == 200
        assert await one(db, "SELECT sum(amount) FROM ledger_entry") == 18_000
        assert await one(db, "SELECT language FROM booking") == "de"
        entry = await client.get(done.headers["location"] + "/calendar.ics")
        assert entry.text.startswith("BEGIN:VCALENDAR\r\n")
        assert f"DTSTART:{FIRST:%Y}" in entry.text
        refused = await client.post(done.headers["location"] + "/cancel", data={"fee": "1"})
        await refused_page(client, refused)
        fee = re.search(r'name="fee" value="(\d+)"', shown.text)
        assert fee is not None
        for _again in range(2):
            cancelled = await client.post(done.headers["location"] + "/cancel", data={"fee": fee[1]})
            assert cancelled.status_code == 303
        assert await one(db, "SELECT status FROM booking") == "cancelled"


async def test_forms_that_are_sent_twice_book_once(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        where = await chosen(client)
        answers = [await client.post(where, data=GUEST) for _ in range(3)]
        assert {answer.headers["location"] for answer in answers} == {answers[0].headers["location"]}
        assert (await client.get(where)).headers["location"] == answers[0].headers["location"]
        assert await one(db, "SELECT count(*) FROM booking") == 1


async def test_a_second_step_and_nothing_due_and_a_changed_amount(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client)
        changed = await client.post(pay, data={"method": "card", "expected": "17999", "card": "tok_success"})
        assert "Der Betrag" in (await refused_page(client, changed)).text
        sent = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_challenge"})
        assert sent.status_code == 303  # a page that can be reloaded
        for _reload in range(2):
            asked = await client.get(sent.headers["location"])
            assert asked.status_code == 200
        denied = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_decline"})
        await refused_page(client, denied)
        sent = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_challenge"})
        asked = await client.get(sent.headers["location"])
        token = re.search(r'name="card" value="(tok_[^"]+)"', asked.text)
        assert token is not None
        done = await client.post(pay, data={"method": "card", "expected": "18000", "card": token[1]})
        assert done.status_code == 303
        flexible = await held(client, "FLEX")
        free = await client.post(flexible, data={"method": "pay_at_property", "expected": "0"})
        assert free.status_code == 303
        assert await one(db, "SELECT count(*) FROM booking WHERE status = 'confirmed'") == 2


async def test_the_conditions_stand_on_each_page_whose_button_accepts_them(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE rate_plan SET deposit_kind = 'percent', deposit_value = 300000, meal = 3,"
            "       deposit_capture = 'check_in', balance_days = 5 WHERE code = 'FLEX'"
        )
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", language="en")
        before = (await client.get(where)).text
        pay = (await client.post(where, data=GUEST)).headers["location"]
        for page in (before, (await client.get(pay)).text):
            for said in (
                "the cancellation and payment conditions shown here",
                "Breakfast included",
                "<li>From 20 March 2030, 18:00 (Lisbon time), cancelling costs €100.00</li>",
                "<li>If you don’t arrive, you’ll be charged €100.00</li>",
                "<li>€60.00 will be reserved on your card and charged at check-in</li>",
                "<li>The rest, €140.00, is due on Sat, 16 Mar 2030</li>",
                "Price breakdown",
            ):
                assert said in page, said


async def test_the_last_room_is_sold_once_and_the_other_is_told_kindly(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=1)
    async with site(database_url) as (app, first), site(database_url) as (_, second):
        del app
        ways = [await chosen(first, language="en"), await chosen(second, language="en")]
        assert (await first.post(ways[0], data=GUEST)).status_code == 303
        late = await refused_page(second, await second.post(ways[1], data=GUEST))
        assert "You haven’t been charged" in late.text
        assert "Ana" in late.text  # what was typed is kept
        assert await one(db, "SELECT count(*) FROM payment") == 0


async def test_a_hold_that_is_over_charges_nothing_and_leads_back(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        pay = await held(client, language="en")
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        late = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_success"})
        late = await refused_page(client, late)
        assert "Your hold has expired" in late.text
        assert f"/en/hotels/{SLUG}?arrival=" in late.text
        assert await one(db, "SELECT count(*) FROM payment") == 0


async def test_a_booking_without_a_payment_confirmed_twice_or_too_late_is_told_as_it_is(
    db: Database, database_url: str
) -> None:
    """From a second tab, or a page left open: never that this way of paying is not to be had."""
    await small_hotel(db, rooms=3)
    form = {"method": "pay_at_property", "expected": "0"}
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", language="en")
        first, second = [await client.post(pay, data=form) for _ in range(2)]
        assert first.headers["location"] == second.headers["location"] == pay.removesuffix("/pay")
        assert await one(db, "SELECT array_agg(status) FROM payment") == ["captured"]
        late = await held(client, "FLEX", language="en")
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET status = 'expired' WHERE status = 'held'")
        page = (await refused_page(client, await client.post(late, data=form))).text
        assert "Your hold has expired" in page
        assert "choose another" not in page


async def test_nobody_else_opens_a_booking(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, owner), site(database_url) as (_, stranger):
        where = await chosen(owner, language="en")
        pay = (await owner.post(where, data=GUEST)).headers["location"]
        assert (await stranger.get(where)).status_code == 404
        assert (await stranger.post(where, data=GUEST)).status_code == 404
        assert "location" not in (await stranger.post(where + "/again")).headers
        booking = pay.removesuffix("/pay")
        for path in (pay, booking, booking + "/calendar.ics"):
            answer = await stranger.get(path)
            assert answer.status_code == 404, path
            assert "Ana" not in answer.text
        for path in (pay, booking + "/cancel"):
            assert (await stranger.post(path, data={"fee": "0"})).status_code == 404
        reference = booking.rpartition("/")[2]
        stranger.cookies.set("hotel_bookings", f"{reference.replace('-', '')}.{'x' * 32}")
        assert (await stranger.get(booking)).status_code == 404
        stranger.cookies.clear()
        wrong = {"reference": reference, "email": "somebody@example.com"}
        codes = [(await stranger.post("/en/booking", data=wrong)).status_code for _ in range(7)]
        assert codes[:5] == [422] * 5
        assert codes[-1] == 429
        assert await one(db, "SELECT status FROM booking WHERE status = 'held'") == "held"


async def test_reference_and_address_open_it_and_so_does_the_link_of_a_mail(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (app, client):
        pay = await held(client, language="en")
        reference = pay.split("/")[-2]
        client.cookies.clear()
        found = await client.post("/en/booking", data={"reference": reference, "email": "ANA@example.com"})
        assert found.status_code == 303
        assert (await client.get(pay)).status_code == 200
        client.cookies.clear()
        from hotel_booking.app.adapters import links_of

        address = links_of(app.state.settings)(f"/booking/{reference}", "Ana@Example.com")
        opened = await client.get(address.removeprefix("http://localhost:8000"))
        assert opened.headers["location"] == f"/en/booking/{reference}"
        assert (await client.get(pay)).status_code == 200
        client.cookies.clear()
        # Cut off on its way: the booking is asked for, with its reference filled in.
        cut = (await client.get(f"/booking/{reference}?token=nonsense")).headers["location"]
        assert cut == f"/en/booking/{reference}"
        assert f'name="reference" type="text" value="{reference}"' in (await client.get(cut)).text


@pytest.mark.parametrize(
    "broken",
    [
        {"arrival": "soon"},
        {"adults": ["many"]},
        {"room_type": []},
        {"room_type": ["NONE"]},
        {"property": "no-such-hotel"},
        {"property": "../../etc/passwd"},
        {"children": ["99"]},
        {"adults": ["\x00"]},
    ],
)
async def test_a_broken_form_gets_no_error_of_ours(
    db: Database, database_url: str, broken: dict[str, Any]
) -> None:
    await small_hotel(db)
    async with site(database_url) as (_, client):
        answer = await client.post("/en/book", data={**offer(), **broken})
        assert answer.status_code in (303, 400, 404, 409, 422), answer.text
        assert await one(db, "SELECT count(*) FROM booking") == 0


async def test_stripes_form_and_page_take_the_card_and_the_server_asks_stripe(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    with StripeDouble() as stripe:
        settings = stripe_settings(
            database_url, stripe, secret_key="k" * 40, stripe_publishable_key="pk_test_double"
        )
        async with running(settings) as (_, client):
            client.headers.update(SAME_ORIGIN)
            pay = await held(client, language="en")
            form = {"method": "card", "expected": "18000"}
            sent = await client.post(pay, data=form)
            assert sent.status_code == 303
            page = await client.get(sent.headers["location"])
            policy = page.headers["content-security-policy"]
            assert "script-src 'self' https://js.stripe.com" in policy
            assert "unsafe" not in policy
            secret = re.search(r'data-client-secret="([^"]+)"', page.text)
            assert secret is not None
            back = pay.removesuffix("/pay") + "/payment"
            assert sent.headers["location"] == back
            early = await client.get(back)
            assert early.status_code == 200
            assert await one(db, "SELECT status FROM booking") == "held"
            await client.post(pay, data=form)
            again = await client.get(back)
            assert secret[1] in again.text  # a second tab: the same payment
            stripe.complete(stripe.intents()[0]["id"])
            assert "data-goes-on" in (await client.get(back)).text
            done = await client.post(back)
            assert done.headers["location"] == pay.removesuffix("/pay")
            assert await one(db, "SELECT sum(amount) FROM ledger_entry") == 18_000
            other = await held(client, language="en")
            hosted = await client.post(other, data={**form, "hosted": "true"})
            assert hosted.status_code == 303
            assert hosted.headers["location"].startswith("http")


async def test_two_offers_in_two_tabs_and_two_bookings_in_one_browser(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        tabs = [await chosen(client, plan) for plan in ("NRF", "FLEX")]
        pages = [await client.get(tab) for tab in tabs]
        assert [page.status_code for page in pages] == [200, 200]
        paid = [(await client.post(tab, data=GUEST)).headers["location"] for tab in tabs]
        assert len(set(paid)) == 2
        assert [(await client.get(pay)).status_code for pay in paid] == [200, 200]
        # Who books again types nothing twice.
        third = await client.get(await chosen(client))
        assert 'value="ana@example.com"' in third.text


async def test_a_house_without_a_key_sells_until_it_restarts(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with running(settings_for(database_url, secret_key=None)) as (_, client):
        client.headers.update(SAME_ORIGIN)
        pay = await held(client)
        done = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_success"})
        assert (await client.get(done.headers["location"])).status_code == 200


async def test_a_transfer_says_where_the_money_goes(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    settings = settings_for(database_url, secret_key="k" * 40, bank_account="Hotel Lima\nDE02 1203 0000")
    async with running(settings) as (_, client):
        client.headers.update(SAME_ORIGIN)
        pay = await held(client, language="en")
        reference = pay.split("/")[-2]
        sent = await client.post(pay, data={"method": "bank_transfer", "expected": "18000"})
        assert sent.status_code == 303
        for where in (sent.headers["location"], (await client.get(pay)).headers["location"]):
            page = await client.get(where)
            for words in ("Hotel Lima", "DE02 1203 0000", reference, "€180.00", "To arrive by"):
                assert words in page.text
        other = await client.get(pay, params={"other": "1"})
        assert 'name="card"' in other.text
        done = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_success"})
        assert done.status_code == 303
        assert await one(db, "SELECT status FROM booking") == "confirmed"
        assert await one(db, "SELECT count(*) FROM ledger_entry") == 1


async def test_a_gateway_that_does_not_answer_is_waited_for_and_nothing_untrue_is_said(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, language="en")
        sent = await client.post(pay, data={"method": "card", "expected": "18000", "card": "tok_lost"})
        assert sent.headers["location"] == pay.removesuffix("/pay") + "/payment"
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        waits = await client.get(pay)
        assert waits.headers["location"] == sent.headers["location"]  # not "nothing was charged"
        done = await client.post(waits.headers["location"])  # the gateway is asked: it has the money
        assert done.status_code == 303
        assert await one(db, "SELECT status FROM booking") == "confirmed"


async def test_an_offer_that_is_gone_leads_back_with_the_same_question_and_says_why(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=1)
    async with site(database_url) as (_, first), site(database_url) as (_, second):
        await held(first)
        late = await second.post("/en/book", data=offer())
        assert late.status_code == 303
        assert "adults=2" in late.headers["location"]
        page = await second.get(late.headers["location"])
        assert "This offer has just sold out" in page.text
        assert 'class="flash warning"' in page.text
        for nobodys in ("\u65e5\u672c", "no such"):
            assert (await second.post("/en/book", data=offer() | {"property": nobodys})).status_code == 404


@pytest.mark.parametrize(
    ("rule", "arrival", "said"),
    [
        (None, date(2025, 3, 3), {"en": "is in the past", "de": "ist vorbei"}),
        ("min_stay_arrival = 7", None, {"en": "Minimum stay of 7 nights", "fr": "Séjour minimum de 7 nuits"}),
    ],
)
async def test_an_offer_on_a_page_left_open_is_not_called_sold_out_where_it_is_not(
    db: Database, database_url: str, rule: str | None, arrival: date | None, said: dict[str, str]
) -> None:
    await small_hotel(db, rooms=1)
    if rule is not None:
        async with db.transaction() as tx:
            await tx.execute(f"UPDATE rate_night SET {rule}")
    asked = offer()
    if arrival is not None:
        asked |= {"arrival": arrival.isoformat(), "departure": (arrival + timedelta(days=1)).isoformat()}
    async with site(database_url) as (_, client):
        for language, sentence in said.items():
            late = await client.post(f"/{language}/book", data=asked)
            page = (await client.get(late.headers["location"])).text
            flash = re.search(r'class="flash warning".*?</div>', page, re.DOTALL)
            assert flash is not None
            assert sentence in flash[0]


async def test_what_is_still_open_is_paid_on_the_site_and_once(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, "FLEX", language="en")
        await client.post(pay, data={"method": "pay_at_property", "expected": "0"})
        page = await client.get(pay)
        assert page.status_code == 200
        amount = re.search(r'name="expected" value="(\d+)"', page.text)
        assert amount is not None
        form = {"method": "card", "expected": amount[1], "balance": "true", "card": "tok_success"}
        at_the_desk = await client.post(pay, data={**form, "method": "pay_at_property"})
        await refused_page(client, at_the_desk)
        for _again in range(2):
            assert (await client.post(pay, data=form)).status_code == 303
        assert await one(db, "SELECT sum(amount) FROM ledger_entry") == int(amount[1])
        assert (await client.get(pay)).status_code == 303


async def test_texts_that_are_no_references_lock_only_their_address(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        wrong = {"reference": "what?", "email": "ana@example.com"}
        codes = [(await client.post("/en/booking", data=wrong)).status_code for _ in range(8)]
        assert codes == [422] * 8


async def test_the_banks_question_answered_twice_never_takes_the_balance(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    async with db.transaction() as tx:
        # Due now is exactly what is open afterwards: the amount alone does not tell them apart.
        await tx.execute(
            "UPDATE rate_plan SET deposit_kind = 'percent', deposit_value = 500000 WHERE code = 'NRF'"
        )
    async with site(database_url) as (_, client):
        pay = await held(client, language="en")
        form = {"method": "card", "expected": "9000", "card": "tok_challenge"}
        sent = await client.post(pay, data=form)
        asked = await client.get(sent.headers["location"])
        fields = re.search(r"<form.*?</form>", asked.text, re.DOTALL)
        assert fields is not None
        answer = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', fields[0]))
        for _again in range(3):
            assert (await client.post(pay, data=answer)).status_code == 303
        assert await one(db, "SELECT sum(amount) FROM ledger_entry") == 9_000


@pytest.mark.parametrize("card", ["tok_success", "tok_decline"])
async def test_who_presses_pay_twice_ends_where_the_first_press_led(
    db: Database, database_url: str, card: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        pay = await held(client, language="en")
        booking = pay.removesuffix("/pay")
        form = {"method": "card", "expected": "18000", "card": card}
        async with db.transaction() as tx:
            await tx.execute("LOCK TABLE sandbox_payment IN EXCLUSIVE MODE")  # the gateway is slow
            first = asyncio.create_task(client.post(pay, data=form))
            await until(lambda: one(db, "SELECT count(*) FROM payment WHERE status = 'started'"))
            # That the gateway has not heard of it yet decides nothing.
            sent = await client.post(booking + "/payment")
            for looked in (
                await client.get(booking + "/payment"),
                await client.get(sent.headers["location"]),
            ):
                assert "We’re processing your payment" in looked.text
            second = asyncio.create_task(client.post(pay, data=form))
            await asyncio.wait({second}, timeout=0.3)
        answers = await asyncio.gather(first, second)
        if card == "tok_success":
            assert [answer.status_code for answer in answers] == [303, 303]
            shown = await client.get(answers[1].headers["location"], follow_redirects=True)
            assert shown.url.path == booking
            assert "is confirmed" in shown.text
            assert await one(db, "SELECT sum(amount) FROM ledger_entry") == 18_000
        else:
            pages = [await refused_page(client, answer) for answer in answers]
            assert all("Your bank declined the card" in page.text for page in pages)
        assert await one(db, "SELECT count(*) FROM payment") == 1


async def test_a_price_that_changed_after_it_was_seen_is_said(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    told = "The price has changed in the meantime."
    asked = {name: offer()[name] for name in ("arrival", "departure")} | {"rooms": "2", "adults": "2"}
    async with site(database_url) as (_, client):
        hotel = (await client.get(f"/en/hotels/{SLUG}", params=asked)).text
        shown = dict(
            re.findall(
                r'name="rate_plan" value="(\w+)">\s*<input type="hidden" name="seen" value="(\d+)"', hotel
            )
        )
        assert shown == {"FLEX": "40000", "NRF": "36000"}
        same = offer(rooms=2) | {"adults": ["1", "1"]}
        for plan, seen in shown.items():
            taken = await client.post("/en/book", data=same | {"rate_plan": [plan, plan], "seen": seen})
            page = await client.get(taken.headers["location"])
            assert told not in page.text
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_night SET price = price + 1000")
        taken = await client.post("/en/book", data=same | {"seen": shown["NRF"]})
        page = await client.get(taken.headers["location"])
        assert told in page.text
        assert "€360.00" not in page.text
        assert told not in (await client.get(taken.headers["location"])).text
        odd = await client.post("/en/book", data=same | {"seen": "٣٦<b>"})
        assert odd.status_code == 303


async def test_who_is_no_longer_known_is_led_to_finding_the_booking(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        where = await chosen(client, "FLEX", language="en")
        pay = (await client.post(where, data=GUEST)).headers["location"]
        booking = pay.removesuffix("/pay")
        client.cookies.clear()
        form = {"method": "pay_at_property", "expected": "0"}
        for lost in (
            await client.get(pay),
            await client.post(pay, data=form),
            await client.get(f"{booking}/payment"),
            await client.get(f"{booking}/amend"),
            await client.post(f"{booking}/message", data={"text": "Hello"}),
        ):
            assert lost.status_code == 404
            assert "We can’t open this booking here" in lost.text
            assert "has to accept this site’s cookies" in lost.text
            undone = "What you’ve just sent hasn’t been carried out: nothing has been changed or charged."
            assert (undone in lost.text) == (lost.request.method == "POST")
            assert f'href="{booking}"' in lost.text
        found = await client.get(booking)
        assert f'name="reference" type="text" value="{booking.rpartition("/")[2]}"' in found.text
        # A price that became a booking looks like one that never was: neither is said to be unbooked.
        for gone in (where, "/en/book/00000000-0000-4000-8000-000000000000"):
            page = await client.get(gone)
            assert page.status_code == 404
            assert "Nothing has been booked" not in page.text
            assert 'href="/en/booking">Find your booking</a>' in page.text
        client.cookies.set("hotel_browser", "x" * 32)
        assert "cookies" not in (await client.get(pay)).text
        hidden = await client.get("/de/booking/<b>/pay")
        assert hidden.status_code == 404
        assert "Diese Buchung lässt sich hier nicht öffnen" in hidden.text
        assert 'href="/de/booking/%3Cb%3E"' in hidden.text


@pytest.mark.parametrize(
    ("language", "of_one", "of_two"),
    [
        ("en", "holding the room for you", "holding the rooms for you"),
        ("de", "halten das Zimmer bis", "halten die Zimmer bis"),
        ("fr", "gardons la chambre jusqu", "gardons les chambres jusqu"),
        ("es", "guardamos la habitación hasta", "guardamos las habitaciones hasta"),
        ("ar", "نحتفظ لكم بالغرفة حتى", "نحتفظ لكم بالغرفتين حتى"),
    ],
)
async def test_who_books_two_rooms_is_told_of_both(
    db: Database, database_url: str, language: str, of_one: str, of_two: str
) -> None:
    await small_hotel(db, rooms=5)
    async with site(database_url) as (_, client):
        for rooms, said in ((1, of_one), (2, of_two)):
            where = await chosen(client, rooms=rooms, language=language)
            pay = (await client.post(where, data=GUEST)).headers["location"]
            assert said in (await client.get(pay)).text


@pytest.mark.parametrize(
    ("language", "of_one", "of_two"),
    [
        (
            "en",
            ("holding your room.", "hold the room ", "the room for"),
            ("rooms.", "the rooms ", "rooms for"),
        ),
        (
            "de",
            ("Ihr Zimmer ist", "das Zimmer einige", "das Zimmer bis"),
            ("Ihre Zimmer sind",) + ("die Zimmer",) * 2,
        ),
        (
            "fr",
            ("gardons la chambre.",) + ("gardons la chambre",) * 2,
            ("gardons les chambres.",) + ("les chambres",) * 2,
        ),
        (
            "es",
            ("guardándole la habitación.",) + ("la habitación",) * 2,
            ("las habitaciones.",) + ("las habitaciones",) * 2,
        ),
        ("ar", ("نحتفظ لكم بالغرفة.",) + ("بالغرفة",) * 2, ("نحتفظ لكم بالغرفتين.",) + ("بالغرفتين",) * 2),
    ],
)
async def test_a_declined_card_and_a_transfer_speak_of_all_rooms(
    db: Database, database_url: str, language: str, of_one: tuple[str, ...], of_two: tuple[str, ...]
) -> None:
    await small_hotel(db, rooms=5)
    settings = settings_for(database_url, secret_key="k" * 40, bank_account="Hotel Lima\nDE02 1203 0000")
    async with running(settings) as (_, client):
        client.headers.update(SAME_ORIGIN)
        for rooms, said in ((1, of_one), (2, of_two)):
            pay = (
                await client.post(await chosen(client, rooms=rooms, language=language), data=GUEST)
            ).headers["location"]
            form = {"expected": str(18_000 * rooms)}
            no = await client.post(pay, data=form | {"method": "card", "card": "tok_decline"})
            page = (await refused_page(client, no)).text
            assert said[0] in re.findall(r'role="alert".*?</div>', page, re.DOTALL)[0]
            assert said[1] in re.findall(r'value="bank_transfer">\s*<p>(.*?)</p>', page, re.DOTALL)[0]
            sent = await client.post(pay, data=form | {"method": "bank_transfer"})
            told = re.findall(
                r"<h1>.*?</h1>\s*<p>(.*?)</p>", (await client.get(sent.headers["location"])).text
            )
            assert said[2] in told[0]


@pytest.mark.parametrize(
    ("language", "of_one", "of_two"),
    [
        ("en", "the last room. ", "one of these rooms, and there aren’t enough left. "),
        ("de", "Das letzte Zimmer wurde", "Eines dieser Zimmer wurde"),
        ("ar", "حُجزت الغرفة الأخيرة", "حُجزت إحدى هاتين الغرفتين"),
    ],
)
async def test_rooms_that_have_gone_are_told_by_their_number(
    db: Database, database_url: str, language: str, of_one: str, of_two: str
) -> None:
    for rooms, said in ((2, of_two), (1, of_one)):
        if rooms == 2:
            await small_hotel(db, rooms=2)
        async with site(database_url) as (_, client):
            where = await chosen(client, rooms=rooms, language=language)
            async with db.transaction() as tx:
                await tx.execute("UPDATE room_night SET physical = $1", rooms - 1)
            gone = await refused_page(client, await client.post(where, data=GUEST))
            assert said in gone.text
            async with db.transaction() as tx:
                await tx.execute("UPDATE room_night SET physical = 1")
    assert await one(db, "SELECT count(*) FROM booking") == 0


async def test_a_hotel_that_has_gone_off_sale_is_said_to_have_wherever_the_guest_is(
    db: Database, database_url: str
) -> None:
    """At the offer, and with the details typed: nothing is held, and no room is said to be left."""
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        where = await chosen(client, language="en")
        async with db.transaction() as tx:
            await tx.execute("UPDATE property SET active = false")
        for address, form in (("/en/book", offer()), (where, GUEST)):
            answer = await client.post(address, data=form)
            assert answer.status_code == 303, answer.text
            page = await client.get(answer.headers["location"])
            assert page.status_code == 404
            assert "This hotel no longer takes bookings here. Please choose another one." in page.text
        assert await one(db, "SELECT count(*) FROM booking") == 0
