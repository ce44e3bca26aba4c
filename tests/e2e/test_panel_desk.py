"""A day at the desk in a real browser: guests who are in the house stay longer, and what stands in the
way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, time, timedelta

from playwright.async_api import Browser, Page, expect

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import notes
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from tests.clients.browser import enter, visiting
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.e2e.test_panel_pages import Scheme
from tests.e2e.test_panel_payments import looked_at
from tests.factories.small_hotel import SLUG, small_hotel, sold_from
from tests.integration.panel.test_desk import tonight

JUDGED: list[tuple[str, Scheme]] = [("phone", "light")]


async def house(db: Database, rooms: int, booked: int | None = None) -> tuple[date, list[Booking]]:
    """A small hotel that sells from today on, with a booking for tonight for each room, or for some."""
    await small_hotel(db, rooms=rooms)
    today = business_date(utc_now(), "Europe/Lisbon", time(6))
    async with db.transaction() as tx:
        await sold_from(tx, today)
    return today, [await tonight(db) for _ in range(rooms if booked is None else booked)]


@asynccontextmanager
async def at_the_desk(db: Database, database_url: str, browser: Browser) -> AsyncIterator[Page]:
    """The panel, with somebody of the front desk signed in."""
    token = await session_of(db, await staff(db, (Role.FRONT_DESK, SLUG)))
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, reduced_motion="reduce") as page,
    ):
        await enter(page, site, token)
        yield page


async def check_in(page: Page, booking: Booking, room: str) -> None:
    """From Today to the booking, and into a room."""
    await page.goto("/admin/today")
    await page.locator(f'a[href="/admin/bookings/{booking.reference}"]').click()
    await page.locator("select[name=room-1]").select_option(room)
    await page.get_by_role("button", name="Check in").click()
    await expect(page.get_by_text("The guests are checked in")).to_be_visible()


async def test_guests_stay_longer(db: Database, database_url: str, browser: Browser) -> None:
    today, (first, second) = await house(db, 2)
    wrong: list[str] = []
    async with at_the_desk(db, database_url, browser) as page:
        await check_in(page, first, "DBL-1")
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE room_night SET closed_to_departure = true WHERE night = $1", today + timedelta(days=3)
            )
        await page.get_by_role("link", name="Change departure").click()
        wrong += await looked_at(page, "departure-asked", JUDGED)
        await page.get_by_label("New departure").fill((today + timedelta(days=3)).isoformat())
        await page.get_by_role("button", name="Check the price").click()
        await expect(page.get_by_text("give a reason to override this")).to_be_visible()
        wrong += await looked_at(page, "departure-refused", JUDGED)
        await page.get_by_label("Reason").fill("The train goes on that day")
        await page.get_by_role("button", name="Check the price").click()
        await expect(page.get_by_role("heading", name="The new price")).to_be_visible()
        await expect(page.get_by_text("€300.00")).to_be_visible()
        wrong += await looked_at(page, "departure-priced", JUDGED)
        await page.get_by_role("button", name="Confirm the change").click()
        await expect(page.get_by_text("The departure has been changed.")).to_be_visible()
        await expect(page.get_by_text("The train goes on that day")).to_be_visible()
        # The next guests' room is given to others tomorrow: they can have one that is free.
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET physical = 3")
            await tx.execute(
                "INSERT INTO room (property_id, room_type_id, number)"
                " SELECT property_id, room_type_id, 'DBL-3' FROM room LIMIT 1"
            )
            await tx.execute(
                "INSERT INTO room_use (room_id, stay, reason)"
                " SELECT id, daterange($1, $2), 'Painting' FROM room WHERE number = 'DBL-2'",
                today + timedelta(days=1),
                today + timedelta(days=2),
            )
        await check_in(page, second, "DBL-2")
        await page.get_by_role("link", name="Change departure").click()
        await page.get_by_label("New departure").fill((today + timedelta(days=2)).isoformat())
        await page.get_by_role("button", name="Check the price").click()
        await expect(page.get_by_text("free until then first: DBL-3")).to_be_visible()
        await page.get_by_role("link", name="Keep it as it is").click()
        await page.get_by_text("Move to another room").click()
        await page.locator("select[name=room-1]").select_option("DBL-3")
        await page.get_by_role("button", name="Move the guests").click()
        await page.get_by_role("link", name="Change departure").click()
        await page.get_by_label("New departure").fill((today + timedelta(days=2)).isoformat())
        await page.get_by_role("button", name="Check the price").click()
        await page.get_by_role("button", name="Confirm the change").click()
        await expect(page.get_by_text("The departure has been changed.")).to_be_visible()
    async with db.transaction() as tx:
        departures = await tx.fetch("SELECT departure FROM reservation ORDER BY departure")
    assert [row["departure"] - today for row in departures] == [timedelta(days=2), timedelta(days=3)]
    assert wrong == []


async def test_some_leave_before_the_others(db: Database, database_url: str, browser: Browser) -> None:
    _, bookings = await house(db, 3, booked=0)
    assert not bookings
    family = await tonight(db, rooms=3, nights=2)
    wrong: list[str] = []
    async with at_the_desk(db, database_url, browser) as page:
        await page.goto(f"/admin/bookings/{family.reference}")
        for position in (1, 2, 3):
            await page.locator(f"select[name=room-{position}]").select_option(f"DBL-{position}")
        await page.get_by_role("button", name="Check in").click()
        await page.get_by_role("link", name="Check out").click()
        rooms = page.get_by_role("group", name="Who leaves").get_by_role("checkbox")
        assert [await rooms.nth(at).is_checked() for at in range(3)] == [True] * 3
        wrong += await looked_at(page, "some-leave", JUDGED)
        for at in range(3):
            await rooms.nth(at).uncheck()
        await page.get_by_role("button", name="Check out with a balance due").click()
        await expect(page.get_by_text("choose at least one room").first).to_be_visible()
        assert [await rooms.nth(at).is_checked() for at in range(3)] == [False] * 3
        await page.get_by_label("Room 2: DBL, DBL-2").check()
        await page.get_by_role("button", name="Check out with a balance due").click()
        said = "The guests of room 2 are checked out; those of 2 rooms are still here."
        await expect(page.get_by_text(said)).to_be_visible()
        await expect(page.get_by_text("Booked room 2: checked out")).to_be_visible()
        left = page.get_by_role("region", name="Room 2", exact=True)
        await expect(left.get_by_text("Checked out")).to_be_visible()
        await expect(left.get_by_text("Move to another room")).to_have_count(0)
        await expect(page.get_by_role("link", name="Undo check-in")).to_have_count(0)
        wrong += await looked_at(page, "one-has-left", JUDGED)
        await page.goto("/admin/today")
        inside = page.get_by_role("region", name="In house")
        await expect(inside.get_by_text("DBL-1")).to_be_visible()
        await expect(inside.get_by_text("DBL-2")).to_have_count(0)
        # The others leave, with a reason why what is owed may wait.
        await page.goto(f"/admin/bookings/{family.reference}/check-out")
        await page.get_by_role("button", name="Check out with a balance due").click()
        await expect(page.get_by_text("neither paid nor reserved").first).to_be_visible()
        await page.get_by_label("Reason").fill("The company pays by invoice")
        await page.get_by_role("button", name="Check out with a balance due").click()
        await expect(page.get_by_text("The guests are checked out.")).to_be_visible()
    assert wrong == []


async def test_some_of_a_party_come_and_some_never_do(
    db: Database, database_url: str, browser: Browser
) -> None:
    await house(db, 3, booked=0)
    family = await tonight(db, rooms=3, nights=2)
    wrong: list[str] = []
    async with at_the_desk(db, database_url, browser) as page:
        await page.goto(f"/admin/bookings/{family.reference}")
        come = page.get_by_role("group", name="Who has come").get_by_role("checkbox")
        assert [await come.nth(at).is_checked() for at in range(3)] == [True] * 3
        for at in range(3):
            await come.nth(at).uncheck()
        await page.get_by_role("button", name="Check in").click()
        await expect(page.get_by_text("choose at least one").first).to_be_visible()
        assert [await come.nth(at).is_checked() for at in range(3)] == [False] * 3
        wrong += await looked_at(page, "some-come", JUDGED)
        await come.nth(0).check()
        await page.locator("select[name=room-1]").select_option("DBL-1")
        await page.get_by_role("button", name="Check in").click()
        said = "The guests of room 1 are checked in; those of 2 rooms are expected."
        await expect(page.get_by_text(said)).to_be_visible()
        # One of the others does not come: what that costs is shown first.
        await page.get_by_role("link", name="No-show").click()
        missing = page.get_by_role("group", name="Who did not come").get_by_role("checkbox")
        await missing.nth(0).uncheck()
        await page.get_by_role("button", name="Show what it costs").click()
        await expect(page.get_by_text("The guests of room 3 did not come")).to_be_visible()
        wrong += await looked_at(page, "one-is-missing", JUDGED)
        await page.get_by_role("button", name="Mark room 3 as a no-show").click()
        said = "Room 3 is marked as a no-show; the booking comes to €500.00."
        await expect(page.get_by_text(said)).to_be_visible()
        await page.locator("select[name=room-2]").select_option("DBL-2")
        await page.get_by_role("button", name="Check in").click()
        await expect(page.get_by_text("The guests are checked in.")).to_be_visible()
        wrong += await looked_at(page, "a-party-as-it-came", JUDGED)
    assert wrong == []


async def test_a_check_in_is_undone(db: Database, database_url: str, browser: Browser) -> None:
    _, (wrong_one, right_one) = await house(db, 2)
    wrong: list[str] = []
    async with at_the_desk(db, database_url, browser) as page:
        await check_in(page, wrong_one, "DBL-1")
        wrong += await looked_at(page, "in-house", JUDGED)
        await page.get_by_role("link", name="Undo check-in").click()
        wrong += await looked_at(page, "undo-check-in", JUDGED)
        await page.get_by_role("button", name="Undo the check-in").click()
        await expect(page.get_by_text("The check-in has been undone")).to_be_visible()
        await expect(page.get_by_role("link", name="Undo check-in")).to_have_count(0)
        # The room stays given: it can be taken back by giving another one.
        await page.get_by_text("Move to another room").click()
        await page.locator("select[name=room-1]").select_option("DBL-2")
        await page.get_by_role("button", name="Move the guests").click()
        await check_in(page, right_one, "DBL-1")
    assert wrong == []


async def test_a_message_is_seen_and_answered(db: Database, database_url: str, browser: Browser) -> None:
    _, (booking, other) = await house(db, 2)
    async with db.transaction() as tx:
        text = "Our train comes at eleven at night. Is somebody there, and is there something to eat?"
        await notes.write_to_hotel(tx, booking, text=text, now=utc_now())
    wrong: list[str] = []
    async with at_the_desk(db, database_url, browser) as page:
        await check_in(page, other, "DBL-1")
        await page.goto("/admin/today")
        inside = page.get_by_role("region", name="In house")
        await expect(inside.get_by_text("DBL-1")).to_be_visible()
        wrong += await looked_at(page, "today-message", JUDGED)
        await page.locator(".figure", has_text="Messages").get_by_role("link", name="1").click()
        await page.get_by_role("region", name="Messages from guests").get_by_role("link").click()
        await expect(page.locator(".note-text")).to_contain_text("Our train comes at eleven")
        await expect(page.get_by_text("Not answered")).to_be_visible()
        wrong += await looked_at(page, "booking-message", JUDGED)
        await page.get_by_role("button", name="Mark as answered").click()
        await expect(page.get_by_text("marked as answered")).to_be_visible()
        await expect(page.get_by_text("Not answered")).to_have_count(0)
        await page.goto("/admin/today")
        await expect(page.get_by_role("region", name="Messages from guests")).to_have_count(0)
    assert wrong == []


async def test_a_room_is_out_of_order_for_some_nights(
    db: Database, database_url: str, browser: Browser
) -> None:
    today, _ = await house(db, 2, booked=0)
    wrong: list[str] = []
    async with at_the_desk(db, database_url, browser) as page:
        await page.goto(f"/admin/properties/{SLUG}/rooms")
        await page.get_by_role("link", name="DBL-1", exact=True).click()
        await expect(page.get_by_text("It is in order.")).to_be_visible()
        for until, told in ((0, "must be after the first night"), (2, "is out of order from")):
            await page.get_by_label("First night").fill(today.isoformat())
            await page.get_by_label("Back on sale").fill((today + timedelta(days=until)).isoformat())
            await page.get_by_label("Reason").fill("The shower leaks")
            await page.get_by_role("button", name="Take out of order").click()
            await expect(page.get_by_text(told).first).to_be_visible()
        wrong += await looked_at(page, "out-of-order", JUDGED)
        # The same nights again: it says which stand in the way.
        await page.get_by_label("First night").fill(today.isoformat())
        await page.get_by_label("Back on sale").fill((today + timedelta(days=1)).isoformat())
        await page.get_by_label("Reason").fill("Paint")
        await page.get_by_role("button", name="Take out of order").click()
        await expect(page.get_by_text("room DBL-1 has a block from").first).to_be_visible()
        await page.get_by_role("button", name="Put back on sale from tonight").click()
        await expect(page.get_by_text("Room DBL-1 is back on sale.")).to_be_visible()
        await expect(page.get_by_text("It is in order.")).to_be_visible()
    assert wrong == []
