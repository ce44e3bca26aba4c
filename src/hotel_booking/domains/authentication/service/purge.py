"""Clearing away what has ended, of all kinds of accounts: sessions, links, challenges, counted failures."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.kinds import KINDS
from hotel_booking.domains.authentication.service import links, lockout, passkeys, sessions


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove all that opens or counts for nothing any more; how many rows."""
    removed = await lockout.purge(tx, now=now)
    for of in KINDS:
        removed += await sessions.purge(tx, of, now=now)
        removed += await links.purge(tx, of, now=now)
        removed += await passkeys.purge(tx, of, now=now)
    return removed
