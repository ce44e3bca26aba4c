"""A small hotel for tests, made by SQL so that no service under test is needed to make it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Quote, RoomRequest
from hotel_booking.domains.guests.types import GuestDetails

SLUG = "seaview"
NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
FIRST = date(2030, 3, 1)
NIGHTS = 60
GUEST = GuestDetails("Ana", "Example", "ana@example.com", "+351 21 000 0000", "PT")


async def small_hotel(
    db: Database, *, rooms: int = 1, room_types: Sequence[str] = ("DBL",), price: int = 10_000
) -> dict[str, int]:
    """A property in Lisbon with the given room types, `rooms` of each on every night, and the plans FLEX
    (free until 18:00 the day before, then one night; nothing due now) and NRF (10 % less, all due now,
    nothing back). No taxes. Returns the room types' ids by code."""
    async with db.transaction() as tx:
        property_id = await tx.fetchval(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency, child_bands)"
            " VALUES ($1, 'Sea View', 'PT', 38.7, -9.1, 'Europe/Lisbon', 'EUR', '{2,11}') RETURNING id",
            SLUG,
        )
        flexible = await _policy(tx, property_id, "FLEX", 1, {"kind": "nights", "value": 1})
        strict = await _policy(tx, property_id, "NRF", None, {"kind": "percent", "value": 1_000_000})
        flex = await tx.fetchval(
            "INSERT INTO rate_plan (property_id, code, name, policy_id) VALUES ($1, 'FLEX', 'Flexible', $2)"
            " RETURNING id",
            property_id,
            flexible,
        )
        await tx.execute(
            "INSERT INTO rate_plan (property_id, code, name, policy_id, parent_id, adjust_kind, adjust_value,"
            " deposit_kind) VALUES ($1, 'NRF', 'Non-refundable', $2, $3, 'percent', -100000, 'full')",
            property_id,
            strict,
            flex,
        )
        ids = {}
        for code in room_types:
            ids[code] = await tx.fetchval(
                "INSERT INTO room_type (property_id, code, name, max_occupancy, max_adults, max_children)"
                " VALUES ($1, $2, $2, 4, 3, 2) RETURNING id",
                property_id,
                code,
            )
            await tx.execute(
                "INSERT INTO room (property_id, room_type_id, number)"
                " SELECT $1, $2, $3 || i FROM generate_series(1, $4) AS i",
                property_id,
                ids[code],
                f"{code}-",
                rooms,
            )
            await tx.execute(
                "INSERT INTO room_night (room_type_id, night, physical)"
                " SELECT $1, $2::date + i, $3 FROM generate_series(0, $4 - 1) AS i",
                ids[code],
                FIRST,
                rooms,
                NIGHTS,
            )
            await tx.execute(
                "INSERT INTO rate_night (room_type_id, rate_plan_id, night, price)"
                " SELECT $1, $2, $3::date + i, $4 FROM generate_series(0, $5 - 1) AS i",
                ids[code],
                flex,
                FIRST,
                price,
                NIGHTS,
            )
    return ids


async def sold_from(tx: Transaction, first: date) -> None:
    """Move the nights that are sold, so that the first of them is this."""
    for table in ("room_night", "rate_night"):
        await tx.execute(f"UPDATE {table} SET night = night + $1::int + 1000000", (first - FIRST).days)
        await tx.execute(f"UPDATE {table} SET night = night - 1000000")  # no two are the same meanwhile


async def _policy(
    tx: Transaction, property_id: int, code: str, days_before: int | None, fee: dict[str, object]
) -> int:
    steps = [{"days_before": days_before, "at": "18:00:00", "fee": fee}]
    policy_id: int = await tx.fetchval(
        "INSERT INTO cancellation_policy (property_id, code, name, steps, no_show)"
        " VALUES ($1, $2, $2, $3, $4) RETURNING id",
        property_id,
        code,
        steps,
        fee,
    )
    return policy_id


def stay(first: int, nights: int) -> Stay:
    """A stay that begins `first` days after the hotel's first night."""
    arrival = FIRST + timedelta(days=first)
    return Stay(arrival, arrival + timedelta(days=nights))


async def make_quote(
    db: Database,
    when: Stay,
    *room_types: str,
    plan: str = "FLEX",
    now: datetime = NOW,
    lifetime: timedelta = timedelta(minutes=20),
) -> Quote:
    """A quote for rooms of these types (default: one DBL), two adults each."""
    async with db.transaction() as tx:
        return await service.quote(
            tx,
            property_slug=SLUG,
            stay=when,
            rooms=[RoomRequest(code, plan) for code in room_types or ("DBL",)],
            now=now,
            lifetime=lifetime,
        )


async def taken(db: Database, room_type_id: int, when: Stay) -> list[int]:
    """How many rooms are taken on each night of a stay."""
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT taken FROM room_night WHERE room_type_id = $1 AND night >= $2 AND night < $3"
            " ORDER BY night",
            room_type_id,
            when.arrival,
            when.departure,
        )
    return [row["taken"] for row in rows]


async def status_of(db: Database, booking_id: UUID) -> str:
    """A booking's status."""
    async with db.transaction() as tx:
        return str(await tx.fetchval("SELECT status FROM booking WHERE id = $1", booking_id))
