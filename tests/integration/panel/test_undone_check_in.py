"""A check-in of the wrong booking is undone on the same day, and not where something says that the guests
are there."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import WrongState
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.payments import service as payments
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.invariants import differences
from tests.factories.small_hotel import SLUG, small_hotel, sold_from, stay, taken
from tests.integration.http.test_access import contents
from tests.integration.panel.test_desk import act, noon, sold, tonight
from tests.integration.panel.test_in_house import day, inside, leave_on


async def test_a_check_in_of_the_wrong_guests_is_undone(db: Database) -> None:
    ids = await small_hotel(db, rooms=1)
    booking = await inside(db, 5, 2)
    late = datetime.combine(day(6), time(5, 59), UTC)  # the hotel's day ends at six
    undone = await act(db, service.undo_check_in, booking_id=booking.id, now=late)
    assert (undone.status, undone.reservations[0].status) == ("confirmed", "confirmed")
    assert undone.reservations[0].room == "DBL-1"
    assert undone.reservations[0].checked_in_at is None
    assert await taken(db, ids["DBL"], stay(5, 2)) == [1, 1]
    async with db.transaction() as tx:
        entry = await tx.fetchrow(
            "SELECT before, after FROM audit_entry WHERE object_kind = 'booking' ORDER BY id DESC LIMIT 1"
        )
    assert entry is not None
    assert (entry["before"], entry["after"]) == ({"status": "checked_in"}, {"status": "confirmed"})
    await act(db, service.check_in, booking_id=booking.id, now=late)
    assert await differences(db) == []


async def test_what_has_moved_on_is_not_undone(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking = await inside(db, 5, 2)
    before = await contents(db)
    with pytest.raises(WrongState, match="from a day before"):
        await act(db, service.undo_check_in, booking_id=booking.id, now=noon(6))
    assert await contents(db) == before
    await act(db, service.check_out, booking_id=booking.id, now=noon(6), override="Paid in cash")
    gone = await sold(db, 5, 1)
    for status in ("checked out", "confirmed", "no-show"):
        with pytest.raises(WrongState, match=status):
            await act(
                db,
                service.undo_check_in,
                booking_id=(booking if status == "checked out" else gone).id,
                now=noon(5),
            )
        if status == "confirmed":
            await act(db, service.no_show, booking_id=gone.id, now=noon(5))
    paying = await inside(db, 5, 2, "DBL-2")
    gateway, later = SandboxGateway(), noon(5) + timedelta(hours=1)
    await service.pay(db, gateway, booking_id=paying.id, token="tok_success", now=later, balance=True)
    with pytest.raises(WrongState, match=r"€200\.00 was paid since") as refused:
        await act(db, service.undo_check_in, booking_id=paying.id, now=later)
    assert refused.value.extra["paid"] == {"amount": 20_000, "currency": "EUR"}
    async with db.transaction() as tx:
        await payments.give_back(tx, booking_id=paying.id, amount=20_000, reason="Wrong booking", now=later)
    await act(db, service.undo_check_in, booking_id=paying.id, now=later)
    # Who arrived a day late and leaves today has no night left to come for.
    short = await sold(db, 5, 3)
    await act(db, service.check_in, booking_id=short.id, now=noon(6), rooms={1: "DBL-3"})
    await leave_on(db, short.id, 6, 6)
    with pytest.raises(WrongState, match="no night of the stay is left"):
        await act(db, service.undo_check_in, booking_id=short.id, now=noon(6))
    assert await differences(db) == []


async def test_the_panel_and_the_api_undo_it(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    today = business_date(utc_now(), "Europe/Lisbon", time(6))
    async with db.transaction() as tx:
        await sold_from(tx, today)
    booking = await tonight(db)
    path = f"/admin/bookings/{booking.reference}/undo-check-in"
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, api),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        early = await client.get(path)
        assert early.status_code == 422
        assert "only a check-in can be undone" in early.text
        assert (await client.post(path)).status_code == 422
        rooms = {1: "DBL-1"}
        await act(db, service.check_in, booking_id=booking.id, now=utc_now(), rooms=rooms)
        assert f'href="{path}"' in (await client.get(path.rpartition("/")[0])).text
        before = await contents(db)
        assert "Room DBL-1 stays assigned" in (await client.get(path)).text
        assert await contents(db) == before
        done = await client.post(path)
        assert done.status_code == 303
        after = await client.get(done.headers["location"])
        assert "The check-in has been undone" in after.text
        assert f'href="{path}"' not in after.text
        await act(db, service.check_in, booking_id=booking.id, now=utc_now())
        address = f"/api/v1/bookings/{booking.reference}/undo-check-in"
        key = bearer(await api_key(db)) | {"Idempotency-Key": "undo-1"}
        answers = [await api.post(address, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
        assert answers[0].json()["status"] == "confirmed"
        again = await api.post(address, headers=key | {"Idempotency-Key": "undo-2"})
        assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
