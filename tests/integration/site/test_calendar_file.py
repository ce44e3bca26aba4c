"""A booking as a file for the guest's calendar, read by a strict parser: one event for ever, which changes
with the booking and is taken out again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import icalendar

from hotel_booking.core.db import Database
from tests.factories.small_hotel import small_hotel
from tests.integration.site.test_checkout import one, site
from tests.integration.site.test_manage import booked, change, looked_at

ODD = 'Hôtel "Zur; Röse", é\\x ' + "東京" * 40


async def event(client: httpx.AsyncClient, booking: str) -> tuple[Any, Any]:
    answer = await client.get(booking + "/calendar.ics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/calendar")
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    calendar = icalendar.Calendar.from_ical(answer.content)
    assert not calendar.errors
    (found,) = calendar.walk("VEVENT")
    assert not found.errors
    return calendar, found


async def test_the_event_follows_its_booking(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE property SET name = $1, timezone = 'Asia/Tokyo', email = 'desk@hotel.example',"
            "       address = 'Rua Um 1', postal_code = '1100', city = 'Lisboa'",
            ODD[:200],
        )
    async with site(database_url) as (_, client):
        booking = await booked(client)
        calendar, first = await event(client, booking)
        assert calendar["METHOD"] == "PUBLISH"
        assert first["STATUS"] == "CONFIRMED"
        assert first["LOCATION"] == "Rua Um 1, 1100 Lisboa, Portugal"
        assert "<p>Rua Um 1, 1100 Lisboa, Portugal</p>" in (await client.get(booking)).text
        arabic = re.sub(
            "[\u2066-\u2069]|</?bdi>", "", (await client.get(booking.replace("/en/", "/ar/"))).text
        )
        assert "1100 Lisboa، البرتغال</p>" in arabic
        assert first["DESCRIPTION"] == f"Booking {booking.rpartition('/')[2]}"
        assert first["SUMMARY"] == " ".join(ODD[:200].split())
        assert first["ORGANIZER"] == "mailto:desk@hotel.example"
        # 15:00 and 11:00 on the clock of the hotel, where there is no summer time.
        assert first["DTSTART"].dt == datetime(2030, 3, 21, 6, 0, tzinfo=UTC)
        assert first["DTEND"].dt == datetime(2030, 3, 23, 2, 0, tzinfo=UTC)
        shown = await looked_at(client, booking, change())
        agreed = re.search(r'name="agreed" value="(\d+)"', shown.text)
        assert agreed is not None
        done = await client.post(booking + "/amend", data=change(act="confirm") | {"agreed": agreed[1]})
        assert done.status_code == 303
        _, longer = await event(client, booking)
        assert longer["UID"] == first["UID"]
        assert longer["SEQUENCE"] > first["SEQUENCE"]
        assert longer["DTEND"].dt > first["DTEND"].dt
        page = await client.get(booking)
        assert "Add to calendar" in page.text
        fee = re.search(r'name="fee" value="(\d+)"', page.text)
        assert fee is not None
        assert (await client.post(booking + "/cancel", data={"fee": fee[1]})).status_code == 303
        assert await one(db, "SELECT status FROM booking") == "cancelled"
        calendar, gone = await event(client, booking)
        assert calendar["METHOD"] == "CANCEL"
        assert gone["STATUS"] == "CANCELLED"
        assert gone["UID"] == first["UID"]
        assert gone["SEQUENCE"] > longer["SEQUENCE"]
        page = await client.get(booking)
        assert "Remove from calendar" in page.text
        assert "calendar.ics" in page.text
