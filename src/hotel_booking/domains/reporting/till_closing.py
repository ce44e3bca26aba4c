"""The till is counted and closed: what should be in it, what is, and what the next shift begins with.

It is about cash in the property's currency. A closing takes what came and went since the one before it, each
entry of the audit log once, by its number: what was being recorded in the very moment of a closing is in the
next one. Closings are never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict, Invalid
from hotel_booking.core.integers import LARGEST_BIGINT
from hotel_booking.core.names import clean_text
from hotel_booking.domains.payments.types import DESK
from hotel_booking.domains.reporting.till import LONGEST, Act, DeskEntry, desk_entries

LONGEST_NOTE = 500
# How long somebody may take to record a payment: what came to light so late is still in the next closing.
_LATE = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


class TillMoved(Conflict):
    """Cash came or went, or somebody has closed the till, since it was counted. Nothing was closed."""

    code = "till_moved"


class Closing(msgspec.Struct, frozen=True):
    """A till as it was closed; minor units. `cash_reversed` and `cash_given_back` are negative or 0,
    `removed` is what of the counted money went to the safe or the bank, and `left_before` what the closing
    before had left (None for the first)."""

    id: int
    since: datetime
    closed_at: datetime
    currency: str
    opening: int
    cash_taken: int
    cash_reversed: int
    cash_given_back: int
    counted: int
    removed: int
    note: str
    closed_by: str
    left_before: int | None

    @property
    def between(self) -> int:
        """What was there at the beginning beyond what the closing before had left; negative where it was
        less. No closing counts it: whoever began with another amount than was left says why."""
        return 0 if self.left_before is None else self.opening - self.left_before

    @property
    def expected(self) -> int:
        """What should have been there."""
        return self.opening + self.cash_taken + self.cash_reversed + self.cash_given_back

    @property
    def difference(self) -> int:
        """What was there beyond that; negative where money is missing."""
        return self.counted - self.expected

    @property
    def left(self) -> int:
        """What was left for the next shift."""
        return self.counted - self.removed


class UncountedTill(msgspec.Struct, frozen=True):
    """What came and went since the closing before, which is None for the first; oldest first. `looked` is
    later than `since` where that is more than 31 days ago: what is older is in no sum."""

    last: Closing | None
    since: datetime
    looked: datetime
    entries: Sequence[DeskEntry]

    def sum(self, act: Act) -> int:
        """What came or went that way, minor units."""
        return sum(entry.amount for entry in self.entries if entry.act == act)

    @property
    def moved(self) -> int:
        """All of it."""
        return sum(entry.amount for entry in self.entries)

    @property
    def mark(self) -> str:
        """Another one as soon as anything comes, goes or is closed."""
        return f"{self.last.id if self.last else 0}-{max([entry.id for entry in self.entries], default=0)}"


_CLOSING = (
    "SELECT id, since, closed_at, currency, opening, cash_taken, cash_reversed, cash_given_back, counted,"
    "       removed, note, closed_by,"
    "       (SELECT b.counted - b.removed FROM till_closing b WHERE b.property_id = $1 AND b.id < t.id"
    "         ORDER BY b.id DESC LIMIT 1) AS left_before"
    "  FROM till_closing t WHERE property_id = $1"
)


async def closings(
    tx: Transaction, *, property_id: int, before: int | None = None, limit: int
) -> list[Closing]:
    """A property's closings, the newest first; from below the number `before`."""
    return await tx.fetch_as(
        Closing,
        f"{_CLOSING} AND id < $2 ORDER BY id DESC LIMIT $3",
        property_id,
        before if before is not None else LARGEST_BIGINT,
        limit,
    )


async def uncounted(
    tx: Transaction, *, property_id: int, currency: str, begun: datetime, now: datetime
) -> UncountedTill:
    """What there is to count: since the last closing, or since `begun`, when the property's day began. What
    is older than 31 days is not looked for."""
    last = next(iter(await closings(tx, property_id=property_id, limit=1)), None)
    since = last.closed_at if last is not None else begun
    looked = max(since - _LATE if last is not None else since, now + _MINUTE - LONGEST)
    found = await desk_entries(tx, property_id=property_id, since=looked, until=now + _MINUTE)
    first, counted = since, frozenset[int]()
    if last is not None:
        first = await tx.fetchval("SELECT min(since) FROM till_closing WHERE property_id = $1", property_id)
        counted = frozenset(
            row["id"]
            for row in await tx.fetch(
                "SELECT unnest(entries) AS id FROM till_closing WHERE property_id = $1 AND closed_at >= $2",
                property_id,
                looked,
            )
        )
    entries = [
        entry
        for entry in found
        if (entry.gateway, entry.currency) == (DESK["cash"], currency)
        and entry.at >= first
        and entry.id not in counted
    ]
    return UncountedTill(last, since, max(looked, since), entries)


async def close(
    tx: Transaction,
    *,
    property_id: int,
    currency: str,
    begun: datetime,
    opening: int,
    counted: int,
    removed: int,
    note: str,
    seen: str,
    by: str,
    now: datetime,
) -> Closing:
    """Close the till as it was counted; amounts in minor units. `seen` is the mark of what was shown to
    whoever counted. Raises `TillMoved` where that is no longer so, `Invalid` naming the field."""
    for field, amount in (("opening", opening), ("counted", counted), ("removed", removed)):
        if amount < 0:
            raise Invalid("an amount of money in a till is 0 or more", field=field)
    if removed > counted:
        raise Invalid(
            "more is taken out than was counted", field="removed", fix="take out what is there, or less"
        )
    note = clean_text(note, field="note", longest=LONGEST_NOTE, name="a note")
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('till_closing'), $1)", property_id)
    till = await uncounted(tx, property_id=property_id, currency=currency, begun=begun, now=now)
    if till.mark != seen:
        raise TillMoved(
            "cash came or went, or somebody closed the till, since this page was opened; nothing was closed",
            fix="count again",
        )
    await tx.execute(
        "INSERT INTO till_closing (property_id, since, closed_at, currency, opening, cash_taken,"
        "                          cash_reversed, cash_given_back, counted, removed, note, closed_by,"
        "                          entries)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        property_id,
        till.since,
        max(now, till.since),
        currency,
        opening,
        till.sum("taken"),
        till.sum("reversed"),
        till.sum("given_back"),
        counted,
        removed,
        note,
        by,
        [entry.id for entry in till.entries],
    )
    return (await closings(tx, property_id=property_id, limit=1))[0]
