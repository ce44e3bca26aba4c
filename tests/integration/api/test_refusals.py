"""What a partner's mistakes are answered with: the field that is wrong by its whole path, and what would
work."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.rates.ari import MAX_LAID
from tests.clients.http_client import bearer
from tests.integration.api.test_catalogue_api import HOTEL, SLUG, Partner, booked, day, line, opened, put
from tests.integration.api.test_catalogue_api import partner as partner  # a fixture

PLANS, ROOMS = f"/properties/{SLUG}/rate-plans", f"/properties/{SLUG}/rooms"
FEE = {"kind": "nights", "value": 1}


async def refused(partner: Partner, method: str, path: str, body: Any, *, expect: int) -> tuple[str, str]:
    problem = await partner.send(method, path, body, expect=expect)
    return problem["code"], problem.get("field")


async def test_what_exists_already_or_does_not_exist_is_named_by_its_field(partner: Partner) -> None:
    await opened(partner)
    cases: list[tuple[str, dict[str, Any], int, tuple[str, str]]] = [
        ("/properties", HOTEL | {"slug": SLUG}, 409, ("already_exists", "slug")),
        (f"/properties/{SLUG}/room-types", {"code": "DBL"}, 409, ("already_exists", "code")),
        (ROOMS, {"number": "100", "room_type": "DBL"}, 409, ("already_exists", "number")),
        (ROOMS, {"number": "900", "room_type": "NONE"}, 404, ("not_found", "room_type")),
        (PLANS, {"code": "FLEX"}, 409, ("already_exists", "code")),
        (PLANS, {"code": "A", "policy": "NONE"}, 404, ("not_found", "policy")),
        (
            PLANS,
            {"code": "A", "parent": "NONE", "adjustment": {"kind": "percent", "value": "-10"}},
            404,
            ("not_found", "parent"),
        ),
        (PLANS, {"code": "A", "deposit": FEE | {"value": "2"}}, 422, ("invalid", "deposit.value")),
        (
            f"/properties/{SLUG}/policies",
            {"code": "A", "steps": [{"fee": FEE, "days_before": 1, "at": "18:00:00+01:00"}], "no_show": FEE},
            422,
            ("invalid", "steps[0].at"),
        ),
        (
            "/quotes",
            {
                "property": "none" * 100,
                "arrival": day(1),
                "departure": day(2),
                "rooms": [{"room_type": "DBL", "rate_plan": "FLEX", "adults": 2}],
            },
            404,
            ("property_not_found", "property"),
        ),
    ]
    for path, body, status, wanted in cases:
        assert await refused(partner, "POST", path, body, expect=status) == wanted, path
    problem = await partner.send("PATCH", f"{PLANS}/FLEX", {"policy": "NONE"}, expect=404)
    assert problem["field"] == "policy"
    block = {"room": "100", "arrival": day(5), "departure": day(8), "reason": "paint"}
    blocks = f"/properties/{SLUG}/blocks"
    await partner.send("POST", blocks, block, expect=201)
    assert await refused(partner, "POST", blocks, block, expect=409) == ("room_in_use", "arrival")


async def test_a_room_at_the_desk_is_named_by_its_position(partner: Partner) -> None:
    await opened(partner)
    reference = (await booked(partner, 0, 2, rooms=2))["reference"]
    at = f"/bookings/{reference}"
    await partner.send("POST", f"{at}/payments", {"token": "tok_success"}, expect=200)
    for rooms, status, wanted in (
        ({"1": "100", "2": "999"}, 422, ("invalid", "rooms.2")),
        ({"1": "100", "2": "100"}, 409, ("room_in_use", "rooms.2")),
        ({"1": "100", "3": "101"}, 422, ("invalid", "rooms.3")),
        ({"1": "100", "2": 101}, 400, ("invalid_request", "rooms.2")),
    ):
        for act in ("check-in", "rooms"):
            assert await refused(partner, "POST", f"{at}/{act}", {"rooms": rooms}, expect=status) == wanted
    assert (await partner.send("GET", at, expect=200))["status"] == "confirmed"
    rooms = {"1": "100", "2": "101"}
    await partner.send("POST", f"{at}/check-in", {"rooms": rooms}, expect=200)
    left = await refused(partner, "POST", f"{at}/check-out", {"rooms": [1, 7]}, expect=422)
    assert left == ("invalid", "rooms[1]")


async def test_nobody_has_not_come_on_a_day_that_has_not_begun(partner: Partner) -> None:
    await opened(partner)
    made = await booked(partner, 30, 2)
    at = f"/bookings/{made['reference']}"
    await partner.send("POST", f"{at}/payments", {"token": "tok_success"}, expect=200)
    # By the calendar, which is a day ahead of `day` between midnight and the end of the business day.
    for on in (day(2), day(30), "2099-12-31"):
        refusal = await refused(partner, "POST", f"{at}/no-show", {"on": on}, expect=409)
        assert refusal == ("too_early", "on"), on
    # Nor before the day of arrival, whatever day is named.
    for body in ({}, {"on": day(0)}, {"on": "2020-01-01"}):
        problem = await partner.send("POST", f"{at}/no-show", body, expect=409)
        assert problem["code"] == "too_early", body
    booking = await partner.send("GET", at, expect=200)
    assert (booking["status"], booking["reservations"][0]["fee"]["amount"]) == ("confirmed", 0)


async def test_guests_of_a_booking_change_rooms_with_each_other(partner: Partner) -> None:
    await opened(partner, rooms=3)
    at = f"/bookings/{(await booked(partner, 0, 2, rooms=2))['reference']}"
    await partner.send("POST", f"{at}/payments", {"token": "tok_success"}, expect=200)

    async def given(act: str, rooms: dict[str, str], *, expect: int = 200) -> list[str]:
        await partner.send("POST", f"{at}/{act}", {"rooms": rooms}, expect=expect)
        booking = await partner.send("GET", at, expect=200)
        return [one["room"] for one in booking["reservations"]]

    assert await given("rooms", {"1": "100", "2": "101"}) == ["100", "101"]
    assert await given("rooms", {"1": "101", "2": "100"}) == ["101", "100"]
    assert await given("rooms", {"2": "101"}, expect=409) == ["101", "100"]
    assert await given("rooms", {"1": "100", "2": "999"}, expect=422) == ["101", "100"]
    assert await given("rooms", {"1": "100", "2": "100"}, expect=409) == ["101", "100"]
    assert await given("rooms", {"1": "102", "2": "101"}) == ["102", "101"]
    assert await given("check-in", {"1": "101", "2": "102"}) == ["101", "102"]
    assert await given("rooms", {"1": "102", "2": "101"}) == ["102", "101"]


async def test_one_room_and_one_more_night_are_told_as_one(partner: Partner) -> None:
    await opened(partner, rooms=1)
    at = f"/bookings/{(await booked(partner, 5, 2))['reference']}"
    await partner.send("POST", f"{at}/payments", {"token": "tok_success"}, expect=200)
    none_left = await put(partner, [line(0, 30, capacity=0)], expect=409)
    assert none_left["detail"] == f"line 0 leaves fewer rooms than are sold on {day(5)} and 1 more night"
    assert none_left["fix"] == "keep at least 1 room, or move bookings first"
    too_many = await put(partner, [line(0, 30, capacity=2)], expect=422)
    assert too_many["detail"] == "the room type 'DBL' has 1 room, and line 0 offers 2"
    block = {"room": "100", "arrival": day(5), "departure": day(7), "reason": "paint"}
    sold = await partner.send("POST", f"/properties/{SLUG}/blocks", block, expect=409)
    assert sold["detail"] == f"all rooms of its type are sold on {day(5)} and 1 more night"
    sold = await partner.send("PATCH", f"{ROOMS}/100", {"active": False}, expect=409)
    assert sold["detail"] == f"every room of its type is sold on {day(5)} and 1 more night"
    free = block | {"arrival": day(10), "departure": day(12)}
    await partner.send("POST", f"/properties/{SLUG}/blocks", free, expect=201)
    used = await partner.send("PATCH", f"{ROOMS}/100", {"active": False}, expect=409)
    assert used["detail"] == f"room 100 is used from {day(10)} to {day(12)}"
    early = {"departure": day(8), "override_reason": "A friend of the house"}
    refusal = await refused(partner, "POST", f"{at}/amend", early, expect=422)
    assert refusal == ("invalid", "override_reason")


async def test_what_is_not_what_was_shown_is_named(partner: Partner) -> None:
    await opened(partner)
    at = f"/bookings/{(await booked(partner, 0, 2))['reference']}"
    paying = {"token": "tok_success", "expected_amount": 1}
    cases: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("payments", paying, "expected_amount"),
        ("payments", {"token": "tok_success"}, ""),
        ("amend", {"departure": day(3), "expected_total": 1}, "expected_total"),
        ("no-show", {"expected_fee": 1}, "expected_fee"),
        ("desk-payments", {"way": "cash", "expected_balance": 1}, "expected_balance"),
    )
    for act, body, field in cases:
        if field:
            answer = await refused(partner, "POST", f"{at}/{act}", body, expect=409)
            assert answer == ("price_changed", field), act
        else:
            await partner.send("POST", f"{at}/{act}", body, expect=200)


async def test_a_cursor_is_good_for_its_own_list_only(partner: Partner, db: Database) -> None:
    for slug in ("a", "b", "c"):
        await partner.send("POST", "/properties", HOTEL | {"slug": slug}, expect=201)
        await partner.send("POST", "/keys", {"name": slug, "scopes": ["rates:write"]}, expect=201)
    own = {
        path: (await partner.send("GET", f"{path}?limit=1", expect=200))["next_cursor"]
        for path in ("/properties", "/keys")
    }
    for path, other in (("/properties", "/keys"), ("/keys", "/properties")):
        second = await partner.send("GET", f"{path}?limit=1&cursor={own[path]}", expect=200)
        assert len(second["items"]) == 1
        made_up = base64.urlsafe_b64encode(b"1").decode().rstrip("=")
        for cursor in (own[other], made_up, own[path] + "x", "%00", ""):
            problem = await partner.send("GET", f"{path}?cursor={cursor}", expect=400)
            assert (problem["code"], problem["field"]) == ("invalid_cursor", "cursor"), cursor


async def test_prices_of_children_do_not_come_to_mean_other_ages(partner: Partner) -> None:
    await opened(partner)
    hotel, kind = f"/properties/{SLUG}", f"/properties/{SLUG}/room-types/DBL"
    more = {"child_bands": [2, 6, 11]}
    assert await refused(partner, "PATCH", hotel, more, expect=409) == ("in_use", "child_bands")
    await partner.send("PATCH", hotel, {"child_bands": [3, 12]}, expect=200)
    await put(partner, [line(5, 6, rate_plan="FLEX", children=[0, 900])])
    await partner.send("PATCH", kind, {"child_amounts": []}, expect=200)
    assert await refused(partner, "PATCH", hotel, more, expect=409) == ("in_use", "child_bands")
    assert (await partner.send("GET", hotel, expect=200))["child_bands"] == [3, 12]
    await put(partner, [line(5, 6, rate_plan="FLEX", children=None)])
    await partner.send("PATCH", hotel, more, expect=200)
    await partner.send("PATCH", kind, {"child_amounts": [0, 500, 900]}, expect=200)
    assert await refused(partner, "PATCH", hotel, {"child_bands": []}, expect=409) == (
        "in_use",
        "child_bands",
    )


async def test_a_hotel_that_is_not_sold_is_still_read_by_its_own_keys(partner: Partner, db: Database) -> None:
    await opened(partner)
    await partner.send("POST", "/properties", HOTEL | {"slug": "other"}, expect=201)
    policy = {"code": "P", "steps": [], "no_show": FEE}
    await partner.send("POST", f"/properties/{SLUG}/policies", policy, expect=201)
    tax = {"code": "VAT", "percent": "6"}
    await partner.send("POST", f"/properties/{SLUG}/taxes", tax, expect=201)
    own, others, bookings = [
        (await partner.send("POST", "/keys", {"name": "k", **limits}, expect=201))["secret"]
        for limits in (
            {"scopes": ["rates:write"], "properties": [SLUG]},
            {"scopes": ["all"], "properties": ["other"]},
            {"scopes": ["bookings:write"]},
        )
    ]
    named = {"room-types": "DBL", "rate-plans": "FLEX", "policies": "P", "taxes": "VAT"}
    paths = ["", *(f"/{kind}" for kind in named), *(f"/{kind}/{code}" for kind, code in named.items())]

    async def statuses(headers: dict[str, str]) -> set[int]:
        addresses = [f"/api/v1/properties/{SLUG}{path}" for path in paths]
        return {(await partner.client.get(address, headers=headers)).status_code for address in addresses}

    who = [bearer(own), bearer(others), bearer(bookings), {}]
    assert [await statuses(headers) for headers in who] == [{200}] * 4
    await partner.send("PATCH", f"/properties/{SLUG}", {"active": False}, expect=200)
    assert [await statuses(headers) for headers in who] == [{200}, {404}, {404}, {404}]
    assert (await partner.send("GET", f"/properties/{SLUG}", expect=200))["active"] is False
    listed = await partner.send("GET", "/properties", expect=200)
    assert [one["slug"] for one in listed["items"]] == ["other"]


async def test_takings_are_asked_for_by_timestamps_in_any_zone(partner: Partner) -> None:
    await opened(partner)
    takings = f"/properties/{SLUG}/desk-takings"
    moment = utc_now().replace(microsecond=0) - timedelta(hours=3)
    here = moment.astimezone(tz=None).isoformat().replace("+", "%2B")
    found = await partner.send("GET", f"{takings}?since={here}", expect=200)
    assert found["since"] == moment.isoformat().replace("+00:00", "Z")
    for name in ("since", "until"):
        for odd in (
            "2026-11-01T00:00:00",
            "1790000000",
            "NaN",
            "2026-11-01",
            "",
            "0001-01-01T00:00:00%2B14:00",
        ):
            problem = await partner.send("GET", f"{takings}?{name}={odd}", expect=400)
            assert (problem["code"], problem["field"]) == ("invalid_request", name), odd
            assert problem["fix"] == "write 2030-05-01T12:00:00Z"


async def test_nights_that_are_too_many_and_backwards_are_told_apart(partner: Partner) -> None:
    await opened(partner)
    for path in (f"/properties/{SLUG}/ari", f"/properties/{SLUG}/blocks"):
        backwards = await partner.send("GET", f"{path}?from={day(3)}&to={day(1)}", expect=422)
        assert (backwards["detail"], backwards["field"]) == ("`to` is before `from`", "to")
        many = await partner.send("GET", f"{path}?from={day(0)}&to={day(400)}", expect=422)
        assert (many["fix"], many["field"]) == ("ask for them in several parts", "to")
        await partner.send("GET", f"{path}?from={day(0)}&to={day(399)}", expect=200)


async def test_lines_that_are_laid_over_each_other_too_often_are_refused(partner: Partner) -> None:
    await opened(partner)
    before = await partner.send("GET", f"/properties/{SLUG}/ari", expect=200)
    lines = [line(0, 999, rate_plan="FLEX", price=1)] * (MAX_LAID // 1000)
    problem = await put(partner, [*lines, line(0, 0, rate_plan="FLEX", price=2)], expect=422)
    assert (problem["code"], problem["field"]) == ("invalid_ari", f"updates[{len(lines)}]")
    assert await partner.send("GET", f"/properties/{SLUG}/ari", expect=200) == before
    await put(partner, [*lines[1:], line(0, 999, rate_plan="FLEX", price=2)])
    for first, last, fix in ((5000, 5000, "an earlier"), (-5000, 1, "a later")):
        problem = await put(partner, [line(first, last, rate_plan="FLEX", price=1)], expect=422)
        assert (problem["field"], problem["fix"]) == ("updates[0].from", f"choose {fix} night")


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b" \n", "it is empty"),
        (b'{"name": "A"', "it ends too early"),
        (b'{"name": "A", "scopes": "\\ud800"}', "a character of it is half of a surrogate pair"),
        (b'{"name": "A", "scopes": ["all"]} {}', "trailing characters (byte "),
        (b'{"name": "A", }', "trailing comma in object (byte 14)"),
        (b'{"name": NaN}', "invalid character (byte 9)"),
        (b'{"name": "A", "scopes": ["\xff"]}', "it is not UTF-8"),
    ],
)
async def test_what_is_no_json_is_told_where_it_breaks(partner: Partner, raw: bytes, detail: str) -> None:
    headers = partner.headers | {"Content-Type": "application/json"}
    answer = await partner.client.post("/api/v1/keys", content=raw, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "malformed_request"), problem
    assert problem["detail"].startswith(f"the body is not valid JSON: {detail}")


async def test_what_is_answered_again_has_the_headers_that_it_had(partner: Partner) -> None:
    await opened(partner)
    taxes = f"/api/v1/properties/{SLUG}/taxes"

    async def twice(method: str, path: str, body: Any = None) -> list[httpx.Response]:
        headers = partner.headers | {"Idempotency-Key": f"{method} {path}"}
        return [await partner.client.request(method, path, json=body, headers=headers) for _ in range(2)]

    first, again = await twice("POST", taxes, {"code": "VAT", "percent": "6"})
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["location"] == again.headers["location"] == f"{taxes}/VAT"
    first, again = await twice("PATCH", f"{taxes}/VAT", {"name": "N" * 200, "percent": "7"})
    assert again.headers["idempotency-replayed"] == "true"
    for name in ("etag", "cache-control", "content-type", "content-length"):
        assert first.headers[name] == again.headers[name], name
    assert first.content == again.content
    matching = partner.headers | {"If-Match": again.headers["etag"]}
    changed = await partner.client.patch(f"{taxes}/VAT", json={"percent": "8"}, headers=matching)
    assert changed.status_code == 200
    first, again = await twice("DELETE", f"{taxes}/VAT")
    assert (first.status_code, again.status_code, again.content) == (204, 204, b"")
    assert "content-type" not in {*first.headers, *again.headers}
    first, again = await twice("DELETE", f"{taxes}/NONE")
    assert (first.status_code, first.content) == (404, again.content)
    assert first.headers["content-type"] == again.headers["content-type"] == "application/problem+json"
