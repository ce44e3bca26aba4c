"""What messages said, and to whom, is forgotten in its time; that they were sent stays."""

from __future__ import annotations

from datetime import timedelta

from hotel_booking.core import job_queue
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.notifications.erasure import KEPT, NOBODY
from tests.clients.jobs import run_jobs

_AGES = {"fresh": KEPT - timedelta(days=1), "old": KEPT + timedelta(days=1)}


async def test_old_messages_are_emptied_and_young_or_waiting_ones_kept(
    db: Database, database_url: str
) -> None:
    async with db.transaction() as tx:
        for age, since in _AGES.items():
            for status in ("sent", "failed", "uncertain", "waiting"):
                message_id = await tx.fetchval(
                    "INSERT INTO mail_message (id, event_key, template, language, recipient, subject, data,"
                    " status, created_at, touched_at) VALUES (gen_random_uuid(), $1, 'before_arrival', 'en',"
                    " 'ana@example.com', 'Ana, your stay', '{\"name\": \"Ana\"}', $2, $3, $3) RETURNING id",
                    f"{age} {status}",
                    status,
                    utc_now() - since,
                )
                await tx.execute(
                    "INSERT INTO mail_attempt (message_id, at, outcome, reply)"
                    " VALUES ($1, $2, 'sent', 'to ana@')",
                    message_id,
                    utc_now() - since,
                )
        await job_queue.enqueue(tx, queue="mail", task="notifications:forget_old", timestamp="0")
    await run_jobs(db, database_url, "mail")
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT m.event_key, m.recipient, m.subject, m.data::text AS data, a.reply FROM mail_message m"
            " JOIN mail_attempt a ON a.message_id = m.id"
        )
    emptied = {row["event_key"] for row in rows if row["recipient"] == NOBODY}
    assert emptied == {"old sent", "old failed", "old uncertain"}
    for row in rows:
        assert ("ana" in str(tuple(row.values())).lower()) == (row["event_key"] not in emptied)
    assert len(rows) == 8
