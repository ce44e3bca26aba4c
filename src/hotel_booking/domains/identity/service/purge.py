"""Clearing away what has ended: sessions, links, challenges and counted failures."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.service import lockout
from hotel_booking.domains.identity.service import passkeys, sessions, tokens


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove all that opens or counts for nothing any more; how many rows."""
    return (
        await sessions.purge(tx, now=now)
        + await tokens.purge(tx, now=now)
        + await passkeys.purge(tx, now=now)
        + await lockout.purge(tx, now=now)
    )
