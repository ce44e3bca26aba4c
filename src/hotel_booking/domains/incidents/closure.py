"""The platform closed to guests for as long as it is maintained: by hand, and opened by hand.

Customers see a maintenance window. What stays open (health, notices of payment gateways, staff, the status
page) is decided where requests come in; what becomes of rooms that are held meanwhile, by
`bookings.service.holding_on`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import maintenance
from hotel_booking.domains.incidents.errors import InvalidWindow

CLOSED_UNTIL = "SELECT until FROM site_closure WHERE opened_at IS NULL"
"""The statement whose value is when the platform is expected to open, or nothing while it is open."""

_CURRENT = "SELECT id, window_id, closed_at, until, by_gateway FROM site_closure WHERE opened_at IS NULL"


class Closure(msgspec.Struct, frozen=True):
    """The platform is closed since `closed_at`, and expected to open at `until`; customers see the
    maintenance window `window_id`. `by_gateway`: for as long as the gateway is, which answers before it."""

    id: int
    window_id: int
    closed_at: datetime
    until: datetime
    by_gateway: bool


async def current(tx: Transaction, *, lock: bool = False) -> Closure | None:
    """How the platform is closed; None while it is open. `lock`: until the transaction ends."""
    return await tx.fetchrow_as(Closure, _CURRENT + (" FOR UPDATE" if lock else ""))


async def close(tx: Transaction, *, until: datetime, now: datetime, by_gateway: bool = False) -> Closure:
    """Close the platform, or have it closed until another time, by whom it was closed first. It is told as
    the maintenance that lasts, or else as one that begins now and is announced at once. Raises
    `InvalidWindow`: more than 24 hours in all, or not in the future."""
    closure = await current(tx, lock=True)
    if closure is not None:
        window = await maintenance.find(tx, closure.window_id, lock=True)
        await maintenance.end_at(tx, window, until, now=now)
        await tx.execute("UPDATE site_closure SET until = $2 WHERE id = $1", closure.id, until)
        return replace(closure, until=until)
    if until <= now:
        raise InvalidWindow("it would open in the past", field="until")
    lasting = await maintenance.lasting(tx, now=now)
    if lasting is None:
        window_id = await maintenance.schedule(
            tx,
            starts_at=now,
            ends_at=until,
            title=maintenance.TITLE,
            body=maintenance.BODY,
            now=now,
        )
    else:
        window_id = lasting.id
        if lasting.ends_at < until:
            await maintenance.end_at(tx, lasting, until, now=now)
    await maintenance.announce(tx, now=now)
    closure_id = await tx.fetchval(
        "INSERT INTO site_closure (window_id, closed_at, until, by_gateway) VALUES ($1, $2, $3, $4)"
        " RETURNING id",
        window_id,
        now,
        until,
        by_gateway,
    )
    return Closure(closure_id, window_id, now, until, by_gateway)


async def reopen(tx: Transaction, *, now: datetime) -> Closure | None:
    """Open the platform again, and end the maintenance that it was told as; None: it was open."""
    closure = await current(tx, lock=True)
    if closure is None:
        return None
    await tx.execute("UPDATE site_closure SET opened_at = $2 WHERE id = $1", closure.id, now)
    window = await maintenance.find(tx, closure.window_id, lock=True)
    if window.lasts(now) and now > window.starts_at:
        await maintenance.end_at(tx, window, now, now=now)
    return closure
