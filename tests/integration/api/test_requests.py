"""How requests to the API may be written: parameters, dates, encodings. What cannot be right is named."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any
from uuid import UUID

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.types import Scope
from hotel_booking.http import openapi
from hotel_booking.http.bodies import JSON_LIMIT
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)

JSON = {"content-type": "application/json"}
PACKED = "send the body uncompressed, or with Content-Encoding: gzip"
PARTS = "send it in several parts"
DATE = "write the date as YYYY-MM-DD, such as 2030-05-01"


async def test_a_parameter_that_cannot_be_right_is_named(db: Database, database_url: str) -> None:
    cases = [
        ("search?place=x&arival=2030-05-01&departure=2030-05-02", "arival", "did you mean arrival?"),
        ("search?Adults=2&arrival=2030-05-01&departure=2030-05-02", "Adults", "did you mean adults?"),
        ("properties?page=2", "page", "the call accepts cursor, limit"),
        ("properties?limt=2", "limt", "did you mean limit?"),
        ("properties/x?a=1", "a", "leave it out: the call has no parameters"),
        ("places?q=a&q=b", "q", "give it once"),
        ("places?q=a&%71=b", "q", "give it once"),
        ("properties?lim%74=2&&limt=2", "limt", "did you mean limit?"),
        ("properties/x/ari?form=2030-05-01", "form", "did you mean from?"),
        ("search?arrival=1.5.2030&departure=2030-05-02", "arrival", DATE),
        ("search?arrival=2030-02-30&departure=2030-05-02", "arrival", DATE),
        ("properties/x/offers?arrival=2030-05-01&departure=05/02/2030", "departure", DATE),
        ("properties/x/calendar?from=tomorrow&to=2030-05-02", "from", DATE),
        ("properties/x/blocks?from=2030-05-01T00:00:00Z", "from", DATE),
    ]
    async with running(settings_for(database_url)) as (_, client):
        key = bearer(await api_key(db))
        for address, field, fix in cases:
            answer = await client.get(f"/api/v1/{address}", headers=key)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (400, "invalid_request"), address
            assert (problem["field"], problem["fix"]) == (field, fix), address


async def test_every_call_refuses_an_unknown_parameter(db: Database, database_url: str) -> None:
    walked = 0
    async with running(settings_for(database_url)) as (app, client):
        key = bearer(await api_key(db))
        for path, method, _ in openapi.operations(app):
            if path.startswith("/api/v1"):
                address = path.replace("{block_id}", "1").replace("{key_id}", "1")
                address = address.replace("{payment_id}", str(UUID(int=0))).replace("{", "").replace("}", "")
                answer = await client.request(method, f"{address}?colour=red", headers=key)
                problem = answer.json()
                assert (answer.status_code, problem["field"]) == (400, "colour"), (method, path)
                walked += 1
    assert walked >= 40


async def test_a_limit_out_of_range_is_one_error_everywhere(db: Database, database_url: str) -> None:
    found = set()
    stay = "lat=38.7&lon=-9.1&arrival=2030-05-01&departure=2030-05-02"
    async with running(settings_for(database_url)) as (app, client):
        key = bearer(await api_key(db))
        listing = {
            path
            for path, item in openapi.document(app)["paths"].items()
            if any(parameter["name"] == "limit" for parameter in item.get("get", {}).get("parameters", ()))
        }
        assert {"/api/v1/places", "/api/v1/search", "/api/v1/properties", "/api/v1/keys"} <= listing
        for path in listing:
            more = {"/api/v1/places": "&q=a", "/api/v1/search": f"&{stay}"}.get(path, "")
            for limit in ("0", "-1", "100000", "9" * 30, "x", ""):
                answer = await client.get(f"{path}?limit={limit}{more}", headers=key)
                problem = answer.json()
                found.add((answer.status_code, problem["code"], problem["field"]))
    assert found == {(400, "invalid_request", "limit")}


async def test_a_bodys_date_says_its_form(db: Database, database_url: str) -> None:
    cases = [
        ("arrival", "1.5.2030", DATE),
        ("departure", "2030-05-03T00:00:00Z", DATE),
        ("quote", "no id", "send the id exactly as you received it"),
        ("expires_at", "2030-05-03", "write 2030-05-01T12:00:00Z"),
        ("expires_at", "2030-05-03T10:00:00", "write 2030-05-01T12:00:00Z"),
    ]
    paths: dict[str, tuple[str, dict[str, Any]]] = {
        "quote": ("bookings", {"guest": {}}),
        "expires_at": ("keys", {"name": "x", "scopes": ["all"]}),
    }
    async with running(settings_for(database_url)) as (_, client):
        key = bearer(await api_key(db))
        for field, value, fix in cases:
            path, rest = paths.get(field, ("quotes", {"property": "x", "rooms": []}))
            answer = await client.post(f"/api/v1/{path}", json={field: value} | rest, headers=key)
            problem = answer.json()
            assert (answer.status_code, problem["field"], problem["fix"]) == (400, field, fix), value


async def test_a_word_that_is_not_accepted_is_told_which_are(db: Database, database_url: str) -> None:
    line = {"room_type": "DBL", "rate_plan": "FLEX", "from": "2030-05-01", "to": "2030-05-02"}
    days = "one of fri, mon, sat, sun, thu, tue, wed"
    plan = {"code": "NRF", "parent": "FLEX", "adjustment": {"kind": "times", "value": "2"}}
    cases: list[tuple[str, str, dict[str, Any], str, str]] = [
        (
            "POST",
            "bookings/x/desk-payments",
            {"amount": 1, "way": "terminal"},
            "way",
            "one of bank_transfer, card_terminal, cash",
        ),
        (
            "PUT",
            "properties/x/ari",
            {"updates": [line | {"weekdays": ["mon", "x" * 10_000]}]},
            "updates[0].weekdays[1]",
            days,
        ),
        ("POST", "properties/x/rate-plans", plan, "adjustment.kind", "one of amount, percent"),
        (
            "POST",
            "properties/x/taxes",
            {"code": "A", "percent": "6", "charge_type": 13},
            "charge_type",
            "one of 12, 19, 20, 21",
        ),
    ]
    async with running(settings_for(database_url)) as (_, client):
        headers = bearer(await api_key(db))
        for method, path, body, field, fix in cases:
            answer = await client.request(method, f"/api/v1/{path}", json=body, headers=headers)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (400, "invalid_request"), problem
            assert problem["detail"] == f"{field}: is not one of the accepted values"
            assert (problem["field"], problem["fix"]) == (field, fix)
        answer = await client.post("/api/v1/keys", json={"name": "x", "scopes": ["al"]}, headers=headers)
        assert answer.json()["field"] == "scopes[0]"
        words = answer.json()["fix"].removeprefix("one of ").split(", ")
        assert words == sorted(scope.value for scope in Scope)


async def test_what_is_not_of_its_type_is_told_in_plain_words(db: Database, database_url: str) -> None:
    guests = "rooms[0].adults: is text, not a whole number", "send a whole number from 1 to 100"
    cases: list[tuple[str, str, dict[str, Any] | None, str, str]] = [
        ("POST", "quotes", {"property": "x", "arrival": "2030-05-01", "departure": "2030-05-02",
                            "rooms": [{"room_type": "A", "rate_plan": "B", "adults": "zzz"}]}, *guests),
        ("POST", "bookings/x/check-in", {"rooms": {"1": "101", "2": 102}},
         "rooms.2: is a whole number, not text", "send text"),
        ("GET", "search?arrival=2030-05-01&departure=2030-05-02&place=x&adults=zzz", None,
         "adults: is not a whole number", "send a whole number"),
        ("GET", "search?arrival=2030-05-01&departure=2030-05-02&place=x&limit=0", None,
         "limit: is below 1", "send a whole number from 1 to 100"),
        ("GET", "search?arrival=2030-05-01&departure=2030-05-02&place=x&price_max=zzz", None,
         "price_max: is not a whole number", "send a whole number"),
        ("GET", "search?arrival=2030-05-01&departure=2030-05-02&place=x&refundable=zzz", None,
         "refundable: is not true or false", "send true or false"),
        ("GET", "search?arrival=2030-05-01&place=x", None,
         "departure is required", "write the date as YYYY-MM-DD, such as 2030-05-01"),
        ("GET", "properties/x/calendar?to=2030-05-01", None,
         "from is required", "write the date as YYYY-MM-DD, such as 2030-05-01"),
    ]  # fmt: skip
    async with running(settings_for(database_url)) as (_, client):
        headers = bearer(await api_key(db))
        for method, path, body, detail, fix in cases:
            answer = await client.request(method, f"/api/v1/{path}", headers=headers, json=body)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (400, "invalid_request"), problem
            assert (problem["detail"], problem["fix"]) == (detail, fix)
            assert problem["field"] == detail.replace(":", " ").split()[0]


BODY: dict[str, Any] = {"name": "Größe", "scopes": ["all"]}
PLAIN = json.dumps(BODY, ensure_ascii=False)


async def test_a_member_given_twice_is_named(db: Database, database_url: str) -> None:
    """Others who read the body may take the first of the two: no key is made of what means two things."""
    cases = [
        (b'{"name": "a", "scopes": ["all"], "name": "b"}', ["name"]),
        (b'{"name": "a", "scopes": ["all"], "n\\u0061me": "b"}', ["name"]),
        (b'{"name": "a", "name": "a", "scopes": ["all"], "scopes": ["all"]}', ["name"]),
    ]
    async with running(settings_for(database_url)) as (_, client):
        headers = JSON | bearer(await api_key(db))
        before = await db_keys(db)
        for body, fields in cases:
            answer = await client.post("/api/v1/keys", content=body, headers=headers)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (400, "invalid_request"), body
            assert [problem["field"], problem["fix"]] == [*fields, "give it once"], body
        assert await db_keys(db) == before
        line = b'{"room_type": "DBL", "from": "2030-05-01", "to": "2030-05-02", "closed": true'
        body = b'{"updates": [' + line + b"}, " + line + b', "closed": false}]}'
        answer = await client.put("/api/v1/properties/x/ari", content=body, headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (400, "updates[1].closed")
        answer = await client.put(
            "/api/v1/properties/x/ari",
            content=b'{"updates": [' + b", ".join([line + b', "closed": false}'] * 1_000) + b"]}",
            headers=headers,
        )
        assert len(answer.json()["errors"]) == 20


async def db_keys(db: Database) -> int:
    """How many API keys there are."""
    async with db.reading() as tx:
        return int(await tx.fetchval("SELECT count(*) FROM api_key"))


async def test_a_body_may_come_packed_or_with_a_mark(db: Database, database_url: str) -> None:
    cases: list[tuple[bytes, dict[str, str]]] = [
        (PLAIN.encode("utf-8-sig"), {}),
        (gzip.compress(PLAIN.encode()), {"content-encoding": "gzip"}),
        (gzip.compress(PLAIN.encode("utf-8-sig")), {"content-encoding": "X-GZIP"}),
        (PLAIN.encode(), {"content-encoding": "identity"}),
        (PLAIN.encode(), {"content-type": 'Application/JSON; charset="UTF-8"'}),
    ]
    async with running(settings_for(database_url)) as (_, client):
        for number, (body, headers) in enumerate(cases):
            key = bearer(await api_key(db)) | {"idempotency-key": str(number)}
            answer = await client.post("/api/v1/keys", content=body, headers=JSON | key | headers)
            again = await client.post("/api/v1/keys", json=BODY, headers=key)
            assert (answer.status_code, answer.json()["key"]["name"]) == (201, "Größe")
            assert again.content == answer.content  # the same request, however it travelled


async def test_another_encoding_is_told_what_works(db: Database, database_url: str) -> None:
    gzipped = {"content-encoding": "gzip"}
    cases: list[tuple[bytes, dict[str, str], int, str]] = [
        (PLAIN.encode(), {"content-encoding": "br"}, 415, PACKED),
        (PLAIN.encode(), {"content-encoding": "gzip, gzip"}, 415, PACKED),
        (PLAIN.encode(), gzipped, 400, "leave out Content-Encoding if the body is not compressed"),
        (gzip.compress(PLAIN.encode())[:-9], gzipped, 400, "compress the whole body in one piece"),
        (gzip.compress(b"") * 9, gzipped, 400, "compress the whole body in one piece"),
        (zlib.compress(PLAIN.encode()), {"content-encoding": "deflate"}, 415, PACKED),
        (PLAIN.encode("utf-16"), {}, 415, "send it as UTF-8"),
        (PLAIN.encode("latin-1"), {"content-type": "application/json; charset=latin-1"}, 415, "send UTF-8"),
        (
            b"name=x",
            {"content-type": "application/x-www-form-urlencoded"},
            415,
            "send Content-Type: application/json",
        ),
        (gzip.compress(b" " * (JSON_LIMIT + 1)), gzipped, 413, PARTS),
        (gzip.compress(b"\0" * 200_000_000, 9), gzipped, 413, PARTS),
    ]
    async with running(settings_for(database_url)) as (_, client):
        key = bearer(await api_key(db))
        for body, headers, status, fix in cases:
            for more in ({}, {"idempotency-key": "one"}):
                answer = await client.post("/api/v1/keys", content=body, headers=JSON | key | headers | more)
                assert (answer.status_code, answer.json().get("fix")) == (status, fix), (headers, body[:50])
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM api_key") == 1
        assert await tx.fetchval("SELECT count(*) FROM idempotency_key") == 0
