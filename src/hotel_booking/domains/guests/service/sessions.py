"""Whose a session of a guest is."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import sessions
from hotel_booking.domains.guests.queries import ACCOUNT, account_of
from hotel_booking.domains.guests.types import GuestSession


async def resolve(tx: Transaction, *, token: str, now: datetime) -> GuestSession | None:
    """The session of a cookie; None where it has ended or never was. Notes its use every few minutes."""
    row = await sessions.resolve(tx, GUESTS, token=token, account=ACCOUNT, now=now)
    if row is None:
        return None
    return GuestSession(row["session_id"], account_of(row), row["confirmed_at"])
