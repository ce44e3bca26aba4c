"""The hotel's day ends at its own hour: who comes after midnight is a guest of the running night."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import StayNotSold, WrongState
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.types import Scope
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.clients.staff_client import signed_in
from tests.e2e.test_site_pages import in_lisbon
from tests.factories.small_hotel import (
    FIRST,
    GUEST,
    SLUG,
    make_quote,
    small_hotel,
    sold_from,
    status_of,
    stay,
    taken,
)
from tests.integration.site.test_checkout import one, site


def at(day: int, clock: str) -> datetime:
    """An instant of the hotel's March, so many days after its first night; Lisbon is on UTC then."""
    return datetime.combine(FIRST + timedelta(days=day), time.fromisoformat(clock), UTC)


async def sold(db: Database, when: Stay, now: datetime) -> Booking:
    """A confirmed booking, made at the desk."""
    quote = await make_quote(db, when, now=now)
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=now)
        await service.guarantee(tx, booking_id=held.booking.id, now=now)
    return held.booking


async def test_a_guest_who_arrives_after_midnight_is_checked_in(db: Database) -> None:
    await small_hotel(db)
    late = await sold(db, stay(5, 1), at(5, "23:50"))
    async with db.transaction() as tx:
        inside = await service.check_in(tx, booking_id=late.id, now=at(6, "00:30"), rooms={1: "DBL-1"})
    assert inside.status == "checked_in"


async def test_the_stay_of_a_night_is_over_when_its_day_ends_not_before(db: Database) -> None:
    await small_hotel(db)
    booking = await sold(db, stay(5, 1), at(2, "12:00"))
    with pytest.raises(WrongState, match="over"):
        async with db.transaction() as tx:
            await service.check_in(tx, booking_id=booking.id, now=at(6, "06:00"), rooms={1: "DBL-1"})
    assert await status_of(db, booking.id) == "confirmed"
    async with db.transaction() as tx:
        await service.check_in(tx, booking_id=booking.id, now=at(6, "05:59"), rooms={1: "DBL-1"})
    assert await status_of(db, booking.id) == "checked_in"


async def test_the_running_night_is_sold_until_its_day_ends(db: Database) -> None:
    ids = await small_hotel(db)
    await sold(db, stay(5, 1), at(6, "05:59"))
    assert await taken(db, ids["DBL"], stay(5, 1)) == [1]
    with pytest.raises(StayNotSold) as refused:
        await make_quote(db, stay(7, 1), now=at(8, "06:00"))
    assert refused.value.code == "in_the_past"
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET day_end_time = '00:00'")
    with pytest.raises(StayNotSold):
        await make_quote(db, stay(7, 1), now=at(8, "00:00"))
    assert await one(db, "SELECT count(*) FROM quote") == 1


async def test_who_leaves_for_an_early_flight_has_slept_the_night(db: Database) -> None:
    ids = await small_hotel(db)
    booking = await sold(db, stay(5, 2), at(2, "12:00"))
    async with db.transaction() as tx:
        await service.check_in(tx, booking_id=booking.id, now=at(5, "22:00"), rooms={1: "DBL-1"})
        out = await service.check_out(tx, booking_id=booking.id, now=at(6, "04:00"), override="Paid in cash")
    assert out.status == "checked_out"
    assert await taken(db, ids["DBL"], stay(5, 2)) == [1, 0]


def small_hours(now: datetime) -> str:
    """A time zone in which it is between two and three in the night."""
    offset = (2 - now.hour + 12) % 24 - 12
    offset = offset if offset >= -11 else offset + 24
    return f"Etc/GMT{'-' if offset >= 0 else '+'}{abs(offset)}"


async def test_after_midnight_the_running_night_is_booked_on_every_surface(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=5)
    await in_lisbon(db)
    now = utc_now()
    zone = small_hours(now)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET timezone = $1", zone)
        await sold_from(tx, now.date() - timedelta(days=5))
    tonight = business_date(now, zone, time(6))
    assert tonight == now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    when = {"arrival": tonight.isoformat(), "departure": (tonight + timedelta(days=1)).isoformat()}
    async with site(database_url) as (_, client):
        hotel = await client.get(f"/en/hotels/{SLUG}", params=when)
        assert "This date has already passed" not in hotel.text
        assert "It’s still the night of" in hotel.text
        assert 'name="rate_plan" value="FLEX"' in hotel.text
        for arrival, told in ((None, True), (1, True), (2, False), (30, False)):
            day = tonight + timedelta(days=arrival or 0)
            asked = {"arrival": str(day), "departure": str(day + timedelta(days=1))}
            other = await client.get(f"/en/hotels/{SLUG}", params=asked if arrival is not None else {})
            assert ("It’s still the night of" in other.text) is told, arrival
        found = await client.get("/en/search", params={"place": "2267057", **when})
        assert "Sea View" in found.text
        past = {"arrival": str(tonight - timedelta(days=1)), "departure": str(tonight)}
        assert "This date has already passed" in (await client.get(f"/en/hotels/{SLUG}", params=past)).text
        assert (
            "This date has already passed"
            in (await client.get("/en/search", params={"place": "2267057", **past})).text
        )
        calendar = await client.get(f"/en/nights?place=2267057&month={tonight:%Y-%m}")
        assert f'data-day="{tonight}"' in calendar.text
        assert f'data-day="{tonight}" disabled' not in calendar.text
        wanted = {
            "property": SLUG, **when, "room_type": "DBL", "rate_plan": "FLEX", "adults": "2", "children": "",
        }  # fmt: skip
        assert (await client.post("/en/book", data=wanted)).status_code == 303
    key = bearer(await api_key(db))
    async with running(settings_for(database_url, mfa_required=False)) as (app, client):
        answer = await client.get(f"/api/v1/properties/{SLUG}/offers", params=when)
        assert answer.status_code == 200, answer.text
        assert answer.json()["offers"]
        search = await client.get("/api/v1/search", params={"place": "2267057", **when})
        assert [item["property"]["slug"] for item in search.json()["results"]] == [SLUG]
        nights = await client.get(f"/api/v1/properties/{SLUG}/ari", headers=key)
        assert nights.json()["room_nights"][0]["night"] == when["arrival"]
        async with signed_in(app, db, (Role.FRONT_DESK, SLUG)) as desk:
            walk_in = await desk.get("/admin/bookings/new?walk_in=true")
            assert f'value="{when["departure"]}"' in walk_in.text
            taken_offer = await desk.post(
                "/admin/bookings/quotes", data={**wanted, "arrival": "", "rooms": "1", "walk_in": "true"}
            )
            assert taken_offer.status_code == 303, taken_offer.text
            assert f"{tonight.day} " in (await desk.get("/admin/today")).text
    assert await one(db, "SELECT count(DISTINCT arrival) FROM quote") == 1


async def test_tonight_is_booked_west_of_greenwich(db: Database, database_url: str) -> None:
    """21:00 in Honolulu, where UTC has been on the next day for seven hours."""
    await small_hotel(db, rooms=5)
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET timezone = 'Pacific/Honolulu'")
    simulated = bearer(await api_key(db, Scope.CLOCK_SIMULATE)) | {
        "Hotel-Simulated-Time": "2030-03-09T07:00:00Z"
    }
    when = {"arrival": "2030-03-08", "departure": "2030-03-09"}
    async with site(database_url) as (_, client):
        client.headers.update(simulated)
        home = (await client.get("/en/")).text
        least = re.search(r'name="arrival"[^>]*min="([\d-]+)"', home)
        assert least is not None
        assert least[1] <= "2030-03-08"
        found = await client.get("/en/search", params={"place": "2267057", **when})
        assert "Sea View" in found.text
        assert 'class="hotel-card-price"' in found.text
        calendar = await client.get("/en/nights?place=2267057&month=2030-03")
        assert 'data-day="2030-03-08" disabled' not in calendar.text
        assert 'data-day="2030-03-07" disabled' in calendar.text
        assert 'value="FLEX"' in (await client.get(f"/en/hotels/{SLUG}", params=when)).text
        # Another hotel of the same town, whose clocks are ahead, says that there the day is past.
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
                " SELECT 'ahead', 'Ahead', country, lat, lon, 'Pacific/Kiritimati', currency FROM property"
            )
        found = await client.get("/en/search", params={"place": "2267057", **when})
        assert "At 1 hotel here, your arrival date has already passed" in found.text
