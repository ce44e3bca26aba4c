"""An application that is furnished anew remembers nothing: tests share one, and none may see another's."""

from __future__ import annotations

import pytest

from hotel_booking.core.db import Database
from hotel_booking.http import pressure
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import SAME_ORIGIN


async def test_an_application_that_is_used_again_remembers_nothing(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pressure, "_HELD", 0.0)  # a busy machine is late, and then each refusal takes seconds
    few = settings_for(database_url, rate_limit_reads=4, rate_limit_writes=4, public_url="http://one.test")
    async with running(few) as (first, client):
        client.headers.update(SAME_ORIGIN)
        document = (await client.get("/api/v1/openapi.json")).text
        statuses = [(await client.get("/en")).status_code for _ in range(8)]
        assert statuses.count(429) >= 4
        key, kept = first.state.sealing_key, set(first.state.keys())
        first.state["anything"] = "of a test"
    async with running(few) as (second, client):
        assert second is first
        assert (await client.get("/en")).status_code == 200
        assert second.state.sealing_key != key
        assert "anything" not in second.state
        assert set(second.state.keys()) <= kept
    strict = settings_for(database_url, environment="production", public_url="https://two.test")
    async with running(strict) as (third, client):
        assert third is first
        assert {(await client.get("/en")).status_code for _ in range(12)} == {200}
        other = (await client.get("/api/v1/openapi.json")).text
        assert "http://one.test" in document
        assert "http://one.test" not in other
        assert "https://two.test" in other


async def test_two_at_once_are_two(db: Database, database_url: str) -> None:
    settings = settings_for(database_url)
    async with running(settings) as (first, _), running(settings) as (second, client):
        assert first is not second
        assert first.state.database is not second.state.database
        assert (await client.get("/en")).status_code == 200
