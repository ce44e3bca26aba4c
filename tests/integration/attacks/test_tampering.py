"""What a client may not say: fields that are not its own, prices, hosts, origins, methods."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec import inspect

from hotel_booking.core.db import Database
from hotel_booking.http import openapi
from tests.clients.http_client import api_key, bearer, client_of, running, settings_for
from tests.clients.jobs import mail_links
from tests.clients.outbox import sent
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.guest_accounts import EMAIL, opened
from tests.factories.small_hotel import SLUG, small_hotel, stay
from tests.integration.http.test_access import SAMPLES, contents
from tests.integration.site.test_checkout import GUEST, offer, one, refused_page, site

PRIVILEGED: dict[str, Any] = {
    "id": 1,
    "status": "confirmed",
    "price": 1,
    "total": 1,
    "amount": 1,
    "currency": "XXX",
    "property_id": 1,
    "access_token": "x",
    "access_hash": "x",
    "paid": True,
    "role": "owner",
    "is_admin": True,
    "created_at": "2020-01-01",
    "fee": 0,
    "deposit": 0,
    "__proto__": {"admin": True},
    "colour": "red",
}


async def test_unknown_and_privileged_fields_are_refused_in_every_body(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    tried = 0
    async with running(settings_for(database_url)) as (app, client):
        key = bearer(await api_key(db))
        before = await contents(db)
        document = openapi.document(app)
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if "requestBody" not in operation:
                    continue
                body = operation["requestBody"]["content"]["application/json"]
                where = re.sub(r"\{(\w+)\}", lambda name: SAMPLES.get(name[1], "1"), path)
                for field, value in PRIVILEGED.items():
                    if field in _fields(body["schema"], document):
                        continue
                    sent_body = {**body["example"], field: value}
                    answer = await client.request(method, where, json=sent_body, headers=key)
                    tried += 1
                    assert answer.status_code == 400, (method, path, field, answer.text)
                    assert field in answer.json()["detail"], (method, path, field, answer.text)
        assert tried > 200
        assert await contents(db) == before


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> set[str]:
    """The fields that a body has, of its own."""
    if "$ref" in schema:
        return _fields(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    found = set(schema.get("properties", ()))
    for other in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        found |= _fields(other, document)
    return found


async def test_every_object_in_a_body_refuses_what_it_does_not_know(database_url: str) -> None:
    """Those that are inside of others too."""
    async with running(settings_for(database_url)) as (app, _):
        waiting: list[Any] = [
            inspect.type_info(field.annotation)
            for _, _, handler in openapi.operations(app)
            if (field := handler.parsed_data_field) is not None
        ]
    seen: set[str] = set()
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, inspect.StructType) and kind.cls.__name__ not in seen:
            seen.add(kind.cls.__name__)
            assert kind.forbid_unknown_fields, kind.cls
            waiting += [field.type for field in kind.fields]
        elif isinstance(kind, inspect.UnionType):
            waiting += kind.types
        elif isinstance(kind, inspect.VarTupleType | inspect.ListType):
            waiting.append(kind.item_type)
        elif isinstance(kind, inspect.DictType):
            waiting.append(kind.value_type)
    assert len(seen) > 15


async def test_a_guest_sets_no_price_of_their_own(db: Database, database_url: str) -> None:
    """By forms: what is not a field of theirs is not read, whatever it is called; and a total that was
    altered is not taken."""
    await small_hotel(db, rooms=3)
    more = {name: str(value) for name, value in PRIVILEGED.items()}
    async with site(database_url) as (_, client):
        chosen = await client.post("/en/book", data={**more, **offer()})
        assert chosen.status_code == 303
        booked = await client.post(chosen.headers["location"], data={**more, **GUEST})
        assert booked.status_code == 303
        assert await one(db, "SELECT status FROM booking") == "held"
        assert await one(db, "SELECT total FROM booking") == 18_000
        assert await one(db, "SELECT currency FROM booking") == "EUR"
        pay = booked.headers["location"]
        for expected in ("1", "-18000", "0", "18000.0", "17999", "1e4", ""):
            form = {**more, "method": "card", "card": "tok_success", "expected": expected}
            await refused_page(client, await client.post(pay, data=form))
            assert await one(db, "SELECT status FROM booking") == "held", expected
            assert await one(db, "SELECT count(*) FROM ledger_entry WHERE amount > 0") == 0, expected


async def test_a_quote_is_bought_by_nobody_at_another_price_or_twice(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=3)
    when = stay(20, 2)
    wanted = {
        "property": SLUG,
        "arrival": when.arrival.isoformat(),
        "departure": when.departure.isoformat(),
        "rooms": [{"room_type": "DBL", "rate_plan": "NRF", "adults": 2}],
    }
    async with running(settings_for(database_url)) as (_, client):
        for name, value in (("price", 1), ("agreed_total", 1), ("currency", "JPY"), ("rooms[0].price", 1)):
            body: dict[str, Any] = (
                {**wanted, "rooms": [{**wanted["rooms"][0], "price": 1}]}  # type: ignore[dict-item]  # it is one
                if "." in name
                else {**wanted, name: value}
            )
            refused = await client.post("/api/v1/quotes", json=body)
            assert refused.status_code == 400, (name, refused.text)
        quote = (await client.post("/api/v1/quotes", json=wanted)).json()
        guest = {**GUEST, "country": "PT"}
        booking = await client.post("/api/v1/bookings", json={"quote": quote["id"], "guest": guest})
        assert booking.status_code == 201, booking.text
        again = await client.post("/api/v1/bookings", json={"quote": quote["id"], "guest": guest})
        assert again.status_code == 409, again.text
    assert await one(db, "SELECT total FROM booking") == 18_000


FORGED = {
    "x-forwarded-host": "evil.example",
    "x-forwarded-server": "evil.example",
    "x-host": "evil.example",
    "forwarded": "for=1.2.3.4;host=evil.example;proto=http",
    "x-original-url": "/admin/today",
    "x-rewrite-url": "/admin",
    "x-forwarded-proto": "http",
    "x-forwarded-prefix": "//evil.example",
    "x-http-method-override": "DELETE",
    "x-real-ip": "127.0.0.1",
    "x-forwarded-for": "127.0.0.1",
    "true-client-ip": "127.0.0.1",
}


@pytest.mark.parametrize(
    "host", ["evil.example", "test\r\n.evil.example", "test@evil.example", "test:80@evil.example"]
)
async def test_forged_hosts_reach_no_link_and_no_redirect(db: Database, database_url: str, host: str) -> None:
    await small_hotel(db)
    await opened(db)
    settings = settings_for(database_url, secret_key="k" * 40, public_url="https://hotel.example")
    pages = (
        "/",
        "/en",
        "/en/hotels/seaview",
        "/hotels/seaview",
        "/en/account",
        "/admin",
        "/admin/today",
        "/sitemap.xml",
        "/robots.txt",
        "/language/de?to=/en/",
        "/api/docs",
        "/api/v1/properties",
        "/api/openapi.json",
        "/status",
        "/nothing",
    )
    async with running(settings) as (app, client):
        headers = {**FORGED, "host": host.replace("\r\n", ""), **SAME_ORIGIN}
        for page in pages:
            answer = await client.get(page, headers=headers)
            assert answer.status_code < 500, page
            assert "evil.example" not in answer.text, page
            assert "evil.example" not in str(answer.headers), page
        asked = await client.post("/en/account/forgotten-password", data={"email": EMAIL}, headers=headers)
        assert asked.status_code in (200, 303)
        await mail_links(db, database_url)
        assert await sent(db)
        assert "evil.example" not in str(await sent(db))
        # Nobody is somebody else by a header that names an address.
        async with client_of(app, address="198.51.100.9") as other:
            await other.get("/en", headers=headers)


async def test_a_foreign_page_is_told_nothing_by_cors(db: Database, database_url: str) -> None:
    """No page elsewhere reads what we answer, with or without cookies; and none may ask whether it might."""
    await small_hotel(db)
    key = bearer(await api_key(db))
    foreign = {
        "origin": "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    async with running(settings_for(database_url)) as (_, client):
        for path in (
            "/en",
            "/admin/sign-in",
            "/api/v1/properties",
            "/api/v1/bookings",
            "/status",
            "/health/ready",
        ):
            for method in ("GET", "OPTIONS", "POST"):
                answer = await client.request(method, path, headers={**foreign, **key})
                told = [name for name in answer.headers if name.startswith("access-control-")]
                assert told == [], (method, path)


async def test_methods_that_nobody_uses_are_refused(database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for path in ("/", "/en", "/api/v1/properties", "/admin/sign-in", "/health/live"):
            for method in ("TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG"):
                answer = await client.request(method, path, headers={"x-secret": "echo-me"})
                assert answer.status_code in (404, 405), (method, path)
                assert "echo-me" not in answer.text
        # A method that a header asks for is no method.
        answer = await client.get("/api/v1/keys/1", headers={"x-http-method-override": "DELETE"})
        assert answer.status_code == 401


async def test_every_cookie_is_for_this_host_and_no_script(db: Database, database_url: str) -> None:
    """Of the site and of the panel, as production sets them."""
    await small_hotel(db)
    await opened(db)
    settings = settings_for(
        database_url, environment="production", public_url="https://hotel.example", secret_key="k" * 40
    )
    found: dict[str, str] = {}
    async with running(settings) as (_, client):
        client.headers.update(SAME_ORIGIN)
        for method, path, data in (
            ("GET", "/language/de?to=/en/", None),
            ("GET", "/currency/EUR?to=/en/", None),
            ("POST", "/en/book", offer()),
            ("POST", "/en/account/sign-in", {"email": EMAIL, "password": "wrong and wrong"}),
            ("POST", "/en/account/sign-in", {"email": EMAIL, "password": "copper lantern drifts home"}),
            ("POST", "/admin/sign-in", {"email": "nobody@example.com", "password": "wrong and wrong"}),
        ):
            answer = await client.request(method, path, data=data)
            for line in answer.headers.get_list("set-cookie"):
                found[line.partition("=")[0]] = line.lower()
    assert len(found) >= 3, found
    for name, line in found.items():
        assert name.startswith("__Host-"), name
        assert "secure" in line, name
        assert "httponly" in line, name
        assert "samesite=lax" in line or "samesite=strict" in line, name
        assert "domain=" not in line, name
