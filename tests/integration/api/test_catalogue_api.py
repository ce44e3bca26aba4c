"""A hotel set up through the API alone, then sold: what a partner would do on the first day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import DAY_END, business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.types import Scope
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.databases import copied, migrated
from tests.factories.invariants import differences

HOTEL = {
    "name": "Hôtel d'Été",
    "country": "FR",
    "timezone": "Europe/Paris",
    "currency": "EUR",
    "lat": 43.7,
    "lon": 7.25,
    "child_bands": [2, 11],
}
SLUG = "hotel-d-ete"


class Partner:
    """An API client with a key."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self.client, self.headers = client, bearer(key)

    async def send(self, method: str, path: str, body: Any = None, *, expect: int) -> Any:
        answer = await self.client.request(
            method, f"/api/v1{path}", json=body if body is not None else None, headers=self.headers
        )
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
async def partner(db: Database, database_url: str) -> AsyncIterator[Partner]:
    # A task of its own: the application's life begins and ends in one task, a fixture's does not.
    ready: asyncio.Future[httpx.AsyncClient] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def live() -> None:
        async with running(settings_for(database_url)) as (_, client):
            ready.set_result(client)
            await done.wait()

    life = asyncio.create_task(live())
    yield Partner(await ready, await api_key(db))
    done.set()
    await life


async def opened(partner: Partner, *, rooms: int = 2) -> None:
    """The hotel with one room type, numbered rooms, a plan, a derived plan, and a year of ARI."""
    await partner.send("POST", "/properties", HOTEL, expect=201)
    kind = {"code": "DBL", "max_occupancy": 4, "max_adults": 3, "max_children": 2, "child_amounts": [0, 1500]}
    await partner.send("POST", f"/properties/{SLUG}/room-types", kind, expect=201)
    for number in range(rooms):
        room = {"number": f"10{number}", "room_type": "DBL"}
        await partner.send("POST", f"/properties/{SLUG}/rooms", room, expect=201)
    await partner.send("POST", f"/properties/{SLUG}/rate-plans", {"code": "FLEX"}, expect=201)
    derived = {
        "code": "NRF",
        "parent": "FLEX",
        "adjustment": {"kind": "percent", "value": "-12.5"},
        "deposit": {"kind": "full"},
    }
    await partner.send("POST", f"/properties/{SLUG}/rate-plans", derived, expect=201)
    await put(partner, [line(0, 365, rate_plan="FLEX", price=12_000)])


def day(offset: int) -> str:
    today = business_date(utc_now(), "Europe/Paris", DAY_END)  # asked each time: a run may pass midnight
    return (today + timedelta(days=offset)).isoformat()


def line(first: int, last: int, **more: Any) -> dict[str, Any]:
    return {"room_type": "DBL", "from": day(first), "to": day(last), **more}


async def put(partner: Partner, updates: list[dict[str, Any]], *, expect: int = 200) -> Any:
    return await partner.send("PUT", f"/properties/{SLUG}/ari", {"updates": updates}, expect=expect)


async def offers(partner: Partner, arrival: int, nights: int, **more: str) -> Any:
    query = {"arrival": day(arrival), "departure": day(arrival + nights), "adults": "2", **more}
    answer = await partner.client.get(f"/api/v1/properties/{SLUG}/offers", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_hotel_opens_and_sells_its_first_night(partner: Partner, db: Database) -> None:
    await opened(partner)
    found = await offers(partner, 10, 2)
    prices = {offer["rate_plan"]: offer["total"]["amount"] for offer in found["offers"]}
    assert prices == {"FLEX": 24_000, "NRF": 21_000}
    assert {offer["rooms_left"] for offer in found["offers"]} == {2}
    wish = {
        "property": SLUG,
        "arrival": day(10),
        "departure": day(12),
        "rooms": [{"room_type": "DBL", "rate_plan": "NRF", "adults": 2, "children": [8]}],
    }
    quote = await partner.send("POST", "/quotes", wish, expect=201)
    assert sum(item["amount"]["amount"] for item in quote["lines"]) == quote["total"]["amount"]
    assert quote["total"]["amount"] == 2 * (13_500 - 1_688)  # 12.5 % of 135.00, rounded each night
    guest = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}
    held = await partner.send("POST", "/bookings", {"quote": quote["id"], "guest": guest}, expect=201)
    assert held["status"] == "held"
    paid = await partner.client.post(
        f"/api/v1/bookings/{held['reference']}/payments",
        json={"token": "tok_success"},
        headers=bearer(held["access_token"]),
    )
    assert paid.json()["status"] == "confirmed"
    assert {offer["rooms_left"] for offer in (await offers(partner, 10, 2))["offers"]} == {1}
    assert await differences(db) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"currency": "XXZ"}, "currency"),
        ({"country": "ZZ"}, "country"),
        ({"country": "UK"}, "country"),
        ({"lat": 91}, "lat"),
        ({"slug": "Not A Slug"}, "slug"),
        ({"child_bands": [11, 2]}, "child_bands"),
        ({"amenities": [1, 9999]}, "amenities"),
        ({"name": "bad\u0000name"}, "name"),
        ({"place_id": 1}, "place_id"),
        ({"stras": 5}, None),
    ],
)
async def test_a_property_that_cannot_be_right_is_refused_and_named(
    partner: Partner, db: Database, changes: dict[str, Any], field: str | None
) -> None:
    answer = await partner.client.post("/api/v1/properties", json=HOTEL | changes, headers=partner.headers)
    assert 400 <= answer.status_code < 423, answer.text
    if field:
        assert answer.json()["field"] == field, answer.text
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM property") == 0


async def test_names_are_unique_and_things_in_use_stay(partner: Partner) -> None:
    await opened(partner)
    again = {
        "/properties": {**HOTEL, "slug": SLUG},
        f"/properties/{SLUG}/room-types": {"code": "DBL"},
        f"/properties/{SLUG}/rooms": {"number": "100", "room_type": "DBL"},
        f"/properties/{SLUG}/rate-plans": {"code": "FLEX"},
    }
    for path, body in again.items():
        assert (await partner.send("POST", path, body, expect=409))["code"] == "already_exists"
    refused = await partner.send(
        "PATCH", f"/properties/{SLUG}/rate-plans/FLEX", {"active": False}, expect=409
    )
    assert (refused["code"], "NRF" in refused["detail"]) == ("in_use", True)
    assert (await partner.send("PATCH", f"/properties/{SLUG}", {"currency": "GBP"}, expect=409))[
        "code"
    ] == "in_use"


async def test_no_more_adults_are_in_a_price_than_the_room_sleeps(partner: Partner) -> None:
    await opened(partner)
    kinds = f"/properties/{SLUG}/room-types"
    odd = {"code": "ODD", "base_occupancy": 3, "max_occupancy": 2}
    assert (await partner.send("POST", kinds, odd, expect=422))["field"] == "base_occupancy"
    made = await partner.send("POST", kinds, {"code": "SGL", "max_occupancy": 1}, expect=201)
    assert made["base_occupancy"] == 1


async def test_every_room_has_an_address_and_can_be_numbered_anew(partner: Partner, db: Database) -> None:
    await opened(partner)
    rooms = f"/properties/{SLUG}/rooms"
    before = await partner.send("GET", rooms, expect=200)
    for odd in ("a/b", "a\\b", ".", "..", " "):
        refused = await partner.send("POST", rooms, {"number": odd, "room_type": "DBL"}, expect=422)
        assert refused["field"] == "number", odd
        assert (await partner.send("PATCH", f"{rooms}/100", {"number": odd}, expect=422))["field"] == "number"
    taken = await partner.send("PATCH", f"{rooms}/100", {"number": "101"}, expect=409)
    assert (taken["code"], taken["field"]) == ("already_exists", "number")
    assert await partner.send("GET", rooms, expect=200) == before
    async with db.transaction() as tx:  # as it could be numbered once
        await tx.execute("UPDATE room SET number = 'a/b' WHERE number = '101'")
    assert (await partner.send("PATCH", f"{rooms}/100", {"number": "A #1"}, expect=200))["number"] == "A #1"
    assert (await partner.send("PATCH", f"{rooms}/A%20%231", {"floor": "1"}, expect=200))["floor"] == "1"


async def test_what_is_patched_changes_and_the_rest_stays(partner: Partner) -> None:
    await opened(partner)
    before = await partner.send("GET", f"/properties/{SLUG}", expect=200)
    after = await partner.send(
        "PATCH", f"/properties/{SLUG}", {"stars": 4, "amenities": [71, 22]}, expect=200
    )
    assert after == before | {
        "stars": 4,
        "amenities": [{"code": 22, "name": "Concierge desk"}, {"code": 71, "name": "Pool"}],
    }
    assert await partner.send("PATCH", f"/properties/{SLUG}", {}, expect=200) == after
    plan = await partner.send(
        "PATCH",
        f"/properties/{SLUG}/rate-plans/NRF",
        {"adjustment": {"kind": "amount", "value": -500}},
        expect=200,
    )
    assert plan["adjustment"] == {"kind": "amount", "value": -500, "per_person": False}
    listed = await partner.send("GET", f"/properties/{SLUG}/rate-plans", expect=200)
    assert [item["code"] for item in listed["items"]] == ["FLEX", "NRF"]


async def test_policies_and_taxes_reach_the_price(partner: Partner) -> None:
    await opened(partner)
    policy = {
        "code": "STRICT",
        "steps": [{"days_before": 7, "at": "12:00:00", "fee": {"kind": "percent", "value": "50"}}],
        "no_show": {"kind": "percent", "value": "100"},
    }
    await partner.send("POST", f"/properties/{SLUG}/policies", policy, expect=201)
    await partner.send("PATCH", f"/properties/{SLUG}/rate-plans/FLEX", {"policy": "STRICT"}, expect=200)
    vat = {"code": "VAT", "percent": "10", "included": True}
    city = {"code": "CITY", "amount": 250, "charge_type": 21, "included": False, "exempt_below_age": 18}
    for tax in (vat, city):
        await partner.send("POST", f"/properties/{SLUG}/taxes", tax, expect=201)
    offer = next(o for o in (await offers(partner, 20, 2))["offers"] if o["rate_plan"] == "FLEX")
    assert offer["total"]["amount"] == 24_000 + 2 * 2 * 250
    assert offer["cancellation"]["code"] == "STRICT"
    taxes = {item["code"]: item["amount"]["amount"] for item in offer["lines"] if item["kind"] == "tax"}
    assert taxes == {"VAT": 2 * 1_091, "CITY": 1_000}
    await partner.send("DELETE", f"/properties/{SLUG}/taxes/CITY", expect=204)
    offer = next(o for o in (await offers(partner, 20, 2))["offers"] if o["rate_plan"] == "FLEX")
    assert offer["total"]["amount"] == 24_000


async def test_a_year_is_set_in_one_call_and_later_lines_win(partner: Partner) -> None:
    await opened(partner)
    result = await put(
        partner,
        [
            line(0, 364, rate_plan="FLEX", price=10_000, min_stay_arrival=2),
            line(0, 364, rate_plan="FLEX", price=15_000, weekdays=["fri", "sat"]),
            line(0, 364, capacity=1, closed_to_arrival=True, weekdays=["sun"]),
        ],
    )
    assert result["lines"] == 3
    assert result["room_nights"] == 365
    loaded = await partner.send("GET", f"/properties/{SLUG}/ari?from={day(0)}&to={day(6)}", expect=200)
    for night in loaded["room_nights"]:
        sunday = date.fromisoformat(night["night"]).isoweekday() == 7
        assert (night["capacity"], night["physical"]) == (1 if sunday else 2, 2)
        assert night.get("closed_to_arrival", False) is sunday
    prices = {
        date.fromisoformat(night["night"]).isoweekday(): night["price"]
        for night in loaded["rate_nights"]
        if night["rate_plan"] == "FLEX"
    }
    assert prices == {weekday: 15_000 if weekday in (5, 6) else 10_000 for weekday in range(1, 8)}


async def test_childrens_amounts_are_set_by_night_and_taken_away(partner: Partner) -> None:
    await opened(partner)
    await put(partner, [line(0, 6, rate_plan="FLEX", price=10_000, children=[0, 2_500])])
    await put(
        partner, [line(2, 3, rate_plan="FLEX", children=None), line(4, 4, rate_plan="FLEX", children=[7, 8])]
    )
    loaded = await partner.send("GET", f"/properties/{SLUG}/ari?from={day(0)}&to={day(6)}", expect=200)
    found = [night.get("children") for night in loaded["rate_nights"] if night["rate_plan"] == "FLEX"]
    assert found == [[0, 2_500], [0, 2_500], None, None, [7, 8], [0, 2_500], [0, 2_500]]


async def test_nights_that_are_over_are_left_as_they_are_and_counted(partner: Partner, db: Database) -> None:
    """A year that is sent again at midnight, or from a zone where it is still yesterday, begins in the past:
    the rest of it is meant."""
    await opened(partner)
    answer = await put(
        partner,
        [
            line(-3, 1, rate_plan="FLEX", price=7_700, closed_to_arrival=True),
            line(-2, -1, capacity=1),
            line(0, 0, capacity=2),
        ],
    )
    assert (answer["past"], answer["room_nights"], answer["rate_nights"]) == (5, 2, 2)
    assert {row["night"] for row in answer["no_arrival"]} <= {day(0), day(1)}
    over = await put(partner, [line(-9, -1, rate_plan="FLEX", price=5_500)])
    assert over == {"lines": 1, "room_nights": 0, "rate_nights": 0, "past": 9, "no_arrival": []}
    async with db.transaction() as tx:
        today = date.fromisoformat(day(0))
        for table in ("room_night", "rate_night"):
            assert await tx.fetchval(f"SELECT count(*) FROM {table} WHERE night < $1", today) == 0
        assert await tx.fetchval("SELECT count(*) FROM rate_night WHERE price = 7700") == 2
        edits = await tx.fetch("SELECT first_night FROM rate_edit WHERE kind = 'program' ORDER BY id DESC")
        assert edits[0]["first_night"] == today  # and what changed nothing is no edit


@pytest.fixture(scope="module")
def open_url(cluster: Cluster) -> Iterator[str]:
    """The URL of a database with the hotel opened; whatever is sent there is refused."""

    async def opening(url: str) -> None:
        async with Database.open(url, size=2) as db, running(settings_for(url)) as (_, client):
            await opened(Partner(client, await api_key(db)))

    with copied(cluster, migrated(cluster)) as url:
        asyncio.run(opening(url))
        yield url


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"room_type": "NONE", "price": 1}, "updates[1].room_type"),
        ({"rate_plan": "NONE", "price": 1}, "updates[1].rate_plan"),
        ({"price": 1}, "updates[1].rate_plan"),
        ({"rate_plan": "NRF", "price": 1}, "updates[1].price"),
        ({}, "updates[1]"),
        ({"from": day(9), "to": day(8), "capacity": 1}, "updates[1].to"),
        ({"to": "2099-01-01", "capacity": 1}, "updates[1].to"),
        ({"capacity": -1}, "updates[1].capacity"),
        ({"rate_plan": "FLEX", "price": 10.5}, "updates[1].price"),
        ({"rate_plan": "FLEX", "children": [1]}, "updates[1].children"),
        ({"weekdays": ["noday"], "capacity": 1}, "updates[1].weekdays[0]"),
    ],
)
async def test_a_bad_line_is_named_by_its_index_and_nothing_is_set(
    open_url: str, bad: dict[str, Any], field: str
) -> None:
    good = line(0, 30, rate_plan="FLEX", price=99, capacity=1)
    body = {"updates": [good, line(0, 3) | bad]}
    async with Database.open(open_url, size=2) as db, running(settings_for(open_url)) as (_, client):
        headers = bearer(await api_key(db))
        answer = await client.put(f"/api/v1/properties/{SLUG}/ari", json=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["field"] == field, answer.text
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM rate_night WHERE price = 99") == 0
            assert await tx.fetchval("SELECT min(capacity) FROM room_night") == 2


async def test_capacity_is_gross_and_never_counts_the_rooms_anew(partner: Partner, db: Database) -> None:
    await opened(partner)
    await booked(partner, 10, 1)

    async def night() -> dict[str, Any]:
        shown = await partner.send("GET", f"/properties/{SLUG}/ari?from={day(10)}&to={day(10)}", expect=200)
        found: dict[str, Any] = shown["room_nights"][0]
        return {name: found.get(name) for name in ("capacity", "taken", "physical", "overbooking_limit")}

    await put(partner, [line(10, 10, capacity=1)])
    assert await night() == {"capacity": 1, "taken": 1, "physical": 2, "overbooking_limit": None}
    left = {offer["room_type"]: offer["rooms_left"] for offer in (await offers(partner, 10, 1))["offers"]}
    assert left == {}  # gross: the one room offered is taken
    refused = await put(partner, [line(0, 2, closed=False), line(10, 10, capacity=3)], expect=422)
    assert (refused["code"], refused["field"]) == ("capacity_above_rooms", "updates[1].capacity")
    assert "overbooking_limit" in refused["fix"]
    assert await night() == {"capacity": 1, "taken": 1, "physical": 2, "overbooking_limit": None}
    await put(partner, [line(10, 10, capacity=None, overbooking_limit=1)])
    assert await night() == {"capacity": 2, "taken": 1, "physical": 2, "overbooking_limit": 1}
    assert {offer["rooms_left"] for offer in (await offers(partner, 10, 1))["offers"]} == {2}
    # A room more is a room more, whatever a channel manager has offered; one out of order is one less.
    await put(partner, [line(10, 10, capacity=2)])
    await partner.send("POST", f"/properties/{SLUG}/rooms", {"number": "102", "room_type": "DBL"}, expect=201)
    assert (await night())["physical"] == 3
    assert (await night())["capacity"] == 2
    assert await differences(db) == []


async def test_a_stay_that_an_earlier_call_or_another_level_forbids_is_told(partner: Partner) -> None:
    await opened(partner)

    def told(offset: int, least: int) -> list[tuple[str, str, int, int]]:
        return [(plan, day(offset), least, 5) for plan in ("FLEX", "NRF")]  # NRF is derived from it

    def said(answer: dict[str, Any]) -> list[tuple[str, str, int, int]]:
        found = answer["no_arrival"]
        assert all(one["room_type"] == "DBL" for one in found)
        return [(one["rate_plan"], one["night"], one["min_stay"], one["max_stay"]) for one in found]

    priced = await put(partner, [line(1, 3, rate_plan="FLEX", price=9000, max_stay=5)])
    assert said(priced) == []
    longer = await put(partner, [line(1, 2, rate_plan="FLEX", min_stay_arrival=7)])
    assert said(longer) == sorted(told(1, 7) + told(2, 7))
    # By the room type, too; what is closed to arrival anyway is nothing to tell, nor what no line is about.
    both = await put(partner, [line(3, 3, min_stay_through=6), line(1, 1, closed_to_arrival=True)])
    assert said(both) == told(3, 6)
    assert said(await put(partner, [line(1, 3, rate_plan="FLEX", price=9100)])) == []
    assert said(await put(partner, [line(1, 3, rate_plan="FLEX", max_stay=None)])) == []


async def test_a_type_without_rooms_by_number_has_its_capacity(partner: Partner) -> None:
    await opened(partner)
    kind = {"code": "DORM", "max_occupancy": 1, "max_adults": 1, "base_occupancy": 1}
    await partner.send("POST", f"/properties/{SLUG}/room-types", kind, expect=201)
    await put(partner, [line(1, 1, capacity=6, room_type="DORM", rate_plan="FLEX", price=900)])
    shown = await partner.send("GET", f"/properties/{SLUG}/ari?from={day(1)}&to={day(1)}", expect=200)
    assert [n["capacity"] for n in shown["room_nights"] if n["room_type"] == "DORM"] == [6]
    refused = await put(partner, [line(1, 1, capacity=None, room_type="DORM")], expect=422)
    assert refused["field"] == "updates[0].capacity"


async def test_capacity_never_falls_below_what_is_sold(partner: Partner, db: Database) -> None:
    await opened(partner)
    for _ in range(2):
        await booked(partner, 10, 2)
    refused = await put(partner, [line(0, 5, capacity=1), line(9, 12, capacity=1)], expect=409)
    assert (refused["code"], refused["field"]) == ("capacity_below_sold", "updates[1].capacity")
    assert [night["night"] for night in refused["nights"]] == [day(10), day(11)]
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT min(capacity) FROM room_night") == 2
    refused = await partner.send(
        "POST",
        f"/properties/{SLUG}/blocks",
        {"room": "100", "arrival": day(11), "departure": day(14), "reason": "paint"},
        expect=409,
    )
    assert (refused["code"], refused["nights"]) == ("room_is_sold", [day(11)])
    refused = await partner.send("PATCH", f"/properties/{SLUG}/rooms/101", {"active": False}, expect=409)
    assert refused["code"] == "room_is_sold"


async def booked(partner: Partner, arrival: int, nights: int, *, rooms: int = 1) -> Any:
    wish = {
        "property": SLUG,
        "arrival": day(arrival),
        "departure": day(arrival + nights),
        "rooms": [{"room_type": "DBL", "rate_plan": "FLEX", "adults": 2, "children": []}] * rooms,
    }
    quote = await partner.send("POST", "/quotes", wish, expect=201)
    guest = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}
    return await partner.send("POST", "/bookings", {"quote": quote["id"], "guest": guest}, expect=201)


async def test_a_block_changes_no_night_that_is_over(partner: Partner, db: Database) -> None:
    """What there was to sell stays what it was: reports of those nights would tell another story."""
    await opened(partner)
    blocks = f"/properties/{SLUG}/blocks"
    body = {"room": "100", "arrival": day(-3), "departure": day(2), "reason": "paint"}
    for arrival, departure in ((-3, -1), (-1, 2)):
        late = {**body, "arrival": day(arrival), "departure": day(departure)}
        refused = await partner.send("POST", blocks, late, expect=422)
        assert (refused["code"], refused["field"]) == ("invalid", "arrival")
        assert day(0) in refused["fix"]
    made = await partner.send("POST", blocks, {**body, "arrival": day(0)}, expect=201)
    async with db.transaction() as tx:  # a day later
        for table in ("room_night", "rate_night"):
            await tx.execute(f"UPDATE {table} SET night = night - 1000000")
            await tx.execute(f"UPDATE {table} SET night = night + 1000000 - 1")
        await tx.execute("UPDATE room_use SET stay = daterange(lower(stay) - 1, upper(stay) - 1)")
    await partner.send("DELETE", f"{blocks}/{made['id']}", expect=204)
    listed = await partner.send("GET", f"{blocks}?from={day(-1)}&to={day(5)}", expect=200)
    assert [(one["arrival"], one["departure"]) for one in listed["items"]] == [(day(-1), day(0))]
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT blocked FROM room_night ORDER BY night LIMIT 3")
    assert [row["blocked"] for row in rows] == [1, 0, 0]
    assert await differences(db) == []


async def test_a_block_lowers_capacity_until_it_is_lifted(partner: Partner, db: Database) -> None:
    await opened(partner)
    body = {"room": "100", "arrival": day(5), "departure": day(8), "reason": "paint"}
    made = await partner.send("POST", f"/properties/{SLUG}/blocks", body, expect=201)
    assert (await partner.send("POST", f"/properties/{SLUG}/blocks", body, expect=409))[
        "code"
    ] == "room_in_use"
    assert {o["rooms_left"] for o in (await offers(partner, 5, 2))["offers"]} == {1}
    # Nights that go on sale later know of the block.
    far = {**body, "arrival": day(400), "departure": day(402)}
    await partner.send("POST", f"/properties/{SLUG}/blocks", far, expect=201)
    await put(partner, [line(399, 403, rate_plan="FLEX", price=1)])
    assert {o["rooms_left"] for o in (await offers(partner, 400, 2))["offers"]} == {1}
    assert await differences(db) == []
    await partner.send("DELETE", f"/properties/{SLUG}/blocks/{made['id']}", expect=204)
    await partner.send("DELETE", f"/properties/{SLUG}/blocks/{made['id']}", expect=404)
    for none in ("0", "99999999999999999999"):  # no number of anything, as with keys
        await partner.send("DELETE", f"/properties/{SLUG}/blocks/{none}", expect=400)
    assert {o["rooms_left"] for o in (await offers(partner, 5, 2))["offers"]} == {2}


async def test_a_room_comes_on_sale_and_goes(partner: Partner) -> None:
    await opened(partner, rooms=1)
    new = {"number": "7", "room_type": "DBL", "floor": "1"}
    await partner.send("POST", f"/properties/{SLUG}/rooms", new, expect=201)
    assert {o["rooms_left"] for o in (await offers(partner, 5, 2))["offers"]} == {2}
    gone = await partner.send("PATCH", f"/properties/{SLUG}/rooms/7", {"active": False}, expect=200)
    assert gone["active"] is False
    assert {o["rooms_left"] for o in (await offers(partner, 5, 2))["offers"]} == {1}


async def test_a_key_for_one_hotel_cannot_touch_another(
    partner: Partner, db: Database, database_url: str
) -> None:
    await opened(partner)
    await partner.send("POST", "/properties", HOTEL | {"name": "Other", "slug": "other"}, expect=201)
    limited = Partner(partner.client, await api_key(db, Scope.ALL, properties=["other"]))
    assert (await put(limited, [line(0, 1, capacity=1)], expect=403))["status"] == 403
    await limited.send("PATCH", f"/properties/{SLUG}", {"stars": 1}, expect=403)
    await limited.send("POST", "/properties", HOTEL | {"slug": "third"}, expect=403)
    await limited.send("PATCH", "/properties/other", {"stars": 1}, expect=200)


async def test_the_desk_needs_no_body(partner: Partner) -> None:
    await opened(partner)
    reference = (await booked(partner, 0, 2))["reference"]
    paid = {"token": "tok_success"}
    await partner.send("POST", f"/bookings/{reference}/payments", paid, expect=200)
    needed = await partner.send("POST", f"/bookings/{reference}/check-in", expect=409)
    assert needed["code"] == "room_needed"
    rooms = {"rooms": {"1": "100"}}
    inside = await partner.send("POST", f"/bookings/{reference}/check-in", rooms, expect=200)
    assert inside["status"] == "checked_in"
    owing = await partner.send("POST", f"/bookings/{reference}/check-out", expect=409)
    assert owing["code"] == "balance_open"
    # Between midnight and the end of the business day the calendar is a day ahead of `day`.
    gone = {"departed": day(2), "override_reason": "The company pays by invoice"}
    early = await partner.send("POST", f"/bookings/{reference}/check-out", gone, expect=409)
    assert (early["code"], early["field"]) == ("too_early", "departed")
    gone["departed"] = day(0)
    out = await partner.send("POST", f"/bookings/{reference}/check-out", gone, expect=200)
    assert out["status"] == "checked_out"


async def test_guests_of_one_room_leave_before_the_others(partner: Partner) -> None:
    await opened(partner)
    reference = (await booked(partner, 0, 2, rooms=2))["reference"]
    await partner.send("POST", f"/bookings/{reference}/payments", {"token": "tok_success"}, expect=200)
    rooms = {"rooms": {"1": "100", "2": "101"}}
    await partner.send("POST", f"/bookings/{reference}/check-in", rooms, expect=200)
    out = f"/bookings/{reference}/check-out"
    assert {one["rooms_left"] for one in (await offers(partner, 1, 1))["offers"]} == set()
    for wrong, status in (([], 400), ([0], 400), (["2"], 400), ({"2": True}, 400), ([3], 422), ([1, 3], 422)):
        refused = await partner.send("POST", out, {"rooms": wrong}, expect=status)
        assert refused["field"].startswith("rooms"), refused
    first = await partner.send("POST", out, {"rooms": [2], "departed": day(0)}, expect=200)
    assert first["status"] == "checked_in"
    assert [one["status"] for one in first["reservations"]] == ["checked_in", "checked_out"]
    assert {one["rooms_left"] for one in (await offers(partner, 1, 1))["offers"]} == {1}
    again = await partner.send("POST", out, {"rooms": [2], "departed": day(0)}, expect=409)
    assert again["code"] == "wrong_state"
    assert (await partner.send("POST", out, {"rooms": [1]}, expect=409))["code"] == "balance_open"
    last = await partner.send("POST", out, {"override_reason": "The company pays"}, expect=200)
    assert last["status"] == "checked_out"
