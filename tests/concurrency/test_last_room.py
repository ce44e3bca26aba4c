"""Many guests, few rooms, real commits over real connections: exact outcomes, and the state left behind."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.shares import KIND
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import HeldBooking, Quote
from hotel_booking.domains.inventory.errors import SoldOut
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    make_quote,
    small_hotel,
    stay,
    taken,
)

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def crowd(database_url: str) -> AsyncIterator[Database]:
    """As many connections as there are guests."""
    async with Database.open(database_url, size=60) as database:
        yield database


async def hold(db: Database, quote: Quote) -> HeldBooking | SoldOut:
    """One guest's try; any other error fails the test."""
    try:
        async with db.transaction(wait=60) as tx:
            return await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    except SoldOut as refused:
        return refused


async def test_the_last_room_sells_once_to_50_clients(crowd: Database) -> None:
    rooms = await small_hotel(crowd, rooms=1)
    when = stay(10, 3)
    quotes = [await make_quote(crowd, when) for _ in range(50)]
    results = await asyncio.gather(*(hold(crowd, quote) for quote in quotes))
    assert Counter(type(result).__name__ for result in results) == {"HeldBooking": 1, "SoldOut": 49}
    assert await taken(crowd, rooms["DBL"], when) == [1, 1, 1]
    assert await differences(crowd) == []


async def test_a_refused_guest_is_told_which_nights(crowd: Database) -> None:
    await small_hotel(crowd, rooms=1)
    later = await make_quote(crowd, stay(8, 4))
    await hold(crowd, await make_quote(crowd, stay(10, 1)))
    refused = await hold(crowd, later)
    assert isinstance(refused, SoldOut)
    assert refused.extra == {"nights": [{"night": "2030-03-11", "left": 0}]}
    assert "11 March 2030" in refused.detail


async def test_a_booking_of_several_rooms_takes_all_or_none(crowd: Database) -> None:
    rooms = await small_hotel(crowd, rooms=2, room_types=("DBL", "SGL"))
    when = stay(10, 2)
    both = await make_quote(crowd, when, "DBL", "DBL", "SGL")
    await hold(crowd, await make_quote(crowd, stay(11, 1), "DBL"))
    assert isinstance(await hold(crowd, both), SoldOut)
    assert await taken(crowd, rooms["DBL"], when) == [0, 1]
    assert await taken(crowd, rooms["SGL"], when) == [0, 0]
    async with crowd.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking") == 1
        assert await tx.fetchval("SELECT count(*) FROM guest") == 1


async def test_crossing_stays_of_200_clients_never_deadlock(crowd: Database) -> None:
    """Stays that cross in every way, over three room types named in different orders: with rows locked in
    the order of the request this deadlocks within seconds."""
    rooms = await small_hotel(crowd, rooms=3, room_types=("DBL", "SGL", "TWN"))
    choice = random.Random(7)
    quotes = []
    for _ in range(200):
        kinds = choice.sample(("DBL", "SGL", "TWN"), choice.randint(1, 3))
        quotes.append(await make_quote(crowd, stay(choice.randrange(10, 20), choice.randint(1, 9)), *kinds))
    results = await asyncio.gather(*(hold(crowd, quote) for quote in quotes))
    counts = Counter(type(result).__name__ for result in results)
    assert set(counts) == {"HeldBooking", "SoldOut"}
    for room_type in rooms.values():
        assert max(await taken(crowd, room_type, stay(0, 60))) == 3
    assert await differences(crowd) == []


async def test_a_night_that_200_want_is_sold_as_often_as_there_are_rooms_and_all_are_answered(
    database_url: str,
) -> None:
    """Through the few connections of one process, as requests to book share them: all of them queue there and
    at the night's row, none is refused a connection, and each has its answer."""
    async with Database.open(database_url, size=8) as db:
        rooms = await small_hotel(db, rooms=70)
        when = stay(10, 1)
        quotes = [await make_quote(db, when) for _ in range(200)]
        answered: list[int] = []

        async def ask(number: int) -> HeldBooking | SoldOut:
            KIND.set("booking")
            result = await hold(db, quotes[number])
            answered.append(number)
            return result

        results = await asyncio.gather(*(ask(number) for number in range(200)))
        outcomes = Counter(type(result).__name__ for result in results)
        assert outcomes == {"HeldBooking": 70, "SoldOut": 130}
        assert await taken(db, rooms["DBL"], when) == [70]
        # By turns: whoever came last is not served before the first tenth has been.
        assert max(answered.index(number) for number in range(20)) < answered.index(199)
        async with db.transaction() as tx:
            # A refusal has left nothing of itself.
            assert await tx.fetchval("SELECT count(*) FROM guest") == 70
            assert await tx.fetchval("SELECT count(*) FROM quote WHERE booking_id IS NOT NULL") == 70
        assert await differences(db) == []
