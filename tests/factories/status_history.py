"""Ninety days of probes, an incident that lasts, one that is over, and a window ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import invariant_results
from hotel_booking.domains.incidents import maintenance, service, status_probes
from hotel_booking.domains.incidents.status_types import COMPONENTS, Outcome, Probe, Round
from hotel_booking.domains.incidents.templates import TEMPLATES
from hotel_booking.domains.incidents.types import Actor

BY = Actor("Operations")


def looked(at: datetime, outcome: Outcome = "up", **others: Outcome) -> Round:
    """A round in which all components were so, but for some."""
    return Round(at, tuple(Probe(key, others.get(key, outcome), 12) for key in COMPONENTS))


async def probed(db: Database, *rounds: Round) -> None:
    """Probes that were told."""
    async with db.transaction() as tx:
        for one in rounds:
            await status_probes.record(tx, one)


async def history(db: Database, now: datetime) -> None:
    """All of it, as of `now`."""
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO status_day (day, component, up, slow, down)"
            " SELECT $1::date - i, c, 2860, CASE i WHEN 7 THEN 900 ELSE 20 END,"
            "        CASE i WHEN 12 THEN 4 WHEN 30 THEN 300 ELSE 0 END"
            "   FROM generate_series(1, 80) AS i, unnest($2::text[]) AS c WHERE i <> 45",
            now.astimezone(UTC),
            list(COMPONENTS),
        )
        gone = await service.declare(
            tx,
            title="Search was slow",
            severity="P3",
            components=("search",),
            by=BY,
            now=now - timedelta(days=12),
        )
        lasting = await service.declare(
            tx,
            title="Cards are declined",
            severity="P2",
            components=("payments",),
            by=BY,
            now=now - timedelta(hours=1),
        )
        ready = {template.key: template for template in TEMPLATES}
        for incident, key, at in (
            (gone, "slow", now - timedelta(days=12)),
            (lasting, "booking_fails", now - timedelta(minutes=50)),
        ):
            await service.publish(
                tx,
                incident_id=incident.id,
                status=ready[key].status,
                body=ready[key].body,
                template=key,
                by=BY,
                now=at,
            )
        await service.publish(
            tx,
            incident_id=lasting.id,
            status="identified",
            body="The provider of our card payments has trouble; paying by transfer works.",
            by=BY,
            now=now - timedelta(minutes=20),
        )
        await service.resolve(tx, incident_id=gone.id, text="", by=BY, now=now - timedelta(days=11, hours=22))
        await maintenance.propose(tx, now=now)
        await tx.execute("UPDATE maintenance_window SET announced_at = $1", now)
    await probed(db, *(looked(now - timedelta(minutes=3 - n), payments="down") for n in range(3)))
    await invariant_results.run(db, prices=False, now=now - timedelta(minutes=10))
