"""Reading the audit log: by object, by booking, and by what somebody looks for. All by indexes, newest
first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.integers import LARGEST_BIGINT


class AuditEntry(msgspec.Struct, frozen=True):
    """One change. `before` and `after` hold the columns that changed; secrets are never among them, and
    personal data is "…"."""

    id: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    address: str
    request_id: str
    action: str
    object_kind: str
    object_id: str
    property_id: int | None
    booking_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """Column, before and after; None where there was or is nothing."""
        before, after = self.before or {}, self.after or {}
        names = [*before, *(name for name in after if name not in before)]
        return [(name, before.get(name), after.get(name)) for name in names]


class EntryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody looks for; None and "" stand for anything."""

    actor_kind: str = ""
    actor_id: str = ""
    object_kind: str = ""
    object_id: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


_ENTRY = (
    "SELECT id, at, actor_kind, actor_id, actor_name, address, request_id, action, object_kind, object_id,"
    "       property_id, booking_id, before, after FROM audit_entry"
)
_LAST = LARGEST_BIGINT
_CROWD = ("guest", "anonymous")  # they have no numbers, and their entries are everywhere
_WITH_IDS = ["staff", "key", "job", "command", "ops", "database"]
# Writers overtake each other by some entries: numbers are not exactly in the order of time.
_CROSSING = 1_000


async def history_of_booking(tx: Transaction, booking_id: UUID, *, limit: int = 200) -> list[AuditEntry]:
    """What happened to a booking, its rooms, its guest and its money, newest first."""
    return _entries(
        await tx.fetch(
            f"{_ENTRY} WHERE booking_id = $1 ORDER BY id DESC LIMIT $2",
            booking_id,
            limit,
        )
    )


async def search(
    tx: Transaction,
    wanted: EntryFilter,
    *,
    within: frozenset[int] | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """Entries that fit, newest first, from below the id `before`. `within`: only of these properties."""
    conditions = ["id < $1"]
    args: list[object] = [before if before is not None else _LAST]

    def where(condition: str, value: object) -> None:
        args.append(value)
        conditions.append(condition.format(f"${len(args)}"))

    for name in ("actor_kind", "actor_id", "object_kind", "object_id", "request_id"):
        if value := getattr(wanted, name):
            where(f"{name} = {{}}", value)
    if wanted.actor_id and not wanted.actor_kind:
        where("actor_kind = ANY ({})", _WITH_IDS)
    if wanted.actor_kind not in _CROWD and (wanted.actor_kind or wanted.actor_id):
        # The index over who acted leaves the crowd out; said as it says it, or it could not be used.
        conditions.append("actor_kind NOT IN ('guest', 'anonymous')")
    if wanted.since is not None:
        where("at >= {}", wanted.since)
        where("id >= {}", await _first_since(tx, wanted.since) - _CROSSING)
    if wanted.until is not None:
        where("at < {}", wanted.until)
        where("id < {}", await _first_since(tx, wanted.until) + _CROSSING)
    args.append(limit)
    newest = f"ORDER BY id DESC LIMIT ${len(args)}"
    matching = f"{_ENTRY} WHERE {' AND '.join(conditions)}"
    if within is None:
        return _entries(await tx.fetch(f"{matching} {newest}", *args))
    # Property by property: asked for several at once in the order of ids, the planner reads the whole log
    # backwards in the hope of meeting them soon.
    args.append(sorted(within))
    return _entries(
        await tx.fetch(
            f"SELECT e.* FROM unnest(${len(args)}::int[]) AS property(number),"
            f" LATERAL ({matching} AND property_id = property.number {newest}) AS e {newest}",
            *args,
        )
    )


async def ids_between(tx: Transaction, since: datetime, until: datetime) -> tuple[int, int]:
    """Between which ids the entries from `since` to before `until` are; some of other times are there too."""
    return await _first_since(tx, since) - _CROSSING, await _first_since(tx, until) + _CROSSING


async def _first_since(tx: Transaction, at: datetime) -> int:
    """The lowest id from a time on, found by halving: the log is (nearly) in the order of time."""
    return int(
        await tx.fetchval(
            "WITH RECURSIVE halved(low, high) AS ("
            "  SELECT 0::bigint, coalesce(max(id), 0) + 1 FROM audit_entry"
            "  UNION ALL SELECT CASE WHEN m.at < $1 THEN m.id + 1 ELSE h.low END,"
            "                   CASE WHEN m.at < $1 THEN h.high ELSE (h.low + h.high) / 2 END"
            "    FROM halved h, LATERAL (SELECT e.id, e.at FROM audit_entry e"
            "          WHERE e.id >= (h.low + h.high) / 2 ORDER BY e.id LIMIT 1) AS m"
            "   WHERE h.low < h.high)"
            " SELECT max(low) FROM halved",
            at,
        )
    )


async def object_kinds(tx: Transaction) -> list[str]:
    """The kinds of objects that the log knows, found by hopping along the index."""
    rows = await tx.fetch(
        "WITH RECURSIVE kinds AS ("
        "  (SELECT object_kind FROM audit_entry ORDER BY object_kind LIMIT 1)"
        "  UNION ALL SELECT (SELECT e.object_kind FROM audit_entry e WHERE e.object_kind > k.object_kind"
        "                     ORDER BY e.object_kind LIMIT 1) FROM kinds k WHERE k.object_kind IS NOT NULL)"
        " SELECT object_kind FROM kinds WHERE object_kind IS NOT NULL"
    )
    return [row["object_kind"] for row in rows]


def _entries(rows: Sequence[Row]) -> list[AuditEntry]:
    return [AuditEntry(**dict(row)) for row in rows]
