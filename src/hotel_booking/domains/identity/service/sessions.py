"""Whose a session of staff is, and what they may do."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import sessions
from hotel_booking.domains.authentication.types import Level
from hotel_booking.domains.identity.accounts import GRANTS
from hotel_booking.domains.identity.caller import ANONYMOUS, Caller, Grant
from hotel_booking.domains.identity.permissions import STRONG_ROLES


class Session(msgspec.Struct, frozen=True):
    """A session that a request carries. Until `level` is full, `caller` is nobody: a factor is owed."""

    id: int
    staff_id: int
    level: Level
    caller: Caller
    email: str


class _Member(msgspec.Struct, frozen=True):
    email: str
    name: str
    second_factor: bool
    grants: tuple[Grant, ...]


_COLUMNS = f"a.email, a.name, {STAFF.second_factor} AS second_factor, {GRANTS} AS grants"


async def resolve(tx: Transaction, *, token: str, now: datetime, mfa_required: bool) -> Session | None:
    """The session of a cookie; None where it has ended or never was. Notes its use once a minute."""
    found = await sessions.resolve(tx, STAFF, _Member, columns=_COLUMNS, token=token, now=now)
    if found is None:
        return None
    session, member = found
    caller = ANONYMOUS
    if session.level == "full":
        caller = Caller(
            kind="staff",
            name=member.name,
            staff_id=session.owner_id,
            session_id=session.session_id,
            grants=member.grants,
            confirmed_at=session.confirmed_at,
            enrol=mfa_required
            and not member.second_factor
            and any(grant.role in STRONG_ROLES for grant in member.grants),
        )
    return Session(
        id=session.session_id,
        staff_id=session.owner_id,
        level=session.level,
        caller=caller,
        email=member.email,
    )
