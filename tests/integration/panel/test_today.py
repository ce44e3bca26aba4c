"""Today: the figures are those of the bookings, for each role what it may see."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.reporting.queries import arriving, held, leaving, today
from hotel_booking.domains.reporting.types import Today
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.small_hotel import (
    FIRST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    stay,
)
from tests.integration.panel.test_catalogue import said

# The hotel's tenth night, at noon in Lisbon.
DAY = FIRST + timedelta(days=10)
NOON = NOW + timedelta(days=10, hours=3)
ROOMS = 10


async def booked(
    db: Database,
    first: int,
    nights: int,
    *,
    now: datetime,
    plan: str = "FLEX",
    pay: bool = True,
    name: str = "Ana",
) -> Booking:
    quote = await make_quote(db, stay(first, nights), plan=plan, now=now)
    async with db.transaction() as tx:
        made = await service.hold(
            tx, quote_id=quote.id, guest=GuestDetails(name, "Example", "ana@example.com"), now=now
        )
    if pay:
        await service.pay(db, SandboxGateway(), booking_id=made.booking.id, token="tok_success", now=now)
    return made.booking


async def arrive(db: Database, booking_id: UUID, at: datetime) -> None:
    async with db.transaction() as tx:
        await service.check_in(tx, booking_id=booking_id, now=at, override="no room yet")


@pytest.fixture
async def hotel(db: Database) -> dict[str, Booking]:
    """Ten doubles at 100 a night, and somebody at every point of a stay on the tenth night."""
    await small_hotel(db, rooms=ROOMS)
    yesterday = NOON - timedelta(days=1)
    bookings = {
        "leaving": await booked(db, 8, 2, now=NOW),
        "left": await booked(db, 9, 1, now=NOW),
        "staying": await booked(db, 9, 4, now=NOW, plan="NRF"),
        "arrived": await booked(db, 10, 2, now=NOW),
        "coming": await booked(db, 10, 1, now=NOW, name="<script>alert(1)</script>"),
        "late": await booked(db, 9, 3, now=NOW),
        "later": await booked(db, 12, 2, now=NOON - timedelta(hours=2), plan="NRF"),
        "held": await booked(db, 11, 1, now=NOON - timedelta(minutes=5), pay=False, name="Hal"),
        "lapsed": await booked(db, 11, 1, now=NOON - timedelta(hours=1), pay=False),
        "gone": await booked(db, 13, 2, now=NOW),
        "gone at once": await booked(db, 13, 2, now=NOON - timedelta(hours=3)),
    }
    await arrive(db, bookings["leaving"].id, NOW + timedelta(days=8, hours=8))
    await arrive(db, bookings["left"].id, yesterday)
    await arrive(db, bookings["staying"].id, yesterday)
    await arrive(db, bookings["arrived"].id, NOON)
    async with db.transaction() as tx:
        await service.check_out(
            tx, booking_id=bookings["left"].id, now=NOON - timedelta(hours=2), override="paid in cash"
        )
        await service.cancel(tx, booking_id=bookings["gone"].id, now=NOON - timedelta(hours=1))
        await service.cancel(tx, booking_id=bookings["gone at once"].id, now=NOON)
        await tx.execute(
            "INSERT INTO room_use (room_id, stay, reason)"
            " SELECT max(id), daterange($1::date, $1::date + 1), 'Paint' FROM room",
            DAY,
        )
        await tx.execute("UPDATE room_night SET blocked = 1 WHERE night = $1", DAY)
    return bookings


async def figures(db: Database, ids: frozenset[int] | None = None) -> Today:
    async with db.transaction() as tx:
        return await today(tx, property_ids=ids, now=NOON)


async def test_the_day_is_counted_in_rooms(db: Database, hotel: dict[str, Booking]) -> None:
    (property_,) = (await figures(db)).properties
    assert property_.today == DAY
    assert (property_.arrivals, property_.arrived, property_.late) == (2, 1, 1)
    assert (property_.departures, property_.departed) == (2, 1)
    assert property_.in_house == 3
    assert property_.unpaid_holds == 1
    assert property_.new_bookings == 2  # the one that stays, and the one that was cancelled at once
    assert (await figures(db)).total.arrivals == 2


async def test_a_night_s_figures_are_by_their_definitions(db: Database, hotel: dict[str, Booking]) -> None:
    whole = await figures(db)
    tonight = whole.properties[0].tonight
    # Staying, arrived, coming and late sleep here; one pays 90, the others 100; one room is out of order.
    assert (tonight.available, tonight.sold, tonight.revenue) == (ROOMS - 1, 4, 39_000)
    assert tonight.occupancy == pytest.approx(4 / 9)
    assert (tonight.adr, tonight.revpar) == (9_750, 4_333)
    assert len(whole.properties[0].nights) == 15
    by_night = {item.night: item for item in whole.properties[0].nights}
    assert [by_night[DAY + timedelta(days=i)].sold for i in range(6)] == [4, 3, 2, 1, 0, 0]
    assert [by_night[DAY + timedelta(days=i)].pick_up for i in range(6)] == [0, 0, 1, 0, -1, 0]
    assert whole.properties[0].pick_up == 0
    assert whole.currency == "EUR"
    assert not whole.converted
    assert whole.total.nights == whole.properties[0].nights
    empty = by_night[DAY + timedelta(days=9)]
    assert (empty.adr, empty.revpar, empty.occupancy) == (None, 0, 0.0)


async def test_the_lists_name_who_comes_and_goes(db: Database, hotel: dict[str, Booking]) -> None:
    property_ = (await figures(db)).properties[0]
    async with db.transaction() as tx:
        coming = await arriving(tx, property_)
        going = await leaving(tx, property_)
        kept = await held(tx, property_, now=NOON)
    assert {item.reference for item in coming} == {
        hotel[name].reference for name in ("arrived", "coming", "late")
    }
    assert [item.reference for item in going] == [hotel["leaving"].reference]
    assert [(item.reference, item.guest) for item in kept] == [(hotel["held"].reference, "Hal Example")]
    assert {item.owed for item in coming} == {10_000, 20_000, 30_000}


async def test_a_house_in_another_zone_and_currency_has_its_own_day(
    db: Database, hotel: dict[str, Booking]
) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
            " VALUES ('far', 'Far Away', 'NZ', 0, 0, 'Pacific/Auckland', 'NZD'),"
            "        ('closed', 'Closed', 'NZ', 0, 0, 'Pacific/Auckland', 'NZD')"
        )
        await tx.execute("UPDATE property SET active = false WHERE slug = 'closed'")
        await tx.execute("INSERT INTO exchange_rate VALUES ('NZD', 2, '2030-01-01')")
        number = await tx.fetchval("SELECT id FROM property WHERE slug = 'far'")
    # One in the night there, it is still the day before, unless the house ends its days at midnight.
    assert [property_.today for property_ in (await figures(db)).properties] == [DAY, DAY]
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET day_end_time = '00:00' WHERE slug = 'far'")
    whole = await figures(db)
    far, near = whole.properties
    assert (far.property_.name, far.today, near.today) == ("Far Away", DAY + timedelta(days=1), DAY)
    assert (whole.currency, whole.converted) == ("EUR", True)
    assert whole.tonight.revenue == near.tonight.revenue
    assert far.tonight.occupancy is None
    assert whole.last == far.today
    async with db.transaction() as tx:
        await tx.execute(
            "WITH made AS (INSERT INTO room_type (property_id, code, name, max_occupancy, max_adults,"
            "   max_children) VALUES ($1, 'DBL', 'Double', 2, 2, 0) RETURNING id)"
            " INSERT INTO room_night (room_type_id, night, physical)"
            " SELECT id, $2::date + i, 5 - i FROM made, generate_series(0, 1) AS i",
            number,
            DAY,
        )
    whole = await figures(db)
    # What is free tonight is free in the night that begins there today, not in the one that is over.
    assert whole.tonight.available == near.tonight.available + 4
    assert whole.total.nights[0].available == near.tonight.available + 5
    assert whole.total.nights[1].available == near.nights[1].available + 4
    alone = await figures(db, frozenset({number}))
    assert (alone.currency, alone.converted, len(alone.properties)) == ("NZD", False, 1)
    assert (await figures(db, frozenset())).properties == ()


def figure(text: str, label: str) -> str:
    """The value of a key figure on the page."""
    found = re.search(rf"<dt>{label}</dt>\s*<dd>(.*?)</dd>", text, re.DOTALL)
    assert found, label
    return found[1]


async def test_the_page_shows_a_house_and_all(
    db: Database, database_url: str, hotel: dict[str, Booking]
) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
            " VALUES ('other', 'Other <b>House</b>', 'PT', 0, 0, 'Europe/Lisbon', 'EUR')"
        )
    async with running(settings_for(database_url, mfa_required=False)) as (app, _):
        async with signed_in(app, db, (Role.READ_ONLY, None)) as client:
            answer = await client.get("/admin/today")
            assert answer.status_code == 200
            assert "2 properties" in answer.text
            assert "Other &lt;b&gt;House&lt;/b&gt;" in answer.text
            assert "New booking</a>" not in answer.text
            figure(answer.text, "RevPAR")
            one = await client.get(f"/admin/today?property={SLUG}")
            assert one.status_code == 200
            assert '<h2 id="arrivals">' in one.text
            for wrong in ("nowhere", "x" * 5000, "%00", "' OR 1=1", "🏨"):
                assert (await client.get("/admin/today", params={"property": wrong})).status_code == 404
        async with signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client:
            assert "New booking</a>" in (await client.get("/admin/today")).text
            assert (await client.get("/admin/today?property=other")).status_code == 404
        async with signed_in(app, db) as client:
            assert (await client.get("/admin/today")).status_code == 403


async def test_the_page_says_whose_day_it_is_and_since_when_it_counts(
    db: Database, database_url: str, hotel: dict[str, Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotel_booking.http.access.utc_now", lambda: NOON)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency, day_end_time)"
            " VALUES ('far', 'Far Away', 'NZ', 0, 0, 'Pacific/Auckland', 'NZD', '00:00')"
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.READ_ONLY, None)) as client,
    ):
        await in_thirty_years(db)
        texts = {
            slug: said((await client.get(f"/admin/today?property={slug}")).text) for slug in ("", SLUG, "far")
        }
    named = [f"{night:%A} {night.day} {night:%B}" for night in (DAY, DAY + timedelta(days=1))]
    assert f"2 properties, each on its own day: {named[0]} to {named[1]} {DAY.year}" in texts[""]
    assert "since the day began" in texts[""]
    assert "since 06:00" in texts[SLUG]
    assert f", {named[0]} {DAY.year}" in texts[SLUG]
    assert "since midnight" in texts["far"]
    assert f", {named[1]} {DAY.year}" in texts["far"]


async def test_names_of_guests_are_shown_as_text(
    db: Database, database_url: str, hotel: dict[str, Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotel_booking.http.access.utc_now", lambda: NOON)
    async with running(settings_for(database_url, mfa_required=False)) as (app, _):
        async with signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client:
            await in_thirty_years(db)
            text = (await client.get("/admin/today")).text
            assert "&lt;script&gt;alert(1)&lt;/script&gt; Example" in text
            assert "<script>alert(1)" not in text
            assert f"/admin/bookings/{hotel['coming'].reference}" in text
            assert "€100.00" in text
            assert figure(text, "Arrivals") == "2"
            assert figure(text, "ADR") == "€97.50"
        async with signed_in(app, db, (Role.HOUSEKEEPING, SLUG)) as client:
            await in_thirty_years(db)
            text = (await client.get("/admin/today")).text
            assert figure(text, "Arrivals") == "2"
            assert "&lt;script&gt;" in text
            assert "€" not in text
            assert "EUR" not in text
            assert "ADR" not in text.replace("data-", "").split('<p class="hint">Occupancy')[0]
            assert "/admin/bookings" not in text


async def in_thirty_years(db: Database) -> None:
    """Sessions that are still good at the hotel's time."""
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE staff_session SET last_seen_at = $1, expires_at = $2", NOON, NOON + timedelta(1)
        )


async def test_a_new_platform_says_on_every_page_how_to_begin(db: Database, database_url: str) -> None:
    desk = ("payments/desk", "payments/desk/close", "payments/desk/closings")
    paths = ("today", "properties", "rates", "bookings/new", "reports", *desk)
    async with running(settings_for(database_url, mfa_required=False)) as (app, _):
        async with signed_in(app, db, (Role.OWNER, None)) as owner:
            for path in paths:
                page = await owner.get(f"/admin/{path}")
                assert (page.status_code, "No property yet" in page.text) == (200, True), path
                assert 'href="/admin/properties/new"' in page.text.partition("No property yet")[2], path
            assert (await owner.get("/admin/reports?property=nowhere")).status_code == 200
        async with signed_in(app, db, (Role.FINANCE, None)) as finance:
            page = await finance.get("/admin/reports")
            assert "Whoever manages the catalogue creates the first one" in page.text
            assert "/admin/properties/new" not in page.text
