"""Edits of rates under load and at once: how much is read, who waits for whom, and who is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings.availability import nights_of_types
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.rates import edits
from hotel_booking.domains.rates.ari import AriUpdate
from hotel_booking.domains.rates.changes import BulkEdit, CellKey, InvalidEdit
from hotel_booking.domains.rates.edit_errors import CellsChanged, PreviewChanged
from hotel_booking.domains.rates.edits import Cell
from hotel_booking.domains.rates.grid import Grid, load_grid
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue
from hotel_booking.domains.rates.repricing import PriceChange
from tests.factories.world import TODAY as WORLD_TODAY
from tests.factories.world import (
    Counting,
    make_hold,
    make_nights,
    make_plan,
    make_property,
    make_rates,
    make_room_type,
)
from tests.integration.panel.test_rates_grid import (
    ADA,
    BEA,
    SLUG,
    hotel,
    night,
)


async def big_hotel(db: Database, *, nights: int = 400) -> None:
    """Ten room types on five plans of their own and a derived one."""
    async with db.transaction() as tx:
        one = await make_property(tx, SLUG)
        plans = [await make_plan(tx, one, f"P{number}", sort=number) for number in range(5)]
        await make_plan(tx, one, "NRF", policy="NRF", parent=plans[0], adjust=("percent", -100_000), sort=9)
        for number in range(10):
            kind = await make_room_type(tx, one, f"T{number}", sort=number)
            await make_nights(tx, kind, first=(night(0) - WORLD_TODAY).days, nights=nights, rooms=9)
            for plan in plans:
                shift = (night(0) - WORLD_TODAY).days
                await make_rates(tx, kind, plan, first=shift, nights=nights, price=10_000 + number)


async def grid_of(
    tx: Any, catalogue: Catalogue, *, days: int, room_types: list[str], plans: list[str]
) -> Grid:
    """The grid as the panel's page reads it."""
    ids = [catalogue.room_types[code].id for code in room_types]
    rooms = await nights_of_types(tx, ids, night(0), night(0) + timedelta(days=days - 1), now=utc_now())
    return await load_grid(
        tx, catalogue, first=night(0), days=days, room_types=room_types, plans=plans, rooms=rooms
    )


async def test_the_grid_reads_in_two_statements(db: Database) -> None:
    await big_hotel(db, nights=28)
    async with db.transaction() as tx:
        catalogue = await load_catalogue(tx, SLUG)
        for codes in (list(catalogue.room_types), ["T1"]):
            counted: Any = Counting(tx)
            grid = await grid_of(counted, catalogue, days=28, room_types=codes, plans=list(catalogue.plans))
            assert len(counted.statements) == 2
            assert len(grid.types) == len(codes)
        derived = grid.types[0].plans[-1]
        assert {night.sells_at for night in derived.nights} == {9_001}  # 90 % of 100.01
        assert {night.price for night in derived.nights} == {None}


@pytest.mark.parametrize(
    ("days", "types", "plans"), [(91, 3, 2), pytest.param(366, 10, 5, marks=pytest.mark.nightly)]
)
async def test_a_long_edit_of_many_types_on_many_plans_is_applied_and_undone(
    db: Database, days: int, types: int, plans: int
) -> None:
    await big_hotel(db, nights=days + 34)
    edit = BulkEdit(
        first=night(0),
        last=night(days - 1),
        weekdays=frozenset(range(7)),
        room_types=tuple(f"T{number}" for number in range(types)),
        plans=tuple(f"P{number}" for number in range(plans)),
        price=PriceChange("percent", 50_000),
        restrictions={"min_stay_arrival": 2},
    )
    async with db.transaction() as tx:
        # Every price different, so no two nights are one line: the worst case.
        await tx.execute("UPDATE rate_night SET price = price + (night - $1) * 7 + rate_plan_id", night(0))
    async with db.transaction() as tx:
        catalogue = await load_catalogue(tx, SLUG)
        plan = await edits.preview(tx, catalogue=catalogue, edit=edit, now=utc_now())
        assert len(plan.changes) == days * types * plans * 2
        seen: dict[str, Any] = {"seen": plan.fingerprint, "what": "5 % more", "by": ADA, "now": utc_now()}
        done = await edits.apply(tx, catalogue=catalogue, edit=edit, **seen)
        undoing = await edits.preview_undo(tx, catalogue=catalogue, edit_id=done.id, now=utc_now())
        assert len(undoing.changes) == done.cells == days * types * plans * 2
        await edits.undo(
            tx, catalogue=catalogue, edit_id=done.id, seen=undoing.fingerprint, by=ADA, now=utc_now()
        )
        rows = await tx.fetch(
            "SELECT DISTINCT price - (night - $1) * 7 - rate_plan_id - 10000 FROM rate_night", night(0)
        )
        assert sorted(row[0] for row in rows) == list(range(10))
        assert await tx.fetchval("SELECT count(*) FROM rate_night WHERE min_stay_arrival IS NOT NULL") == 0


async def test_undoing_leaves_nights_that_are_over(db: Database) -> None:
    """Fewer rooms were offered for a week; undone after two days of it, what there was on these two stays."""
    await big_hotel(db, nights=7)
    edit = BulkEdit(
        first=night(0),
        last=night(6),
        weekdays=frozenset(range(7)),
        room_types=("T1",),
        plans=("P1",),
        price=PriceChange("set", 5_000),
    )
    async with db.transaction() as tx:
        catalogue = await load_catalogue(tx, SLUG)
        seen = await edits.preview(tx, catalogue=catalogue, edit=edit, now=utc_now())
        done = await edits.apply(
            tx, catalogue=catalogue, edit=edit, seen=seen.fingerprint, what="50", by=ADA, now=utc_now()
        )
        later = utc_now() + timedelta(days=2)
        undoing = await edits.preview_undo(tx, catalogue=catalogue, edit_id=done.id, now=later)
        assert (len(undoing.changes), undoing.over) == (5, 2)
        await edits.undo(
            tx, catalogue=catalogue, edit_id=done.id, seen=undoing.fingerprint, by=ADA, now=later
        )
        rows = await tx.fetch("SELECT night FROM rate_night WHERE price = 5000 ORDER BY night")
        assert [row["night"] for row in rows] == [night(0), night(1)]
        with pytest.raises(InvalidEdit, match="already been undone"):
            await edits.undo(tx, catalogue=catalogue, edit_id=done.id, seen="", by=ADA, now=later)


async def test_expired_holds_count_as_left(db: Database) -> None:
    async with db.transaction() as tx:
        one = await make_property(tx, SLUG)
        plan = await make_plan(tx, one)
        kind = await make_room_type(tx, one)
        shift = (night(0) - WORLD_TODAY).days
        await make_nights(tx, kind, first=shift, nights=5, rooms=2, blocked=1)
        await make_hold(tx, one, kind, plan, first=shift, nights=2, expires=utc_now() - timedelta(hours=1))
        catalogue = await load_catalogue(tx, SLUG)
        grid = await grid_of(tx, catalogue, days=7, room_types=["DBL"], plans=["FLEX"])
    first = grid.types[0].nights[0]
    assert first is not None
    assert (first.rooms, first.blocked, first.sold, first.left) == (2, 1, 0, 1)
    assert grid.types[0].nights[6] is None


async def test_two_bulk_edits_at_once_wait_for_each_other_and_one_is_told(db: Database) -> None:
    await hotel(db)
    base: dict[str, Any] = {
        "first": night(0),
        "last": night(29),
        "weekdays": frozenset(range(7)),
        "price": PriceChange("percent", 50_000),
    }

    async def edit(by: Caller, *codes: str) -> str:
        wanted = BulkEdit(**base, room_types=codes, plans=("FLEX",))
        async with db.transaction() as tx:
            catalogue = await load_catalogue(tx, SLUG)
            plan = await edits.preview(tx, catalogue=catalogue, edit=wanted, now=utc_now())
        await ready.wait()
        try:
            async with db.transaction() as tx:
                await edits.apply(
                    tx, catalogue=catalogue, edit=wanted, seen=plan.fingerprint, what="", by=by, now=utc_now()
                )
        except PreviewChanged as error:
            return f"told of {len(error.effect.changes)}"
        return "done"

    for _ in range(5):
        ready = asyncio.Barrier(2)
        outcomes = await asyncio.gather(edit(ADA, "DBL", "SGL"), edit(BEA, "SGL", "DBL"))
        assert sorted(outcomes) == ["done", "told of 60"]
    async with db.transaction() as tx:
        # Five edits went through, one after the other: no price was raised twice in one of them.
        assert await tx.fetchval("SELECT count(DISTINCT price) FROM rate_night WHERE price > 10000") == 1
        assert await tx.fetchval("SELECT count(*) FROM rate_edit") == 5


async def test_two_editors_of_a_night_without_a_price_do_not_overwrite_each_other(db: Database) -> None:
    ids = await hotel(db)
    key = CellKey(ids["DBL"], ids["FLEX"], night(50), "price")  # no row to lock, and not on sale either

    async def save(by: Caller, amount: int) -> str:
        async with db.transaction() as tx:
            catalogue = await load_catalogue(tx, SLUG)
            try:
                await edits.save_cells(
                    tx, catalogue=catalogue, cells=[Cell(key, None, amount)], by=by, now=utc_now()
                )
            except CellsChanged as error:
                clash = error.clashes[0]
                assert clash.editor is not None
                return f"{clash.editor.name} has {clash.theirs}"
            return "done"

    outcomes = await asyncio.gather(save(ADA, 1_000), save(BEA, 2_000))
    assert sorted(outcomes) in (["Ada has 1000", "done"], ["Bea has 2000", "done"])


async def test_edits_and_partners_at_once_never_deadlock(db: Database) -> None:
    await hotel(db)

    async def by_hand(number: int) -> None:
        wanted = BulkEdit(
            first=night(0),
            last=night(29),
            weekdays=frozenset(range(7)),
            room_types=("SGL", "DBL"),
            plans=("FLEX", ""),
            price=PriceChange("set", 20_000 + number),
            restrictions={"min_stay_arrival": number + 1},
            overbooking_limit=number,
        )
        async with db.transaction() as tx:
            catalogue = await load_catalogue(tx, SLUG)
            plan = await edits.preview(tx, catalogue=catalogue, edit=wanted, now=utc_now())
            with suppress(PreviewChanged, InvalidEdit):
                await edits.apply(
                    tx,
                    catalogue=catalogue,
                    edit=wanted,
                    seen=plan.fingerprint,
                    what="",
                    by=ADA,
                    now=utc_now(),
                )

    async def by_program(number: int) -> None:
        code = ("SGL", "DBL")[number % 2]
        line = AriUpdate(code, night(0), night(29), "FLEX", price=30_000 + number, overbooking_limit=number)
        async with db.transaction() as tx:
            catalogue = await load_catalogue(tx, SLUG)
            await edits.update_by_program(tx, catalogue=catalogue, updates=[line], by=BEA, now=utc_now())

    await asyncio.gather(*(act(number) for number in range(6) for act in (by_hand, by_program)))
    # Whoever was last: each edit was made on all of its nights or on none.
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT count(*) AS nights, array_agg(DISTINCT n.price) AS prices FROM rate_night n"
            "  JOIN rate_plan p ON p.id = n.rate_plan_id"
            " WHERE p.code = 'FLEX' AND n.night BETWEEN $1 AND $2 GROUP BY n.room_type_id",
            night(0),
            night(29),
        )
    assert [(row["nights"], len(row["prices"])) for row in rows] == [(30, 1), (30, 1)]
    assert all(20_000 <= price < 30_006 for row in rows for price in row["prices"])
