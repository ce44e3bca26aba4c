"""Rooms out of order in the panel: taken off sale, refused where they are sold, put back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.inventory import blocks
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.invariants import differences
from tests.factories.small_hotel import FIRST, NOW, SLUG, small_hotel
from tests.integration.panel.test_catalogue import error_of, said
from tests.integration.panel.test_desk import act, sold

ROOMS = f"/admin/properties/{SLUG}/rooms"


def night(number: int) -> str:
    """The hotel's night of this number, as a date field sends it."""
    return (FIRST + timedelta(days=number)).isoformat()


async def first_room(db: Database) -> str:
    """The address of the first room's page."""
    async with db.transaction() as tx:
        return f"{ROOMS}/{await tx.fetchval('SELECT id FROM room ORDER BY number LIMIT 1')}"


async def blocked(db: Database) -> list[int]:
    """How many rooms are out of order on the first six nights."""
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT blocked FROM room_night ORDER BY night LIMIT 6")
    return [row["blocked"] for row in rows]


async def test_a_room_is_taken_out_of_order_and_put_back(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    page = await first_room(db)
    form = {"first": night(1), "back": night(4), "reason": "New carpet 🧵"}
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        assert "It is in order." in (await client.get(page)).text
        done = await client.post(f"{page}/blocks", data=form)
        assert done.status_code == 303, said(done.text)
        text = said((await client.get(page)).text)
        assert "Room DBL-1 is out of order from" in text
        assert "New carpet 🧵" in text
        assert "3 nights" in text
        assert "out of order from" in said((await client.get(ROOMS)).text)
        assert await blocked(db) == [0, 1, 1, 1, 0, 0]
        again = await client.post(f"{page}/blocks", data=form)
        assert again.status_code == 409
        assert "DBL-1 has a block from" in said(again.text)
        async with db.transaction() as tx:
            number = await tx.fetchval("SELECT id FROM room_use WHERE reason IS NOT NULL")
        for told in ("is back on sale.", "was back on sale already."):
            ended = await client.post(f"{page}/blocks/{number}/end", data={})
            assert ended.status_code == 303
            assert f"Room DBL-1 {told}" in (await client.get(page)).text
    assert await blocked(db) == [0] * 6
    assert await differences(db) == []


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"first": "2020-01-01"}, "first", "or later"),
        ({"first": ""}, "first", "filled in"),
        ({"back": night(1)}, "back", "after the first night"),
        ({"back": night(1_000)}, "back", "at most 366 nights"),
        ({"reason": " "}, "reason", "filled in"),
        ({"reason": "x" * 501}, "reason", "longer than 500"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_is_kept(
    db: Database, database_url: str, change: dict[str, str], field: str, text: str
) -> None:
    await small_hotel(db)
    page = await first_room(db)
    form = {"first": night(1), "back": night(4), "reason": "Paint"}
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.MANAGER, SLUG)) as client,
    ):
        answer = await client.post(f"{page}/blocks", data=form | change)
    assert answer.status_code == 422
    assert text in error_of(answer.text, field)
    assert ("Paint" in answer.text) == (field != "reason")
    assert await blocked(db) == [0] * 6


async def test_a_room_that_is_sold_stays_and_the_nights_are_named(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await sold(db, 2, 2, "DBL")
    page = await first_room(db)
    form = {"first": night(1), "back": night(4), "reason": "Paint"}
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client,
    ):
        answer = await client.post(f"{page}/blocks", data=form)
    day = FIRST + timedelta(days=2)
    assert answer.status_code == 409
    assert f"sold on {day.day} {day:%B %Y} and 1 more night:" in said(answer.text)
    assert await blocked(db) == [0] * 6


async def test_only_who_manages_stays_may_and_only_rooms_of_their_own(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    page = await first_room(db)
    form = {"first": night(1), "back": night(4), "reason": "Paint"}
    async with running(settings_for(database_url, mfa_required=False)) as (app, _):
        for role in (Role.REVENUE, Role.READ_ONLY, Role.FINANCE):
            async with signed_in(app, db, (role, SLUG)) as client:
                assert "Take out of order" not in (await client.get(page)).text
                assert (await client.post(f"{page}/blocks", data=form)).status_code == 403
                assert (await client.post(f"{page}/blocks/1/end", data={})).status_code == 403
        async with signed_in(app, db, (Role.FRONT_DESK, SLUG)) as client:
            assert (await client.post(f"{ROOMS}/999999/blocks", data=form)).status_code == 404
    assert await blocked(db) == [0] * 6


@pytest.mark.parametrize(
    ("since", "left", "nights"),
    [
        (None, 0, [0, 0, 0, 0, 0, 0]),
        (1, 0, [0, 0, 0, 0, 0, 0]),
        (2, 1, [0, 1, 0, 0, 0, 0]),
        (4, 1, [0, 1, 1, 1, 0, 0]),
        (9, 1, [0, 1, 1, 1, 0, 0]),
    ],
)
async def test_nights_that_were_out_of_order_stay_so(
    db: Database, since: int | None, left: int, nights: list[int]
) -> None:
    await small_hotel(db, rooms=2)

    def at(number: int) -> date:
        return FIRST + timedelta(days=number)

    async with db.transaction() as tx:
        owner: Any = await tx.fetchval("SELECT id FROM property")
        made = await blocks.block(
            tx, property_id=owner, room="DBL-1", stay=Stay(at(1), at(4)), reason="Paint"
        )
        await blocks.unblock(
            tx, property_id=owner, block_id=made.id, since=None if since is None else at(since)
        )
        assert await tx.fetchval("SELECT count(*) FROM room_use") == left
    assert await blocked(db) == nights
    booking = await sold(db, 4, 2, "DBL")
    await act(db, service.give_rooms, booking_id=booking.id, now=NOW, rooms={1: "DBL-1"})
    assert await differences(db) == []
