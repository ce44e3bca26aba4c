"""The desk with a party that does not come all at once: who has come is chosen, and so is who did not; the
API does the same."""

from __future__ import annotations

from datetime import time

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.invariants import differences
from tests.factories.small_hotel import SLUG, small_hotel, sold_from
from tests.integration.panel.test_desk import tonight

HERE = ["checked_in", "confirmed", "confirmed"]


async def party(db: Database) -> Booking:
    """Three doubles for two nights from tonight on, 20,000 each, of which a no-show costs the first."""
    await small_hotel(db, rooms=4)
    async with db.transaction() as tx:
        await sold_from(tx, business_date(utc_now(), "Europe/Lisbon", time(6)))
    return await tonight(db, rooms=3, nights=2)


async def seen(db: Database, booking: Booking) -> tuple[str, list[str], list[str | None]]:
    """How the booking and its rooms stand, and which rooms it has."""
    async with db.transaction() as tx:
        now = await booking_by_id(tx, booking.id)
    return now.status, [room.status for room in now.reservations], [room.room for room in now.reservations]


async def test_the_desk_chooses_who_has_come_and_who_did_not(db: Database, database_url: str) -> None:
    booking = await party(db)
    path = f"/admin/bookings/{booking.reference}"
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        page = (await client.get(path)).text
        assert page.count('name="arriving"') == 3
        for wrong in ({"room-1": "DBL-1"}, {"room-1": "DBL-1", "arriving": "9"}):
            refused = await client.post(f"{path}/check-in", data=wrong)
            assert refused.status_code == 422, wrong
        assert await seen(db, booking) == ("confirmed", ["confirmed"] * 3, [None] * 3)
        come = await client.post(
            f"{path}/check-in", data={"arriving": "1", "room-1": "DBL-1", "room-2": "DBL-2", "room-3": ""}
        )
        assert come.status_code == 303, come.text
        page = (await client.get(come.headers["location"])).text
        assert "The guests of room 1 are checked in; those of 2 rooms are expected." in page
        assert await seen(db, booking) == ("checked_in", HERE, ["DBL-1", "DBL-2", None])
        today = (await client.get(f"/admin/today?property={SLUG}")).text
        assert today.count(f'href="/admin/bookings/{booking.reference}"') >= 3  # each room as it stands

        asked = (await client.get(f"{path}/no-show")).text
        assert "The guests of rooms 2 and 3 did not come" in asked
        asked = (await client.get(f"{path}/no-show?rooms=3")).text
        assert "<s>€600.00</s> €500.00" in asked
        assert 'name="fee" value="10000"' in asked
        overtaken = await client.post(f"{path}/no-show", data={"rooms": ["1", "3"], "fee": "20000"})
        assert overtaken.status_code == 422
        assert "The guests of room 1 of the booking are in the house" in overtaken.text
        unknown = await client.get(f"{path}/no-show?rooms=9")
        assert (unknown.status_code, "Must be one of the options" in unknown.text) == (422, True)
        twice = await client.post(f"{path}/check-in", data={"arriving": "1", "room-2": ""})
        assert twice.status_code == 422
        assert "The guests of room 1 of the booking are in the house" in twice.text
        away = await client.post(f"{path}/no-show", data={"rooms": "3", "fee": "10000"})
        assert away.status_code == 303, away.text
        page = (await client.get(away.headers["location"])).text
        assert "Room 3 is marked as a no-show; the booking comes to €500.00." in page
        leaving = (await client.get(f"{path}/check-out")).text
        assert "The guests of 1 room have not come yet." in leaving
        last = await client.post(f"{path}/check-in", data={"room-2": ""})
        assert last.status_code == 303, last.text
        assert "The guests are checked in." in (await client.get(last.headers["location"])).text
        gone = await client.post(
            f"{path}/check-out", data={"rooms": ["1", "2"], "override_reason": "Company pays by invoice"}
        )
        assert gone.status_code == 303
    assert await seen(db, booking) == (
        "checked_out",
        ["checked_out", "checked_out", "no_show"],
        ["DBL-1", "DBL-2", None],
    )
    assert await differences(db) == []


async def test_what_is_undone_is_the_last_check_in(db: Database, database_url: str) -> None:
    booking = await party(db)
    path = f"/admin/bookings/{booking.reference}"
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        for position in ("1", "2"):
            sent = {"arriving": position, f"room-{position}": f"DBL-{position}"}
            assert (await client.post(f"{path}/check-in", data=sent)).status_code == 303
        asked = (await client.get(f"{path}/undo-check-in")).text
        assert "The guests of room 2, who came last, are expected again" in asked
        assert "Room DBL-1 stays assigned" not in asked
        undone = await client.post(f"{path}/undo-check-in")
        assert "those who came before stay checked in" in (await client.get(undone.headers["location"])).text
    assert (await seen(db, booking))[:2] == ("checked_in", HERE)


async def test_programs_say_it_by_position(db: Database, database_url: str) -> None:
    booking = await party(db)
    base = f"/api/v1/bookings/{booking.reference}"
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(bearer(await api_key(db)))
        early = await client.post(f"{base}/no-show", json={"rooms": [3]})
        assert (early.status_code, early.json()["code"], early.json()["field"]) == (
            409,
            "wrong_state",
            "rooms",
        )
        for positions, status, code in (
            ([], 400, "invalid_request"),
            ([0], 400, "invalid_request"),
            ([4], 422, "invalid"),
        ):
            wrong = await client.post(f"{base}/check-in", json={"positions": positions})
            assert (wrong.status_code, wrong.json()["code"]) == (status, code), wrong.text
        come = await client.post(f"{base}/check-in", json={"positions": [1], "rooms": {"1": "DBL-1"}})
        assert come.status_code == 200, come.text
        assert [room["status"] for room in come.json()["reservations"]] == HERE
        for rooms, status, field in (("", 422, "rooms"), ("2,x", 422, "rooms"), ("1", 409, "rooms[0]")):
            wrong = await client.get(f"{base}/no-show", params={"rooms": rooms})
            assert (wrong.status_code, wrong.json()["field"]) == (status, field), wrong.text
        cost = (await client.get(f"{base}/no-show", params={"rooms": "2,3"})).json()
        assert {name: cost[name]["amount"] for name in ("fee", "total", "refund", "owed")} == {
            "fee": 20_000,
            "total": 40_000,
            "refund": 0,
            "owed": 40_000,
        }
        assert cost["chargeable"] is False
        again = await client.post(f"{base}/check-in", json={"positions": [1]})
        assert (again.status_code, again.json()["field"]) == (409, "positions[0]")
        away = (await client.post(f"{base}/no-show", json={"rooms": [3], "expected_fee": 10_000})).json()
        assert (away["status"], away["total"]["amount"], away["balance"]["amount"]) == (
            "checked_in",
            50_000,
            50_000,
        )
        assert [room["status"] for room in away["reservations"]] == ["checked_in", "confirmed", "no_show"]
    assert await differences(db) == []


async def test_staff_and_programs_cancel_rooms_one_by_one(db: Database, database_url: str) -> None:
    """On the day of arrival each costs its first night; what the hotel waives is noted."""
    booking = await party(db)
    path = f"/admin/bookings/{booking.reference}"
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, api),
        signed_in(app, db, (Role.MANAGER, SLUG)) as client,
    ):
        asked = (await client.get(f"{path}/cancel")).text
        assert asked.count('type="checkbox"') == 3
        assert 'name="fee" value="30000"' in asked
        asked = (await client.get(f"{path}/cancel?rooms=3")).text
        assert "Only room 3 of the booking will be cancelled." in asked
        assert "<s>€600.00</s> €500.00" in asked
        assert 'name="fee" value="10000"' in asked
        wrong = await client.get(f"{path}/cancel?rooms=9")
        assert (wrong.status_code, "Must be one of the options" in wrong.text) == (422, True)
        # Ticked otherwise than shown, it is neither what the button says nor what is ticked.
        for ticked in (["3"], []):
            other = await client.post(
                f"{path}/cancel", data={"rooms": ticked, "seen": ["1", "2", "3"], "fee": "10000"}
            )
            assert other.status_code == 422
            assert "Check what it costs for these rooms, and confirm again" in other.text
        assert (await seen(db, booking))[:2] == ("confirmed", ["confirmed"] * 3)
        gone = await client.post(
            f"{path}/cancel", data={"rooms": "3", "waive": "true", "reason": "The chef is a friend"}
        )
        page = (await client.get(gone.headers["location"])).text
        assert "Room 3 has been cancelled; the booking comes to €400.00." in page
        assert "Cancellation fee of room 3 of €100.00 waived: The chef is a friend" in page
        assert "Booked room 3: cancelled" in page  # in its history
        log = (await client.get("/admin/audit?kind=reservation")).text
        assert log.count("room 3, DBL (") == 1
        assert 'name="adults-3"' not in (await client.get(f"{path}/amend")).text

        base = f"/api/v1/bookings/{booking.reference}"
        api.headers.update(bearer(await api_key(db)))
        cost = (await api.get(f"{base}/cancellation?rooms=2")).json()
        assert (cost["fee"]["amount"], cost["owed"]["amount"], len(cost["rooms"])) == (10_000, 30_000, 1)
        other = await api.post(f"{base}/cancel", json={"rooms": [2], "expected_fee": 9_999})
        assert (other.status_code, other.json()["code"]) == (409, "price_changed")
        done = (await api.post(f"{base}/cancel", json={"rooms": [2], "expected_fee": 10_000})).json()
        assert (done["status"], done["booking"]["status"], done["booking"]["total"]["amount"]) == (
            "cancelled",
            "confirmed",
            30_000,
        )
        assert [room["fee"]["amount"] for room in done["booking"]["reservations"]] == [0, 10_000, 0]
        last = (await api.post(f"{base}/cancel")).json()
        assert (last["booking"]["status"], last["fee"]["amount"]) == ("cancelled", 20_000)
    assert await differences(db) == []
