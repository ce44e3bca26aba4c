"""The same request twice happens once; the proof is always what stands in the database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import post

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Conflict
from hotel_booking.http import idempotency
from hotel_booking.http.access import public
from hotel_booking.http.idempotency import Claim, idempotent
from hotel_booking.http.transactions import Unit
from tests.http_client import api_key, bearer, client_of, running, settings_for

KEY = {"Idempotency-Key": "a key with spaces, " + "x" * 236}


@post("/api/v1/rates", opt=public() | idempotent())
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


@post("/api/v1/payments", opt=public() | idempotent())
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
        assert not await idempotency.complete(tx, dead, status=201, body=b"{}")
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
    digest.update(request.content)
    return await idempotency.claim(
        db, caller="address:203.0.113.7", key=KEY["Idempotency-Key"], request_hash=digest.digest()
    )


async def age(db: Database, by: timedelta) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE idempotency_key SET claimed_at = claimed_at - $1::interval", by)


async def claims(db: Database) -> int:
    async with db.transaction() as tx:
        return int(await tx.fetchval("SELECT count(*) FROM idempotency_key"))
