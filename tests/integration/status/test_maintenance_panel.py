"""People move, describe, set and cancel maintenance windows in the panel, and the status page says so."""

from __future__ import annotations

from datetime import timedelta

import httpx

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.incidents import maintenance
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in

HERE = "/admin/incidents/maintenance"


async def windows(db: Database) -> list[maintenance.Window]:
    async with db.reading() as tx:
        return await maintenance.upcoming(tx, now=utc_now())


async def test_a_window_is_set_moved_and_cancelled(db: Database, database_url: str) -> None:
    begins = (utc_now() + timedelta(days=3)).replace(second=0, microsecond=0)

    def form(days: int, hours: int = 2, **more: str) -> dict[str, str]:
        at = begins + timedelta(days=days)
        return {
            "starts_at": f"{at:%Y-%m-%dT%H:%M}",
            "ends_at": f"{at + timedelta(hours=hours):%Y-%m-%dT%H:%M}",
            "title": "Faster <disks>",
            "body": "We move to faster disks.",
            **more,
        }

    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, guest),
        signed_in(app, db, (Role.OWNER, None)) as owner,
        signed_in(app, db, (Role.READ_ONLY, None)) as reader,
    ):

        async def page() -> str:
            app.state.status_read = None
            return (await guest.get("/status/en")).text

        async def send(client: httpx.AsyncClient, path: str, data: dict[str, str]) -> int:
            return (await client.post(f"{HERE}{path}", data=data)).status_code

        assert (await reader.get(HERE)).status_code == 200
        assert await send(reader, "", form(0)) == 403
        assert await windows(db) == []
        for wrong in (form(0, hours=30), form(-9), form(0, title=" "), form(0, starts_at="soon")):
            assert await send(owner, "", wrong) == 422
        assert await windows(db) == []

        assert await send(owner, "", form(0)) == 303
        [window] = await windows(db)
        # Its seven days have come already, so it is announced at once.
        assert window.announced_at is not None
        assert "Faster &lt;disks&gt;" in await page()

        assert await send(owner, f"/{window.id}", form(1, version="7")) == 422
        assert await send(owner, f"/{window.id}", form(1)) == 422
        assert await windows(db) == [window]
        assert await send(owner, f"/{window.id}", form(1, version=str(window.version))) == 303
        [moved] = await windows(db)
        assert (moved.starts_at, moved.announced_at) == (begins + timedelta(days=1), window.announced_at)

        assert await send(reader, f"/{window.id}/cancel", {"version": "2"}) == 403
        assert await send(owner, f"/{window.id}/cancel", {"version": "1"}) == 409
        assert await send(owner, f"/{window.id}/cancel", {"version": "2"}) == 303
        assert "called off" in await page()
        assert await send(owner, "/999999/cancel", {"version": "2"}) == 404
    async with db.reading() as tx:
        who = await tx.fetch(
            "SELECT DISTINCT actor_kind FROM audit_entry WHERE object_kind = 'maintenance_window'"
        )
    assert [row["actor_kind"] for row in who] == ["staff"]


async def test_while_a_window_lasts_its_parts_are_in_maintenance(db: Database, database_url: str) -> None:
    now = utc_now()
    async with db.transaction() as tx:
        await maintenance.schedule(
            tx,
            starts_at=now + timedelta(minutes=1),
            ends_at=now + timedelta(hours=1),
            title=maintenance.TITLE,
            body=maintenance.BODY,
            now=now,
        )
        await maintenance.announce(tx, now=now)
        assert not await maintenance.under_maintenance(tx, now)
        assert await maintenance.under_maintenance(tx, now + timedelta(minutes=1))
        assert not await maintenance.under_maintenance(tx, now + timedelta(hours=1))
        await tx.execute("UPDATE maintenance_window SET starts_at = $1", now - timedelta(minutes=1))
    async with running(settings_for(database_url)) as (_, client):
        assert "Wartung läuft" in (await client.get("/status/de")).text
        said = (await client.get("/status/api/v2/summary.json")).json()
    assert said["status"]["indicator"] == "maintenance"
    assert {one["status"] for one in said["components"]} == {"under_maintenance"}
    assert said["scheduled_maintenances"][0]["status"] == "in_progress"
