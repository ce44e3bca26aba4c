"""Whose a session of staff is, and what they may do."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import sessions
from hotel_booking.domains.authentication.types import Level
from hotel_booking.domains.identity.accounts import GRANTS, grants_of
from hotel_booking.domains.identity.caller import ANONYMOUS, Caller
from hotel_booking.domains.identity.permissions import STRONG_ROLES


class Session(msgspec.Struct, frozen=True):
    """A session that a request carries. Until `level` is full, `caller` is nobody: a factor is owed."""

    id: int
    staff_id: int
    level: Level
    caller: Caller
    email: str


async def resolve(tx: Transaction, *, token: str, now: datetime, mfa_required: bool) -> Session | None:
    """The session of a cookie; None where it has ended or never was. Notes its use once a minute."""
    row = await sessions.resolve(
        tx,
        STAFF,
        token=token,
        account=f"a.email, a.name, {STAFF.second_factor} AS second_factor, {GRANTS} AS grants",
        now=now,
    )
    if row is None:
        return None
    grants = grants_of(row)
    caller = ANONYMOUS
    if row["level"] == "full":
        caller = Caller(
            kind="staff",
            name=row["name"],
            staff_id=row["owner_id"],
            session_id=row["session_id"],
            grants=grants,
            confirmed_at=row["confirmed_at"],
            enrol=mfa_required
            and not row["second_factor"]
            and any(grant.role in STRONG_ROLES for grant in grants),
        )
    return Session(
        id=row["session_id"],
        staff_id=row["owner_id"],
        level=row["level"],
        caller=caller,
        email=row["email"],
    )
