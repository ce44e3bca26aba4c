"""Rates in the panel: the grid, cells saved at once, bulk edits, undo, and two editors at once."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import httpx

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import local_today
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Role
from tests.http_client import running, settings_for
from tests.integration.world import (
    make_nights,
    make_plan,
    make_property,
    make_rates,
    make_room_type,
)
from tests.small_hotel import FIRST
from tests.staff_client import signed_in

SLUG = "seaview"
ADA = Caller(kind="staff", name="Ada")
BEA = Caller(kind="staff", name="Bea")
TODAY = local_today(utc_now(), "Europe/Lisbon")
GRID = f"/admin/properties/{SLUG}/rates"


async def hotel(db: Database) -> dict[str, int]:
    """A property with two room types, the plan FLEX and NRF (10 % less than it), for 40 nights from today on;
    and a foreign one."""
    async with db.transaction() as tx:
        shift = (TODAY - FIRST).days
        one = await make_property(tx, SLUG)
        ids = {"property": one.id}
        ids["FLEX"] = await make_plan(tx, one)
        ids["NRF"] = await make_plan(
            tx, one, "NRF", policy="NRF", parent=ids["FLEX"], adjust=("percent", -100_000)
        )
        for sort, code in enumerate(("DBL", "SGL")):
            ids[code] = await make_room_type(tx, one, code, sort=sort)
            await make_nights(tx, ids[code], first=shift, nights=40, rooms=5)
            await make_rates(tx, ids[code], ids["FLEX"], first=shift, nights=40, price=10_000)
        two = await make_property(tx, "foreign")
        ids["foreign"] = await make_room_type(tx, two, "DBL")
        ids["theirs"] = await make_plan(tx, two)
    return ids


def night(offset: int) -> date:
    return TODAY + timedelta(days=offset)


def field(offset: int, column: str = "price", kind: str = "DBL", plan: str = "FLEX") -> str:
    return f"{kind}|{plan}|{night(offset)}|{column}"


async def price(
    db: Database, ids: dict[str, int], offset: int, kind: str = "DBL", column: str = "price"
) -> Any:
    async with db.transaction() as tx:
        return await tx.fetchval(
            f"SELECT {column} FROM rate_night WHERE room_type_id = $1 AND rate_plan_id = $2 AND night = $3",
            ids[kind],
            ids["FLEX"],
            night(offset),
        )


def shown(answer: httpx.Response) -> str:
    """The page's text, without tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def test_the_grid_shows_what_is_sold(db: Database, database_url: str) -> None:
    ids = await hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE rate_night SET min_stay_arrival = 2, closed_to_departure = true"
            " WHERE room_type_id = $1 AND night = $2",
            ids["DBL"],
            night(3),
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.REVENUE, SLUG)) as client,
    ):
        answer = await client.get(GRID)
        assert answer.status_code == 200, (answer.headers, answer.text[-500:])
        text = shown(answer)
        assert "5 left; 0 of 5 rooms sold" in text
        assert "min 2 nights to arrive" in text
        assert "no departure" in text
        assert "min 2 nights to arrive (from its parent)" in text
        assert '<td title="derived">90<span' in answer.text
        assert 'data-v="100.00"' in answer.text
        only = await client.get(f"{GRID}?from={night(30)}&days=28&type=SGL&plans=FLEX")
        assert 'data-t="SGL"' in only.text
        assert 'data-t="DBL"' not in only.text
        assert "not on sale" in shown(only)
        assert "no price" in shown(only)
        one = await client.get("/admin/rates")
        assert (one.status_code, one.headers["location"]) == (303, GRID)
        for strange in (
            "from=x&days=9999999999999999&type=%00&plans=<script>",
            "from=0001-01-01",
            "from=9999-12-31",
        ):
            assert (await client.get(f"{GRID}?{strange}")).status_code == 200
