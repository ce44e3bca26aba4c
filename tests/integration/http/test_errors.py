"""Every bad input gets a problem document with a stable code and the field's path; none gives a 5xx."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from litestar import get, post

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Conflict
from hotel_booking.http.access import public
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.databases import migrated

JSON = {"content-type": "application/json"}


@post("/api/v1/echo", opt=public())
async def echo(tx: Transaction, data: dict[str, Any]) -> dict[str, Any]:
    """Sends its input through PostgreSQL."""
    return {
        "text": await tx.fetchval("SELECT $1::text", data.get("text")),
        "small": await tx.fetchval("SELECT $1::int", data.get("number")),
    }


@get("/api/v1/broken", opt=public())
async def broken() -> None:
    """Fails with a guest's data in the error's text."""
    raise RuntimeError("ana@example.com")


@post("/api/v1/half", opt=public())
async def half(tx: Transaction) -> None:
    """Writes, then refuses."""
    await tx.execute("INSERT INTO exchange_rate (currency, per_euro, as_of) VALUES ('XTS', 1, '2030-01-01')")
    raise Conflict("no", fix="yes", field="rooms[0].adults", extra={"left": 0})


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "invalid_request", None),
        (b"{", "malformed_request", None),
        (b"\xff\xff", "malformed_request", None),
        (b'{"name": "\\ud800", "scopes": ["all"]}', "malformed_request", None),
        (b"[" * 50_000, "invalid_request", None),
        (b"null", "invalid_request", None),
        (b"[]", "invalid_request", None),
        (b'{"name": "x", "scopes": ["nope"]}', "invalid_request", "scopes[0]"),
        (b'{"name": "x", "scopes": []}', "invalid_request", "scopes"),
        (b'{"name": 1, "scopes": ["all"]}', "invalid_request", "name"),
        (b'{"scopes": ["all"]}', "invalid_request", "name"),
        (b'{"name": "x", "scopes": ["all"], "colour": 1}', "invalid_request", "colour"),
        (b'{"name": "a\\u0000b", "scopes": ["all"]}', "invalid_request", "name"),
        (b'{"name": "x", "scopes": ["all"], "expires_at": "tomorrow"}', "invalid_request", "expires_at"),
        (
            b'{"name": "x", "scopes": ["all"], "expires_at": "9999-12-31T23:59:59Z"}',
            "invalid_expiry",
            "expires_at",
        ),
        (b'{"name": "x", "scopes": ["all"], "properties": ["nowhere"]}', "unknown_property", "properties[0]"),
    ],
)
async def test_a_bad_body_names_its_field(
    db: Database, database_url: str, body: bytes, code: str, field: str
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.post("/api/v1/keys", content=body, headers=JSON | bearer(await api_key(db)))
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem.get("field")) == (code, field)
    assert problem["status"] == answer.status_code
    assert answer.status_code == (400 if code in {"invalid_request", "malformed_request"} else 422)
    assert problem["request_id"] == answer.headers["x-request-id"]
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM api_key") == 1


@pytest.mark.parametrize(
    ("path", "status", "code", "field"),
    [
        ("/api/v1/keys?limit=0", 400, "invalid_request", "limit"),
        ("/api/v1/keys?limit=x", 400, "invalid_request", "limit"),
        ("/api/v1/keys?limit=99999999999999999999999999", 400, "invalid_request", "limit"),
        ("/api/v1/keys?limit=%ff", 400, "invalid_request", "limit"),
        ("/api/v1/keys?cursor=%00", 400, "invalid_cursor", "cursor"),
        ("/api/v1/keys?cursor=%F0%9F%92%A9", 400, "invalid_cursor", "cursor"),
        ("/api/v1/keys?cursor=W10", 400, "invalid_cursor", "cursor"),
        ("/api/v1/keys?cursor=OTk5OTk5OTk5OTk5", 400, "invalid_cursor", "cursor"),
        ("/api/v1/keys/0", 400, "invalid_request", "key_id"),
        ("/api/v1/keys/99999999999999999999", 400, "invalid_request", "key_id"),
        ("/api/v1/keys/1e5", 404, "no_such_address", None),
        ("/api/v1/keys/%ff", 404, "no_such_address", None),
        ("/api/v1/nothing", 404, "no_such_address", None),
        ("/nothing/%00", 404, "no_such_address", None),
    ],
)
async def test_a_bad_address_names_its_parameter(
    db: Database, database_url: str, path: str, status: int, code: str, field: str | None
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.get(path, headers=bearer(await api_key(db)))
    assert (answer.status_code, answer.json()["code"], answer.json().get("field")) == (status, code, field)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_method_media_and_size(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        key = bearer(await api_key(db))
        wrong_method = await client.put("/api/v1/keys", headers=key)
        assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "method_not_allowed")
        assert wrong_method.headers["allow"] == "GET, HEAD, OPTIONS, POST"
        assert wrong_method.json()["fix"] == "use GET, HEAD, OPTIONS, POST"
        form = await client.post("/api/v1/keys", data={"name": "x"}, headers=key)
        assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
        no_type = await client.post("/api/v1/keys", content=b"{}", headers=key)
        assert no_type.status_code == 415
        for headers in (key, key | {"idempotency-key": "one"}):
            large = await client.post("/api/v1/keys", content=b" " * 1_000_001, headers=JSON | headers)
            assert (large.status_code, large.json()["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("value", ['"a\\u0000b"', '"\\udfff"', '"\\ud83d\\ude00"'])
async def test_text_that_cannot_be_stored(database_url: str, value: str) -> None:
    async with running(settings_for(database_url), echo) as (_, client):
        answer = await client.post("/api/v1/echo", content=f'{{"text": {value}}}', headers=JSON)
    assert answer.status_code == (201 if "ude00" in value else 400)


@pytest.mark.parametrize("number", ["2147483648", "-9223372036854775809", '"x"', "1" * 400])
async def test_numbers_that_cannot_be_stored(database_url: str, number: str) -> None:
    async with running(settings_for(database_url), echo) as (_, client):
        answer = await client.post("/api/v1/echo", content=f'{{"number": {number}}}', headers=JSON)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["code"] in {"invalid", "invalid_request", "malformed_request"}


async def test_an_error_undoes_everything_and_carries_its_members(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), half) as (_, client):
        answer = await client.post("/api/v1/half")
    assert answer.status_code == 409
    assert answer.json() | {"request_id": ""} == {
        "type": "/api/docs/errors#conflict",
        "title": "Conflict",
        "status": 409,
        "code": "conflict",
        "detail": "no",
        "fix": "yes",
        "field": "rooms[0].adults",
        "request_id": "",
        "left": 0,
    }
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM exchange_rate") == 0


async def test_our_own_fault_is_logged_without_what_the_guest_typed(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with running(settings_for(database_url), broken) as (_, client):
            answer = await client.get(
                "/api/v1/broken?email=ana@example.com", headers={"x-request-id": "trace-0001"}
            )
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "trace-0001"
    fault = next(record for record in caplog.records if record.name == "hotel_booking.http")
    assert vars(fault)["error"] == "builtins.RuntimeError"
    assert any("broken" in line for line in vars(fault)["trace"])
    assert not any("ana@" in str(vars(record)) for record in caplog.records if "hotel_booking" in record.name)


async def test_no_database_is_503_and_not_ready_but_alive(cluster: Cluster) -> None:
    cluster.create_database("gone", template=migrated(cluster))
    async with running(settings_for(cluster.url("gone"))) as (_, client):
        assert (await client.get("/health/ready")).status_code == 200
        cluster.drop_database("gone")
        answer = await client.get("/api/v1/keys", headers=bearer("hbk_" + "x" * 43))
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.get("/health/live")).json() == {"status": "ok", "checks": {}}
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")


async def test_every_answer_carries_the_security_headers(database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, client):
        for path in ("/health/ready", "/nothing"):
            answer = await client.get(path, headers={"x-request-id": "no good\n"[:7]})
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert len(answer.headers["x-request-id"]) == 32
            assert "strict-transport-security" not in answer.headers
        app.state.draining = True
        assert (await client.get("/health/ready")).status_code == 503
    async with running(settings_for(database_url, environment="production")) as (_, client):
        assert "strict-transport-security" in (await client.get("/health/live")).headers
