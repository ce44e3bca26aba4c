"""Writing availability, rates and inventory: one call, all or nothing, in a few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict
from hotel_booking.domains.inventory import room_nights
from hotel_booking.domains.inventory.errors import and_more_nights
from hotel_booking.domains.rates.ari import AriError, AriUpdate, Cells, check_lengths, spread
from hotel_booking.domains.rates.queries import Catalogue


class CapacityBelowSold(Conflict):
    """Fewer rooms than are sold on a night. Nothing was changed."""

    code = "capacity_below_sold"


class CapacityAboveRooms(AriError):
    """More rooms than the type has; the overbooking limit is for selling more. Nothing was changed."""

    code = "capacity_above_rooms"


class AriResult(msgspec.Struct, frozen=True):
    """How much was written: lines read, room-nights and rate-nights set. `past` nights of the lines, counted
    line by line, are over and were left as they are."""

    lines: int
    room_nights: int
    rate_nights: int
    past: int = 0


# Column: its type in PostgreSQL.
_TYPES = {
    "price": "bigint",
    "extra_adult": "bigint",
    "children": "text",  # JSON: to the driver an array of arrays is one array
    "closed": "boolean",
    "min_stay_arrival": "int",
    "min_stay_through": "int",
    "max_stay": "int",
    "closed_to_arrival": "boolean",
    "closed_to_departure": "boolean",
}
Key = TypeVar("Key", bound=tuple[Any, ...])

_COLUMNS = {"children": "child_amounts"}


async def update_ari(
    tx: Transaction,
    *,
    catalogue: Catalogue,
    updates: Sequence[AriUpdate],
    now: datetime,
    lengths_checked: bool = False,
    past: bool = True,
) -> AriResult:
    """Set what the lines say, all of it or nothing.

    A night that is named for the first time goes on sale with the given capacity, or with all rooms of
    the type. Raises `AriError` naming the line, `CapacityAboveRooms`, and `CapacityBelowSold` naming line
    and nights. `lengths_checked`: the lengths of stay have been checked against what stands there, or are
    brought back as they were. Without `past` nights before the property's today are counted and left alone.
    """
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    cells = spread(updates, catalogue, today, since=date.min if past else today)
    if not lengths_checked:
        check_lengths(cells, updates, catalogue)
    keys = sorted(cells.rooms)
    await room_nights.put_on_sale(tx, keys)
    await _place_capacity(tx, cells, catalogue)
    changed = sorted(key for key, values in cells.rooms.items() if values)
    await _check_capacity(tx, cells, changed)
    for names, rows in _by_shape({key: cells.rooms[key] for key in changed}).items():
        await room_nights.change(tx, names, rows)
    for names, rates in _by_shape(cells.rates).items():
        await _set_rate_nights(tx, names, rates)
    return AriResult(len(updates), len(keys), len(cells.rates), cells.past)


async def _place_capacity(tx: Transaction, cells: Cells, catalogue: Catalogue) -> None:
    """Where the lines' `capacity` belongs: to what is offered of the type's rooms, or to the rooms themselves
    of a type that has none by number. Raises `CapacityAboveRooms`."""
    given = {key for key, values in cells.rooms.items() if "capacity" in values}
    if not given:
        return
    rooms = await room_nights.rooms_of_types(tx, {key[0] for key in given})
    for key in sorted(given):
        values = cells.rooms[key]
        capacity: Any = values.pop("capacity")
        there = rooms.get(key[0], 0)
        if there and capacity is not None and capacity > there:
            code = next(kind.code for kind in catalogue.room_types.values() if kind.id == key[0])
            raise CapacityAboveRooms(
                f"the room type {code!r} has {count(there, 'room')},"
                f" and line {cells.lines[key]} offers {capacity}",
                field=f"updates[{cells.lines[key]}].capacity",
                fix=f"offer at most {there}, and set overbooking_limit to sell more",
                extra={"rooms": there},
            )
        if not there and capacity is None:
            raise AriError(
                "the room type has no numbered rooms to offer",
                field=f"updates[{cells.lines[key]}].capacity",
                fix="give a number, or create its rooms first",
            )
        values["offered" if there else "physical"] = capacity


async def _check_capacity(tx: Transaction, cells: Cells, changed: Sequence[tuple[int, date]]) -> None:
    """Lock the nights in the order that bookings lock them, and refuse fewer rooms than are sold."""
    short: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in await room_nights.lock(tx, changed):
        key = (row.room_type_id, row.night)
        given = cells.rooms[key]
        physical: Any = given.get("physical", row.physical)
        offered: Any = given.get("offered", row.offered)
        limit: Any = given.get("overbooking_limit", row.overbooking_limit)
        left = min(physical - row.blocked, physical if offered is None else offered)
        if row.taken > max(left, 0) + limit:
            short[cells.lines[key]].append(
                {"night": row.night.isoformat(), "sold": row.taken, "blocked": row.blocked}
            )
    if short:
        index, nights = min(short.items())
        needed = count(nights[0]["sold"] + nights[0]["blocked"], "room")
        raise CapacityBelowSold(
            f"line {index} leaves fewer rooms than are sold on {nights[0]['night']}"
            + and_more_nights(len(nights) - 1),
            field=f"updates[{index}].capacity",
            fix=f"keep at least {needed}, or move bookings first",
            extra={"nights": nights[:50]},
        )


def _by_shape(
    rows: Mapping[Key, Mapping[str, object]],
) -> dict[tuple[str, ...], list[tuple[Key, Mapping[str, object]]]]:
    """Rows that set the same columns go into one statement; keys in lock order."""
    shapes: dict[tuple[str, ...], list[tuple[Key, Mapping[str, object]]]] = defaultdict(list)
    for key in sorted(rows):
        shapes[tuple(sorted(rows[key]))].append((key, rows[key]))
    return shapes


async def _set_rate_nights(
    tx: Transaction, names: Sequence[str], rows: Sequence[tuple[tuple[int, int, date], Mapping[str, object]]]
) -> None:
    arrays = ", ".join(f"${i}::{_TYPES[name]}[]" for i, name in enumerate(names, start=4))
    columns = ", ".join(_COLUMNS.get(name, name) for name in names)
    values = ", ".join(
        "(SELECT array_agg(c::bigint) FROM jsonb_array_elements_text(w.children::jsonb) AS c)"
        if name == "children"
        else f"w.{name}"
        for name in names
    )
    settings = ", ".join(f"{column} = excluded.{column}" for column in columns.split(", "))
    await tx.execute(
        f"INSERT INTO rate_night (room_type_id, rate_plan_id, night, {columns})"
        f" SELECT w.room_type_id, w.rate_plan_id, w.night, {values}"
        f"  FROM unnest($1::int[], $2::int[], $3::date[], {arrays})"
        f"       AS w(room_type_id, rate_plan_id, night, {', '.join(names)})"
        "  ORDER BY 1, 2, 3"
        f" ON CONFLICT (room_type_id, rate_plan_id, night) DO UPDATE SET {settings}",
        [key[0] for key, _ in rows],
        [key[1] for key, _ in rows],
        [key[2] for key, _ in rows],
        *([_sent(name, given[name]) for _, given in rows] for name in names),
    )


def _sent(name: str, value: object) -> object:
    return msgspec.json.encode(value).decode() if name == "children" and value is not None else value
