"""What a change of a booking and a party are limited by, and what would work instead."""

from __future__ import annotations

from typing import Any

import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import OccupancyLimits, StayNotSold
from hotel_booking.domains.bookings.types import Booking, RoomChange, RoomRequest
from hotel_booking.domains.rates.types import MAX_ADULTS, MAX_CHILDREN, MAX_ROOMS
from tests.clients.http_client import running, settings_for
from tests.factories.small_hotel import (
    NOW,
    SLUG,
    small_hotel,
    stay,
    taken,
)
from tests.integration.panel.test_desk import sold
from tests.integration.site.test_checkout import one, site
from tests.integration.site.test_manage import booked as booked_on_site
from tests.integration.site.test_manage import change, looked_at


async def previewed(db: Database, booking: Booking, *rooms: RoomChange, **days: Any) -> int:
    async with db.transaction() as tx:
        seen = await service.preview_amend(tx, booking_id=booking.id, now=NOW, rooms=rooms, **days)
    return seen.booking_total


async def test_the_rooms_that_are_wanted_count_not_those_that_were(db: Database) -> None:
    ids = await small_hotel(db, rooms=2, room_types=("DBL", "SGL"))
    booking = await sold(db, 10, 2, "DBL", "DBL")
    other = await sold(db, 10, 2, "SGL")
    singles = [RoomChange(1, room_type="SGL"), RoomChange(2, room_type="SGL")]
    with pytest.raises(StayNotSold) as refused:
        await previewed(db, booking, *singles)
    assert refused.value.code == "sold_out"
    assert len(refused.value.extra["rooms"]) == 2
    async with db.transaction() as tx:
        await service.cancel(tx, booking_id=other.id, now=NOW)
        await service.amend(tx, booking_id=booking.id, now=NOW, rooms=singles)
    assert await taken(db, ids["SGL"], stay(10, 2)) == [2, 2]
    assert await taken(db, ids["DBL"], stay(10, 2)) == [0, 0]


async def test_one_of_two_doubles_becomes_a_single_for_a_night_more(db: Database) -> None:
    """On the further night one double is left: enough for the one that stays."""
    ids = await small_hotel(db, rooms=2, room_types=("DBL", "SGL"))
    booking = await sold(db, 10, 2, "DBL", "DBL")
    await sold(db, 12, 1, "DBL")
    longer = stay(10, 3).departure
    smaller = RoomChange(2, room_type="SGL", adults=1)
    assert await previewed(db, booking, smaller, departure=longer) == 60_000
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=booking.id, now=NOW, rooms=[smaller], departure=longer)
    assert await taken(db, ids["DBL"], stay(10, 3)) == [1, 1, 2]
    assert await taken(db, ids["SGL"], stay(10, 3)) == [1, 1, 1]


async def test_an_impossible_party_is_told_the_limit_and_what_takes_it(db: Database) -> None:
    ids = await small_hotel(db, rooms=2, room_types=("DBL", "FAM"))
    booking = await sold(db, 10, 2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_type SET max_occupancy = 6, max_adults = 6 WHERE code = 'FAM'")
        await tx.execute("UPDATE room_night SET closed = true WHERE room_type_id = $1", ids["FAM"])
    with pytest.raises(StayNotSold) as refused:
        await previewed(db, booking, RoomChange(1, adults=5))
    assert "at most 4 guests" in refused.value.detail
    assert refused.value.extra["limits"] == {"guests": 4, "adults": 3, "children": 2}
    assert refused.value.extra["fitting"] == {"FAM": "FAM"}
    assert (refused.value.why.limits, refused.value.why.fitting) == (OccupancyLimits(4, 3, 2), {"FAM": "FAM"})
    assert {reason.code for reason in refused.value.why.reasons} == {"occupancy"}
    assert (refused.value.fix or "").startswith("for this party there is FAM")
    with pytest.raises(StayNotSold) as refused:
        await previewed(db, booking, RoomChange(1, adults=9))
    assert refused.value.extra["rooms_needed"] == 2
    assert refused.value.fix == "no room at this hotel sleeps that many; split the party over 2 rooms"
    with pytest.raises(StayNotSold) as refused:
        await previewed(db, booking, RoomChange(1, adults=1, children=(9,) * 9))
    assert "rooms_needed" not in refused.value.extra
    assert "contact the hotel" in (refused.value.fix or "")
    assert await one(db, "SELECT total FROM booking") == 20_000


async def test_the_page_says_the_limit_in_the_guests_language(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    async with site(database_url) as (_, client):
        booking = await booked_on_site(client, language="de")
        crowd = await looked_at(client, booking, change(nights=2, adults="9"))
        assert "Für höchstens 4 Gäste" in crowd.text
        assert "Sie brauchen 3 Zimmer" in crowd.text
        # Everything that is wrong is said at once, and the limits with it.
        wrong = change(nights=2, adults="31") | {"arrival": "2001-01-01", "children-1": "4, 99"}
        wrong |= {"departure": "2000-12-31"}
        answer = await looked_at(client, booking, wrong)
        for field in ("arrival", "departure", "adults-1", "children-1"):
            assert f'id="{field}-below"' in answer.text, field
        assert f"1 bis {MAX_ADULTS} Erwachsene" in answer.text
    assert await one(db, "SELECT total FROM booking") == 20_000


async def test_one_set_of_limits_on_every_surface(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=MAX_ROOMS)
    async with db.transaction() as tx:
        rooms = [RoomRequest("DBL", "FLEX")] * MAX_ROOMS
        quote = await service.quote(tx, property_slug=SLUG, stay=stay(3, 1), rooms=rooms, now=NOW)
        assert len(quote.rooms) == MAX_ROOMS
        for room, count in (
            (RoomRequest("DBL", "FLEX", 1), MAX_ROOMS + 1),
            (RoomRequest("DBL", "FLEX", 4), 9),
        ):
            with pytest.raises(Invalid):
                await service.quote(tx, property_slug=SLUG, stay=stay(3, 1), rooms=[room] * count, now=NOW)
    when = {"arrival": "2030-03-10", "departure": "2030-03-11"}
    async with running(settings_for(database_url)) as (_, client):
        home = (await client.get("/en/")).text
        hotel = (await client.get(f"/en/hotels/{SLUG}")).text
        for page in (home, hotel):
            assert f'max="{MAX_ADULTS}"' in page
            assert f'max="{MAX_ROOMS}"' in page
        url = f"/api/v1/properties/{SLUG}/offers"
        full = {**when, "adults": str(MAX_ADULTS), "rooms": str(MAX_ROOMS)}
        assert (await client.get(url, params=full)).status_code == 200
        assert "errors" not in (await client.get(f"/en/hotels/{SLUG}", params=full)).text
        for more in ({"adults": str(MAX_ADULTS + 1)}, {"rooms": str(MAX_ROOMS + 1), "adults": "20"}):
            assert (await client.get(url, params=when | more)).status_code == 422
            assert 'class="error"' in (await client.get(f"/en/hotels/{SLUG}", params=when | more)).text
        ages = {"adults": "20", "children": ",".join(["4"] * (MAX_CHILDREN + 1))}
        assert (await client.get(url, params=when | ages)).status_code == 422
        crowded = {"property": SLUG, **when, "rooms": [{"room_type": "DBL", "rate_plan": "FLEX"}]}
        crowded["rooms"] = [{"room_type": "DBL", "rate_plan": "FLEX", "adults": MAX_ADULTS + 1}]
        too_many = await client.post("/api/v1/quotes", json=crowded)
        assert (too_many.status_code, too_many.json()["code"]) == (422, "invalid_party")
        # A party that is too large for one room is told in how many it fits.
        crowd = await client.get(url, params=when | {"adults": "8"})
        assert crowd.json()["fits_in_rooms"] == 3
        shown = await client.get(f"/en/hotels/{SLUG}", params=when | {"adults": "8"})
        assert "rooms=3" in shown.text
        assert "fewer rooms" not in shown.text
