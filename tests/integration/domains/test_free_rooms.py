"""What is free is said in one place: every reader gives the same answer about the last room and its holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings.availability import nights_of_types
from hotel_booking.domains.rates.grid import load_grid
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.calendar import calendar
from hotel_booking.domains.search.find import find
from hotel_booking.domains.search.nights import lowest_nights
from hotel_booking.domains.search.offers import offers
from hotel_booking.domains.search.types import SearchRequest
from tests.factories.world import NOW, day, make_hold, simple_hotel
from tests.integration.api.test_search import Recorder, request

FIRST = 10


async def free_by_every_reader(tx: Transaction) -> dict[str, int]:
    """Of the one hotel's one type, on one night: how many rooms each reader believes to be free; 1 for those
    that only say whether there is one."""
    wanted: SearchRequest = request(stay=Stay(day(FIRST), day(FIRST + 1)))
    night, party = day(FIRST), (Occupancy(2),)
    catalogue = await load_catalogue(tx, "seaview")
    (kind,) = (found.id for found in catalogue.room_types.values())
    nights = await nights_of_types(tx, [kind], night, night, now=NOW)
    grid = await load_grid(
        tx, catalogue, first=night, days=1, room_types=["DBL"], plans=["FLEX"], rooms=nights
    )
    shown = grid.types[0].nights[0]
    assert shown is not None
    prices = await calendar(tx, "seaview", night, night, party[0], now=NOW)
    offered = (await offers(tx, "seaview", wanted.stay, party, now=NOW)).offers
    found = (await find(tx, wanted, NOW)).results
    return {
        "the panel's grid": shown.left,
        "the price calendar": int(prices.nights[0].price is not None),
        "offers": max((offer.rooms_left for offer in offered), default=0),
        "search": max((one.offer.rooms_left for one in found), default=0),
        "the calendar of a city": len((await lowest_nights(tx, wanted, night, night, now=NOW))[1]),
    }


@pytest.mark.parametrize(("left", "free"), [(timedelta(0), 1), (timedelta(seconds=1), 0)])
async def test_a_hold_is_free_for_every_reader_the_moment_it_has_expired(
    db: Database, left: timedelta, free: int
) -> None:
    async with db.transaction() as tx:
        hotel, kind, plan = await simple_hotel(tx, rooms=1)
        await make_hold(tx, hotel, kind, plan, first=FIRST - 1, nights=3, expires=NOW + left)
        said = await free_by_every_reader(tx)
    assert said == dict.fromkeys(said, free)


async def test_a_plan_that_knows_no_values_reads_the_expired_holds_and_no_other_reservation(
    db: Database,
) -> None:
    """Among thousands of holds that stand, by the plan that PostgreSQL keeps for a statement often asked."""
    async with db.transaction() as tx:
        hotel, kind, plan = await simple_hotel(tx, rooms=9)
        held = await make_hold(tx, hotel, kind, plan, first=FIRST, nights=1, expires=NOW + timedelta(hours=1))
        await tx.execute("SET LOCAL session_replication_role = replica")
        await tx.execute(
            "WITH fresh AS (INSERT INTO booking SELECT (jsonb_populate_record(b, jsonb_build_object("
            " 'id', gen_random_uuid(), 'reference', 'R' || i))).* FROM booking b, "
            " generate_series(1, 4000) AS i WHERE b.id = $1 RETURNING id)"
            " INSERT INTO reservation SELECT (jsonb_populate_record(r, jsonb_build_object("
            " 'id', gen_random_uuid(), 'booking_id', fresh.id))).* FROM reservation r, fresh"
            " WHERE r.booking_id = $1",
            held,
        )
        await tx.execute("SET LOCAL session_replication_role = origin")
        for table in ("booking", "reservation", "room_night", "rate_night"):
            await tx.execute(f"ANALYZE {table}")
        recorder: Any = Recorder(tx)
        stay = Stay(day(FIRST), day(FIRST + 1))
        await find(cast(Transaction, recorder), request(stay=stay), NOW)
        await offers(cast(Transaction, recorder), "seaview", stay, (Occupancy(2),), now=NOW)
        asked = [(sql, args) for sql, args in recorder.calls if "free_rooms" in str(sql)]
        assert len(asked) >= 2
        for mode in ("force_custom_plan", "force_generic_plan"):
            await tx.execute(f"SET LOCAL plan_cache_mode = {mode}")
            for place, (sql, args) in enumerate(asked):
                await tx.execute(f"PREPARE {mode}_{place} AS {sql}")
                values = ", ".join(literal(value) for value in args)
                plan_lines = await tx.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) EXECUTE {mode}_{place}({values})")
                text = "\n".join(line[0] for line in plan_lines)
                assert ("$1" in text) == (mode == "force_generic_plan"), text
                assert "Function Scan on free_rooms" not in text, text  # written into the statement
                assert "Seq Scan on reservation" not in text, text


def literal(value: object) -> str:
    """A value as SQL writes it; of a type that the statement knows."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "'{" + ",".join(map(str, value)) + "}'"
    return f"'{value}'"
