"""A guest pays at the desk on the last morning, as staff meet it: on a phone, by keyboard, up to check-out; a
mistake is reversed, and what goes back is handed over."""

from __future__ import annotations

from datetime import time

from playwright.async_api import Browser, Page, expect

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from tests.clients.browser import WIDTHS, accessibility, enter, lit, screenshot, visiting
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.factories.small_hotel import SLUG, small_hotel, sold_from, status_of
from tests.integration.panel.test_desk import tonight
from tests.integration.payments.test_desk_payments import record


async def looked_at(page: Page, name: str, width: str) -> None:
    """By day and by night: nothing wider than the screen, nothing that somebody cannot use."""
    await page.set_viewport_size({"width": WIDTHS[width], "height": 900})
    assert await wider_than_the_screen(page) == [], name
    for scheme in ("light", "dark"):
        await lit(page, scheme)
        await screenshot(page, f"desk-{name}-{scheme}-{width}")
        assert await accessibility(page, colours_only=scheme == "dark") == [], (name, scheme)


async def in_house(db: Database) -> Booking:
    """Guests who came tonight and owe €100.00."""
    await small_hotel(db, rooms=2)
    today = business_date(utc_now(), "Europe/Lisbon", time(6))
    async with db.transaction() as tx:
        await sold_from(tx, today)
    booking = await tonight(db)
    async with db.transaction() as tx:
        await service.check_in(tx, booking_id=booking.id, now=utc_now(), rooms={1: "DBL-1"})
    return booking


async def test_a_guest_pays_at_the_desk_and_leaves(db: Database, database_url: str, browser: Browser) -> None:
    booking = await in_house(db)
    token = await session_of(db, await staff(db, (Role.FRONT_DESK, SLUG)))
    phone = {"width": WIDTHS["phone"], "height": 800}
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, reduced_motion="reduce", viewport=phone) as page,
    ):
        await enter(page, site, token)
        await page.goto(f"/admin/bookings/{booking.reference}")
        amount = page.get_by_label("Amount paid")
        assert await amount.input_value() == "100.00"
        await looked_at(page, "booking", "phone")

        # Too much is said beside the field, and what was typed stays.
        await amount.focus()
        await page.keyboard.press("Control+a")
        await page.keyboard.type("400")
        await page.keyboard.press("Enter")
        await page.get_by_text("Only €100.00 is owed").first.wait_for()
        assert await amount.input_value() == "400"
        await looked_at(page, "refused", "phone")

        await amount.focus()
        await page.keyboard.press("Control+a")
        await page.keyboard.type("40")
        await page.keyboard.press("Tab")
        await expect(page.get_by_label("Paid by")).to_be_focused()
        await page.keyboard.type("Card")
        await page.keyboard.press("Tab")
        await page.keyboard.type("R-1024")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Record payment")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.get_by_text("€40.00 has been recorded. €60.00 is outstanding.").wait_for()
        await page.get_by_text("card terminal at the desk").wait_for()

        # The rest on the way out: the page of the check-out asks for it, and then lets them go.
        await page.get_by_role("link", name="Check out").click()
        await page.get_by_text("€60.00 is unpaid").wait_for()
        await looked_at(page, "leaving", "phone")
        await looked_at(page, "leaving", "desktop")
        await page.get_by_label("Amount paid").focus()
        await page.keyboard.press("Enter")
        await page.get_by_text("€60.00 has been recorded. Nothing is outstanding.").wait_for()
        await expect(page.get_by_label("Reason")).to_have_count(0)
        await looked_at(page, "paid", "phone")
        await page.get_by_role("button", name="Check out").focus()
        await page.keyboard.press("Enter")
        await page.get_by_text("The guests are checked out. Nothing is outstanding.").wait_for()
        await looked_at(page, "left", "desktop")
    assert await status_of(db, booking.id) == "checked_out"
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM stay_override") == 0
        assert await tx.fetchval("SELECT sum(amount) FROM ledger") == 0


async def test_a_mistake_is_reversed_and_the_rest_goes_back(
    db: Database, database_url: str, browser: Browser
) -> None:
    booking = await in_house(db)
    await record(db, booking, 3_000)
    await record(db, booking, 7_000, "bank_transfer", receipt="17/3")
    token = await session_of(db, await staff(db, (Role.OWNER, None)))
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, reduced_motion="reduce") as page,
    ):
        await enter(page, site, token)
        await page.goto(f"/admin/bookings/{booking.reference}/payments")
        cash = page.locator("[id^=p-]").filter(has_text="cash at the desk")
        await cash.get_by_text("Recorded by mistake?").focus()
        await page.keyboard.press("Enter")
        await cash.get_by_label("Why it is reversed").fill("no")
        await looked_at(page, "reversing", "phone")
        await page.keyboard.press("Enter")
        await page.get_by_text("a reason has 5 to 200 characters").wait_for()
        await cash.get_by_label("Why it is reversed").fill("Typed for the wrong guest")
        await page.keyboard.press("Enter")
        await page.get_by_text("The payment has been reversed; €30.00 is outstanding.").wait_for()
        await expect(cash.get_by_text("Reversed", exact=True)).to_be_visible()

        # What was really paid goes back by hand.
        await page.get_by_label("Amount", exact=True).fill("10.00")
        await page.get_by_label("Reason", exact=True).fill("Noise")
        await page.get_by_role("button", name="Refund", exact=True).click()
        await page.get_by_role("button", name="Mark as given back").wait_for()
        await looked_at(page, "returning", "phone")
        await looked_at(page, "returning", "desktop")
        await page.goto(f"/admin/bookings/{booking.reference}")
        await page.get_by_text("€10.00 to give back to the guest").wait_for()
        await page.get_by_text("Payment: reversed").wait_for()
        await looked_at(page, "owing", "desktop")
        await page.get_by_role("link", name="Mark it as given").click()
        await page.get_by_role("button", name="Mark as given back").click()
        await page.get_by_text("€10.00 is marked as given back.").wait_for()
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT status FROM refund") == "done"
