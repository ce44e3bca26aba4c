"""Guests who are in the house stay longer or leave earlier: no room is sold or given twice for it, what it
costs is said before, and what the hotel's own rules refuse takes a reason."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError, Invalid
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import FeeKept, NothingToAmend, StayNotSold, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.types import Amendment, Booking, RoomChange, RoomRequest
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.inventory.errors import RoomInUse
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.clients.waiting import somebody_waits, until
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    FIRST,
    GUEST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    sold_from,
    stay,
    taken,
)
from tests.integration.http.test_access import contents
from tests.integration.panel.test_desk import act, given, noon, sold, tonight


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


async def inside(db: Database, first: int, nights: int, room: str = "DBL-1") -> Booking:
    """Guests in the house; nothing is paid."""
    booking = await sold(db, first, nights)
    return await act(db, service.check_in, booking_id=booking.id, now=noon(first), rooms={1: room})


async def leave_on(db: Database, booking_id: UUID, until: int, at: int, **values: Any) -> Amendment:
    """Seen first, then done at the price that was seen."""
    wanted = {"booking_id": booking_id, "departure": day(until), "now": noon(at), "by_guest": False, **values}
    async with db.transaction() as tx:
        seen = await service.preview_amend(tx, **wanted)
    async with db.transaction() as tx:
        made = await service.amend(tx, **wanted, expected_total=seen.booking_total)
    assert made == seen
    return made


async def room_nights(db: Database, booking_id: UUID) -> list[tuple[str, str]]:
    """Its rooms, with the nights that they are its own."""
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT room.number, u.stay::text AS stay FROM room_use u JOIN room ON room.id = u.room_id"
            "  JOIN reservation r ON r.id = u.reservation_id WHERE r.booking_id = $1 ORDER BY r.position",
            booking_id,
        )
    return [(row["number"], row["stay"]) for row in rows]


async def test_they_stay_longer_in_their_room_at_todays_price(db: Database) -> None:
    ids = await small_hotel(db, rooms=2)
    booking = await inside(db, 5, 2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = 13000 WHERE night >= $1", day(7))
    made = await leave_on(db, booking.id, 9, 6)
    assert (made.booking_total, made.difference, made.due_now, made.refund) == (46_000, 26_000, 0, 0)
    assert await taken(db, ids["DBL"], stay(5, 5)) == [1, 1, 1, 1, 0]
    assert await room_nights(db, booking.id) == [("DBL-1", f"[{day(5)},{day(9)})")]
    async with db.transaction() as tx:
        after = await booking_by_id(tx, booking.id)
        mails = await tx.fetchval("SELECT count(*) FROM mail_message WHERE template = 'booking_amended'")
        owed = await tx.fetchval("SELECT owed FROM booking_entry WHERE booking_id = $1", booking.id)
    assert (after.status, after.reservations[0].departure, after.total) == ("checked_in", day(9), 46_000)
    assert (mails, owed) == (1, 46_000)
    with pytest.raises(NothingToAmend):
        await leave_on(db, booking.id, 9, 6)
    assert await differences(db) == []


async def test_they_leave_earlier_and_pay_the_nights_until_then(db: Database) -> None:
    ids = await small_hotel(db, rooms=1)
    booking = await inside(db, 5, 4)
    made = await leave_on(db, booking.id, 6, 6)
    assert (made.booking_total, made.difference, made.waived) == (10_000, -30_000, 0)
    assert await taken(db, ids["DBL"], stay(5, 4)) == [1, 0, 0, 0]
    assert await room_nights(db, booking.id) == [("DBL-1", f"[{day(5)},{day(6)})")]
    # The room is free for whoever comes next.
    out = {"booking_id": booking.id, "now": noon(6), "override": "Paid in cash"}
    await act(db, service.check_out, **out)
    await inside(db, 6, 2)
    assert await differences(db) == []


async def test_nothing_but_the_departure_changes_and_no_night_that_is_over(db: Database) -> None:
    await small_hotel(db, rooms=2, room_types=("DBL", "TWN"))
    booking = await inside(db, 5, 4)
    longer = {"departure": day(10)}
    for wrong, field in (
        ({"departure": day(6)}, "departure"),
        ({"departure": day(5)}, "departure"),
        ({"arrival": day(4)}, "arrival"),
        ({"arrival": day(6), **longer}, "arrival"),
        ({"rooms": [RoomChange(1, adults=3)], **longer}, "rooms"),
        ({"rooms": [RoomChange(1, room_type="TWN")]}, "rooms"),
        ({"rooms": [RoomChange(1, rate_plan="NRF")]}, "rooms"),
    ):
        async with db.transaction() as tx:
            before = await contents(db)
            with pytest.raises(Invalid) as refused:
                await service.amend(tx, booking_id=booking.id, now=noon(7), by_guest=False, **wrong)
            assert refused.value.field == field, wrong
        assert await contents(db) == before
    with pytest.raises(WrongState):
        await leave_on(db, booking.id, 10, 7, by_guest=True)
    confirmed = await sold(db, 20, 1)
    with pytest.raises(Invalid, match="only once the guests are in the house"):
        await leave_on(db, confirmed.id, 22, 7, override="They are family")
    # At 03:00 the hotel is still on the day before.
    night = {"now": datetime.combine(day(7), time(3), UTC), "departure": day(6)}
    await leave_on(db, booking.id, 0, 0, **night)
    assert await differences(db) == []


async def test_a_night_that_is_full_or_has_no_price_is_beyond_any_reason(db: Database) -> None:
    ids = await small_hotel(db, rooms=1)
    booking = await inside(db, 5, 2)
    await sold(db, 8, 1)
    before = await contents(db)
    for reason in (None, "They are family"):
        with pytest.raises(StayNotSold) as refused:
            await leave_on(db, booking.id, 9, 6, override=reason)
        assert refused.value.code == "sold_out"
        assert "they can stay until 9 March at the latest" in (refused.value.fix or "")
        assert "override" not in refused.value.extra
    assert await contents(db) == before
    await leave_on(db, booking.id, 8, 6)
    assert await taken(db, ids["DBL"], stay(5, 4)) == [1, 1, 1, 1]
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM rate_night WHERE night = $1", day(21))
    await act(db, service.check_out, booking_id=booking.id, now=noon(8), override="Paid in cash")
    last = await inside(db, 20, 1)
    with pytest.raises(StayNotSold) as refused:
        await leave_on(db, last.id, 22, 20, override="They are family")
    assert refused.value.code == "no_price"
    assert await differences(db) == []


@pytest.mark.parametrize(
    ("rule", "until", "code"),
    [
        ({"closed_to_departure": True}, 8, "closed_to_departure"),
        ({"closed": True}, 9, "closed"),
        ({"min_stay_through": 5}, 9, "min_stay_through"),
        ({"min_stay_arrival": 2}, 6, "min_stay_arrival"),
        ({"max_stay": 3}, 9, "max_stay"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_hotels_own_rules_take_a_reason(
    db: Database, rule: dict[str, Any], until: int, code: str
) -> None:
    await small_hotel(db, rooms=1)
    booking = await inside(db, 5, 2)
    (column, value), *_ = rule.items()
    async with db.transaction() as tx:
        night = day(5) if code in ("min_stay_arrival", "max_stay") else day(8)
        await tx.execute(f"UPDATE room_night SET {column} = $1 WHERE night = $2", value, night)
    before = await contents(db)
    with pytest.raises(StayNotSold) as refused:
        await leave_on(db, booking.id, until, 6)
    assert (refused.value.code, refused.value.extra["override"]) == (code, "override_reason")
    assert "suggestion" not in refused.value.extra
    with pytest.raises(Invalid, match="5 to 1000"):
        await leave_on(db, booking.id, until, 6, override="no")
    assert await contents(db) == before
    await leave_on(db, booking.id, until, 6, override="Regular guests")
    assert await given(db) == [(code, "Regular guests")]
    assert await differences(db) == []


async def test_arrival_rules_that_came_later_ask_nothing_of_who_has_arrived(db: Database) -> None:
    await small_hotel(db, rooms=1)
    booking = await inside(db, 5, 2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_night SET closed_to_arrival = true, closed = night < $1", day(7))
        await tx.execute("UPDATE room_type SET max_occupancy = 1, max_adults = 1")
        await tx.execute("UPDATE rate_plan SET min_advance_days = 30, active = false WHERE code = 'FLEX'")
    await leave_on(db, booking.id, 8, 6)
    assert await given(db) == []
    assert await differences(db) == []


async def test_a_room_that_is_given_to_others_says_where_to_move(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking, leaving = await inside(db, 5, 2), await inside(db, 5, 1, "DBL-3")
    following = await sold(db, 8, 2)
    await act(db, service.give_rooms, booking_id=following.id, now=noon(6), rooms={1: "DBL-1"})
    before = await contents(db)
    with pytest.raises(RoomInUse, match="room DBL-1 has another stay or a block before 10 March") as refused:
        await leave_on(db, booking.id, 9, 6)
    assert refused.value.extra == {"room": "DBL-1", "free": ["DBL-2"]}
    assert await contents(db) == before
    # Others slept in DBL-3 last night: it is theirs from today on, and free for the nights before as it was.
    await act(db, service.check_out, booking_id=leaving.id, now=noon(6), override="Paid in cash")
    moved = await act(db, service.give_rooms, booking_id=booking.id, now=noon(6), rooms={1: "DBL-3"})
    assert moved.reservations[0].room == "DBL-3"
    assert await room_nights(db, booking.id) == [("DBL-3", f"[{day(6)},{day(7)})")]
    await leave_on(db, booking.id, 9, 6)
    assert await room_nights(db, booking.id) == [("DBL-3", f"[{day(6)},{day(9)})")]
    assert await differences(db) == []


async def test_what_the_policy_keeps_is_waived_by_those_who_may_or_stays(db: Database) -> None:
    await small_hotel(db, rooms=1)
    quote = await make_quote(db, stay(5, 4), plan="NRF")
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    await service.pay(db, SandboxGateway(), booking_id=held.booking.id, token="tok_success", now=NOW)
    booking = held.booking
    await act(db, service.check_in, booking_id=booking.id, now=noon(5), rooms={1: "DBL-1"})
    before = await contents(db)
    for values in ({}, {"override": "A death in the family"}, {"waive": True}):
        with pytest.raises(FeeKept, match=r"keep €270\.00 more") as refused:
            await leave_on(db, booking.id, 6, 6, **values)
        assert ("override" in refused.value.extra) == ("waive" in values)
    assert await contents(db) == before
    made = await leave_on(db, booking.id, 6, 6, override="A death in the family", waive=True)
    assert (made.waived, made.refund, made.booking_total) == (27_000, 27_000, 9_000)
    assert await given(db) == [("fee_kept", "A death in the family")]
    assert await differences(db) == []


async def test_the_last_room_goes_to_one_of_two_who_stay_longer(db: Database) -> None:
    ids = await small_hotel(db, rooms=2)
    both = [await inside(db, 5, 2), await inside(db, 5, 2, "DBL-2")]
    await sold(db, 7, 1)

    async def longer(booking: Booking) -> str:
        try:
            await leave_on(db, booking.id, 8, 6)
        except DomainError as error:
            return error.code
        return "done"

    assert sorted(await asyncio.gather(*map(longer, both))) == ["done", "sold_out"]
    assert await taken(db, ids["DBL"], stay(5, 3)) == [2, 2, 2]
    assert await differences(db) == []


async def test_a_room_given_to_two_at_once_is_one_stays(db: Database) -> None:
    """Both previews saw the room free: the database lets one of them have it."""
    await small_hotel(db, rooms=2)
    booking, coming = await inside(db, 5, 2), await sold(db, 7, 1)
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=booking.id, departure=day(8), now=noon(6), by_guest=False)
        other = asyncio.create_task(
            act(db, service.give_rooms, booking_id=coming.id, now=noon(6), rooms={1: "DBL-1"})
        )
        await until(partial(somebody_waits, db))
        assert not other.done()
    with pytest.raises(RoomInUse):
        await other
    assert await differences(db) == []


async def test_the_api_changes_the_departure(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=1)
    booking = await inside(db, 5, 2)
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_night SET closed = true WHERE night = $1", day(7))
    key = bearer(await api_key(db)) | {"Hotel-Simulated-Time": noon(6).isoformat()}
    path = f"/api/v1/bookings/{booking.reference}/amend"
    wanted: dict[str, Any] = {"departure": day(8).isoformat()}
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(key)
        refused = await client.post(path, json=wanted)
        assert (refused.status_code, refused.json()["code"]) == (409, "closed")
        assert refused.json()["override"] == "override_reason"
        wanted["override_reason"] = "Regular guests"
        before = await contents(db)
        seen = await client.post(path, json={**wanted, "preview": True})
        assert seen.status_code == 200, seen.text
        assert await contents(db) == before
        agreed = {**wanted, "expected_total": seen.json()["total"]["amount"]}
        other = await client.post(path, json={**wanted, "expected_total": 1})
        assert other.json()["code"] == "price_changed"
        once = {"Idempotency-Key": "longer-1"}
        answers = [await client.post(path, json=agreed, headers=once) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["difference"] == {"amount": 10_000, "currency": "EUR"}
        wrong: dict[str, Any]
        for wrong in ({"departure": day(5).isoformat()}, {"departure": "2031-03-08"}, {"rooms": []}):
            answer = await client.post(path, json=wrong)
            assert 400 <= answer.status_code < 500, answer.text
    assert await given(db) == [("closed", "Regular guests")]


async def test_the_panel_shows_the_price_then_changes_the_departure(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    today = business_date(utc_now(), "Europe/Lisbon", time(6))
    async with db.transaction() as tx:
        await sold_from(tx, today)
    booking = await tonight(db)
    path = f"/admin/bookings/{booking.reference}/departure"
    longer = {"departure": (today + timedelta(days=3)).isoformat()}
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        early = await client.get(path)
        assert early.status_code == 303, "there is nothing to change before they are there"
        assert (await client.post(path, data=longer)).status_code == 422
        await act(db, service.check_in, booking_id=booking.id, now=utc_now(), rooms={1: "DBL-1"})
        page = await client.get(f"/admin/bookings/{booking.reference}")
        assert f'href="{path}"' in page.text
        assert (await client.get(path.replace("departure", "amend"))).headers["location"] == path
        before = await contents(db)
        seen = await client.post(path, data={**longer, "act": "preview"})
        assert seen.status_code == 200
        assert "€300.00" in seen.text
        wrong: dict[str, str]
        for wrong in (
            {"departure": ""},
            {"departure": "soon"},
            {"departure": "2099-12-31"},
            {"departure": "2001-01-01"},
        ):
            assert (await client.post(path, data=wrong)).status_code == 422
        stale = {**longer, "act": "confirm", "agreed_total": "1"}
        assert (await client.post(path, data=stale)).status_code == 422
        assert await contents(db) == before
        done = await client.post(path, data={**longer, "act": "confirm", "agreed_total": "30000"})
        assert done.status_code == 303
        after = await client.get(done.headers["location"])
        assert "The departure has been changed." in after.text
    assert await differences(db) == []


async def test_the_panel_waives_what_the_policy_keeps_for_those_who_may(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=1)
    today = business_date(utc_now(), "Europe/Lisbon", time(6))
    async with db.transaction() as tx:
        await sold_from(tx, today)
        quote = await service.quote(
            tx,
            property_slug=SLUG,
            stay=Stay(today, today + timedelta(days=3)),
            rooms=[RoomRequest("DBL", "NRF")],
            now=utc_now(),
        )
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=utc_now())
    booking = held.booking
    await service.pay(db, SandboxGateway(), booking_id=booking.id, token="tok_success", now=utc_now())
    await act(db, service.check_in, booking_id=booking.id, now=utc_now(), rooms={1: "DBL-1"})
    path = f"/admin/bookings/{booking.reference}/departure"
    early = {"departure": (today + timedelta(days=1)).isoformat(), "override_reason": "A death in the family"}
    agreed = {**early, "act": "confirm", "agreed_total": "9000"}
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as desk,
        signed_in(app, db, (Role.MANAGER, SLUG)) as manager,
    ):
        before = await contents(db)
        for form in (early, agreed):
            refused = await desk.post(path, data=form)
            assert refused.status_code == 422
            assert "check the guests out when they leave" in refused.text
        assert await contents(db) == before
        seen = await manager.post(path, data=early)
        assert "Waived" in seen.text
        done = await manager.post(path, data=agreed)
        assert done.status_code == 303, done.text[:500]
        assert "€180.00 will be refunded" in (await manager.get(done.headers["location"])).text
    assert await given(db) == [("fee_kept", "A death in the family")]


async def test_the_rooms_of_one_booking_change_their_departure_together_and_the_page_says_so(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=3)
    for rooms in (1, 2):
        booking = await sold(db, 5, 2, *["DBL"] * rooms)
        given_rooms = {number + 1: f"DBL-{rooms + number}" for number in range(rooms)}
        await act(db, service.check_in, booking_id=booking.id, now=noon(5), rooms=given_rooms)
        async with (
            running(settings_for(database_url, mfa_required=False)) as (app, _),
            signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
        ):
            page = (await client.get(f"/admin/bookings/{booking.reference}/departure")).text
        assert ("The guests of all 2 rooms leave on this day" in page) == (rooms == 2)
