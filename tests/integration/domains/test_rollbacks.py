"""A release that was gone back from by itself is in the incident tracker, on the incident of its alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import notification, queries, service

pytestmark = pytest.mark.postgresql
NOW = datetime(2030, 3, 8, 12, tzinfo=UTC)
SOON = timedelta(seconds=5)


async def noted(db: Database, text: str, *, now: datetime, declares: bool = True) -> int | None:
    async with db.transaction() as tx:
        return await service.note_rollback(
            tx, alert="ErrorRateHigh", text=text, decided_at=NOW, declares=declares, now=now
        )


async def timeline(db: Database, incident_id: int) -> list[str]:
    async with db.transaction() as tx:
        return [entry.text for entry in await queries.timeline(tx, incident_id)]


async def test_it_is_noted_where_the_alert_has_declared_one_and_git_is_asked_for(db: Database) -> None:
    assert await noted(db, "r2 is rolled back to r1.", now=NOW + SOON) is None, "the alert's own comes"
    body = (
        b'{"version": "4", "groupKey": "{}:{alertname=ErrorRateHigh}", "alerts": [{"status": "firing",'
        b'"labels": {"alertname": "ErrorRateHigh", "severity": "critical"}, "annotations": {},'
        b'"generatorURL": "","startsAt": "2030-03-08T11:59:00Z", "endsAt": "0001-01-01T00:00:00Z",'
        b'"fingerprint": "a1"}]}'
    )
    async with db.transaction() as tx:
        incident = await service.receive(tx, notification=notification.read(body), now=NOW + SOON)
    assert incident is not None
    assert await noted(db, "r2 is rolled back to r1.", now=NOW + 2 * SOON) == incident.id
    async with db.transaction() as tx:
        await service.ask_for_git(tx, incident_id=incident.id, to="r1", now=NOW + 3 * SOON)
        (action,) = await queries.actions(tx, incident.id)
    assert "Have Git say that r1 runs" in action.what
    assert "r2 is rolled back to r1." in await timeline(db, incident.id)


async def test_where_the_alert_declares_none_it_declares_its_own_and_a_refusal_does_not(db: Database) -> None:
    late = NOW + timedelta(seconds=61)
    assert await noted(db, "r2 was not rolled back.", now=late, declares=False) is None
    own = await noted(db, "r2 is rolled back to r1.", now=late)
    assert own is not None
    assert await noted(db, "r2 was rolled back.", now=late + SOON) == own, "and the same goes on"
    async with db.transaction() as tx:
        found = await queries.find(tx, own)
    assert (found.title, found.severity) == ("Rolled back automatically: ErrorRateHigh", "P2")
