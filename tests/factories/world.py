"""Small hotels for tests, made by plain SQL: nothing under test is needed to make them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.rates.types import CancellationPolicy, Fee, Step, Tax

NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
TODAY = date(2030, 3, 1)

FLEXIBLE = CancellationPolicy("FLEX", "Flexible", (Step(1, time(18), Fee("nights", 1)),), Fee("nights", 1))
STRICT = CancellationPolicy(
    "NRF", "Non-refundable", (Step(None, time(0), Fee("percent", 1_000_000)),), Fee("percent", 1_000_000)
)


def day(offset: int) -> date:
    """The date so many days after the world's today."""
    return TODAY + timedelta(days=offset)


@dataclass(frozen=True)
class Hotel:
    """A property and its policies' ids by code."""

    id: int
    slug: str
    policies: dict[str, int]


async def make_property(
    tx: Transaction,
    slug: str = "seaview",
    *,
    name: str | None = None,
    at: tuple[float, float] = (38.7, -9.1),
    stars: int = 3,
    amenities: Sequence[int] = (),
    currency: str = "EUR",
    timezone: str = "Europe/Lisbon",
    country: str = "PT",
    child_bands: Sequence[int] = (),
    tax_rounding: Literal["line", "sum"] = "line",
    taxes: Sequence[Tax] = (),
    policies: Sequence[CancellationPolicy] = (FLEXIBLE, STRICT),
) -> Hotel:
    """A property with its taxes and cancellation policies, and nothing to sell yet."""
    property_id = await tx.fetchval(
        "INSERT INTO property (slug, name, lat, lon, stars, amenities, currency, timezone, country,"
        " child_bands, tax_rounding) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        slug,
        name or slug.replace("-", " ").title(),
        *at,
        stars,
        list(amenities),
        currency,
        timezone,
        country,
        list(child_bands),
        tax_rounding,
    )
    for tax in taxes:
        fields = {field: getattr(tax, field) for field in Tax.__struct_fields__}
        places = ", ".join(f"${i}" for i in range(2, len(fields) + 2))
        await tx.execute(
            f"INSERT INTO tax (property_id, {', '.join(fields)}) VALUES ($1, {places})",
            property_id,
            *fields.values(),
        )
    ids = {}
    for policy in policies:
        ids[policy.code] = await tx.fetchval(
            "INSERT INTO cancellation_policy (property_id, code, name, steps, no_show)"
            " VALUES ($1, $2, $3, $4, $5) RETURNING id",
            property_id,
            policy.code,
            policy.name,
            msgspec.to_builtins(policy.steps),
            msgspec.to_builtins(policy.no_show),
        )
    return Hotel(property_id, slug, ids)


async def make_room_type(
    tx: Transaction,
    hotel: Hotel,
    code: str = "DBL",
    *,
    base_occupancy: int = 2,
    max_occupancy: int = 4,
    max_adults: int = 3,
    max_children: int = 2,
    extra_adult: int = 0,
    child_amounts: Sequence[int] = (),
    active: bool = True,
    sort: int = 0,
) -> int:
    """A room type without any nights; its id."""
    room_type_id: int = await tx.fetchval(
        "INSERT INTO room_type (property_id, code, name, base_occupancy, max_occupancy, max_adults,"
        " max_children, extra_adult, child_amounts, active, sort)"
        " VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        hotel.id,
        code,
        base_occupancy,
        max_occupancy,
        max_adults,
        max_children,
        extra_adult,
        list(child_amounts),
        active,
        sort,
    )
    return room_type_id


async def make_plan(
    tx: Transaction,
    hotel: Hotel,
    code: str = "FLEX",
    *,
    policy: str = "FLEX",
    parent: int | None = None,
    adjust: tuple[str, int] | tuple[str, int, bool] | None = None,
    deposit: str = "none",
    **columns: Any,
) -> int:
    """A rate plan; its id. `adjust` is ("percent", ppm) or ("amount", minor units, per person)."""
    kind, value, per_person = (*adjust, False)[:3] if adjust else (None, None, False)
    columns = {
        "property_id": hotel.id,
        "code": code,
        "name": code,
        "policy_id": hotel.policies[policy],
        "parent_id": parent,
        "adjust_kind": kind,
        "adjust_value": value,
        "adjust_per_person": per_person,
        "deposit_kind": deposit,
    } | columns
    places = ", ".join(f"${i}" for i in range(1, len(columns) + 1))
    plan_id: int = await tx.fetchval(
        f"INSERT INTO rate_plan ({', '.join(columns)}) VALUES ({places}) RETURNING id", *columns.values()
    )
    return plan_id


async def make_nights(
    tx: Transaction, room_type_id: int, *, first: int = 0, nights: int = 60, rooms: int = 2, **columns: Any
) -> None:
    """Inventory from `first` days after today on. A night that is there already is changed."""
    await _upsert(
        tx,
        "room_night",
        {"room_type_id": room_type_id},
        first,
        nights,
        {"physical": rooms} | columns,
    )


async def make_rates(
    tx: Transaction,
    room_type_id: int,
    plan_id: int,
    *,
    first: int = 0,
    nights: int = 60,
    price: int | None = 10_000,
    **columns: Any,
) -> None:
    """Prices and restrictions of a plan from `first` days after today on, changing what is there."""
    keys = {"room_type_id": room_type_id, "rate_plan_id": plan_id}
    await _upsert(tx, "rate_night", keys, first, nights, {"price": price} | columns)


async def _upsert(
    tx: Transaction, table: str, keys: dict[str, int], first: int, nights: int, values: dict[str, Any]
) -> None:
    names = [*keys, *values]
    places = ", ".join(f"${i}" for i in range(3, len(names) + 3))
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    await tx.execute(
        f"INSERT INTO {table} (night, {', '.join(names)})"
        f" SELECT $1::date + i, {places} FROM generate_series(0, $2 - 1) AS i"
        f" ON CONFLICT ({', '.join(keys)}, night) DO UPDATE SET {changes}",
        day(first),
        nights,
        *keys.values(),
        *values.values(),
    )


async def make_hold(
    tx: Transaction,
    hotel: Hotel,
    room_type_id: int,
    plan_id: int,
    *,
    first: int,
    nights: int,
    expires: datetime,
) -> UUID:
    """A held booking of one room that lapses at `expires`; it has taken its nights."""
    guest, booking, terms = uuid4(), uuid4(), uuid4()
    await tx.execute(
        "INSERT INTO guest (id, given_name, family_name, email, created_at)"
        " VALUES ($1, 'A', 'B', 'a@example.com', $2)",
        guest,
        NOW,
    )
    await tx.execute("INSERT INTO sale_terms (id, body) VALUES ($1, '{}')", terms)
    await tx.execute(
        "INSERT INTO booking (id, reference, property_id, guest_id, status, currency, total, due_now,"
        " access_hash, created_at, hold_expires_at)"
        " VALUES ($1, $2, $3, $4, 'held', 'EUR', 0, 0, '', $5, $6)",
        booking,
        booking.hex,
        hotel.id,
        guest,
        NOW,
        expires,
    )
    await tx.execute(
        "INSERT INTO reservation (id, booking_id, position, room_type_id, rate_plan_id, arrival, departure,"
        " taken, status, adults, children, terms_id, night_prices, net, tax, total)"
        " VALUES ($1, $2, 1, $3, $4, $5::date, $6::date, daterange($5, $6), 'held', 2, '{}', $7, '[]',"
        " 0, 0, 0)",
        uuid4(),
        booking,
        room_type_id,
        plan_id,
        day(first),
        day(first + nights),
        terms,
    )
    await tx.execute(
        "UPDATE room_night SET taken = taken + 1 WHERE room_type_id = $1 AND night >= $2 AND night < $3",
        room_type_id,
        day(first),
        day(first + nights),
    )
    return booking


async def simple_hotel(
    tx: Transaction, slug: str = "seaview", *, price: int = 10_000, rooms: int = 2, **more: Any
) -> tuple[Hotel, int, int]:
    """A property with the room type DBL and the plan FLEX at one price for 60 nights: it and their ids."""
    hotel = await make_property(tx, slug, **more)
    room_type = await make_room_type(tx, hotel)
    plan = await make_plan(tx, hotel)
    await make_nights(tx, room_type, rooms=rooms)
    await make_rates(tx, room_type, plan, price=price)
    return hotel, room_type, plan


class Counting(Transaction):
    """A transaction that counts its statements."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx._database, wait=0)  # noqa: SLF001  # it is the same transaction
        self._connection = tx._connection  # noqa: SLF001  # the transaction's own connection
        self.statements: list[str] = []

    async def _run(self, method: str, statement: Any, args: tuple[Any, ...]) -> Any:
        self.statements.append(str(statement))
        return await super()._run(method, statement, args)


class _Undo(Exception):
    """Ends a savepoint without keeping anything."""


@asynccontextmanager
async def undone(tx: Transaction) -> AsyncIterator[None]:
    """What happens inside leaves nothing behind."""
    try:
        async with tx.savepoint():
            yield
            raise _Undo
    except _Undo:
        pass
