"""One hotel night by night."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.rates.queries import PropertyNotFound
from hotel_booking.domains.rates.restrictions import Restriction
from hotel_booking.domains.rates.types import Occupancy, Tax
from hotel_booking.domains.search.calendar import calendar
from hotel_booking.domains.search.errors import InvalidCalendar, UnknownCode
from tests.factories.world import (
    NOW,
    Counting,
    day,
    make_hold,
    make_nights,
    make_plan,
    make_property,
    make_rates,
    make_room_type,
    simple_hotel,
)

COUPLE = Occupancy(2)


async def test_the_lowest_price_of_each_night_taxes_in(db: Database) -> None:
    taxes = (Tax("CITY", "City tax", "fixed", 150, 21, included=False, valid_from=day(11)),)
    async with db.transaction() as tx:
        hotel = await make_property(tx, taxes=taxes)
        double = await make_room_type(tx, hotel, "DBL")
        suite = await make_room_type(tx, hotel, "STE", sort=1)
        flex = await make_plan(tx, hotel, "FLEX")
        await make_plan(tx, hotel, "NRF", parent=flex, adjust=("percent", -100_000), min_advance_days=12)
        for kind, price, rooms in ((double, 10_000, 2), (suite, 20_000, 1)):
            await make_nights(tx, kind, first=10, nights=5, rooms=rooms)
            await make_rates(tx, kind, flex, first=10, nights=5, price=price)
        await make_nights(tx, double, first=13, nights=1, rooms=0)
        await make_nights(tx, double, first=14, nights=1, closed=True)
        found = await calendar(tx, "seaview", day(9), day(14), COUPLE, now=NOW)
    assert [(n.price, n.room_type, n.rate_plan, n.rooms_left) for n in found.nights] == [
        (None, None, None, 0),
        (10_000, "DBL", "FLEX", 3),
        (10_300, "DBL", "FLEX", 3),
        (9_300, "DBL", "NRF", 3),
        (18_300, "STE", "NRF", 1),
        (18_300, "STE", "NRF", 3),
    ]


async def test_restrictions_are_the_loosest_that_are_open(db: Database) -> None:
    async with db.transaction() as tx:
        hotel, kind, flex = await simple_hotel(tx)
        await make_plan(tx, hotel, "WEEK", parent=flex, adjust=("percent", -200_000), min_stay=7)
        await make_nights(tx, kind, first=3, nights=1, min_stay_arrival=2, closed_to_departure=True)
        await make_rates(tx, kind, flex, first=4, nights=1, closed=True)
        found = await calendar(tx, "seaview", day(2), day(4), COUPLE, now=NOW)
        week = await calendar(tx, "seaview", day(3), day(3), COUPLE, rate_plan="WEEK", now=NOW)
    assert [night.restriction for night in found.nights] == [
        Restriction(),
        Restriction(min_stay_arrival=2, closed_to_departure=True),
        Restriction(closed=True),
    ]
    assert [night.price for night in found.nights] == [8_000, 8_000, None]
    assert week.nights[0].restriction.min_stay_arrival == 7


async def test_past_nights_other_occupancies_and_expired_holds(db: Database) -> None:
    async with db.transaction() as tx:
        hotel, kind, plan = await simple_hotel(tx, rooms=1)
        await make_nights(tx, kind, first=-1, nights=1, rooms=1)
        await make_rates(tx, kind, plan, first=-1, nights=1)
        await make_hold(tx, hotel, kind, plan, first=1, nights=1, expires=NOW + timedelta(minutes=1))
        before = await calendar(tx, "seaview", day(-1), day(1), COUPLE, now=NOW)
        after = await calendar(tx, "seaview", day(1), day(1), COUPLE, now=NOW + timedelta(minutes=1))
        many = await calendar(tx, "seaview", day(0), day(0), Occupancy(4), now=NOW)
    assert [(night.price, night.rooms_left) for night in before.nights] == [(None, 1), (10_000, 1), (None, 0)]
    assert [(night.price, night.rooms_left) for night in after.nights] == [(10_000, 1)]
    assert [(night.price, night.rooms_left) for night in many.nights] == [(None, 1)]


async def test_three_statements_for_400_nights_and_no_more(db: Database) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx)
        counting = Counting(tx)
        found = await calendar(cast(Transaction, counting), "seaview", day(0), day(399), COUPLE, now=NOW)
        assert len(found.nights) == 400
        assert len(counting.statements) == 3
        for first, last in ((0, 400), (1, 0)):
            with pytest.raises(InvalidCalendar):
                await calendar(tx, "seaview", day(first), day(last), COUPLE, now=NOW)
        with pytest.raises(UnknownCode):
            await calendar(tx, "seaview", day(0), day(1), COUPLE, room_type="NO", now=NOW)
        with pytest.raises(PropertyNotFound):
            await calendar(tx, "nowhere", day(0), day(1), COUPLE, now=NOW)
