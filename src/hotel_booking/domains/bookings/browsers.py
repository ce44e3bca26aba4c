"""What a browser owns: the bookings that were made in it or opened by reference and address, and what was
typed in a checkout that did not go through. `browser` is the hash of the name in its cookie, 32 bytes; for
what was typed into another form, of that and the form's page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hotel_booking.core.db import Transaction

REMEMBERED = timedelta(days=90)
_DRAFT_KEPT = timedelta(days=1)
# A browser in a hotel's lobby or an agency makes many; a list is for people.
_MOST = 200


async def remember(tx: Transaction, *, browser: bytes, booking_id: UUID, now: datetime) -> None:
    """The browser opens the booking from now on, for `REMEMBERED`; the one that made it since it did, by
    which `forget_finders` knows it. Browsers and tabs add beside each other: nothing is overwritten."""
    await tx.execute(
        "INSERT INTO browser_booking AS w (browser, booking_id, remembered_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (browser, booking_id) DO UPDATE SET remembered_at = excluded.remembered_at"
        "  WHERE w.remembered_at <= $4"
        "     OR w.remembered_at > (SELECT created_at FROM booking WHERE id = w.booking_id)",
        browser,
        booking_id,
        now,
        now - REMEMBERED,
    )


async def may_open(tx: Transaction, *, browser: bytes, booking_id: UUID, now: datetime) -> bool:
    """Whether the browser owns the booking."""
    return bool(
        await tx.fetchval(
            "SELECT true FROM browser_booking WHERE browser = $1 AND booking_id = $2 AND remembered_at > $3",
            browser,
            booking_id,
            now - REMEMBERED,
        )
    )


async def ids_of(tx: Transaction, *, browser: bytes, now: datetime) -> list[UUID]:
    """The bookings that the browser owns, the latest first."""
    rows = await tx.fetch(
        "SELECT booking_id FROM browser_booking WHERE browser = $1 AND remembered_at > $2"
        " ORDER BY remembered_at DESC, booking_id LIMIT $3",
        browser,
        now - REMEMBERED,
        _MOST,
    )
    return [row["booking_id"] for row in rows]


async def keep_draft(tx: Transaction, *, browser: bytes, details: Mapping[str, Any], now: datetime) -> None:
    """Keep what was typed, for a day: who chooses another room types nothing twice."""
    await tx.execute(
        "INSERT INTO checkout_draft (browser, details, kept_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (browser) DO UPDATE SET details = excluded.details, kept_at = excluded.kept_at",
        browser,
        {name: text for name, text in details.items() if text},
        now,
    )


async def draft_of(
    tx: Transaction, *, browser: bytes, now: datetime, kept_for: timedelta = _DRAFT_KEPT
) -> dict[str, Any] | None:
    """What was typed last in a checkout of the browser, at most `kept_for` ago; None where nothing is."""
    row: dict[str, Any] | None = await tx.fetchval(
        "SELECT details FROM checkout_draft WHERE browser = $1 AND kept_at > $2", browser, now - kept_for
    )
    return row


async def forget_draft(tx: Transaction, *, browser: bytes) -> None:
    """It has become a booking."""
    await tx.execute("DELETE FROM checkout_draft WHERE browser = $1", browser)


async def forget_finders(tx: Transaction, *, booking_id: UUID) -> None:
    """No browser opens the booking any more but the one that made it: the address that others found it by
    was not the guest's."""
    await tx.execute(
        "DELETE FROM browser_booking w USING booking b"
        " WHERE b.id = $1 AND w.booking_id = b.id AND w.remembered_at > b.created_at",
        booking_id,
    )


async def forget_bookings(tx: Transaction, *, booking_ids: list[UUID]) -> None:
    """No browser opens these any more: their guest is erased."""
    await tx.execute("DELETE FROM browser_booking WHERE booking_id = ANY ($1)", booking_ids)


async def purge(tx: Transaction, *, now: datetime, limit: int = 1000) -> int:
    """Forget what is over its time, at most `limit` drafts and so many bookings. Returns how many rows."""
    drafts = await tx.execute(
        "DELETE FROM checkout_draft WHERE browser = ANY (ARRAY("
        "SELECT browser FROM checkout_draft WHERE kept_at <= $1 ORDER BY kept_at LIMIT $2))",
        now - _DRAFT_KEPT,
        limit,
    )
    return drafts + await tx.execute(
        "DELETE FROM browser_booking WHERE ctid = ANY (ARRAY("
        "SELECT ctid FROM browser_booking WHERE remembered_at <= $1 ORDER BY remembered_at LIMIT $2))",
        now - REMEMBERED,
        limit,
    )
