"""What waits to be sent by mail."""

from __future__ import annotations

from typing import Any

import msgspec

from hotel_booking.core.db import Database


class Queued(msgspec.Struct, frozen=True):
    """One mail in the outbox."""

    template: str
    recipient: str
    data: dict[str, Any]


async def sent(db: Database) -> list[Queued]:
    """All mails, in the order in which they were queued."""
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT template, recipient, data FROM mail_message ORDER BY created_at, event_key"
        )
    return [Queued(row["template"], row["recipient"], row["data"]) for row in rows]
