"""A property's time zone is known to Python and to PostgreSQL, or refused where it is entered."""

from __future__ import annotations

import shutil
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.http_client import (
    api_key,
    bearer,
    running,
    settings_for,
)
from tests.clients.staff_client import signed_in
from tests.integration.panel.test_catalogue import error_of, fields

pytestmark = pytest.mark.postgresql

NEWER = "Europe/Atlantis"  # as after an update of one of the two lists alone


@pytest.fixture
def newer_zones(tmp_path: Path) -> Iterator[None]:
    """Python knows a zone that PostgreSQL has never heard of."""
    known = next(
        Path(where) / "Europe/Lisbon" for where in zoneinfo.TZPATH if (Path(where) / "Europe").is_dir()
    )
    (tmp_path / "Europe").mkdir()
    shutil.copy(known, tmp_path / NEWER)
    zoneinfo.reset_tzpath([str(tmp_path), *zoneinfo.TZPATH])
    yield
    zoneinfo.reset_tzpath()


@pytest.mark.usefixtures("newer_zones")
async def test_a_zone_that_only_one_of_them_knows_is_refused(db: Database, database_url: str) -> None:
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, api),
        signed_in(app, db, (Role.OWNER, None)) as panel,
    ):
        headers = bearer(await api_key(db))
        new = {"name": "Sea View", "country": "PT", "currency": "EUR", "lat": 38.7, "lon": -9.1}
        for zone in (NEWER, "localtime", "Mars/Base", "europe/lisbon", "EST5EDT,M3.2.0,M11.1.0"):
            made = await api.post("/api/v1/properties", json=new | {"timezone": zone}, headers=headers)
            assert (made.status_code, made.json()["field"]) == (422, "timezone"), zone
        form = fields((await panel.get("/admin/properties/new")).text)
        form |= {"name": "Sea View", "country": "PT", "lat": "38.7", "lon": "-9.1", "timezone": NEWER}
        refused = await panel.post("/admin/properties/new", data=form)
        assert refused.status_code == 422
        assert "does not know the time zone" in error_of(refused.text, "timezone")
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM property") == 0

        fine = await api.post("/api/v1/properties", json=new | {"timezone": "Europe/Lisbon"}, headers=headers)
        assert fine.status_code == 201
        where = f"/api/v1/properties/{fine.json()['slug']}"
        moved = await api.patch(where, json={"timezone": NEWER}, headers=headers)
        assert (moved.status_code, moved.json()["field"]) == (422, "timezone")
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT timezone FROM property") == "Europe/Lisbon"
        assert (await panel.get("/admin/today")).status_code == 200
