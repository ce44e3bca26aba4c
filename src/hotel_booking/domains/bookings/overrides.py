"""Doing at the desk what is refused by itself: with a reason, which is kept with the booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict, Invalid

SHORTEST, LONGEST = 5, 1000


class Override(msgspec.Struct, frozen=True):
    """One refusal that was passed over: its code and words, and why."""

    id: int
    refusal: str
    detail: str
    reason: str
    made_at: datetime


def checked_reason(refusal: Conflict, reason: str | None) -> str:
    """The reason for which a refusal is passed over. Raises the refusal where there is none, and `Invalid`
    for one that is shorter or longer than 5 to 1,000 characters."""
    if reason is None:
        refusal.extra["override"] = "override_reason"  # the field that would pass it over
        raise refusal
    text = reason.strip()
    if not SHORTEST <= len(text) <= LONGEST or "\x00" in text:
        raise Invalid(
            f"a reason has {SHORTEST} to {LONGEST} characters",
            field="override_reason",
            fix="say why the rule is overridden",
        )
    return text


async def unless_overridden(
    tx: Transaction, refusal: Conflict, *, booking_id: UUID, reason: str | None, now: datetime
) -> None:
    """Raise the refusal, or keep the reason for which it is passed over, as `checked_reason`."""
    text = checked_reason(refusal, reason)
    await tx.execute(
        "INSERT INTO stay_override (booking_id, refusal, detail, reason, made_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        booking_id,
        refusal.code,
        refusal.detail,
        text,
        now,
    )


async def of_booking(tx: Transaction, booking_id: UUID) -> list[Override]:
    """All of a booking, newest first."""
    return await tx.fetch_as(
        Override,
        "SELECT id, refusal, detail, reason, made_at FROM stay_override"
        " WHERE booking_id = $1 ORDER BY id DESC",
        booking_id,
    )


async def forget(tx: Transaction, booking_ids: Sequence[UUID]) -> None:
    """The reasons go: they may name somebody. That something was passed over stays."""
    await tx.execute(
        "UPDATE stay_override SET reason = 'erased' WHERE booking_id = ANY ($1) AND reason <> 'erased'",
        booking_ids,
    )
