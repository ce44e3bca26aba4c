"""The same request twice happens once; the proof is always what stands in the database."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import post
from litestar.routes import HTTPRoute

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Conflict, DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.payments.errors import PaymentInProgress
from hotel_booking.http import idempotency
from hotel_booking.http.access import public
from hotel_booking.http.idempotency import Claim
from hotel_booking.http.transactions import Unit
from tests.clients.addresses import addresses
from tests.clients.http_client import (
    api_key,
    bearer,
    client_of,
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

SECRET = "0123456789abcdef0123456789abcdef"
KEY = {"Idempotency-Key": "a key with spaces, " + "x" * 236}


@post("/api/v1/rates", opt=public())
async def add_rate(tx: Transaction, data: dict[str, Any]) -> dict[str, Any]:
    """One row per run, then what the test asks for."""
    await insert(tx)
    if data.get("sleep"):
        await tx.fetchval("SELECT pg_sleep($1)", float(data["sleep"]))
    if data.get("fail") == "refuse":
        raise Conflict("refused")
    if data.get("fail") == "crash":
        raise RuntimeError
    return {"run": str(uuid4())}


@post("/api/v1/payments", opt=public())
async def pay(database: Database, unit: Unit, data: dict[str, Any]) -> dict[str, Any]:
    """Two transactions with a pause between them, the last one committed with the answer."""
    async with database.transaction() as tx:
        await insert(tx)
    tx = await unit.begin()
    await insert(tx)
    if data.get("fail") == "decline":
        unit.keep()
        raise Conflict("declined")
    if data.get("fail") == "undo":
        raise Conflict("undone")
    return {"run": str(uuid4())}


async def insert(tx: Transaction) -> None:
    await tx.execute(
        "INSERT INTO exchange_rate (currency, per_euro, as_of)"
        " SELECT 'X' || lpad(count(*)::text, 2, '0'), 1, '2030-01-01' FROM exchange_rate"
    )


async def rows(db: Database) -> int:
    async with db.transaction() as tx:
        return int(await tx.fetchval("SELECT count(*) FROM exchange_rate"))


async def send(client: httpx.AsyncClient, body: Any, path: str = "rates", **headers: str) -> httpx.Response:
    return await client.post(f"/api/v1/{path}", json=body, headers=KEY | headers)


async def test_a_repeated_request_gets_the_first_answer(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        first, again = await send(client, {"a": 1}), await send(client, {"a": 1})
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["content-type"] == first.headers["content-type"]
        other = await send(client, {"a": 2})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await rows(db) == 1


async def test_a_refusal_is_the_first_answer_too(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        first, again = await send(client, {"fail": "refuse"}), await send(client, {"fail": "refuse"})
    assert (first.status_code, again.status_code) == (409, 409)
    assert first.content == again.content
    assert again.headers["content-type"] == "application/problem+json"
    assert again.headers["idempotency-replayed"] == "true"
    assert await rows(db) == 0


async def test_what_says_nothing_about_the_outcome_frees_the_key(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        assert (await send(client, {"fail": "crash"})).status_code == 500
        assert (await send(client, [])).status_code == 400
        assert (await send(client, {"a": 1})).status_code == 201
    assert await rows(db) == 1


async def test_a_refusal_that_passes_is_no_outcome(db: Database, database_url: str) -> None:
    """The very same request, sent again as its Retry-After says, is tried again."""
    runs = itertools.count(1)

    @post("/api/v1/passing", opt=public())
    async def passing(tx: Transaction) -> dict[str, int]:
        await insert(tx)
        run = next(runs)
        if run == 1:
            raise PaymentInProgress("an earlier try is undecided")
        return {"run": run}

    async with running(settings_for(database_url), passing) as (_, client):
        first = await send(client, {}, "passing")
        assert (first.status_code, first.json()["code"]) == (409, "payment_in_progress")
        assert int(first.headers["retry-after"]) >= 1
        assert (await claims(db), await rows(db)) == (0, 0)
        again = await send(client, {}, "passing")
        assert (again.status_code, again.json()) == (201, {"run": 2})
        assert (await send(client, {}, "passing")).headers["idempotency-replayed"] == "true"
    assert await rows(db) == 1


def test_what_passes_in_seconds_says_when() -> None:
    """`Retry-After` is a client's only word for it; what waits for a person or a day has none."""
    passing = {kind.code: kind for kind in _errors(DomainError) if kind.passes}
    soon = {"payment_in_progress", "gateway_unavailable", "database_unavailable", "idempotency_in_progress"}
    assert soon <= {code for code, kind in passing.items() if (kind.retry_after or 0) >= 1}
    assert "too_early" in passing


def _errors(kind: type[DomainError]) -> set[type[DomainError]]:
    return {kind}.union(*(_errors(one) for one in kind.__subclasses__()))


@pytest.mark.parametrize(
    "body",
    [
        b'{"b":[1,{"y":2,"x":"\xc3\xa9"}],"a":1.50}',
        b' {"a" : 1.5, "b" : [1.0, {"x": "\\u00e9", "y": 2e0}]}\n',
    ],
)
async def test_json_is_the_same_however_it_is_laid_out(db: Database, database_url: str, body: bytes) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        headers = KEY | {"content-type": "application/json"}
        first = await send(client, {"a": 1.5, "b": [1, {"x": "é", "y": 2}]})
        again = await client.post("/api/v1/rates", content=body, headers=headers)
        assert (again.status_code, again.content) == (201, first.content)
        turned = await send(client, {"a": 1.5, "b": [{"x": "é", "y": 2}, 1]})  # order counts in a list
        text = await send(client, {"a": "1.5", "b": [1, {"x": "é", "y": 2}]})
        assert [answer.json()["code"] for answer in (turned, text)] == ["idempotency_key_reused"] * 2
    assert await rows(db) == 1


async def test_no_secret_stands_in_the_table(db: Database, database_url: str) -> None:
    """Access tokens and keys' secrets are in stored answers; a table's dump must not open anything."""
    await small_hotel(db)
    quote = await make_quote(db, stay(20, 2), now=utc_now())
    settings = settings_for(database_url, secret_key=SECRET)
    guest = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.com"}
    request = {"quote": str(quote.id), "guest": guest}
    async with running(settings) as (_, client):
        admin = bearer(await api_key(db))
        held = await client.post("/api/v1/bookings", json=request, headers=KEY)
        key = await client.post("/api/v1/keys", json={"name": "x", "scopes": ["all"]}, headers=KEY | admin)
        secrets = [held.json()["access_token"], key.json()["secret"], "Silva", "ana@example.com"]
        async with db.transaction() as tx:
            dump = b"".join(bytes(row[0]) for row in await tx.fetch("SELECT body FROM idempotency_key"))
            whole = str(await tx.fetch("SELECT k::text FROM idempotency_key k"))
        assert len(dump) > 1000
        for secret in secrets:
            assert secret.encode() not in dump
            assert secret.encode().hex() not in whole
        assert (await client.post("/api/v1/bookings", json=request, headers=KEY)).content == held.content
    # Another process with the same key reads it; with another key it says that the booking was made.
    async with running(settings) as (_, client):
        assert (await client.post("/api/v1/bookings", json=request, headers=KEY)).content == held.content
    async with running(settings_for(database_url, secret_key=SECRET[::-1])) as (_, client):
        lost = await client.post("/api/v1/bookings", json=request, headers=KEY)
        assert (lost.status_code, lost.json()["code"]) == (409, "idempotency_answer_lost")
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking") == 1


async def test_a_used_quote_names_its_booking(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    quote = await make_quote(db, stay(20, 2), now=utc_now())
    guest = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.com"}
    async with running(settings_for(database_url)) as (_, client):
        request = {"quote": str(quote.id), "guest": guest}
        reference = (await client.post("/api/v1/bookings", json=request)).json()["reference"]
        again = await client.post("/api/v1/bookings", json=request, headers=KEY)
    problem = again.json()
    assert (again.status_code, problem["code"], problem["booking"]) == (409, "quote_used", reference)
    assert reference in problem["fix"]
    assert "access_token" not in again.text
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking") == 1


async def test_every_unsafe_route_takes_a_key_or_refuses_it(db: Database, database_url: str) -> None:
    """A header that is ignored is worse than none: the sender repeats, believing that it counts once."""
    async with running(settings_for(database_url)) as (app, client):
        walked = {"api": 0, "pages": 0}
        good = await api_key(db)
        for route in app.routes:
            if not isinstance(route, HTTPRoute) or route.path.startswith("/webhooks/"):
                continue
            for handler in route.route_handlers:
                for method in handler.http_methods - {"GET", "HEAD", "OPTIONS"}:
                    for path in addresses(route, {}):
                        own = {b"sec-fetch-site": b"same-origin"}  # as from a page of ours
                        key = {b"idempotency-key": "ü".encode("latin-1")}
                        who = bearer(good) if path.startswith("/api/") else {}
                        who_sent = {name.lower().encode(): value.encode() for name, value in who.items()}
                        answer = await client.request(method, path, headers=own | key | who_sent)
                        if path.startswith("/api/"):
                            assert answer.status_code == 400, (method, path, answer.status_code)
                            assert answer.json()["code"] == "invalid_idempotency_key", path
                            walked["api"] += 1
                        else:
                            # Refused for the key, or before that because nobody has signed in.
                            assert answer.status_code in {303, 400, 401}, (method, path, answer.status_code)
                            walked["pages"] += answer.status_code == 400
    assert walked["api"] >= 25
    assert walked["pages"] >= 80
    assert await claims(db) == 0


async def test_the_desk_and_quotes_take_a_key(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=3)
    async with running(settings_for(database_url)) as (_, client):
        when = {"Hotel-Simulated-Time": "2030-03-05T15:00:00Z"}
        key = bearer(await api_key(db))
        references = []
        for number in range(3):
            quote = await make_quote(db, stay(4, 2))
            async with db.transaction() as tx:
                held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
                await service.confirm(tx, booking_id=held.booking.id, now=NOW)
            references.append((number, held.booking.reference))
        for (number, reference), acts in zip(
            references, (("check-in", "undo-check-in"), ("check-in", "check-out"), ("no-show",)), strict=True
        ):
            for act in acts:
                path = f"/api/v1/bookings/{reference}/{act}"
                headers = key | when | {"Idempotency-Key": f"{act} of {reference}"}
                if not act.endswith("check-in"):
                    headers["Hotel-Simulated-Time"] = "2030-03-07T09:00:00Z"
                bodies: dict[str, dict[str, object]] = {
                    "check-in": {"rooms": {"1": f"DBL-{number + 1}"}},
                    "check-out": {"override_reason": "paid in cash"},
                }
                body = bodies.get(act, {})
                first = await client.post(path, json=body, headers=headers)
                again = await client.post(path, json=body, headers=headers)
                assert (first.status_code, again.status_code) == (200, 200), first.text
                assert first.content == again.content
                assert again.headers["idempotency-replayed"] == "true"
        request = {
            "property": SLUG,
            "arrival": "2030-03-20",
            "departure": "2030-03-22",
            "rooms": [{"room_type": "DBL", "rate_plan": "FLEX"}],
        }
        quotes = [
            await client.post(
                "/api/v1/quotes", json=request, headers=key | when | {"Idempotency-Key": "a quote"}
            )
            for _ in range(2)
        ]
        assert quotes[0].status_code == 201, quotes[0].text
        assert quotes[0].json()["id"] == quotes[1].json()["id"]


async def test_keys_of_two_callers_never_meet(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), add_rate) as (app, client):
        key = await api_key(db)
        for headers in ({}, bearer(key), bearer("a guest's token".replace(" ", "-").replace("'", ""))):
            assert "idempotency-replayed" not in (await send(client, {}, **headers)).headers
        async with client_of(app, address="203.0.113.8") as elsewhere:
            assert "idempotency-replayed" not in (await send(elsewhere, {})).headers
    assert await rows(db) == 4


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut"])
async def test_an_unusable_key_is_refused(db: Database, database_url: str, key: str) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        answer = await client.post(
            "/api/v1/rates", json={}, headers=[(b"idempotency-key", key.encode("latin-1"))]
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")
    assert await rows(db) == 0


async def test_of_twenty_at_once_one_runs(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        body = {"sleep": 0.2}
        answers = await asyncio.gather(*(send(client, body) for _ in range(20)))
        ran = [a for a in answers if a.status_code == 201 and "idempotency-replayed" not in a.headers]
        rest = [a for a in answers if a not in ran]
        assert len(ran) == 1
        for answer in rest:
            if answer.status_code == 201:
                assert answer.content == ran[0].content
            else:
                assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
                assert int(answer.headers["retry-after"]) >= 1
        assert (await send(client, body)).content == ran[0].content
    assert await rows(db) == 1


async def test_a_dead_runs_key_is_taken_over_after_a_minute(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        request = client.build_request("POST", "/api/v1/rates", json={}, headers=KEY)
        dead = await claim_like(db, request)
        assert (await send(client, {})).status_code == 409
        await age(db, timedelta(seconds=61))
        assert (await send(client, {"other": "body"})).status_code == 422
        assert (await send(client, {})).status_code == 201
    # The run that was believed dead comes back: its claim is gone, so it must undo its change.
    async with db.transaction() as tx:
        assert not await idempotency.complete(tx, dead, status=201, body=b"{}", secret_key=SECRET)
    assert await rows(db) == 1


async def test_a_run_that_lost_its_claim_changes_nothing(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        slow = asyncio.create_task(send(client, {"sleep": 1.0}))
        while await claims(db) == 0:  # noqa: ASYNC110  # it is the database that is waited for
            await asyncio.sleep(0.01)
        async with db.transaction() as tx:
            await tx.execute("UPDATE idempotency_key SET claim = gen_random_uuid()")
        answer = await slow
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert await rows(db) == 0


async def test_after_a_day_the_key_is_new_and_the_old_answer_can_be_purged(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url), add_rate) as (_, client):
        await send(client, {})
        async with db.transaction() as tx:
            assert await idempotency.purge(tx) == 0
        await age(db, timedelta(hours=25))
        assert "idempotency-replayed" not in (await send(client, {"another": "body"})).headers
        await age(db, timedelta(hours=25))
        async with db.transaction() as tx:
            assert await idempotency.purge(tx) == 1
    assert await rows(db) == 2


async def test_a_payment_stores_its_answer_with_its_last_step(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), pay) as (_, client):
        for fail, left in ((None, 2), ("decline", 2), ("undo", 1)):
            async with db.transaction() as tx:
                await tx.execute("DELETE FROM exchange_rate")
                await tx.execute("DELETE FROM idempotency_key")
            first = await send(client, {"fail": fail}, "payments")
            again = await send(client, {"fail": fail}, "payments")
            assert first.content == again.content
            assert again.headers["idempotency-replayed"] == "true"
            assert await rows(db) == left


async def claim_like(db: Database, request: httpx.Request) -> Claim:
    """The claim of a process that died while it ran this request."""
    import hashlib

    digest = hashlib.sha256()
    for part in (b"POST", b"/api/v1/rates", b""):
        digest.update(len(part).to_bytes(4, "big") + part)
    digest.update(request.content)  # "{}": as compact as it gets
    return await idempotency.claim(
        db,
        caller="address:203.0.113.7",
        key=KEY["Idempotency-Key"],
        request_hash=digest.digest(),
        secret_key=SECRET,
    )


async def age(db: Database, by: timedelta) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE idempotency_key SET claimed_at = claimed_at - $1::interval", by)


async def claims(db: Database) -> int:
    async with db.transaction() as tx:
        return int(await tx.fetchval("SELECT count(*) FROM idempotency_key"))
