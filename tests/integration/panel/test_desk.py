"""At the desk: rooms, check-in, check-out and no-shows are refused where the house would regret it, or done
with a reason that is kept; what is charged or stays open is said before and after."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Database
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.bookings import overrides, service
from hotel_booking.domains.bookings.errors import (
    BalanceOpen,
    PriceChanged,
    RoomNeeded,
    RoomOccupied,
    TooEarly,
)
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.types import Booking, RoomRequest
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.inventory.errors import RoomInUse
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.clients.staff_client import signed_in
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    FIRST,
    GUEST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    sold_from,
    status_of,
    stay,
    taken,
)


def noon(day: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC) + timedelta(days=day)


async def sold(db: Database, first: int, nights: int, *types: str) -> Booking:
    """A confirmed booking on the hotel's word: nothing is paid."""
    quote = await make_quote(db, stay(first, nights), *types)
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
        await service.guarantee(tx, booking_id=held.booking.id, now=NOW)
    return held.booking


async def act(db: Database, verb: Any, **values: Any) -> Booking:
    async with db.transaction() as tx:
        done: Booking = await verb(tx, **values)
    return done


async def given(db: Database) -> list[tuple[str, str]]:
    """Which room is whose, by what was overridden."""
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT refusal, reason FROM stay_override ORDER BY id")
    return [(row["refusal"], row["reason"]) for row in rows]


async def test_nobody_is_checked_in_without_a_room(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 5, 2, "DBL", "DBL")
    with pytest.raises(RoomNeeded) as refused:
        await act(db, service.check_in, booking_id=booking.id, now=noon(5), rooms={1: "DBL-1"})
    assert refused.value.extra["positions"] == [2]
    assert "DBL-2" in (refused.value.fix or "")
    assert await status_of(db, booking.id) == "confirmed"
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM room_use") == 0
    both = {1: "DBL-1", 2: "DBL-2"}
    inside = await act(db, service.check_in, booking_id=booking.id, now=noon(5), rooms=both)
    assert [room.room for room in inside.reservations] == ["DBL-1", "DBL-2"]
    assert await given(db) == []


async def test_with_a_reason_they_are_in_without_a_room_and_get_one_later(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 5, 2)
    for reason in ("", "   no ", "x" * 1001):
        with pytest.raises(Invalid):
            await act(db, service.check_in, booking_id=booking.id, now=noon(5), override=reason)
        assert await status_of(db, booking.id) == "confirmed"
    why = "The room is still being cleaned"
    inside = await act(db, service.check_in, booking_id=booking.id, now=noon(5), override=why)
    assert (inside.status, inside.reservations[0].room) == ("checked_in", None)
    assert await given(db) == [("room_needed", why)]
    housed = await act(db, service.give_rooms, booking_id=booking.id, now=noon(6), rooms={1: "DBL-2"})
    assert housed.reservations[0].room == "DBL-2"
    moved = await act(db, service.give_rooms, booking_id=booking.id, now=noon(6), rooms={1: "DBL-3"})
    assert moved.reservations[0].room == "DBL-3"
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM room_use") == 1
        entry = await tx.fetchrow("SELECT * FROM audit_entry WHERE object_kind = 'stay_override'")
    assert entry is not None
    assert entry["booking_id"] == booking.id
    assert await differences(db) == []


async def test_a_property_that_numbers_no_rooms_has_none_to_give(db: Database) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM room")
    booking = await sold(db, 5, 1)
    assert (await act(db, service.check_in, booking_id=booking.id, now=noon(5))).status == "checked_in"


async def test_nobody_is_checked_in_where_others_still_are(db: Database) -> None:
    await small_hotel(db, rooms=2)
    before, after = await sold(db, 3, 2), await sold(db, 5, 2)
    await act(db, service.check_in, booking_id=before.id, now=noon(3), rooms={1: "DBL-1"})
    with pytest.raises(RoomOccupied) as refused:
        await act(db, service.check_in, booking_id=after.id, now=noon(5), rooms={1: "DBL-1"})
    assert (refused.value.extra["room"], refused.value.extra["reference"]) == ("DBL-1", before.reference)
    assert await status_of(db, after.id) == "confirmed"
    with pytest.raises(RoomNeeded) as needed:
        await act(db, service.check_in, booking_id=after.id, now=noon(5))
    assert needed.value.extra["free"] == ["DBL-2"]
    # A stay that overlaps by the book is beyond any reason.
    overlapping = await sold(db, 4, 2)
    same = {"booking_id": overlapping.id, "now": noon(4), "rooms": {1: "DBL-1"}}
    with pytest.raises(RoomInUse):
        await act(db, service.check_in, **same, override="They are family")
    why = "They left an hour ago, the key is here"
    await act(db, service.check_in, booking_id=after.id, now=noon(5), rooms={1: "DBL-1"}, override=why)
    assert await given(db) == [("room_occupied", why)]


async def test_nobody_leaves_owing_unless_somebody_says_why(db: Database) -> None:
    ids = await small_hotel(db, rooms=2)
    booking = await sold(db, 5, 2)
    await act(db, service.check_in, booking_id=booking.id, now=noon(5), rooms={1: "DBL-1"})
    with pytest.raises(BalanceOpen, match=r"€200\.00") as refused:
        await act(db, service.check_out, booking_id=booking.id, now=noon(6))
    assert refused.value.extra["open"] == {"amount": 20_000, "currency": "EUR"}
    assert await status_of(db, booking.id) == "checked_in"
    assert await taken(db, ids["DBL"], stay(5, 2)) == [1, 1]
    out = await act(db, service.check_out, booking_id=booking.id, now=noon(7), override="Paid in cash, 200")
    assert out.status == "checked_out"
    assert await given(db) == [("balance_open", "Paid in cash, 200")]
    paid = await make_quote(db, stay(9, 1), plan="NRF")
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=paid.id, guest=GUEST, now=NOW)
    await service.pay(db, SandboxGateway(), booking_id=held.booking.id, token="tok_success", now=NOW)
    await act(db, service.check_in, booking_id=held.booking.id, now=noon(9), rooms={1: "DBL-2"})
    assert (
        await act(db, service.check_out, booking_id=held.booking.id, now=noon(10))
    ).status == "checked_out"
    async with db.transaction() as tx:
        await overrides.forget(tx, [booking.id])
    assert await given(db) == [("balance_open", "erased")]


async def test_a_no_show_says_what_it_costs_before_and_what_came_of_it(db: Database) -> None:
    await small_hotel(db, rooms=3)
    owing = await sold(db, 5, 2)
    async with db.transaction() as tx:
        with pytest.raises(TooEarly):
            await service.preview_no_show(tx, booking_id=owing.id, now=noon(4))
        seen = await service.preview_no_show(tx, booking_id=owing.id, now=noon(5))
    assert (seen.cost.fee, seen.cost.owed, seen.cost.refund, seen.chargeable) == (10_000, 10_000, 0, False)
    assert seen.can_arrive_until == datetime(2030, 3, 8, 6, 0, tzinfo=UTC)
    with pytest.raises(PriceChanged):
        await act(db, service.no_show, booking_id=owing.id, now=noon(5), expected_fee=9_999)
    assert await status_of(db, owing.id) == "confirmed"
    gone = await act(db, service.no_show, booking_id=owing.id, now=noon(5), expected_fee=10_000)
    async with db.transaction() as tx:
        outcome = await service.fee_outcome(tx, gone)
        assert outcome is not None
        assert (outcome.state, outcome.fee, outcome.open) == ("not_chargeable", 10_000, 10_000)
        # With a card it is being charged, then tried again, then open.
        await tx.execute(
            "INSERT INTO saved_card (booking_id, gateway, customer, method, brand, last4, expires, agreement,"
            " agreed_at) VALUES ($1, 'sandbox', 'c', 'm', 'visa', '4242', '2031-01', 'yes', $2)",
            gone.id,
            NOW,
        )
        states = []
        for at, tries in ((noon(5), 0), (noon(6), 1), (None, 3)):
            await tx.execute(
                "UPDATE booking SET collect_at = $2, collect_tries = $3 WHERE id = $1", gone.id, at, tries
            )
            outcome = await service.fee_outcome(tx, gone)
            assert outcome is not None
            states.append((outcome.state, outcome.next_attempt))
    assert states == [("charging", None), ("declined", noon(6)), ("declined", None)]
    paid = await make_quote(db, stay(9, 2), plan="NRF")
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=paid.id, guest=GUEST, now=NOW)
    await service.pay(db, SandboxGateway(), booking_id=held.booking.id, token="tok_success", now=NOW)
    await act(db, service.no_show, booking_id=held.booking.id, now=noon(9))
    async with db.transaction() as tx:
        after = await booking_by_id(tx, held.booking.id)
        outcome = await service.fee_outcome(tx, after)
    assert outcome is not None
    assert (outcome.state, outcome.open) == ("settled", 0)


async def test_the_api_refuses_and_overrides_alike(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    booking = await sold(db, 5, 1)
    key = bearer(await api_key(db)) | {"Hotel-Simulated-Time": noon(5).isoformat()}
    base = f"/api/v1/bookings/{booking.reference}"
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(key)
        seen = await client.get(f"{base}/no-show")
        assert seen.status_code == 200, seen.text
        assert seen.json()["owed"] == {"amount": 10_000, "currency": "EUR"}
        assert seen.json()["chargeable"] is False
        refused = await client.post(f"{base}/check-in")
        assert (refused.status_code, refused.json()["code"]) == (409, "room_needed")
        short = await client.post(f"{base}/check-in", json={"override_reason": "no"})
        assert short.status_code in (400, 422)
        assert await status_of(db, booking.id) == "confirmed"
        inside = await client.post(f"{base}/check-in", json={"override_reason": "not cleaned yet"})
        assert inside.status_code == 200, inside.text
        housed = await client.post(f"{base}/rooms", json={"rooms": {"1": "DBL-2"}})
        assert housed.json()["reservations"][0]["room"] == "DBL-2"
        owing = await client.post(f"{base}/check-out")
        assert (owing.status_code, owing.json()["code"]) == (409, "balance_open")
        out = await client.post(f"{base}/check-out", json={"override_reason": "paid in cash"})
        assert out.json()["status"] == "checked_out"
    assert await given(db) == [("room_needed", "not cleaned yet"), ("balance_open", "paid in cash")]


async def test_the_panel_names_it_before_and_says_it_afterwards(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    today = business_date(utc_now(), "Europe/Lisbon", time(6))
    async with db.transaction() as tx:
        await sold_from(tx, today)
    absent, late = [await tonight(db) for _ in range(2)]
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        page = await client.get(f"/admin/bookings/{absent.reference}")
        assert f'href="/admin/bookings/{absent.reference}/no-show"' in page.text
        before = await client.get(f"/admin/bookings/{absent.reference}/no-show")
        assert "Unpaid: no card on file" in before.text
        assert "(Lisbon time)" in before.text
        wrong = await client.post(f"/admin/bookings/{absent.reference}/no-show", data={"fee": "1"})
        assert (wrong.status_code, await status_of(db, absent.id)) == (422, "confirmed")
        done = await client.post(f"/admin/bookings/{absent.reference}/no-show", data={"fee": "10000"})
        assert done.status_code == 303
        after = await client.get(done.headers["location"])
        assert "No card on file: €100.00 of the fee remains outstanding." in after.text

        path = f"/admin/bookings/{late.reference}"
        refused = await client.post(f"{path}/check-in", data={"room-1": ""})
        assert refused.status_code == 422
        assert "has no room number yet" in refused.text
        assert (await client.post(f"{path}/check-in", data={"room-1": "DBL-1"})).status_code == 303
        leaving = await client.get(f"{path}/check-out")
        assert "€100.00 is unpaid" in leaving.text
        owing = await client.post(f"{path}/check-out", data={"override_reason": ""})
        assert (owing.status_code, await status_of(db, late.id)) == (422, "checked_in")
        done = await client.post(f"{path}/check-out", data={"override_reason": "Company pays by invoice"})
        assert done.status_code == 303
        after = await client.get(done.headers["location"])
        assert "€100.00 is outstanding" in after.text
        assert "Company pays by invoice" in after.text
        assert "Ada Member" in after.text
    assert await given(db) == [("balance_open", "Company pays by invoice")]


async def tonight(db: Database, *, rooms: int = 1, nights: int = 1) -> Booking:
    """A booking from tonight on that is confirmed and not paid."""
    async with db.transaction() as tx:
        today = await tx.fetchval("SELECT min(night) FROM room_night")
        quote = await service.quote(
            tx,
            property_slug=SLUG,
            stay=Stay(today, today + timedelta(days=nights)),
            rooms=[RoomRequest("DBL", "FLEX")] * rooms,
            now=datetime.combine(today, datetime.min.time(), UTC) + timedelta(hours=7),
        )
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=quote.created_at)
        await service.guarantee(tx, booking_id=held.booking.id, now=quote.created_at)
    return held.booking


async def test_a_guest_is_upgraded_though_rooms_of_their_type_are_free(
    db: Database, database_url: str
) -> None:
    """As to a room that a long list leaves out: whatever room there is can be typed."""
    await small_hotel(db, rooms=3, room_types=("DBL", "TWN"))
    booking = await sold(db, 20, 2, "DBL", "DBL")
    path = f"/admin/bookings/{booking.reference}"
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        page = (await client.get(path)).text
        assert '<option value="DBL-1">' in page
        assert '<option value="TWN-1">' not in page
        assert 'name="other-2"' in page
        refused = await client.post(f"{path}/rooms", data={"room-1": "DBL-1", "other-1": "9999"})
        assert (refused.status_code, "has no room 9999" in refused.text) == (422, True)
        assert (
            'value="9999"'
            in refused.text.partition('<details class="more" open>')[2].partition("</details>")[0]
        )
        twice = await client.post(f"{path}/rooms", data={"other-1": "TWN-1", "other-2": "TWN-1"})
        assert twice.status_code == 422
        given = {"room-1": "DBL-1", "other-1": "TWN-1", "room-2": "DBL-2", "other-2": ""}
        assert (await client.post(f"{path}/rooms", data=given)).status_code == 303
        moved = await client.post(f"{path}/rooms", data={"was-2": "DBL-2", "room-2": "", "other-2": "TWN-3"})
        assert "Room TWN-3 has been assigned." in (await client.get(moved.headers["location"])).text
    async with db.transaction() as tx:
        found = await booking_by_id(tx, booking.id)
    assert [room.room for room in found.reservations] == ["TWN-1", "TWN-3"]


async def test_rooms_are_given_before_the_guests_come_and_changed_while_they_are_there(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 20, 2, "DBL", "DBL")
    path = f"/admin/bookings/{booking.reference}"

    async def rooms() -> list[str | None]:
        async with db.transaction() as tx:
            return [room.room for room in (await booking_by_id(tx, booking.id)).reservations]

    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        page = (await client.get(path)).text
        assert all(f">Room {number}, " in page for number in (1, 2))
        for data, said in (
            ({"room-1": "", "room-2": ""}, "choose a room"),
            ({"room-1": "DBL-1", "room-2": "DBL-1"}, "room dbl-1 is chosen twice"),
        ):
            refused = await client.post(f"{path}/rooms", data=data)
            assert refused.status_code == 422
            assert said in refused.text.lower()
        assert await rooms() == [None, None]
        done = await client.post(f"{path}/rooms", data={"room-1": "DBL-1", "room-2": "DBL-2"})
        assert done.status_code == 303
        page = (await client.get(done.headers["location"])).text
        assert "The rooms have been assigned." in page
        assert "Move to another room" in page
        moved = await client.post(f"{path}/rooms", data={"room-2": "DBL-3"})
        assert "Room DBL-3 has been assigned." in (await client.get(moved.headers["location"])).text
        # A colleague's page still says DBL-2, or that there is no room yet.
        for was, chosen in (("DBL-2", "DBL-2"), ("", "DBL-2"), ("DBL-1", "DBL-2")):
            stale = await client.post(f"{path}/rooms", data={"was-2": was, "room-2": chosen})
            assert stale.status_code == 422, was
            assert "somebody has given them room dbl-3 meanwhile" in stale.text.lower(), was
            stale = await client.post(f"{path}/check-in", data={"was-2": was, "room-2": chosen})
            assert stale.status_code == 422, was
        twice = await client.post(f"{path}/rooms", data={"was-2": "DBL-2", "room-2": "DBL-3"})
        assert twice.status_code == 303  # it is what they want
        assert await rooms() == ["DBL-1", "DBL-3"]
        await act(db, service.check_in, booking_id=booking.id, now=noon(20), rooms={})
        page = (await client.get(path)).text
        assert 'name="was-2" value="DBL-3"' in page
        moved = await client.post(f"{path}/rooms", data={"was-2": "DBL-3", "room-2": "DBL-2"})
        assert (
            "The guests have been moved to room DBL-2." in (await client.get(moved.headers["location"])).text
        )
    assert await rooms() == ["DBL-1", "DBL-2"]
    assert await differences(db) == []
