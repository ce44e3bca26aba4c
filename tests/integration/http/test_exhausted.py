"""A full disk, no more memory, too many connections: asked to come back, never told that we are broken."""

from __future__ import annotations

import errno
import logging
import resource
from pathlib import Path

import pytest
from litestar import post

from hotel_booking.core.db import Database, Transaction
from hotel_booking.http.access import public
from hotel_booking.integrations.media import DiskMedia, MediaUnavailable
from tests.clients.http_client import running, settings_for


@post("/api/v1/failing/{code:str}", opt=public())
async def failing(tx: Transaction, code: str) -> None:
    """PostgreSQL fails as the code says, after something was written."""
    await tx.execute("INSERT INTO exchange_rate (currency, per_euro, as_of) VALUES ('XTS', 1, '2030-01-01')")
    await tx.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{code}'; END $$")


@post("/en/failing/{number:int}", opt=public())
async def out_of(number: int) -> None:
    """The system fails as the number says."""
    raise OSError(number, "no room")


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "53400", "25006", "57P01", "57014", "58030"])
async def test_what_postgresql_lacks_is_503(
    db: Database, database_url: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, logger="hotel_booking.http")
    async with running(settings_for(database_url), failing) as (_, client):
        answer = await client.post(f"/api/v1/failing/{code}")
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["code"] == "database_unavailable"
    if code.startswith("53"):
        assert any(getattr(record, "sqlstate", None) == code for record in caplog.records), "said aloud"
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM exchange_rate WHERE currency = 'XTS'") == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENOMEM])
async def test_what_the_system_lacks_is_503(database_url: str, number: int) -> None:
    async with running(settings_for(database_url), out_of) as (_, client):
        answer = await client.post(f"/en/failing/{number}", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 503
    assert "One moment, please" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_half_a_photo_does_not_stay_where_there_is_no_room_for_all(tmp_path: Path) -> None:
    media = DiskMedia(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))  # the nearest to a full disk that is at hand
    try:
        with pytest.raises(MediaUnavailable):
            await media.put(f"{'a' * 32}-480.webp", b"x" * 50_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []  # noqa: ASYNC240  # a test's folder
