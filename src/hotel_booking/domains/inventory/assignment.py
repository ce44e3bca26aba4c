"""Which physical room a stay has. A room has one stay or block a night: the database excludes a second."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

import asyncpg

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.inventory.errors import RoomInUse

_LONGEST = 40  # characters of a number that no room has, in the refusal


async def numbers_rooms(tx: Transaction, *, property_id: int) -> bool:
    """Whether the property numbers its rooms here; one that does not has none to give."""
    return bool(
        await tx.fetchval("SELECT EXISTS (SELECT FROM room WHERE property_id = $1 AND active)", property_id)
    )


async def assign(
    tx: Transaction,
    *,
    property_id: int,
    number: str,
    reservation_id: UUID,
    stays: Sequence[Stay],
    field: str,
) -> None:
    """Give a room to a reservation, in place of the one that it has, for the first of these stays that finds
    it free. Raises `Invalid` for an unknown room, which the input's `field` names, and `RoomInUse` where the
    room has another stay or a block on one of the nights of each."""
    room_id = await tx.fetchval(
        "SELECT id FROM room WHERE property_id = $1 AND number = $2 AND active", property_id, number
    )
    if room_id is None:
        raise Invalid(f"the property has no room {number[:_LONGEST]}", field=field)
    for stay in stays:
        if await _free_then(
            tx,
            "INSERT INTO room_use (room_id, stay, reservation_id) VALUES ($1, daterange($2, $3), $4)"
            " ON CONFLICT (reservation_id) DO UPDATE SET room_id = excluded.room_id, stay = excluded.stay",
            room_id,
            stay.arrival,
            stay.departure,
            reservation_id,
        ):
            return
    use = await first_use(tx, room_id=room_id, stay=stays[-1], but=reservation_id)
    raise RoomInUse(f"room {number} has {use}", field=field, fix="choose another room")


async def first_use(tx: Transaction, *, room_id: int, stay: Stay, but: UUID | None = None) -> str:
    """What uses a room first on nights of `stay`, `but` one reservation, for a refusal: a stay from
    2030-03-10 to 2030-03-12, or a block."""
    use = await tx.fetchrow(
        "SELECT lower(stay) AS first, upper(stay) AS until, reason IS NOT NULL AS blocks FROM room_use"
        " WHERE room_id = $1 AND stay && daterange($2, $3) AND coalesce(reservation_id <> $4, true)"
        " ORDER BY lower(stay) LIMIT 1",
        room_id,
        stay.arrival,
        stay.departure,
        but,
    )
    if use is None:
        return "a stay or a block on one of these nights"  # which has gone by now
    return f"{'a block' if use['blocks'] else 'a stay'} from {use['first']} to {use['until']}"


async def leave(tx: Transaction, *, reservation_ids: Collection[UUID], on: date) -> None:
    """The rooms of these reservations are free from `on` on; each keeps its first night."""
    await tx.execute(
        "UPDATE room_use SET stay = daterange(lower(stay), greatest(lower(stay) + 1, $2::date))"
        " WHERE reservation_id = ANY ($1) AND upper(stay) > $2::date",
        list(reservation_ids),
        on,
    )


async def release(tx: Transaction, *, reservation_ids: Collection[UUID]) -> None:
    """The rooms of these reservations are free: nobody came, or will."""
    await tx.execute("DELETE FROM room_use WHERE reservation_id = ANY ($1)", list(reservation_ids))


async def in_use_until(tx: Transaction, *, reservation_id: UUID, until: date) -> bool:
    """Whether the reservation's room has another stay or a block between the end of its own and `until`."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM room_use mine JOIN room_use other ON other.room_id = mine.room_id"
            "   AND other.id <> mine.id AND other.stay && daterange(least(upper(mine.stay), $2), $2)"
            " WHERE mine.reservation_id = $1)",
            reservation_id,
            until,
        )
    )


async def prolong(tx: Transaction, *, reservation_id: UUID, until: date) -> bool:
    """The reservation's room is its own until `until`. False where it has another stay or a block by then."""
    return await _free_then(
        tx,
        "UPDATE room_use SET stay = daterange(lower(stay), greatest(upper(stay), $2::date))"
        " WHERE reservation_id = $1",
        reservation_id,
        until,
    )


async def move_nights(tx: Transaction, *, reservation_id: UUID, stay: Stay) -> bool:
    """The reservation's room is its own for other nights. False where it has another stay or a block then."""
    return await _free_then(
        tx,
        "UPDATE room_use SET stay = daterange($2, $3) WHERE reservation_id = $1",
        reservation_id,
        stay.arrival,
        stay.departure,
    )


async def _free_then(tx: Transaction, sql: str, *args: object) -> bool:
    try:
        async with tx.savepoint():
            await tx.execute(sql, *args)
    except asyncpg.ExclusionViolationError:
        return False
    return True
