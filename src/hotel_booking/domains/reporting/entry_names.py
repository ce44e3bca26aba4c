"""What ids in entries of the audit log stand for: rooms by their numbers, plans and types by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hotel_booking.core.db import Transaction
from hotel_booking.domains.audit.queries import Entry

Names = Mapping[tuple[str, int], str]
"""By column and id; without what is gone."""

_COLUMNS = ("room_id", "room_type_id", "rate_plan_id", "parent_id", "policy_id", "property_id", "staff_id")


async def names_in_entries(tx: Transaction, entries: Iterable[Entry]) -> Names:
    """The names of all that the entries' columns refer to. One statement."""
    ids: dict[str, set[int]] = {column: set() for column in _COLUMNS}
    for entry in entries:
        for values in (entry.before, entry.after):
            for column in _COLUMNS:
                value = (values or {}).get(column)
                if isinstance(value, int) and not isinstance(value, bool):
                    ids[column].add(value)
    if not any(ids.values()):
        return {}
    rows = await tx.fetch(
        "SELECT 'room_id' AS col, id, number AS name FROM room WHERE id = ANY ($1::int[])"
        " UNION ALL SELECT 'room_type_id', id, name FROM room_type WHERE id = ANY ($2::int[])"
        " UNION ALL SELECT c.col, p.id, p.name FROM rate_plan p,"
        "   (VALUES ('rate_plan_id', $3::int[]), ('parent_id', $4::int[])) AS c(col, ids)"
        "   WHERE p.id = ANY (c.ids)"
        " UNION ALL SELECT 'policy_id', id, name FROM cancellation_policy WHERE id = ANY ($5::int[])"
        " UNION ALL SELECT 'property_id', id, name FROM property WHERE id = ANY ($6::int[])"
        " UNION ALL SELECT 'staff_id', id::int, name FROM staff WHERE id = ANY ($7::int[])",
        *(sorted(ids[column]) for column in _COLUMNS),
    )
    return {(row["col"], row["id"]): row["name"] for row in rows}
