"""The search index as it is loaded: what the database says; and what does not fit is left to SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from hotel_booking.core.dates import earliest_business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.search.index.layout import LIVE, ROWS, SQL_ONLY, slot_of
from hotel_booking.domains.search.index.load import load
from hotel_booking.domains.search.index.view import IndexView
from tests.factories.search_index import told
from tests.factories.small_hotel import GUEST, NOW, SLUG, make_quote, small_hotel, stay


async def test_every_night_and_price_of_the_chain_is_in_the_file(chain: Database, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    writer = await load(chain, tmp_path / "index", now=now)
    index = told(writer.arrays)["properties"]
    first = earliest_business_date(now)
    last = first + timedelta(days=ROWS - 1)
    async with chain.transaction() as tx:
        free = await tx.fetch(
            "SELECT t.property_id, n.room_type_id, n.night, n.free FROM free_rooms($1, $2, $3) n"
            "  JOIN room_type t ON t.id = n.room_type_id AND t.active",
            first,
            last,
            now,
        )
        prices = await tx.fetch(
            "SELECT t.property_id, n.* FROM rate_night n"
            "  JOIN room_type t ON t.id = n.room_type_id AND t.active"
            "  JOIN rate_plan r ON r.id = n.rate_plan_id AND r.active WHERE night BETWEEN $1 AND $2",
            first,
            last,
        )
        slugs = await tx.fetch("SELECT id, slug FROM property WHERE active")
        catalogues = {row["id"]: (row["slug"], await load_catalogue(tx, row["slug"])) for row in slugs}
    assert len(free) > 1_000
    assert len(prices) > 1_000
    assert sum(len(kind["nights"]) for one in index.values() for kind in one["types"]) == len(free)
    for row in free:
        kind = next(one for one in index[row["property_id"]]["types"] if one["id"] == row["room_type_id"])
        assert kind["nights"][row["night"]][0] == row["free"]
    assert sum(len(rate) for one in index.values() for rate in one["nights of rates"].values()) == len(prices)
    for row in prices:
        rate = index[row["property_id"]]["nights of rates"][row["room_type_id"], row["rate_plan_id"]]
        flags = row["closed"] + 2 * row["closed_to_arrival"] + 4 * row["closed_to_departure"]
        limits = (row["min_stay_arrival"], row["min_stay_through"], row["max_stay"])
        price = -1 if row["price"] is None else row["price"]
        own = row["extra_adult"] is not None or row["child_amounts"] is not None
        assert rate[row["night"]] == (price, own, flags, *(limit or 0 for limit in limits))
    for i, (slug, catalogue) in catalogues.items():
        slot = slot_of(writer.arrays, slug)
        assert slot is not None
        assert writer.arrays["id"][slot] == i
        kept = IndexView(writer.arrays).catalogue_of(slot)
        assert kept.property == catalogue.property
        assert kept.room_types == catalogue.room_types
        assert kept.plans == catalogue.plans
        assert kept.taxes == catalogue.taxes


async def test_holds_that_have_expired_are_free(db: Database, tmp_path: Path) -> None:
    ids = await small_hotel(db, rooms=2)
    quote = await make_quote(db, stay(3, 2))
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    expires = held.booking.hold_expires_at
    kept = await load(db, tmp_path / "kept", now=expires - timedelta(seconds=1))
    gone = await load(db, tmp_path / "gone", now=expires)
    night = date(2030, 3, 4)
    for writer, free in ((kept, 1), (gone, 2)):
        (one,) = told(writer.arrays)["properties"].values()
        assert one["types"][0]["id"] == ids["DBL"]
        assert one["types"][0]["nights"][night][0] == free


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE rate_night SET price = 3000000000 WHERE night = '2030-03-05'",
        "UPDATE property SET child_bands = '{1,2,3,4,5,6}'",
        "UPDATE property SET amenities = '{1,5000}'",
    ],
)
async def test_what_does_not_fit_is_left_to_sql(db: Database, tmp_path: Path, change: str) -> None:
    await small_hotel(db)
    writer = await load(db, tmp_path / "fits", now=NOW)
    assert [one["state"] for one in told(writer.arrays)["properties"].values()] == [LIVE]
    async with db.transaction() as tx:
        await tx.execute(change)
    writer = await load(db, tmp_path / "does not", now=NOW)
    assert [one["state"] for one in told(writer.arrays)["properties"].values()] == [SQL_ONLY]
    assert slot_of(writer.arrays, SLUG) == 0
