"""What edits of rates read: the values as they stand, and the edits that were made before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.domains.rates.ari import RESTRICTIONS
from hotel_booking.domains.rates.changes import (
    OF_THE_TYPE,
    BulkEdit,
    CellKey,
    InvalidEdit,
    Rows,
    Run,
)
from hotel_booking.domains.rates.copying import FURTHER_PERSONS, Source
from hotel_booking.domains.rates.queries import Catalogue

_MANY = 50


class EditNotFound(NotFound):
    """There is no such edit at this property."""

    code = "rate_edit_not_found"


class Edit(msgspec.Struct, frozen=True):
    """An edit that was made. `undone_by` is the edit that undid it, `undoes` the one that it undid itself."""

    id: int
    kind: str
    made_at: datetime
    made_by: str
    what: str
    first_night: date
    last_night: date
    cells: int
    undoes: int | None
    undone_by: int | None


async def lock_types(tx: Transaction, room_type_ids: Sequence[int]) -> None:
    """One editor at a time for each room type, in one order: PUT /ari waits too. Bookings do not: they
    lock nights, and nights are locked after this."""
    await tx.execute(
        "SELECT FROM room_type WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE", sorted(set(room_type_ids))
    )


class NoArrival(msgspec.Struct, frozen=True):
    """A night that is for sale and not closed, on which no stay can begin all the same: what its levels say
    together asks for `min_stay` nights at least and `max_stay` at most, which is fewer."""

    room_type: str
    rate_plan: str
    night: date
    min_stay: int
    max_stay: int


async def no_arrivals(
    tx: Transaction, property_id: int, ranges: Sequence[tuple[int, int | None, date, date]], *, limit: int
) -> list[NoArrival]:
    """Where no stay can begin as things stand, of the given room types, plans (None: all) and nights, both
    inclusive; also on the plans that are derived. As `contradictions.unfit_on` says it of what would be."""
    if not ranges:
        return []
    kinds, plans, firsts, lasts = (list(column) for column in zip(*ranges, strict=True))
    return await tx.fetch_as(
        NoArrival,
        "SELECT DISTINCT k.code AS room_type, p.code AS rate_plan, r.night,"
        "       greatest(r.min_stay_arrival, r.min_stay_through, o.min_stay_arrival, o.min_stay_through,"
        "                a.min_stay_arrival, a.min_stay_through, p.min_stay)::int AS min_stay,"
        "       least(r.max_stay, o.max_stay, a.max_stay, p.max_stay)::int AS max_stay"
        "  FROM unnest($2::int[], $3::int[], $4::date[], $5::date[]) AS t(kind, plan, first, last)"
        "  JOIN room_type k ON k.id = t.kind"
        "  JOIN room_night r ON r.room_type_id = t.kind AND r.night BETWEEN t.first AND t.last"
        "  JOIN rate_plan p ON p.property_id = $1 AND p.active"
        "   AND (t.plan IS NULL OR p.id = t.plan OR p.parent_id = t.plan)"
        "  LEFT JOIN rate_night o ON (o.room_type_id, o.rate_plan_id, o.night) = (t.kind, p.id, r.night)"
        "  LEFT JOIN rate_night a"
        "    ON (a.room_type_id, a.rate_plan_id, a.night) = (t.kind, p.parent_id, r.night)"
        " WHERE coalesce(o.price, a.price) IS NOT NULL"
        "   AND NOT (r.closed OR r.closed_to_arrival OR coalesce(o.closed OR o.closed_to_arrival, false)"
        "            OR coalesce(a.closed OR a.closed_to_arrival, false))"
        "   AND greatest(r.min_stay_arrival, r.min_stay_through, o.min_stay_arrival, o.min_stay_through,"
        "                a.min_stay_arrival, a.min_stay_through, p.min_stay)"
        "     > least(r.max_stay, o.max_stay, a.max_stay, p.max_stay)"
        " ORDER BY 1, 2, 3 LIMIT $6",
        property_id,
        kinds,
        plans,
        firsts,
        lasts,
        limit,
    )


_COLUMNS = ", ".join(RESTRICTIONS)
_ROOMS = f"""
SELECT room_type_id, night, overbooking_limit, {_COLUMNS} FROM room_night
 WHERE room_type_id = ANY ($1) AND night BETWEEN $2 AND $3
"""
_RATES = f"""
SELECT room_type_id, rate_plan_id, night, price, extra_adult, child_amounts AS children, {_COLUMNS}
  FROM rate_night
 WHERE room_type_id = ANY ($1) AND rate_plan_id = ANY ($4) AND night BETWEEN $2 AND $3
"""


async def current_rows(
    tx: Transaction, room_type_ids: Sequence[int], plan_ids: Sequence[int], first: date, last: date
) -> Rows:
    """What stands now from `first` to `last`, both inclusive, in two statements by primary key."""
    found: dict[tuple[int, int, date], Any] = {
        (row["room_type_id"], OF_THE_TYPE, row["night"]): row
        for row in await tx.fetch(_ROOMS, sorted(set(room_type_ids)), first, last)
    }
    plans = sorted({plan for plan in plan_ids if plan != OF_THE_TYPE})
    if plans:
        for row in await tx.fetch(_RATES, sorted(set(room_type_ids)), first, last, plans):
            found[row["room_type_id"], row["rate_plan_id"], row["night"]] = row
    return found


_EDIT = """
SELECT e.id, e.kind, e.made_at, e.made_by, e.what, e.first_night, e.last_night, e.cells, e.undoes,
       (SELECT max(u.id) FROM rate_edit u WHERE u.undoes = e.id) AS undone_by
  FROM rate_edit e
"""


async def last_edits(tx: Transaction, property_id: int, *, limit: int = 8) -> list[Edit]:
    """The property's last edits, newest first."""
    return await tx.fetch_as(
        Edit, f"{_EDIT} WHERE e.property_id = $1 ORDER BY e.id DESC LIMIT $2", property_id, limit
    )


async def load_edit(tx: Transaction, property_id: int, edit_id: int, *, lock: bool = False) -> Edit:
    """One edit. Raises `EditNotFound`."""
    edit = await tx.fetchrow_as(
        Edit,
        f"{_EDIT} WHERE e.property_id = $1 AND e.id = $2{' FOR UPDATE OF e' if lock else ''}",
        property_id,
        edit_id,
    )
    if edit is None:
        raise EditNotFound(f"there is no edit {edit_id} here")
    return edit


async def runs_of(tx: Transaction, edit_id: int) -> list[Run]:
    """What an edit changed."""
    kept = await tx.fetchval("SELECT changes FROM rate_edit WHERE id = $1", edit_id)
    return msgspec.convert(kept or [], list[Run])


class Editor(msgspec.Struct, frozen=True):
    """Who set a cell last, as far as is known, and when."""

    name: str
    at: datetime


class _Recent(msgspec.Struct, frozen=True):
    made_by: str
    made_at: datetime
    first_night: date
    last_night: date
    room_type_ids: tuple[int, ...]
    changes: tuple[Run, ...] | None


_RECENT = """
SELECT made_by, made_at, first_night, last_night, room_type_ids, changes FROM rate_edit
 WHERE property_id = $1 AND first_night <= $3 AND last_night >= $2 AND room_type_ids && $4
 ORDER BY id DESC LIMIT $5
"""


async def last_editors(tx: Transaction, property_id: int, keys: Sequence[CellKey]) -> dict[CellKey, Editor]:
    """Who set these cells last. A cell is left out where none of the latest edits names it."""
    if not keys:
        return {}
    nights = [key.night for key in keys]
    types = sorted({key.room_type_id for key in keys})
    recent = await tx.fetch_as(_Recent, _RECENT, property_id, min(nights), max(nights), types, _MANY)
    found: dict[CellKey, Editor] = {}
    for edit in recent:
        editor = Editor(edit.made_by, edit.made_at)
        for key in keys:
            if key in found or key.room_type_id not in edit.room_type_ids:
                continue
            if not edit.first_night <= key.night <= edit.last_night:
                continue
            if edit.changes is None or any(_covers(run, key) for run in edit.changes):
                found[key] = editor
    return found


def _covers(run: Run, key: CellKey) -> bool:
    return (
        run.room_type_id == key.room_type_id
        and run.plan_id == key.plan_id
        and run.column == key.column
        and 0 <= (key.night - run.first).days < run.nights
    )


async def record(
    tx: Transaction,
    *,
    property_id: int,
    kind: str,
    made_at: datetime,
    staff_id: int | None,
    made_by: str,
    what: str,
    room_type_ids: Sequence[int],
    first: date,
    last: date,
    cells: int,
    changes: Sequence[Run] | None,
    undoes: int | None = None,
) -> int:
    """Keep an edit; its number."""
    kept = None if changes is None else msgspec.to_builtins(changes)
    edit_id: int = await tx.fetchval(
        "INSERT INTO rate_edit (property_id, kind, made_at, staff_id, made_by, what, room_type_ids,"
        " first_night, last_night, cells, changes, undoes)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " RETURNING id",
        property_id,
        kind,
        made_at,
        staff_id,
        made_by,
        what,
        sorted(set(room_type_ids)),
        first,
        last,
        cells,
        kept,
        undoes,
    )
    return edit_id


async def source_of(tx: Transaction, catalogue: Catalogue, edit: BulkEdit, there: Catalogue) -> Source | None:
    """What an edit at `catalogue` copies from `there`; None where it copies nothing. Raises `InvalidEdit`
    where that hotel has not what the edit is about, or other money."""
    copy = edit.copy
    if copy is None:
        return None
    name = there.property.name
    if there is catalogue and copy.first == edit.first:
        raise InvalidEdit("these are the nights to change themselves", field="copy_from")
    if copy.prices and there.property.currency != catalogue.property.currency:
        raise InvalidEdit(
            f"the prices of {name} are in {there.property.currency}",
            field="copy_hotel",
            fix="copy restrictions alone, or from a hotel with the same currency",
        )
    for code in edit.room_types:
        if code not in there.room_types:
            raise InvalidEdit(f"{name} has no room type {code}", field="copy_hotel", fix="leave it out")
    plans = [code for code in edit.plans if code]
    for code in plans:
        if code not in there.plans:
            raise InvalidEdit(f"{name} has no rate plan {code}", field="copy_hotel", fix="leave it out")
        if (
            copy.prices
            and catalogue.plans[code].parent_id is None
            and there.plans[code].parent_id is not None
        ):
            raise InvalidEdit(f"the prices of {code} are derived at {name}", field="copy_hotel")
    types = {catalogue.room_types[code].id: there.room_types[code].id for code in edit.room_types}
    own = {catalogue.plans[code].id: there.plans[code].id for code in plans}
    if "" in edit.plans:
        own[OF_THE_TYPE] = OF_THE_TYPE
    last = copy.first + (edit.last - edit.first)
    return Source(
        copy,
        await current_rows(tx, list(types.values()), list(own.values()), copy.first, last),
        types,
        own,
        frozenset(catalogue.plans[code].id for code in plans if catalogue.plans[code].parent_id is None),
        edit.first - copy.first,
        len(catalogue.property.child_bands),
        FURTHER_PERSONS
        if there.property.child_bands == catalogue.property.child_bands
        else FURTHER_PERSONS[:1],
    )
