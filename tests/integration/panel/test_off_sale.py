"""What is off sale is not gone: a hotel that takes no more bookings has guests in the house and others to
come, and a plan that is retired has bookings that keep it."""

from __future__ import annotations

import re

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.small_hotel import SLUG
from tests.integration.panel.test_desk_payments import panel
from tests.integration.panel.test_rates_grid import shown
from tests.integration.payments.test_desk_payments import owing, record


async def off_sale(db: Database, what: str = "property", code: str = SLUG) -> None:
    column = "slug" if what == "property" else "code"
    async with db.transaction() as tx:
        assert await tx.execute(f"UPDATE {what} SET active = false WHERE {column} = $1", code) == 1


@pytest.mark.parametrize(
    "address",
    [
        f"/admin/today?property={SLUG}",
        f"/admin/bookings?property={SLUG}",
        f"/admin/payments/desk?property={SLUG}",
        f"/admin/payments/desk/close?property={SLUG}",
        f"/admin/reports?property={SLUG}",
        f"/admin/properties/{SLUG}/rates",
        f"/admin/properties/{SLUG}/rates/bulk",
        "/admin/today",
        "/admin/payments/desk",
    ],
)
async def test_a_hotel_that_is_off_sale_is_still_run(
    hotel: Database, database_url: str, address: str
) -> None:
    booking = await owing(hotel)
    await record(hotel, booking, 5_000)
    await off_sale(hotel)
    async with panel(database_url, hotel, Role.MANAGER) as client:
        page = await client.get(address)
        assert page.status_code == 200
        assert (booking.reference if "/bookings?" in address else "Sea View") in shown(page)
        if "today" in address:
            assert "/admin/bookings/new" not in re.sub(r"(?s)<nav.*?</nav>", "", page.text)


async def test_the_group_sees_it_as_long_as_somebody_comes(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    await off_sale(hotel)
    async with hotel.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
            " VALUES ('other', 'Other House', 'PT', 38, -9, 'Europe/Lisbon', 'EUR')"
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, hotel, (Role.OWNER, None)) as client,
    ):
        text = shown(await client.get("/admin/today"))
        assert "2 properties" in text
        assert "Sea View (off sale)" in text
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE booking SET status = 'expired' WHERE id = $1", booking.id)
            await tx.execute(
                "UPDATE reservation SET status = 'expired', taken = NULL WHERE booking_id = $1", booking.id
            )
        # Nobody is expected any more: it is there for who asks for it.
        assert "Today Other House" in shown(await client.get("/admin/today"))
        assert "Today Sea View" in shown(await client.get(f"/admin/today?property={SLUG}"))
        bookings = await client.get("/admin/bookings")
        assert f'value="{SLUG}"' in bookings.text


async def test_a_booking_keeps_a_plan_and_a_room_type_that_are_retired(
    hotel: Database, database_url: str
) -> None:
    """The browser sends the first of a list in which what is booked is missing."""
    booking = await owing(hotel)
    async with hotel.transaction() as tx:
        await tx.execute(
            "INSERT INTO rate_plan (property_id, code, name, policy_id)"
            " SELECT property_id, 'AAA', 'Another', policy_id FROM rate_plan WHERE code = 'FLEX'"
        )
    await off_sale(hotel, "rate_plan", "FLEX")
    await off_sale(hotel, "room_type", "DBL")
    await off_sale(hotel)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        page = await client.get(f"/admin/bookings/{booking.reference}/amend")
        assert page.status_code == 200
        for value, name in (("FLEX", "Flexible (off sale)"), ("DBL", "DBL (off sale)")):
            assert f'<option value="{value}" selected>{name}</option>' in page.text
        assert '<option value="AAA">Another</option>' in page.text
