"""What ids in entries of the audit log stand for: rooms by their numbers, plans and types by their names,
rooms of a booking as staff see them there, bookings by their references, payments by their amounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from hotel_booking.core import formats
from hotel_booking.core.db import Transaction
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.audit.queries import AuditEntry

Names = Mapping[tuple[str, int | str], str]
"""By column and id; without what is gone."""

_NUMBERS = (
    *("room_id", "room_type_id", "rate_plan_id", "parent_id", "policy_id", "property_id", "staff_id"),
    *("tax_id", "key_id"),
)
# What has a name of its own, by the kind of object: the column that elsewhere refers to it.
_OBJECTS = {
    "room": "room_id",
    "room_type": "room_type_id",
    "rate_plan": "rate_plan_id",
    "policy": "policy_id",
    "property": "property_id",
    "staff": "staff_id",
    "tax": "tax_id",
    "api_key": "key_id",
}
_KEYS = ("reservation_id", "booking_id", "payment_id")  # guests create these: their ids are UUIDs
_SQL = """
SELECT 'room_id' AS col, id, NULL::uuid AS key, number AS name, 0::bigint AS amount, '' AS currency
  FROM room WHERE id = ANY ($1::int[])
UNION ALL SELECT 'room_type_id', id, NULL, name, 0, '' FROM room_type WHERE id = ANY ($2::int[])
UNION ALL SELECT c.col, p.id, NULL, p.name, 0, '' FROM rate_plan p,
  (VALUES ('rate_plan_id', $3::int[]), ('parent_id', $4::int[])) AS c(col, ids) WHERE p.id = ANY (c.ids)
UNION ALL SELECT 'policy_id', id, NULL, name, 0, '' FROM cancellation_policy WHERE id = ANY ($5::int[])
UNION ALL SELECT 'property_id', id, NULL, name, 0, '' FROM property WHERE id = ANY ($6::int[])
UNION ALL SELECT 'staff_id', id::int, NULL, name, 0, '' FROM staff WHERE id = ANY ($7::int[])
UNION ALL SELECT 'tax_id', id, NULL, name, 0, '' FROM tax WHERE id = ANY ($8::int[])
UNION ALL SELECT 'key_id', id, NULL, name, 0, '' FROM api_key WHERE id = ANY ($9::int[])
UNION ALL SELECT 'reservation_id', NULL, r.id,
    CASE WHEN (SELECT count(*) FROM reservation o WHERE o.booking_id = r.booking_id) > 1
         THEN 'room ' || r.position || ', ' ELSE '' END || t.name, 0, ''
  FROM reservation r JOIN room_type t ON t.id = r.room_type_id WHERE r.id = ANY ($10::uuid[])
UNION ALL SELECT 'booking_id', NULL, id, reference, 0, '' FROM booking WHERE id = ANY ($11::uuid[])
UNION ALL SELECT 'payment_id', NULL, p.id, '', p.amount, b.currency
  FROM payment p JOIN booking b ON b.id = p.booking_id WHERE p.id = ANY ($12::uuid[])
"""


async def names_in_entries(tx: Transaction, entries: Iterable[AuditEntry]) -> Names:
    """The names of all that the entries refer to in their columns, of what they are about, and of its
    booking. One statement."""
    numbers: dict[str, set[int]] = {column: set() for column in _NUMBERS}
    keys: dict[str, set[UUID]] = {column: set() for column in _KEYS}
    for entry in entries:
        if entry.booking_id is not None:
            keys["booking_id"].add(entry.booking_id)
        if (own := _own(entry)) is not None:
            numbers[own[0]].add(own[1])
        elif (room := _booked_room(entry)) is not None:
            keys["reservation_id"].add(room)
        for values in (entry.before or {}, entry.after or {}):
            for column in _NUMBERS:
                value: Any = values.get(column)
                if isinstance(value, int) and not isinstance(value, bool):
                    numbers[column].add(value)
            for column in _KEYS:
                if isinstance(value := values.get(column), str):
                    with suppress(ValueError):
                        keys[column].add(UUID(value))
    if not any(numbers.values()) and not any(keys.values()):
        return {}
    asked = [sorted(ids) for ids in numbers.values()] + [sorted(ids) for ids in keys.values()]
    return {
        (row["col"], row["id"] if row["key"] is None else str(row["key"])): row["name"]
        or formats.english(row["amount"], row["currency"])
        for row in await tx.fetch(_SQL, *asked)
    }


def object_name(entry: AuditEntry, names: Names) -> str:
    """What the object of an entry is called; as it was called, where it is gone. "" where it has no name."""
    if (room := _booked_room(entry)) is not None:
        return names.get(("reservation_id", str(room)), "")
    own = _own(entry)
    if own is None:
        return ""
    was = (entry.before or {}).get("number" if entry.object_kind == "room" else "name")
    return names.get(own) or (was if isinstance(was, str) else "")


def _own(entry: AuditEntry) -> tuple[str, int] | None:
    column, number = _OBJECTS.get(entry.object_kind), entry.object_id
    if column is None or not (number.isascii() and number.isdecimal()) or int(number) > LARGEST_INTEGER:
        return None
    return column, int(number)


def _booked_room(entry: AuditEntry) -> UUID | None:
    """The room of a booking that the entry is about: which of several is not told by its id."""
    if entry.object_kind == "reservation":
        with suppress(ValueError):
            return UUID(entry.object_id)
    return None
