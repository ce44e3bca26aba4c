"""What was taken and given back at a property's desk, and by whom: what is counted at the end of a shift.

A payment says how much it is, the audit log who recorded it and when: there they stand once, and nobody can
change them. What went to files with the oldest part of the log is no longer listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Literal

import msgspec

from hotel_booking.core.dates import business_date, business_day_end
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.audit.queries import ids_between
from hotel_booking.domains.payments.types import DESK, DeskWay, desk_way

LONGEST = timedelta(days=31)
Act = Literal["taken", "reversed", "given_back"]


class InvalidPeriod(Invalid):
    """The period has no length, or is longer than 31 days."""

    code = "invalid_period"


class DeskEntry(msgspec.Struct, frozen=True):
    """Money at the desk: taken, handed back, or taken out of the count because it was recorded by mistake;
    `amount` in minor units is negative then. `by` is the name of whoever said so, of the `by_kind` that the
    audit log knows (staff, key); `id` is the number that the log has it under."""

    id: int
    at: datetime
    by_kind: str
    by: str
    act: Act
    gateway: str
    amount: int
    currency: str
    reference: str
    receipt: str | None

    @property
    def way(self) -> DeskWay:
        """How it was paid."""
        return desk_way(self.gateway)


class DeskSum(msgspec.Struct, frozen=True):
    """What one person (or all: `by` is empty) took by one means in one currency, and what went of it. In
    minor units; `reversed` and `given_back` are negative or 0, `total` is what should be there."""

    by: str
    way: DeskWay
    currency: str
    number: int
    taken: int
    reversed: int
    given_back: int

    @property
    def gateway(self) -> str:
        """What payments by this means call it."""
        return DESK[self.way]

    @property
    def total(self) -> int:
        """What is left of it."""
        return self.taken + self.reversed + self.given_back


_ENTRIES = """
WITH said AS MATERIALIZED (
    SELECT id, at, actor_kind, actor_name, action, object_kind, after,
           CASE WHEN object_kind IN ('payment', 'refund') THEN object_id::uuid END AS object_id
      FROM audit_entry
     WHERE property_id = $1 AND id BETWEEN $2 AND $3 AND at >= $4 AND at < $5
       AND object_kind IN ('payment', 'refund')
)
SELECT f.id, f.at, f.actor_kind AS by_kind, f.actor_name AS by, f.act, f.gateway, f.amount, f.currency,
       b.reference, f.receipt
  FROM (SELECT s.id, s.at, s.actor_kind, s.actor_name, p.booking_id, p.gateway, p.currency, p.receipt,
               CASE s.action WHEN 'insert' THEN 'taken' ELSE 'reversed' END AS act,
               CASE s.action WHEN 'insert' THEN p.amount ELSE -p.amount END AS amount
          FROM said s JOIN payment p ON p.id = s.object_id
         WHERE s.object_kind = 'payment' AND p.gateway = ANY ($6)
           AND (s.action = 'insert' OR s.action = 'update' AND s.after ->> 'status' = 'voided')
        UNION ALL
        SELECT s.id, s.at, s.actor_kind, s.actor_name, p.booking_id, p.gateway, p.currency, NULL,
               'given_back', -r.amount
          FROM said s JOIN refund r ON r.id = s.object_id JOIN payment p ON p.id = r.payment_id
         WHERE s.object_kind = 'refund' AND p.gateway = ANY ($6)
           AND s.action = 'update' AND s.after ->> 'status' = 'done') AS f
  JOIN booking b ON b.id = f.booking_id
 ORDER BY f.at, b.reference, f.amount DESC
"""


async def desk_entries(
    tx: Transaction, *, property_id: int, since: datetime, until: datetime
) -> list[DeskEntry]:
    """What happened at the property's desk from `since` to before `until`, oldest first. Raises
    `InvalidPeriod`."""
    if until <= since:
        raise InvalidPeriod("the period ends before it begins", field="until", fix="end it later")
    if until - since > LONGEST:
        raise InvalidPeriod(
            f"at most {LONGEST.days} days are listed at once", field="until", fix="ask for a part of it"
        )
    low, high = await ids_between(tx, since, until)
    return await tx.fetch_as(DeskEntry, _ENTRIES, property_id, low, high, since, until, list(DESK.values()))


def day_began(now: datetime, timezone: str, day_end: time) -> datetime:
    """When the property's present day began."""
    today = business_date(now, timezone, day_end)
    return business_day_end(today - timedelta(days=1), timezone, day_end)


def sums(entries: Iterable[DeskEntry], *, by_person: bool) -> list[DeskSum]:
    """The sums by person, means and currency; by means and currency alone where it is not `by_person`."""
    groups: dict[tuple[str, str, str], list[DeskEntry]] = {}
    ways = list(DESK)
    for entry in entries:
        key = (entry.by if by_person else "", entry.way, entry.currency)
        groups.setdefault(key, []).append(entry)

    def of(found: list[DeskEntry], act: Act) -> int:
        return sum(entry.amount for entry in found if entry.act == act)

    return [
        DeskSum(
            by,
            found[0].way,
            currency,
            len(found),
            of(found, "taken"),
            of(found, "reversed"),
            of(found, "given_back"),
        )
        for (by, _, currency), found in sorted(
            groups.items(), key=lambda item: (item[0][0], ways.index(item[1][0].way), item[0][2])
        )
    ]
