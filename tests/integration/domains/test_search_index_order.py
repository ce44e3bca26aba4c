"""Following whoever commits when: transactions out of order, long ones, holds that expire, days that end."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hotel_booking.core.dates import earliest_business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service as bookings
from hotel_booking.domains.bookings.types import HeldBooking
from hotel_booking.domains.search.index import changes
from hotel_booking.domains.search.index.follow import Follower, LoadAgain
from hotel_booking.domains.search.index.layout import FIRST_NIGHT
from hotel_booking.domains.search.index.load import load
from tests.factories.search_index import quiet, told
from tests.factories.small_hotel import FIRST, GUEST, NOW, make_quote, small_hotel, stay

pytestmark = pytest.mark.postgresql


async def followed(db: Database, folder: Path, now: datetime = NOW) -> Follower:
    return Follower(db, await load(db, folder / "index", now=now))


async def agrees(db: Database, folder: Path, follower: Follower, now: datetime = NOW) -> None:
    """The followed file says what one says that is loaded now."""
    fresh = await load(db, folder / "fresh", now=now)
    assert told(follower.writer.arrays) == told(fresh.arrays)


def price_of(follower: Follower, night: date) -> int:
    (one,) = told(follower.writer.arrays)["properties"].values()
    (rate,) = one["nights of rates"].values()
    found: int = rate[night][0]
    return found


def free_of(follower: Follower, night: date) -> int:
    (one,) = told(follower.writer.arrays)["properties"].values()
    found: int = one["types"][0]["nights"][night][0]
    return found


async def test_who_commits_late_is_not_missed(db: Database, database_url: str, tmp_path: Path) -> None:
    """The first transaction to write is the last to commit, after others were followed."""
    await small_hotel(db)
    await quiet(db)
    follower = await followed(db, tmp_path)
    night = date(2030, 3, 4)
    slow = await asyncpg.connect(database_url)
    try:
        late = slow.transaction()
        await late.start()
        await slow.execute("UPDATE rate_night SET price = 1 WHERE night = $1", night)
        for price in (11_000, 12_000):
            async with db.transaction() as tx:
                await tx.execute("UPDATE rate_night SET price = $1 WHERE night > $2", price, night)
            assert await follower.follow(NOW) == 1
            assert (price_of(follower, night), price_of(follower, night + timedelta(1))) == (10_000, price)
        await late.commit()
    finally:
        await slow.close()
    await quiet(db)
    assert await follower.follow(NOW) == 1
    assert price_of(follower, night) == 1
    assert await follower.follow(NOW) == 0
    await agrees(db, tmp_path, follower)


async def test_what_is_undone_is_not_followed(db: Database, tmp_path: Path) -> None:
    await small_hotel(db)
    await quiet(db)
    follower = await followed(db, tmp_path)
    with suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_night SET price = 1")
            raise ZeroDivisionError
    assert await follower.follow(NOW) == 0
    assert price_of(follower, FIRST) == 10_000


async def test_a_load_that_others_write_into_is_caught_up_with(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    """A transaction that began before the load and commits after it."""
    await small_hotel(db)
    slow = await asyncpg.connect(database_url)
    try:
        late = slow.transaction()
        await late.start()
        await slow.execute("UPDATE rate_night SET price = 1")
        follower = await followed(db, tmp_path)
        assert price_of(follower, FIRST) == 10_000
        await late.commit()
    finally:
        await slow.close()
    await follower.follow(NOW)
    assert price_of(follower, FIRST) == 1


WRITES = (
    "SELECT inventory_change(ARRAY[$1::int], ARRAY[$2::date], ARRAY[$2::date + 1], ARRAY[1])",
    "UPDATE room_night SET closed = NOT closed WHERE room_type_id = $1 AND night = $2",
    "UPDATE rate_night SET price = price + 7 WHERE room_type_id = $1 AND night = $2",
    "DELETE FROM rate_night WHERE room_type_id = $1 AND night = $2",
)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (1, 2))])
async def test_many_writers_in_any_order(db: Database, database_url: str, tmp_path: Path, seed: int) -> None:
    """Transactions of several connections, begun, committed and undone in random order, followed all along;
    now and then by another follower, who goes on from the file."""
    types = list((await small_hotel(db, rooms=9, room_types=("DBL", "SGL", "TRP"))).values())
    follower = await followed(db, tmp_path)
    choose = random.Random(seed)
    connections = [await asyncpg.connect(database_url) for _ in range(6)]
    open_: dict[Any, Any] = {}
    try:
        for step in range(150):
            connection = choose.choice(connections)
            if connection in open_:
                transaction = open_.pop(connection)
                await (transaction.commit() if choose.random() < 0.8 else transaction.rollback())
            else:
                transaction = open_[connection] = connection.transaction()
                await transaction.start()
                # Each connection has nights of its own: none waits for another.
                night = FIRST + timedelta(days=connections.index(connection))
                kind = choose.choice(types)
                await connection.execute(choose.choice(WRITES), kind, night)
            if choose.random() < 0.4:
                await follower.follow(NOW)
            if step % 50 == 49:
                follower = Follower(db, follower.writer)
        for transaction in open_.values():
            await transaction.commit()
    finally:
        for connection in connections:
            await connection.close()
    await follower.follow(NOW)
    await agrees(db, tmp_path, follower)


async def held(db: Database) -> HeldBooking:
    quote = await make_quote(db, stay(3, 2))
    async with db.transaction() as tx:
        return await bookings.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)


async def test_a_hold_that_expires_is_free_without_a_worker(db: Database, tmp_path: Path) -> None:
    await small_hotel(db, rooms=2)
    follower = await followed(db, tmp_path)
    booking = await held(db)
    night, expires = date(2030, 3, 4), booking.booking.hold_expires_at
    for now, free in ((NOW, 1), (expires - timedelta(seconds=1), 1), (expires, 2)):
        await follower.follow(now)
        assert free_of(follower, night) == free
        await agrees(db, tmp_path, follower, now)


async def test_a_hold_that_expires_while_nobody_follows_is_free_for_who_goes_on(
    db: Database, tmp_path: Path
) -> None:
    await small_hotel(db, rooms=2)
    follower = await followed(db, tmp_path)
    booking = await held(db)
    await follower.follow(NOW)
    later = booking.booking.hold_expires_at + timedelta(minutes=5)
    another = Follower(db, follower.writer)
    await another.follow(later)
    await agrees(db, tmp_path, another, later)
    assert free_of(another, date(2030, 3, 4)) == 2


@pytest.mark.parametrize("lapses", [True, False])
async def test_an_expired_hold_that_ends_or_is_confirmed(db: Database, tmp_path: Path, lapses: bool) -> None:
    """Confirmed, it is not free any more, although nothing was taken."""
    await small_hotel(db, rooms=2)
    follower = await followed(db, tmp_path)
    booking = await held(db)
    late = booking.booking.hold_expires_at + timedelta(seconds=1)
    await follower.follow(late)
    assert free_of(follower, date(2030, 3, 4)) == 2
    async with db.transaction() as tx:
        if lapses:
            await bookings.lapse(tx, booking_id=booking.booking.id, now=late)
        else:
            await tx.execute("SELECT booking_confirm($1, $2)", booking.booking.id, late)
    # Another one goes on: it knows of the hold only what the file says.
    another = Follower(db, follower.writer)
    await another.follow(late)
    assert free_of(another, date(2030, 3, 4)) == (2 if lapses else 1)
    await agrees(db, tmp_path, another, late)


async def test_the_ring_rolls_when_the_day_is_over_everywhere(db: Database, tmp_path: Path) -> None:
    """Hotels east and west of the date line: no night goes that is today at one of them, and each that comes
    is read, with what changed while it was."""
    await small_hotel(db, room_types=("DBL", "SGL"))
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
            " VALUES ('east', 'East', 'NZ', -36.8, 174.7, 'Pacific/Auckland', 'NZD'),"
            "        ('west', 'West', 'UM', 0.2, -176.5, 'Etc/GMT+12', 'USD')"
        )
        await tx.execute(
            "INSERT INTO room_night (room_type_id, night, physical)"
            " SELECT t.id, $1::date + 400 + i, 1 + i FROM room_type t, generate_series(0, 30) AS i",
            FIRST,
        )
        await tx.execute(
            "INSERT INTO rate_night (room_type_id, rate_plan_id, night, price)"
            " SELECT t.id, r.id, $1::date + 400 + i, 500 + i"
            "   FROM room_type t, rate_plan r, generate_series(0, 30) AS i WHERE r.parent_id IS NULL",
            FIRST,
        )
    follower = await followed(db, tmp_path)
    now = NOW
    for hours in (1, 14, 5, 5, 30, 100):
        now += timedelta(hours=hours)
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_night SET price = price + 1 WHERE night >= $1::date + 410", FIRST)
        await follower.follow(now)
        first = date.fromordinal(int(follower.writer.header[FIRST_NIGHT]))
        assert first == earliest_business_date(now)
        await agrees(db, tmp_path, follower, now)
    with pytest.raises(LoadAgain):
        await follower.follow(now + timedelta(days=40))


async def test_what_everybody_has_read_is_forgotten(db: Database, tmp_path: Path) -> None:
    await small_hotel(db)
    old, kept = await followed(db, tmp_path), Follower(db, await load(db, tmp_path / "kept", now=NOW))
    start = datetime(2030, 3, 1, tzinfo=UTC)

    async def purge(hours: int) -> int:
        now = start + timedelta(hours=hours)
        await quiet(db)
        async with db.transaction() as tx:
            await changes.mark_purged(tx, now=now, before=now - timedelta(hours=2))
            return await changes.forget(tx, limit=1000)

    async def logged() -> int:
        async with db.transaction() as tx:
            count: int = await tx.fetchval("SELECT count(*) FROM search_change")
            return count

    before = await logged()
    assert await purge(0) == 0
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = 1")
    await kept.follow(NOW)
    assert await purge(1) == 0
    assert await logged() == before + 1
    assert await purge(2) == before
    await kept.follow(NOW)  # as others' transactions go on
    assert await purge(3) == 1
    await kept.follow(NOW)
    assert price_of(kept, FIRST) == 1
    with pytest.raises(LoadAgain):
        await old.follow(NOW)
