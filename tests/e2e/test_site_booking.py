"""Guests book in a real browser, from the search to the confirmed booking: on a desktop and on a phone, in
German and in Arabic, with and without JavaScript; with a card that is declined, a bank that asks back, a hold
that ends on the way, and two guests for one room."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from tests.clients.browser import (
    accessibility,
    screenshot,
    visiting,
)
from tests.clients.server import serving
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.e2e.test_site_pages import KEY, fill_in, in_lisbon
from tests.factories.small_hotel import SLUG, small_hotel

ARRIVAL, DEPARTURE = "2030-03-04", "2030-03-07"
ROOMS = f"/hotels/{SLUG}?arrival={ARRIVAL}&departure={DEPARTURE}"
NARROW: dict[str, Any] = {"viewport": {"width": 375, "height": 812}, "has_touch": True}
WIDE: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
CONFIRMED = {
    "en": "Your booking is confirmed",
    "de": "Ihre Buchung ist bestätigt",
    "fr": "Votre réservation est confirmée",
    "es": "Su reserva está confirmada",
    "ar": "تم تأكيد حجزكم",
}


async def sent(page: Page, button: str) -> None:
    """Press a button of a form, and wait for the page that it leads to."""
    async with page.expect_navigation():
        await page.locator(button).first.click()


async def to_the_rooms(page: Page, language: str) -> None:
    """By the search box of the front page and the list of hotels."""
    await page.goto(f"/{language}/")
    await page.fill("[name=place]", "Lisbon")
    await page.fill("[name=arrival]", ARRIVAL)
    await page.fill("[name=departure]", DEPARTURE)
    await sent(page, ".search-box button[type=submit]")
    async with page.expect_navigation():
        await page.locator(".hotel-card a.button").first.click()


async def holding(page: Page, language: str = "en", plan: str = "last") -> None:
    """With a hold for the dearer plan, which is refundable, or the cheaper one; on the payment page."""
    await page.goto(f"/{language}{ROOMS}")
    offers = page.locator(".offer-buy button")
    async with page.expect_navigation():
        await (offers.last if plan == "last" else offers.first).click()
    await fill_in(page)


async def scalar(db: Database, sql: str) -> Any:
    async with db.transaction() as tx:
        return await tx.fetchval(sql)


async def card(page: Page, token: str) -> None:
    """Choose one of the sandbox's cards and pay."""
    await page.check(f"[name=card][value={token}]")
    await sent(page, "form.card button.primary")


@pytest.mark.parametrize(
    ("language", "how"),
    [
        pytest.param("en", WIDE, marks=pytest.mark.nightly),
        pytest.param("de", NARROW, marks=pytest.mark.nightly),
        ("ar", NARROW),
        ("fr", WIDE | {"java_script_enabled": False}),
        pytest.param("ar", NARROW | {"java_script_enabled": False}, marks=pytest.mark.nightly),
    ],
    ids=["desktop", "german-phone", "arabic-phone", "no-javascript", "arabic-phone-no-javascript"],
)
async def test_from_the_search_to_the_booking(
    db: Database, database_url: str, language: str, how: dict[str, Any], browser: Browser
) -> None:
    await small_hotel(db, rooms=3)
    await in_lisbon(db)
    script = how.get("java_script_enabled", True)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, reduced_motion="reduce", **how) as page,
    ):
        await to_the_rooms(page, language)
        non_refundable = page.locator(".offer-buy:has([name=rate_plan][value=NRF]) button")
        async with page.expect_navigation():
            await non_refundable.first.click()
        await fill_in(page)
        await card(page, "tok_decline")
        alert = page.locator(".alert[role=alert]")
        told = await alert.inner_text()
        assert told
        await page.goto(f"/{language}/hotels")
        await page.go_back()
        await page.reload()
        assert await alert.inner_text() == told
        assert await scalar(db, "SELECT count(*) FROM ledger_entry") == 0
        if script:
            assert await accessibility(page) == []
            # A hotel's name of three words is never written letter by letter beside the dates.
            name = page.locator(".order dt bdi").first
            lines = """e => {
                e.textContent = "Wayfinch Hoshikaze Tokyo";
                e.closest("div").querySelector("dd").style.inlineSize = "15rem";
                return e.getClientRects().length;
            }"""
            assert await name.evaluate(lines) <= 3
        await card(page, "tok_challenge")
        await page.reload()  # the bank's question survives it
        if script:
            assert await accessibility(page) == []
            assert await wider_than_the_screen(page) == []
        await screenshot(page, f"booking-asked-{language}")
        await sent(page, "button.primary")
        assert await page.locator("h1").inner_text() == CONFIRMED[language]
        assert await page.get_attribute("html", "dir") == ("rtl" if language == "ar" else "ltr")
        await page.click("a[href$='/receipt']")
        if script:
            assert await accessibility(page) == []
            assert await wider_than_the_screen(page) == []
        # On paper there are no buttons, and no field that nobody filled in.
        await page.emulate_media(media="print")
        assert await page.locator(".receipt .button").first.is_hidden()
        assert await page.locator("#billing").is_hidden()
        await page.emulate_media(media="screen")
        await page.fill("#billing", "Example & Sons")
        await page.emulate_media(media="print")
        assert await page.locator("#billing").is_visible()
        await page.emulate_media(media="screen")
        await page.go_back()
        await page.go_back()
        await page.go_forward()
        assert await page.locator("h1").inner_text() == CONFIRMED[language]
    assert await scalar(db, "SELECT status FROM booking") == "confirmed"
    assert await scalar(db, "SELECT sum(amount) FROM ledger_entry") == 27_000


async def test_a_refused_page_can_be_come_back_to_without_a_script(
    db: Database, database_url: str, browser: Browser
) -> None:
    """And nothing that was typed is lost, nor stands in the address."""
    await small_hotel(db, rooms=3)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, java_script_enabled=False, **NARROW) as page,
    ):
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=NRF]) button")
        for name, value in (("given_name", "Ana"), ("family_name", "Example"), ("email", "nobody")):
            await page.fill(f"#{name}", value)
        await sent(page, "form.card button.primary")
        assert await page.locator("#email-below").inner_text() != ""
        await page.goto("/en/hotels")
        await page.go_back()
        await page.reload()
        assert await page.locator("#email-below").inner_text() != ""
        assert await page.input_value("#given_name") == "Ana"
        assert "Ana" not in page.url
        await page.fill("#email", "ana@example.com")
        await sent(page, "form.card button.primary")
        await card(page, "tok_decline")
        await card(page, "tok_success")
        assert await page.locator("h1").inner_text() == CONFIRMED["en"]
        for _ in range(3):  # to where the payment was refused, and what came before
            await page.go_back()
            assert await page.locator("h1").inner_text() == CONFIRMED["en"]


async def test_a_double_click_holds_and_pays_once(db: Database, database_url: str, browser: Browser) -> None:
    await small_hotel(db, rooms=3)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **WIDE) as page,
    ):
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=NRF]) button")
        for name, value in (("given_name", "Ana"), ("family_name", "Example"), ("email", "a@example.com")):
            await page.fill(f"#{name}", value)
        await page.locator("form.card button.primary").dblclick()
        await page.wait_for_url("**/pay")
        await page.locator("form.card button.primary").dblclick()
        await page.wait_for_url(lambda url: not url.endswith("/pay"))
        await page.wait_for_load_state()
        assert await page.locator("h1").inner_text() == CONFIRMED["en"]
    assert await scalar(db, "SELECT count(*) FROM booking") == 1
    assert await scalar(db, "SELECT sum(amount) FROM ledger_entry") == 27_000


async def test_a_hold_that_ends_during_checkout(db: Database, database_url: str, browser: Browser) -> None:
    """The page says so by itself; paying all the same charges nothing; the room is taken again."""
    await small_hotel(db, rooms=1)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **NARROW) as page,
    ):
        await holding(page)
        assert await page.locator("[data-left]").inner_text() != ""
        assert await page.locator("[data-over]").is_hidden()
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() + interval '2 seconds'")
        await page.reload()
        await page.locator("[data-over]").wait_for(state="visible")
        assert await page.locator("[data-until]").is_hidden()
        assert await page.get_by_role("alert").inner_text() != "", "it is said, not only shown"
        assert await accessibility(page) == []
        await screenshot(page, "booking-hold-over")
        await sent(page, "form.card button.primary")
        assert await page.locator("h1").inner_text() == "Your hold has expired"
        assert "nothing has been charged" in await page.locator("main").inner_text()
        booking = await scalar(db, "SELECT id FROM booking")
        async with db.transaction() as tx:
            assert await service.lapse(tx, booking_id=booking, now=utc_now() + timedelta(minutes=1))
        await page.reload()
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy button")
        assert await page.input_value("#email") == "ana@example.com"  # typed once
        await sent(page, "form.card button.primary")
        assert page.url.endswith("/pay")
    assert await scalar(db, "SELECT count(*) FROM payment") == 0


async def test_a_device_whose_clock_is_wrong_counts_the_same_minutes(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=1)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **NARROW) as page,
    ):
        await holding(page)
        for hours in (-9, 9):
            await page.clock.set_system_time(utc_now() + timedelta(hours=hours))
            await page.reload()
            assert await page.locator("[data-left]").inner_text() in (
                "Time left: 15 minutes",
                "Time left: 14 minutes",
            )
            assert await page.locator("[data-over]").is_hidden()


async def test_two_guests_press_the_button_for_the_last_room_at_once(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=1)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **WIDE) as first,
        visiting(browser, site, **NARROW) as second,
    ):
        pages = (first, second)
        for page in pages:
            await page.goto(f"/en{ROOMS}")
            await sent(page, ".offer-buy:has([name=rate_plan][value=NRF]) button")
        await asyncio.gather(*(fill_in(page) for page in pages))
        holders = [page for page in pages if page.url.endswith("/pay")]
        assert len(holders) == 1
        (loser,) = (page for page in pages if page not in holders)
        told = await loser.locator(".alert").inner_text()
        assert "You haven’t been charged" in told
        assert await loser.input_value("#given_name") == "Ana"
        assert await accessibility(loser) == []
        await screenshot(loser, "booking-too-late")
        await card(holders[0], "tok_success")
        assert await holders[0].locator("h1").inner_text() == CONFIRMED["en"]
    assert await scalar(db, "SELECT count(*) FROM booking") == 1
    assert await scalar(db, "SELECT count(*) FROM payment") == 1


async def test_sold_out_while_paying_charges_nothing(
    db: Database, database_url: str, browser: Browser
) -> None:
    """The hold ended on an open page, somebody else has the room, and the first guest pays at last."""
    await small_hotel(db, rooms=1)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **NARROW) as late,
        visiting(browser, site, **WIDE) as quick,
    ):
        await late.goto(f"/en{ROOMS}")
        await sent(late, ".offer-buy:has([name=rate_plan][value=NRF]) button")
        await fill_in(late)
        booking = await scalar(db, "SELECT id FROM booking")
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 second'")
        async with db.transaction() as tx:
            await service.lapse(tx, booking_id=booking, now=utc_now())
        await holding(quick, plan="first")
        await sent(quick, "form.card button.primary")
        assert await quick.locator("h1").inner_text() == CONFIRMED["en"]
        await sent(late, "form.card button.primary")
        assert await late.locator("h1").inner_text() == "Your hold has expired"
        assert "nothing has been charged" in (await late.locator("main").inner_text()).lower()
        await sent(late, "main form button.primary")  # take it again
        assert "This offer has just sold out" in await late.locator(".flash").inner_text()
        assert await late.locator(".offer-buy button").count() == 0
        assert ROOMS.split("?")[0] in late.url
    assert await scalar(db, "SELECT count(*) FROM ledger_entry WHERE kind = 'payment'") <= 1
    assert (
        await scalar(
            db,
            "SELECT count(*) FROM payment p JOIN booking b ON b.id = p.booking_id"
            " WHERE b.status <> 'confirmed'",
        )
        == 0
    )
