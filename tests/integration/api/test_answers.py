"""How answers of the API leave: HEAD and OPTIONS, packed answers, ETags and what a change does with them."""

from __future__ import annotations

import gzip
import re
from typing import Any

import httpx
from litestar import Response, get

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.http import openapi
from hotel_booking.http.access import public
from hotel_booking.http.preconditions import ARGUMENT
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    stay,
)

PROPERTY = f"/api/v1/properties/{SLUG}"
PLAIN = {"accept-encoding": "identity"}


def filled(path: str) -> str:
    """An address of a route; numbers where it wants them, and a payment's long one."""
    path = path.replace("{payment_id}", "00000000-0000-0000-0000-000000000000")
    return re.sub(r"\{(\w+)\}", lambda m: "1" if m[1].endswith("_id") else "x", path)


async def test_every_route_answers_head_and_options(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, client):
        key = bearer(await api_key(db))
        methods: dict[str, set[str]] = {}
        for path, method, _ in openapi.operations(app):
            methods.setdefault(path, {"OPTIONS"}).add(method.upper())
        for extra in ("/api", "/api/docs", "/api/docs/errors", "/api/v1/openapi.json"):
            methods[extra] = {"OPTIONS", "GET"}
        assert len(methods) > 30
        for path, known in methods.items():
            answer = await client.options(filled(path))
            assert answer.status_code == 204, path
            if "GET" in known:
                known.add("HEAD")
                get = await client.get(filled(path), headers=key | PLAIN)
                head = await client.head(filled(path), headers=key | PLAIN)
                assert (head.status_code, head.content) == (get.status_code, b""), path
                assert head.headers["content-type"] == get.headers["content-type"]
                if "openapi" not in path and get.status_code == 200:
                    assert head.headers["content-length"] == str(len(get.content)), path
            assert set(answer.headers["allow"].split(", ")) == known, path


async def test_long_answers_are_packed_for_who_takes_it(chain: Database, chain_url: str) -> None:
    async with running(settings_for(chain_url)) as (_, client):

        async def raw(path: str, accept: str | None) -> tuple[httpx.Response, bytes]:
            headers = {} if accept is None else {"accept-encoding": accept}
            async with client.stream("GET", path, headers=headers) as answer:
                return answer, b"".join([part async for part in answer.aiter_raw()])

        long, short = "/api/v1/properties", "/api/v1/keys"
        _, plain = await raw(long, "identity")
        for accept in ("gzip", "br, gzip;q=0.5", "*", "deflate, GZIP"):
            answer, body = await raw(long, accept)
            assert answer.headers["content-encoding"] == "gzip", accept
            assert answer.headers["vary"] == "accept-encoding"
            assert answer.headers["content-length"] == str(len(body))
            assert gzip.decompress(body) == plain
            assert len(body) < len(plain) / 2
        for accept in ("", "br", "gzip;q=0", "gzip; q=0.000", "identity"):
            answer, body = await raw(long, accept)
            assert "content-encoding" not in answer.headers, accept
            assert body == plain
            assert answer.headers["vary"] == "accept-encoding"  # for caches between us
        answer, _ = await raw(short, "gzip")
        assert "content-encoding" not in answer.headers
        for page in ("/api/docs", "/api/docs/errors", "/api/v1/openapi.json"):
            answer, body = await raw(page, "gzip")
            assert answer.headers["content-encoding"] == "gzip"
            other, _ = await raw(page, "identity")
            for encoding, had in (("gzip", answer), ("identity", other)):
                known = {"if-none-match": answer.headers["etag"], "accept-encoding": encoding}
                again = await client.get(page, headers=known)
                assert (again.status_code, again.content) == (304, b""), page
                # A cache that holds both finds by these which of them is still good (RFC 9111, 4.3.4).
                for name in ("etag", "vary", "cache-control"):
                    assert again.headers[name] == had.headers[name], (page, name)


@get("/api/v1/varying-of-the-test", opt=public())
async def varying() -> Response[dict[str, str]]:
    """Says of itself that it varies."""
    return Response({"long": "x" * 5000}, headers={"vary": "origin"})


async def test_what_varies_by_itself_still_does(database_url: str) -> None:
    async with running(settings_for(database_url), varying) as (_, client):
        answer = await client.get("/api/v1/varying-of-the-test")
    assert answer.headers["vary"] == "origin, accept-encoding"


async def test_answers_with_a_secret_are_never_packed(db: Database, database_url: str) -> None:
    await small_hotel(db)
    quote = await make_quote(db, stay(3, 2))
    guest = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.com"}
    request = {"quote": str(quote.id), "guest": guest, "requests": "x" * 2_000}
    async with running(settings_for(database_url)) as (_, client):
        headers = bearer(await api_key(db)) | {"Hotel-Simulated-Time": "2030-03-01T09:10:00Z"}
        held = await client.post("/api/v1/bookings", json=request, headers=headers)
        key = await client.post("/api/v1/keys", json={"name": "x" * 100, "scopes": ["all"]}, headers=headers)
        number = key.json()["key"]["id"]
        rotated = await client.post(f"/api/v1/keys/{number}/rotate", json={}, headers=headers)
        assert (held.status_code, key.status_code, rotated.status_code) == (201, 201, 201), held.text
        assert len(held.content) > 2_000
        for answer in (held, key, rotated):
            assert "content-encoding" not in answer.headers
        shown = await client.get(f"/api/v1/bookings/{held.json()['reference']}", headers=headers)
        assert shown.headers["content-encoding"] == "gzip"


async def test_a_thing_is_not_overwritten_unseen(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
            " SELECT id, 'VAT', 'VAT', 'percent', 60000, 19, true FROM property"
        )
    changes: dict[str, dict[str, Any]] = {
        PROPERTY: {"name": "Sea View II"},
        f"{PROPERTY}/room-types/DBL": {"name": "Double"},
        f"{PROPERTY}/rate-plans/FLEX": {"name": "Flex"},
        f"{PROPERTY}/policies/FLEX": {"name": "Flex"},
        f"{PROPERTY}/taxes/VAT": {"name": "Value added"},
    }
    async with running(settings_for(database_url)) as (_, client):
        key = bearer(await api_key(db))
        for path, change in changes.items():
            read = await client.get(path)
            assert read.status_code == 200, read.text
            tag = read.headers["etag"]
            assert re.fullmatch(r'"[\w-]+"', tag)
            assert read.headers["cache-control"] == "private, no-cache"
            same = await client.get(path, headers={"if-none-match": f'W/"other", {tag}'})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
            first = await client.patch(path, json=change, headers=key | {"if-match": tag})
            assert first.status_code == 200, first.text
            assert first.headers["etag"] != tag
            second = await client.patch(path, json={"name": "Lost"}, headers=key | {"if-match": tag})
            assert (second.status_code, second.json()["code"]) == (412, "precondition_failed"), path
            now = await client.get(path, headers={"if-none-match": tag})
            assert (now.status_code, now.json()["name"]) == (200, change["name"])
            assert now.headers["etag"] == first.headers["etag"]
            for bad, status, code in (
                (f"W/{first.headers['etag']}", 412, "precondition_failed"),
                (first.headers["etag"].strip('"'), 400, "malformed_request"),
                (f'"none" {first.headers["etag"]}', 400, "malformed_request"),
            ):
                for method, body in (("PATCH", {"name": "Lost"}), ("GET", None)):
                    refused = await client.request(method, path, json=body, headers=key | {"if-match": bad})
                    assert (refused.status_code, refused.json()["code"]) == (status, code), (bad, method)
                    assert refused.json()["field"] == "If-Match"
            assert (await client.get(path)).json()["name"] == change["name"]
            # Read only if it is still what it was (RFC 9110, 13.1.1), by a list over two lines too.
            for sent, status in ((tag, 412), (first.headers["etag"], 200), ("*", 200)):
                lines = [("if-match", '"none"'), ("if-match", sent)] if sent != "*" else [("if-match", "*")]
                assert (await client.get(path, headers=lines)).status_code == status, sent
            for others in ("*", '"none", '):
                good = others if others == "*" else others + now.headers["etag"]
                kept = await client.patch(path, json=change, headers=key | {"if-match": good})
                assert kept.status_code == 200, (good, kept.text)
                now = kept
        gone = await client.delete(f"{PROPERTY}/taxes/VAT", headers=key | {"if-match": '"v0"'})
        assert gone.status_code == 412
        assert (await client.get(f"{PROPERTY}/taxes/VAT")).status_code == 200


async def test_a_booking_is_not_changed_unseen(db: Database, database_url: str) -> None:
    await small_hotel(db)
    quote = await make_quote(db, stay(20, 2))
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
        await service.confirm(tx, booking_id=held.booking.id, now=NOW)
    path = f"/api/v1/bookings/{held.booking.reference}"
    async with running(settings_for(database_url)) as (_, client):
        headers = bearer(await api_key(db)) | {"Hotel-Simulated-Time": "2030-03-02T09:00:00Z"}
        tag = (await client.get(path, headers=headers)).headers["etag"]
        later = headers | {"Hotel-Simulated-Time": "2030-03-02T11:00:00Z"}
        assert (await client.get(path, headers=later | {"if-none-match": tag})).status_code == 304
        amend = {"rooms": [{"position": 1, "adults": 1}]}
        changed = await client.post(f"{path}/amend", json=amend, headers=later | {"if-match": tag})
        assert changed.status_code == 200, changed.text
        for act in ("cancel", "amend", "check-in", "undo-check-in", "check-out", "no-show"):
            answer = await client.post(f"{path}/{act}", json={}, headers=later | {"if-match": tag})
            assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed"), act
        shown = await client.get(path, headers=later)
        assert shown.json()["status"] == "confirmed"
        tag = shown.headers["etag"]
        assert tag.endswith('-gzip"')  # other bytes than the plain answer's
        cancelled = await client.post(f"{path}/cancel", headers=later | {"if-match": tag})
        assert cancelled.status_code == 200, cancelled.text


async def test_a_precondition_that_a_call_does_not_look_at_is_refused(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url)) as (app, client):
        key = bearer(await api_key(db))
        taken = refused = 0
        for path, method, handler in openapi.operations(app):
            if method == "get" or not path.startswith("/api/v1"):
                continue
            for name in ("If-Match", "If-Unmodified-Since", "If-None-Match"):
                answer = await client.request(method, filled(path), headers=key | {name: '"x"'}, json={})
                if name == "If-Match" and ARGUMENT in handler.parsed_fn_signature.parameters:
                    assert answer.status_code != 400 or answer.json()["code"] != "precondition_not_taken"
                    taken += 1
                else:
                    problem = answer.json()
                    assert (answer.status_code, problem["code"]) == (400, "precondition_not_taken"), path
                    assert problem["field"] == name
                    refused += 1
        assert taken >= 11
        assert refused >= 60
        read = await client.get("/api/v1/keys", headers=key | {"if-match": '"x"'})
        assert read.status_code == 200
