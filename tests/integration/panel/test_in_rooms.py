"""Who is in a room is found by its number, where one may see bookings and while they are there."""

from __future__ import annotations

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.panel.test_catalogue import said
from tests.integration.panel.test_desk import act, noon, sold
from tests.integration.panel.test_today import NOON, in_thirty_years


async def test_guests_are_found_by_the_number_of_their_room(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotel_booking.http.access.utc_now", lambda: NOON)
    await small_hotel(db, rooms=3)
    # One is there and should have left, one is there, one has left, one is to come.
    late, there, gone, coming = [await sold(db, first, 2, "DBL") for first in (7, 9, 9, 11)]
    for booking, first, number in ((late, 7, "DBL-1"), (there, 9, "Villa 3"), (gone, 9, "DBL-2")):
        async with db.transaction() as tx:
            await tx.execute("UPDATE room SET number = 'Villa 3' WHERE number = 'DBL-3'")
        await act(db, service.check_in, booking_id=booking.id, now=noon(first), rooms={1: number})
    await act(db, service.check_out, booking_id=gone.id, now=noon(10), override="paid in cash")
    await act(db, service.give_rooms, booking_id=coming.id, now=NOON, rooms={1: "DBL-2"})
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
            " VALUES ('other', 'Other', 'PT', 0, 0, 'Europe/Lisbon', 'EUR')"
        )
    async with running(settings_for(database_url, mfa_required=False)) as (app, _):
        async with signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client:
            await in_thirty_years(db)
            for typed, found in (
                ("dbl-1", late),
                ("Room DBL-1", late),
                ("DBL-\N{FULLWIDTH DIGIT ONE}", late),
                ("villa 3", there),
                ("DBL-2", None),
                ("DBL-9", None),
                ("x" * 60, None),
            ):
                text = (await client.get("/admin/bookings", params={"q": typed})).text
                assert ("is in room" in text) == (found is not None), typed
                if found is not None:
                    assert f'href="/admin/bookings/{found.reference}"' in text, typed
                    assert "No bookings found" not in text
                else:
                    assert "No bookings found" in said(text)
            until = there.reservations[0].departure
            text = said((await client.get("/admin/bookings?q=villa 3")).text)
            assert f"is in room Villa 3, until {until:%a} {until.day} {until:%b %Y}" in text
        async with signed_in(app, db, (Role.FRONT_DESK, "other")) as client:
            await in_thirty_years(db)
            assert "is in room" not in (await client.get("/admin/bookings?q=DBL-1")).text
