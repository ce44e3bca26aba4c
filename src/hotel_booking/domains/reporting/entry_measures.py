"""What the numbers of taxes and rate plans in entries of the audit log count: parts per million, minor units
or nights, which another column of the same row says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hotel_booking.core.db import Transaction
from hotel_booking.domains.audit.queries import AuditEntry

Measures = Mapping[tuple[int, str, int], str]
"""By entry, column and number: percent, amount, fixed, nights, none or full."""

# Kind of object: its numbers, with the column that says what each counts.
_SAID_BY = {
    "tax": {"value": "kind"},
    "rate_plan": {"deposit_value": "deposit_kind", "adjust_value": "adjust_kind"},
}

# An entry of an update holds what changed alone. What stayed was the same until the next change of it, and is
# what the row says now where there was none.
_STOOD = """
SELECT w.entry, w.col, coalesce(
           (SELECT e.before ->> w.col FROM audit_entry e
             WHERE e.object_kind = w.kind AND e.object_id = w.object::text AND e.id > w.entry
               AND e.before ? w.col
             ORDER BY e.id LIMIT 1),
           CASE w.col WHEN 'kind' THEN (SELECT kind FROM tax WHERE id = w.object)
                      WHEN 'deposit_kind' THEN (SELECT deposit_kind FROM rate_plan WHERE id = w.object)
                      ELSE (SELECT adjust_kind FROM rate_plan WHERE id = w.object) END) AS stood
  FROM unnest($1::bigint[], $2::text[], $3::int[], $4::text[]) AS w(entry, kind, object, col)
"""


async def measures_in_entries(tx: Transaction, entries: Iterable[AuditEntry]) -> Measures:
    """What each such number counts. One statement, where an entry does not say it itself."""
    found: dict[tuple[int, str, int], str] = {}
    asked: list[tuple[int, str, int, str]] = []
    open_: dict[tuple[int, str], list[tuple[int, str, int]]] = {}
    for entry in entries:
        for column, by in _SAID_BY.get(entry.object_kind, {}).items():
            for values in (entry.before or {}, entry.after or {}):
                number: Any = values.get(column)
                if not isinstance(number, int):
                    continue
                key = (entry.id, column, number)
                if by in values:
                    found[key] = str(values[by])
                    continue
                if (entry.id, by) not in open_:
                    asked.append((entry.id, entry.object_kind, int(entry.object_id), by))
                open_.setdefault((entry.id, by), []).append(key)
    if asked:
        for row in await tx.fetch(_STOOD, *map(list, zip(*asked, strict=True))):
            if row["stood"] is not None:
                found |= dict.fromkeys(open_[row["entry"], row["col"]], row["stood"])
    return found
