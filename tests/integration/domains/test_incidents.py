"""Incidents: declared, acknowledged, timed, told of, resolved and learnt from; everything in the timeline."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import checklists, clocks, queries, service, templates
from hotel_booking.domains.incidents.errors import IncidentMovedOn, IncidentNotFound, InvalidIncident
from hotel_booking.domains.incidents.types import Actor, Incident, Severity

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ADA, BEN = Actor("Ada Example"), Actor("Ben Example")


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def declared(
    db: Database, severity: Severity = "P1", *, now: datetime = NOW, title: str = "Nobody can pay"
) -> Incident:
    async with db.transaction() as tx:
        return await service.declare(
            tx, title=title, severity=severity, components=("payments",), by=ADA, now=now
        )


async def said(db: Database, incident_id: int) -> list[str]:
    async with db.reading() as tx:
        return [entry.text for entry in await queries.timeline(tx, incident_id)]


async def told(db: Database, incident_id: int) -> list[tuple[str, str, str]]:
    """What goes to PagerDuty and Slack, in order."""
    async with db.reading() as tx:
        found = await queries.deliveries(tx, incident_id)
    return [(one.target, one.act, one.key) for one in reversed(found) if one.status != "dropped"]


async def watched(db: Database, incident_id: int, minutes: float) -> tuple[str, ...]:
    async with db.transaction() as tx:
        return await service.watch(tx, incident_id=incident_id, now=after(minutes))


async def test_the_channel_is_named_for_the_day_and_the_second_gets_a_suffix(db: Database) -> None:
    # At once: whoever is second waits for the first, and gets the next name.
    made = await asyncio.gather(*(declared(db, title=f"number {number}") for number in range(3)))
    assert sorted(one.channel or "" for one in made) == [
        "incident-2026-03-10",
        "incident-2026-03-10-2",
        "incident-2026-03-10-3",
    ]
    assert (await declared(db, now=NOW + timedelta(days=1))).channel == "incident-2026-03-11"


async def test_a_life_from_detection_to_closed_stands_in_the_timeline(db: Database) -> None:
    incident = await declared(db)
    assert (incident.phase, incident.acknowledged_at) == ("detection", None)
    number = incident.id
    async with db.transaction() as tx:
        assert (await service.acknowledge(tx, incident_id=number, by=BEN, now=after(2))).phase == "triage"
        await service.assess(
            tx, incident_id=number, severity="P2", components=("payments", "site"), impact="Cards fail",
            by=BEN, now=after(3),
        )  # fmt: skip
        await service.give_role(
            tx, incident_id=number, role="communications", holder=ADA, by=BEN, now=after(4)
        )
        await service.move_to(tx, incident_id=number, phase="response", by=BEN, now=after(5))
        await service.note(tx, incident_id=number, text="  the gateway answers 503 ", by=BEN, now=after(6))
        await service.move_to(tx, incident_id=number, phase="resolution", by=BEN, now=after(9))
        resolved = await service.resolve(
            tx, incident_id=number, text="gateway is back", by=BEN, now=after(10)
        )
        action = await service.add_action(
            tx, incident_id=number, what="alert sooner", owner="Ada Example", due_on=None, by=BEN,
            now=after(11),
        )  # fmt: skip
        assert resolved.phase == "post_mortem"
        with pytest.raises(IncidentMovedOn, match="not done"):
            await service.close(tx, incident_id=number, by=BEN, now=after(12))
        await service.finish_action(tx, incident_id=number, action_id=action, by=ADA, now=after(13))
        with pytest.raises(IncidentMovedOn, match="cause"):
            await service.close(tx, incident_id=number, by=BEN, now=after(14))
        written = await service.write_post_mortem(
            tx, incident_id=number, impact="Cards failed", cause="their deployment", lessons="watch them",
            version=resolved.version, by=ADA, now=after(15),
        )  # fmt: skip
        with pytest.raises(IncidentMovedOn, match="meanwhile"):
            await service.write_post_mortem(
                tx, incident_id=number, impact="", cause="", lessons="", version=resolved.version, by=BEN,
                now=after(16),
            )  # fmt: skip
        assert written.cause == "their deployment"
        await service.close(tx, incident_id=number, by=ADA, now=after(17))
        assert (await queries.find(tx, number)).phase == "closed"
        assert {held.role: held.name for held in await queries.roles(tx, number)} == {
            "commander": "Ben Example",
            "communications": "Ada Example",
        }
    assert await said(db, number) == [
        "Declared as P1 (Critical): Nobody can pay",
        "Ben Example has acknowledged it",
        "Ben Example is incident commander",
        "P1 became P2 (Major)",
        "Affected: payments, site",
        "Impact: Cards fail",
        "Ada Example is communications",
        "Response: Implement immediate mitigation",
        "the gateway answers 503",
        "Resolution: Fix root cause",
        "Resolved: gateway is back",
        "To do, by Ada Example: alert sooner",
        "Done: alert sooner",
        "The post-mortem was written",
        "Closed",
    ]
    # It was over before anybody was paged: nobody is woken for it.
    assert not any(target == "pagerduty" for target, _, _ in await told(db, number))


async def test_the_timeline_cannot_be_rewritten(db: Database) -> None:
    await declared(db)
    for change in ("UPDATE incident_entry SET text = 'x'", "DELETE FROM incident_entry"):
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            async with db.transaction() as tx:
                await tx.execute(change)


async def test_what_is_not_acknowledged_is_reminded_of_and_escalated_to_secondary(db: Database) -> None:
    incident = await declared(db)
    assert await watched(db, incident.id, 2.9) == ()
    assert await watched(db, incident.id, 3) == ("remind",)
    assert await watched(db, incident.id, 4) == ()
    assert await watched(db, incident.id, 5) == ("escalate",)
    assert await watched(db, incident.id, 6) == ()
    assert await watched(db, incident.id, 20) == ("escalate",), "nobody has it yet"
    everything = await told(db, incident.id)
    assert everything.count(("pagerduty", "trigger", f"hotel-booking-incident-{incident.id}")) == 1
    assert everything.count(("pagerduty", "trigger", f"hotel-booking-incident-{incident.id}-secondary")) == 2
    assert ("slack", "post", "infrastructure") in everything
    async with db.transaction() as tx:
        await service.acknowledge(tx, incident_id=incident.id, by=BEN, now=after(21))
    assert await watched(db, incident.id, 24) == ()
    keys = [key for target, act, key in await told(db, incident.id) if act == "acknowledge"]
    assert keys == [
        f"hotel-booking-incident-{incident.id}",
        f"hotel-booking-incident-{incident.id}-secondary",
    ]


async def test_customers_hear_of_a_critical_incident_every_half_hour(db: Database) -> None:
    incident = await declared(db)
    async with db.transaction() as tx:
        await service.acknowledge(tx, incident_id=incident.id, by=BEN, now=after(1))
    assert await watched(db, incident.id, 24) == ()
    assert await watched(db, incident.id, 25) == ("update_soon",)
    assert await watched(db, incident.id, 29) == ()
    assert await watched(db, incident.id, 30) == ("update_overdue",)
    assert await watched(db, incident.id, 59) == ()
    assert await watched(db, incident.id, 60) == ("update_overdue",)
    async with db.transaction() as tx:
        await service.publish(
            tx, incident_id=incident.id, status="investigating", body="We look.", by=BEN, now=after(61)
        )
    assert await watched(db, incident.id, 85) == ()
    assert await watched(db, incident.id, 86) == ("update_soon",)
    async with db.transaction() as tx:
        await service.resolve(tx, incident_id=incident.id, text="", by=BEN, now=after(87))
    assert await watched(db, incident.id, 500) == ()


@pytest.mark.parametrize("severity", ["P3", "P4"])
async def test_a_minor_incident_pages_nobody_and_has_no_clocks(db: Database, severity: Severity) -> None:
    incident = await declared(db, severity)
    assert clocks.running(incident) == ()
    assert await watched(db, incident.id, 500) == ()
    assert not any(target == "pagerduty" for target, _, _ in await told(db, incident.id))
    # Once it turns out to be critical, it pages.
    async with db.transaction() as tx:
        await service.assess(
            tx, incident_id=incident.id, severity="P1", components=(), impact="", by=BEN, now=after(9)
        )
    assert ("pagerduty", "trigger", f"hotel-booking-incident-{incident.id}") in await told(db, incident.id)


async def test_customers_read_published_updates_and_nothing_else(db: Database) -> None:
    incident, silent = await declared(db), await declared(db, title="internal")
    offered = templates.TEMPLATES[0]
    async with db.transaction() as tx:
        await service.publish(
            tx, incident_id=incident.id, status="investigating", body=offered.body, title="Payments fail",
            template=offered.key, by=BEN, now=after(4),
        )  # fmt: skip
        await service.publish(
            tx, incident_id=incident.id, status="identified", body=offered.body + " More.",
            template=offered.key, by=BEN, now=after(5),
        )  # fmt: skip
        await service.note(
            tx, incident_id=incident.id, text="the password is swordfish", by=BEN, now=after(6)
        )
        with pytest.raises(IncidentMovedOn, match="told exactly this at"):
            async with tx.savepoint():
                await service.publish(
                    tx, incident_id=incident.id, status="identified", body=offered.body + " More.",
                    by=ADA, now=after(6),
                )  # fmt: skip
        with pytest.raises(IncidentMovedOn, match="resolved when it is"):
            async with tx.savepoint():
                await service.publish(
                    tx, incident_id=incident.id, status="resolved", body="Over.", by=BEN, now=after(7)
                )
        (shown,) = await queries.public_incidents(tx, since=NOW)
    assert shown.id == incident.id != silent.id
    assert (shown.title, shown.status, shown.impact) == ("Payments fail", "identified", "critical")
    assert shown.components == ("payments",)
    assert [(one.status, one.template) for one in shown.updates] == [
        ("identified", None),
        ("investigating", "investigating"),
    ]
    async with db.transaction() as tx:
        await service.resolve(tx, incident_id=incident.id, text="", by=BEN, now=after(8))
        await service.publish(
            tx, incident_id=incident.id, status="resolved", body="Over.", by=BEN, now=after(9)
        )
        (shown,) = await queries.public_incidents(tx, since=after(8))
        assert (shown.status, shown.resolved_at) == ("resolved", after(8))
        assert await queries.public_incidents(tx, since=after(9)) == []


async def test_what_has_come_back_is_reopened_with_its_clocks(db: Database) -> None:
    incident = await declared(db)
    async with db.transaction() as tx:
        with pytest.raises(IncidentMovedOn):
            await service.reopen(tx, incident_id=incident.id, text="", by=BEN, now=after(1))
        await service.publish(
            tx, incident_id=incident.id, status="investigating", body="We look.", by=BEN, now=after(2)
        )
        await service.resolve(tx, incident_id=incident.id, text="", by=BEN, now=after(3))
        with pytest.raises(IncidentMovedOn):
            await service.acknowledge(tx, incident_id=incident.id, by=BEN, now=after(4))
        again = await service.reopen(tx, incident_id=incident.id, text="it is back", by=BEN, now=after(100))
    assert (again.phase, again.resolved_at) == ("response", None)
    assert await watched(db, incident.id, 124) == ()
    assert await watched(db, incident.id, 125) == ("update_soon",)


async def test_mean_times_are_of_the_incidents_declared_meanwhile(db: Database) -> None:
    for minutes in (10, 20):
        incident = await declared(db)
        async with db.transaction() as tx:
            await service.acknowledge(tx, incident_id=incident.id, by=BEN, now=after(minutes / 5))
            await service.resolve(tx, incident_id=incident.id, text="", by=BEN, now=after(minutes))
    await declared(db, "P3")
    await declared(db, now=after(60 * 24 * 40))
    async with db.reading() as tx:
        found = {one.severity: one for one in await queries.times(tx, since=NOW, until=after(60))}
    assert (found["P1"].incidents, found["P1"].mtta, found["P1"].mttr) == (2, 180.0, 900.0)
    assert found["P1"].longest == 1200.0
    assert (found["P3"].incidents, found["P3"].unresolved, found["P3"].mttr) == (1, 1, None)
    assert found["P2"].incidents == 0


async def test_what_is_pasted_from_a_terminal_is_no_command_to_the_next_one(db: Database) -> None:
    """`incident show` writes it to the terminal of whoever looks; half a character was a traceback."""
    incident = await declared(db, title="Two\nlines\x1b[2J of \x1b[31mred\x1b[0m")
    assert incident.title == "Two lines of red"
    note = "\x1b]0;title\x07a\tcaf\udce9\x07\rnext"
    async with db.transaction() as tx:
        await service.note(tx, incident_id=incident.id, text=note, by=Actor("A\x1b[1m\nB"), now=NOW)
        (entry,) = [one for one in await queries.timeline(tx, incident.id) if one.kind == "note"]
    assert (entry.text, entry.actor) == ("a\tcaf?\nnext", "A B")


async def test_what_is_wrong_is_refused_and_changes_nothing(db: Database) -> None:
    async with db.transaction() as tx:
        for wrong in (
            {"title": " "},
            {"title": "x" * 201},
            {"title": "a\x00b"},
            {"severity": "P9"},
            {"components": ("cellar",)},
            {"started_at": after(1)},
            {"started_at": after(-60 * 24 * 31)},
        ):
            with pytest.raises(InvalidIncident):
                await service.declare(
                    tx, **{"title": "T", "severity": "P1", "by": ADA, "now": NOW, **wrong}  # type: ignore[arg-type]  # wrong on purpose
                )  # fmt: skip
        with pytest.raises(IncidentNotFound):
            await service.acknowledge(tx, incident_id=999, by=ADA, now=NOW)
        assert await queries.list_incidents(tx) == []
        assert await tx.fetchval("SELECT count(*) FROM incident_entry") == 0


@pytest.mark.parametrize(
    ("title", "first"),
    [
        ("Guests cannot pay", "payments-fail"),
        ("The disk of db-1 is full", "full-disk"),
        ("The certificate is over", "certificates"),
        ("Mails and other jobs wait", "jobs-wait"),
        ("Redis is gone", "redis-issues"),
        ("The database restarts", "database-issues"),
        ("Nobody knows", "high-error-rate"),
    ],
)
async def test_what_is_typed_in_a_hurry_brings_the_checklist_that_fits(
    db: Database, title: str, first: str
) -> None:
    incident = await declared(db, title=title)
    assert checklists.for_incident(incident, [])[0].anchor == first
