"""Calls that take no body refuse one, and a cancellation one that it does not know: what it asks for would be
passed over in silence."""

from __future__ import annotations

from typing import Any

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.factories.small_hotel import GUEST, NOW, SLUG, make_quote, small_hotel, status_of, stay


@pytest.mark.parametrize("body", [b'{"preview": true}', b'{"x": 1}', b"{broken", b"[]"])
async def test_a_cancellation_with_an_unknown_body_cancels_nothing(
    db: Database, database_url: str, body: bytes
) -> None:
    await small_hotel(db)
    quote = await make_quote(db, stay(20, 1))
    async with db.transaction() as tx:
        booking = (await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)).booking
        await service.guarantee(tx, booking_id=booking.id, now=NOW)
    async with running(settings_for(database_url)) as (_, client):
        headers = bearer(await api_key(db)) | {"content-type": "application/json"}
        path = f"/api/v1/bookings/{booking.reference}/cancel"
        refused = await client.post(path, content=body, headers=headers)
        assert refused.status_code == 400
        assert await status_of(db, booking.id) == "confirmed"
        blocks = f"/api/v1/properties/{SLUG}/blocks/1"
        refused = await client.request("DELETE", blocks, content=body, headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (400, "this call takes no body")
        for empty in (b"", b" {} "):
            done = await client.post(
                path, content=empty, headers=headers | {"idempotency-key": f"k{len(empty)}"}
            )
            assert done.status_code in (200, 409), done.text
    assert await status_of(db, booking.id) == "cancelled"


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "HEAD", "CONNECT"])
async def test_a_target_that_is_no_path_is_not_found(database_url: str, method: str) -> None:
    """`OPTIONS *` asks about the server (RFC 9110, 9.3.7), CONNECT for a proxy: no error of ours."""
    statuses = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async with running(settings_for(database_url)) as (app, _):
        scope: Any = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": method, "path": "*", "raw_path": b"*", "query_string": b"", "root_path": "",
            "headers": [(b"host", b"localhost")], "client": ("203.0.113.9", 1), "server": ("localhost", 80),
            "state": {},
        }  # fmt: skip
        await app(scope, receive, send)
    assert statuses[0] == 404
