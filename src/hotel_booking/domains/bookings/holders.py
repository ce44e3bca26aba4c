"""What somebody who is not known may hold: as many rooms at once as a family compares, and no hotel's night.

A hold takes rooms from everybody else and costs nothing, so it is counted by the maker's address, browser and
mailbox, in the transaction that makes it. API keys and staff are known, and not counted
(docs/decisions/0028-what-an-anonymous-client-may-cost.md).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.errors import TooManyOpenHolds

KEPT = timedelta(days=2)
# So many times the open ones may lapse, be cancelled or be confirmed without money within a day.
_A_DAY = 5


class HoldLimits(msgspec.Struct, frozen=True):
    """Open holds at once, and rooms in all of an address's."""

    per_address: int
    rooms_per_address: int
    per_browser: int
    per_mailbox: int


class Holder(msgspec.Struct, frozen=True):
    """Somebody unknown who makes a hold: the network that limits count their address as, the name of their
    browser (hashed; None where it has none), and what they may hold."""

    network: str
    browser: bytes | None
    limits: HoldLimits


async def admit(tx: Transaction, holder: Holder, *, quote_id: UUID, email: str, now: datetime) -> None:
    """Raise `TooManyOpenHolds` where the holder has enough open already. Until the transaction ends, nobody
    else is counted for the same address, browser or mailbox."""
    network, mailbox = _hashed("network", holder.network), _mailbox(email)
    whos = [network, mailbox, *([holder.browser] if holder.browser is not None else [])]
    rows = await tx.fetch("SELECT * FROM holds_of($1, $2)", whos, now)
    found = {row["who"]: row for row in rows}
    more = await tx.fetchval("SELECT jsonb_array_length(rooms) FROM quote WHERE id = $1", quote_id) or 0
    limits = holder.limits
    checks = [(network, limits.per_address), (mailbox, limits.per_mailbox)]
    if holder.browser is not None:
        checks.append((holder.browser, limits.per_browser))
    if found[network]["rooms"] + more > limits.rooms_per_address or any(
        found[who]["bookings"] >= most for who, most in checks
    ):
        raise TooManyOpenHolds(
            "there are too many unpaid holds",
            fix="pay for one of them, cancel it, or wait until it expires; agencies can get an API key",
        )
    if any(found[who]["unpaid"] >= _A_DAY * most for who, most in checks):
        raise TooManyOpenHolds(
            "too many rooms were held without payment within a day",
            fix="pay for one of them, or try again tomorrow; agencies can get an API key",
        )


async def note(
    tx: Transaction, holder: Holder, *, booking_id: UUID, email: str, rooms: int, now: datetime
) -> None:
    """Count a hold that was made."""
    await tx.execute(
        "INSERT INTO hold_maker (booking_id, network, browser, mailbox, rooms, made_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        booking_id,
        _hashed("network", holder.network),
        holder.browser,
        _mailbox(email),
        rooms,
        now,
    )


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Forget who made holds of the day before yesterday."""
    return await tx.execute("DELETE FROM hold_maker WHERE made_at <= $1", now - KEPT)


def _mailbox(email: str) -> bytes:
    """An address as its reader has it: what stands behind a plus is the same mailbox."""
    local, _, domain = email.strip().casefold().rpartition("@")
    return _hashed("mailbox", f"{local.partition('+')[0]}@{domain}")


def _hashed(kind: str, text: str) -> bytes:
    return sha256(f"{kind}:{text}".encode(errors="replace")).digest()
