"""Whose a session of a guest is."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import sessions
from hotel_booking.domains.guests.queries import ACCOUNT
from hotel_booking.domains.guests.types import Account, GuestSession


async def resolve(tx: Transaction, *, token: str, now: datetime) -> GuestSession | None:
    """The session of a cookie; None where it has ended or never was. Notes its use every few minutes."""
    found = await sessions.resolve(tx, GUESTS, Account, columns=ACCOUNT, token=token, now=now)
    if found is None:
        return None
    session, account = found
    return GuestSession(session.session_id, account, session.confirmed_at)
