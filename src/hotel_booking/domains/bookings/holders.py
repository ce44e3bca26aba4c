"""What somebody who is not known may hold: as many rooms at once as a family compares, and no hotel's night.

A hold takes rooms from everybody else and costs nothing, so it is counted by the maker's address, browser and
mailbox, in the transaction that makes it. API keys and staff are known, and not counted
(docs/decisions/0028-what-an-anonymous-client-may-cost.md).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

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


class Counted(msgspec.Struct, frozen=True):
    """What the database counts a holder by: hashes, and its limits as `holds_admit` takes them."""

    network: bytes
    browser: bytes | None
    mailbox: bytes
    limits: list[int]


def counted(holder: Holder, *, email: str) -> Counted:
    """How a holder is counted who leaves this address."""
    limits = holder.limits
    return Counted(
        _hashed("network", holder.network),
        holder.browser,
        _mailbox(email),
        [limits.per_address, limits.rooms_per_address, limits.per_browser, limits.per_mailbox, _A_DAY],
    )


def too_many(sqlstate: str | None) -> TooManyOpenHolds | None:
    """What `holds_admit` refused, where it did."""
    match sqlstate:
        case "HB014":
            return TooManyOpenHolds(
                "there are too many unpaid holds",
                fix="pay for one of them, cancel it, or wait until it expires; agencies can get an API key",
            )
        case "HB015":
            return TooManyOpenHolds(
                "too many rooms were held without payment within a day",
                fix="pay for one of them, or try again tomorrow; agencies can get an API key",
            )
    return None


async def purge(tx: Transaction, *, now: datetime, limit: int = 1000) -> int:
    """Forget who made holds of the day before yesterday, at most `limit` of them. Returns how many."""
    return await tx.execute(
        "DELETE FROM hold_maker WHERE booking_id = ANY (ARRAY("
        "SELECT booking_id FROM hold_maker WHERE made_at <= $1 ORDER BY made_at LIMIT $2))",
        now - KEPT,
        limit,
    )


def _mailbox(email: str) -> bytes:
    """An address as its reader has it: what stands behind a plus is the same mailbox."""
    local, _, domain = email.strip().casefold().rpartition("@")
    return _hashed("mailbox", f"{local.partition('+')[0]}@{domain}")


def _hashed(kind: str, text: str) -> bytes:
    return sha256(f"{kind}:{text}".encode(errors="replace")).digest()
