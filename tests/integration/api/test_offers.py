"""What one hotel sells for a stay, why it does not sell the rest, and the calls over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import RoomRequest
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.rates.party import InvalidParty, spread
from hotel_booking.domains.rates.queries import PropertyNotFound
from hotel_booking.domains.rates.types import Occupancy, Tax
from hotel_booking.domains.search.errors import ArrivalInThePast
from hotel_booking.domains.search.offers import offers
from hotel_booking.domains.search.types import Refusal
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.factories.world import (
    NOW,
    TODAY,
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

STAY = Stay(day(10), day(12))
COUPLE = (Occupancy(2),)
GUEST = GuestDetails("Ana", "Example", "ana@example.com")


async def test_offers_come_cheapest_first_with_lines_that_add_up(db: Database) -> None:
    taxes = (Tax("CITY", "City tax", "fixed", 200, 21, included=False),)
    async with db.transaction() as tx:
        hotel, _, flex = await simple_hotel(tx, taxes=taxes)
        await make_plan(
            tx, hotel, "NRF", policy="NRF", parent=flex, adjust=("percent", -100_000), deposit="full", meal=19
        )
        found = await offers(tx, "seaview", STAY, COUPLE, now=NOW)
    assert [(o.rate_plan, o.total, o.due_now, o.rooms_left, o.meal) for o in found.offers] == [
        ("NRF", 18_800, 18_800, 2, 19),
        ("FLEX", 20_800, 0, 2, 14),
    ]
    for offer in found.offers:
        (room,) = offer.rooms
        assert sum(line.amount for line in room.lines) == room.total == offer.total == offer.net + offer.tax
    assert found.refused is None
    assert [offer.cancellation.fee_now for offer in found.offers] == [18_800, 0]


async def test_an_offer_costs_what_its_quote_costs(db: Database) -> None:
    taxes = (Tax("VAT", "VAT", "percent", 190_000, 19, included=True),)
    async with db.transaction() as tx:
        hotel = await make_property(tx, taxes=taxes, tax_rounding="sum", child_bands=(11,))
        kind = await make_room_type(tx, hotel, extra_adult=2_111, child_amounts=(977,))
        flex = await make_plan(tx, hotel, deposit="percent", deposit_value=333_333)
        await make_nights(tx, kind, rooms=3)
        await make_rates(tx, kind, flex, price=9_999)
        party = spread(5, (4,), 2)
        found = await offers(tx, "seaview", STAY, party, now=NOW)
        quote = await service.quote(
            tx,
            property_slug="seaview",
            stay=STAY,
            rooms=[RoomRequest("DBL", "FLEX", room.adults, room.children) for room in party],
            now=NOW,
        )
    (offer,) = found.offers
    assert (offer.total, offer.due_now) == (quote.total, quote.due_now)
    assert [room.occupancy for room in offer.rooms] == list(party)
    assert [room.lines for room in offer.rooms] == list(quote.lines)
    assert [room.total for room in offer.rooms] == [room.total for room in quote.rooms]
    assert sum(room.due_now for room in offer.rooms) == offer.due_now


async def test_three_statements_explained_or_not(db: Database) -> None:
    async with db.transaction() as tx:
        hotel, _, _ = await simple_hotel(tx)
        for i in range(6):
            kind = await make_room_type(tx, hotel, f"T{i}")
            plan = await make_plan(tx, hotel, f"P{i}")
            await make_nights(tx, kind, nights=30, rooms=i % 2)
            await make_rates(tx, kind, plan, nights=30)
        for explain in (False, True):
            counting = Counting(tx)
            found = await offers(
                cast(Transaction, counting), "seaview", STAY, COUPLE, explain=explain, now=NOW
            )
            assert len(counting.statements) == 3
        assert len(found.offers) + len(found.refused or ()) == 7 * 7


# Each reason, what makes it, and the nearest stay that is sold instead.
REFUSALS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], Stay]] = [
    ("sold_out", {"rooms": 0}, {}, {}, Stay(day(11), day(13))),
    ("closed", {"closed": True}, {}, {}, Stay(day(11), day(13))),
    ("no_price", {}, {"price": None}, {}, Stay(day(11), day(13))),
    ("min_stay_arrival", {"min_stay_arrival": 3}, {}, {}, Stay(day(11), day(13))),
    ("min_stay_through", {}, {"min_stay_through": 3}, {}, Stay(day(11), day(13))),
    ("max_stay", {"max_stay": 1}, {}, {}, Stay(day(11), day(13))),
    ("closed_to_arrival", {}, {"closed_to_arrival": True}, {}, Stay(day(11), day(13))),
    ("min_stay_arrival", {}, {}, {"min_stay": 3}, Stay(day(10), day(13))),
    ("max_stay", {}, {}, {"max_stay": 1}, Stay(day(10), day(11))),
    ("advance_purchase", {}, {}, {"min_advance_days": 12}, Stay(day(12), day(14))),
    ("advance_maximum", {}, {}, {"max_advance_days": 9}, Stay(day(9), day(11))),
]


@pytest.mark.parametrize(("code", "night", "rate", "terms", "fixed"), REFUSALS)
async def test_every_refusal_has_its_reason_and_a_fix_that_is_sold(
    db: Database, code: str, night: dict[str, Any], rate: dict[str, Any], terms: dict[str, Any], fixed: Stay
) -> None:
    async with db.transaction() as tx:
        hotel = await make_property(tx)
        kind = await make_room_type(tx, hotel)
        plan = await make_plan(tx, hotel, **terms)
        await make_nights(tx, kind)
        await make_rates(tx, kind, plan)
        if night:
            await make_nights(tx, kind, first=10, nights=1, **night)
        if rate:
            await make_rates(tx, kind, plan, first=10, nights=1, **rate)
        refusal = await only_refusal(tx)
        assert [reason.code for reason in refusal.reasons] == [code]
        assert refusal.fix is not None
        assert Stay(refusal.fix.arrival, refusal.fix.departure) == fixed
        await book(tx, refusal)


async def test_the_other_refusals(db: Database) -> None:
    async with db.transaction() as tx:
        _, kind, plan = await simple_hotel(tx)
        await make_rates(tx, kind, plan, first=12, nights=1, closed_to_departure=True)
        refusal = await only_refusal(tx)
        assert [(reason.code, reason.night) for reason in refusal.reasons] == [
            ("closed_to_departure", day(12))
        ]
        await book(tx, refusal)
        refusal = await only_refusal(tx, stay=Stay(day(59), day(62)))
        assert [(reason.code, reason.night) for reason in refusal.reasons] == [
            ("not_on_sale", day(60)),
            ("not_on_sale", day(61)),
        ]
        await book(tx, refusal)


async def test_another_room_type_is_a_fix_where_the_party_does_not_fit(db: Database) -> None:
    async with db.transaction() as tx:
        hotel, _, plan = await simple_hotel(tx)
        family = await make_room_type(tx, hotel, "FAM", max_occupancy=6, max_adults=6)
        await make_nights(tx, family)
        await make_rates(tx, family, plan)
        party = (Occupancy(5),)
        refusal = await only_refusal(tx, party=party)
        assert [(reason.code, reason.limit) for reason in refusal.reasons] == [
            ("occupancy", 4),
            ("occupancy", 3),
        ]
        assert refusal.fix is not None
        assert refusal.fix.room_type == "FAM"
        await book(tx, refusal, party)


async def test_nothing_within_14_days_has_no_fix(db: Database) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx, rooms=0)
        assert (await only_refusal(tx)).fix is None


async def test_a_fix_counts_rooms_and_expired_holds_as_free(db: Database) -> None:
    async with db.transaction() as tx:
        hotel, kind, plan = await simple_hotel(tx)
        await make_hold(tx, hotel, kind, plan, first=10, nights=1, expires=NOW)
        assert (await offers(tx, "seaview", STAY, spread(4, (), 2), now=NOW)).offers[0].rooms_left == 2
        await make_hold(tx, hotel, kind, plan, first=10, nights=1, expires=NOW + timedelta(minutes=1))
        party = spread(4, (), 2)
        refusal = await only_refusal(tx, party=party)
        assert [(reason.code, reason.limit) for reason in refusal.reasons] == [("sold_out", 1)]
        await book(tx, refusal, party)


async def only_refusal(
    tx: Transaction, *, stay: Stay = STAY, party: tuple[Occupancy, ...] = COUPLE
) -> Refusal:
    found = await offers(tx, "seaview", stay, party, explain=True, now=NOW)
    assert found.refused is not None
    (refusal,) = found.refused
    return refusal


async def book(tx: Transaction, refusal: Refusal, party: tuple[Occupancy, ...] = COUPLE) -> None:
    """Book what the refusal suggests instead."""
    fix = refusal.fix
    assert fix is not None
    quote = await service.quote(
        tx,
        property_slug="seaview",
        stay=Stay(fix.arrival, fix.departure),
        rooms=[RoomRequest(fix.room_type, refusal.rate_plan, r.adults, r.children) for r in party],
        now=NOW,
    )
    held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    assert held.booking.status == "held"


async def test_the_past_and_unknown_hotels_are_refused(db: Database) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx)
        with pytest.raises(ArrivalInThePast):
            await offers(tx, "seaview", Stay(day(-1), day(1)), COUPLE, now=NOW)
        with pytest.raises(PropertyNotFound):
            await offers(tx, "nowhere", STAY, COUPLE, now=NOW)


def test_a_party_is_spread_evenly() -> None:
    assert spread(2, (9, 5)) == (Occupancy(2, (9, 5)),)
    assert spread(3, (5, 9), 2) == (Occupancy(2, (5,)), Occupancy(1, (9,)))
    assert spread(7, (), 3) == (Occupancy(3), Occupancy(2), Occupancy(2))
    for adults, children, rooms, field in (
        (0, (), 1, "adults"), (31, (), 1, "adults"), (2, (18,), 1, "children[0]"),
        (2, (1, -1), 1, "children[1]"), (1, (), 2, "adults"), (10, (), 10, "rooms"), (9, (), 0, "rooms"),
        (1, (1,) * 21, 1, "children"),
    ):  # fmt: skip
        with pytest.raises(InvalidParty) as refused:
            spread(adults, children, rooms)
        assert refused.value.field == field


# Over HTTP ----------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(db: Database, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A running application with one hotel, whose 60 nights begin today."""
    async with db.transaction() as tx:
        await sold_from_today(tx, *(await simple_hotel(tx))[1:])
        await tx.execute(
            "INSERT INTO place (id, name, country, lat, lon, population, timezone)"
            " VALUES (2267057, 'Lisbon', 'PT', 38.71667, -9.13333, 517802, 'Europe/Lisbon')"
        )
        await tx.execute("INSERT INTO place_name (name, place_id, weight) VALUES ('lisbon', 2267057, 517802)")
    async with running(settings_for(database_url)) as (_, client):
        yield client


async def sold_from_today(tx: Transaction, room_type: int, plan: int) -> None:
    shift = (utc_now().date() - TODAY).days
    await make_nights(tx, room_type, first=shift)
    await make_rates(tx, room_type, plan, first=shift)


def dates() -> dict[str, str]:
    today = utc_now().date()
    return {
        "arrival": (today + timedelta(days=10)).isoformat(),
        "departure": (today + timedelta(days=12)).isoformat(),
    }


async def test_the_calls_answer_in_their_shapes(db: Database, database_url: str) -> None:
    async with serving(db, database_url) as client:
        places = (await client.get("/api/v1/places", params={"q": "lisb"})).json()["places"]
        search = await client.get("/api/v1/search", params=dates() | {"place": "Lisbon", "children": "5"})
        offered = await client.get("/api/v1/properties/seaview/offers", params=dates() | {"explain": "true"})
        span = {"from": dates()["arrival"], "to": dates()["departure"]}
        nights = (await client.get("/api/v1/properties/seaview/calendar", params=span)).json()["nights"]
    assert [(place["kind"], place["name"], place["country_name"]) for place in places] == [
        ("place", "Lisbon", "Portugal")
    ]
    (result,) = search.json()["results"]
    assert result["property"]["slug"] == "seaview"
    assert result["offer"]["total"] == {"amount": 20_000, "currency": "EUR"}
    assert search.json()["next_cursor"] is None
    (offer,) = offered.json()["offers"]
    assert offer["total"] == {"amount": 20_000, "currency": "EUR"}
    assert sum(line["amount"]["amount"] for line in offer["lines"]) == 20_000
    assert offered.json()["refused"] == []
    assert [night["price"]["amount"] for night in nights] == [10_000] * 3


async def test_what_changes_is_seen_at_once(db: Database, database_url: str) -> None:
    async with serving(db, database_url) as client:
        seen = []
        for taken in (0, 1, 2):
            async with db.transaction() as tx:
                await tx.execute("UPDATE room_night SET taken = $1", taken)
            answer = await client.get("/api/v1/search", params=dates() | {"place": "Lisbon"})
            seen.append([result["offer"]["rooms_left"] for result in answer.json()["results"]])
    assert seen == [[2], [1], []]


async def test_hotels_whose_day_is_over_are_counted(db: Database, database_url: str) -> None:
    """In Lisbon it is the next day already, and nowhere is it before the arrival's day."""
    today = utc_now().date()
    params = {"place": "Lisbon", "arrival": str(today), "departure": str(today + timedelta(days=2))}
    found = []
    async with serving(db, database_url) as client:
        key = bearer(await api_key(db))
        for now in (f"{today}T12:00:00Z", f"{today + timedelta(days=1)}T06:00:00Z"):
            headers = key | {"Hotel-Simulated-Time": now}
            answer = (await client.get("/api/v1/search", params=params, headers=headers)).json()
            found.append((len(answer["results"]), answer.get("past")))
    assert found == [(1, None), (0, 1)]


# What is changed in a good search, the status, and the field that the problem names.
BAD_INPUT: list[tuple[dict[str, str | None], int, str]] = [
    ({"arrival": "2020-01-01", "departure": "2020-01-02"}, 422, "arrival"),
    ({"arrival": "2090-01-01", "departure": "2090-01-01"}, 422, "departure"),
    ({"departure": "9999-12-31"}, 422, "departure"),
    ({"arrival": "yesterday"}, 400, "arrival"),
    ({"adults": "0"}, 422, "adults"),
    ({"adults": "31"}, 422, "adults"),
    ({"adults": "99999999999999999999"}, 422, "adults"),
    ({"children": "5,x"}, 422, "children[1]"),
    ({"children": "18"}, 422, "children[0]"),
    ({"children": "5,-1"}, 422, "children[1]"),
    ({"rooms": "10", "adults": "10"}, 422, "rooms"),
    ({"sort": "cheap"}, 422, "sort"),
    ({"stars": "6"}, 422, "stars"),
    ({"min_stars": "-1"}, 422, "min_stars"),
    ({"amenities": "1,,2"}, 422, "amenities[1]"),
    ({"price_max": "-5"}, 422, "price_max"),
    ({"currency": "EURO"}, 422, "currency"),
    ({"currency": "XXX"}, 422, "currency"),
    ({"limit": "0"}, 400, "limit"),
    ({"limit": "101"}, 400, "limit"),
    ({"cursor": "?"}, 400, "cursor"),
    ({"place": "qqqzzz"}, 404, "place"),
    ({"place": None}, 422, "place"),
    ({"lat": "1"}, 422, "place"),
    ({"place": None, "lat": "1"}, 422, "lon"),
    ({"place": None, "lat": "91", "lon": "0"}, 422, "lat"),
    ({"place": None, "lat": "nan", "lon": "0"}, 422, "lat"),
    ({"radius_km": "0"}, 422, "radius_km"),
    ({"place": None, "bbox": "1,2,3"}, 422, "bbox"),
    ({"place": None, "bbox": "3,2,1,4"}, 422, "bbox"),
    ({"place": None, "bbox": "1,2,3,inf"}, 422, "bbox"),
    ({"place": None, "bbox": "1,2,3,4", "sort": "distance"}, 422, "sort"),
]


async def test_bad_input_is_named(db: Database, database_url: str) -> None:
    async with serving(db, database_url) as client:
        for changes, status, field in BAD_INPUT:
            params = {"place": "Lisbon"} | dates() | changes
            answer = await client.get(
                "/api/v1/search", params={name: value for name, value in params.items() if value is not None}
            )
            problem = answer.json()
            assert (answer.status_code, problem.get("field")) == (status, field), (changes, problem)


async def test_a_cursor_is_good_for_its_own_search_only(db: Database, database_url: str) -> None:
    async with db.transaction() as tx:
        for i in range(2):
            await sold_from_today(tx, *(await simple_hotel(tx, f"other-{i}"))[1:])
    async with serving(db, database_url) as client:
        params = dates() | {"place": "Lisbon", "limit": "2"}
        first = (await client.get("/api/v1/search", params=params)).json()
        cursor = {"cursor": first["next_cursor"]}
        second = (await client.get("/api/v1/search", params=params | cursor)).json()
        slugs = [result["property"]["slug"] for page in (first, second) for result in page["results"]]
        assert sorted(slugs) == ["other-0", "other-1", "seaview"]
        assert second["next_cursor"] is None
        for change in ({"adults": "1"}, {"sort": "name"}, {"stars": "3"}):
            other = await client.get("/api/v1/search", params=params | change | cursor)
            assert (other.status_code, other.json()["code"]) == (400, "invalid_cursor")
