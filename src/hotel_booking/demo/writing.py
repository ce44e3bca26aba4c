"""Writes properties and their books by COPY: rows come from generators, so memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Range

from hotel_booking.core.db import Transaction
from hotel_booking.demo import words
from hotel_booking.demo.book import BookingRow, StayRow
from hotel_booking.demo.inventory import Shelf
from hotel_booking.demo.property import Property, Room
from hotel_booking.domains.bookings.reference import encode
from hotel_booking.integrations.sandbox import SandboxGateway

_HOLD = timedelta(minutes=15)
# Columns whose ids we gave; their sequences go on after them.
NUMBERED = ("property", "room_type", "room", "cancellation_policy", "rate_plan")


async def write_properties(tx: Transaction, chain: Sequence[Property]) -> None:
    """Everything about the properties that does not depend on a night."""
    await tx.copy(
        "property",
        "id slug name description stars place_id address postal_code city country lat lon timezone currency"
        " amenities email phone check_in_time check_out_time tax_rounding child_bands".split(),
        map(_property, chain),
    )
    await tx.copy(
        "room_type",
        "id property_id code name description base_occupancy max_occupancy max_adults max_children"
        " extra_adult child_amounts beds size_m2 amenities sort".split(),
        (row for property_ in chain for row in _room_types(property_)),
    )
    await tx.copy(
        "room",
        ("id", "property_id", "room_type_id", "number", "floor"),
        (
            (room.id, property_.id, kind.id, room.number, room.floor)
            for property_ in chain
            for kind in property_.room_types
            for room in kind.rooms
        ),
    )
    await tx.copy(
        "cancellation_policy",
        ("id", "property_id", "code", "name", "steps", "no_show"),
        (
            (
                policy.id,
                property_.id,
                policy.terms.code,
                policy.terms.name,
                policy.terms.steps,
                policy.terms.no_show,
            )
            for property_ in chain
            for policy in property_.policies
        ),
    )
    await tx.copy(
        "tax",
        "property_id code name kind value charge_type included exempt_below_age max_nights valid_from"
        " valid_to".split(),
        ((property_.id, *msgspec.structs.astuple(tax)) for property_ in chain for tax in property_.taxes),
    )
    await tx.copy(
        "rate_plan",
        "id property_id code name description meal policy_id deposit_kind deposit_value parent_id adjust_kind"
        " adjust_value adjust_per_person min_advance_days min_stay sort".split(),
        (row for property_ in chain for row in _plans(property_)),
    )
    await tx.copy("translation", words.COLUMNS, (row for property_ in chain for row in words.rows(property_)))
    for table in NUMBERED:
        await tx.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")


def _property(property_: Property) -> tuple[Any, ...]:
    outline, city = property_.outline, property_.city
    return (
        property_.id,
        outline.slug,
        outline.name,
        outline.description,
        outline.stars,
        city.id,
        outline.address,
        outline.postal_code,
        city.name,
        city.country,
        round(city.lat + outline.at[0], 5),
        round(city.lon + outline.at[1], 5),
        city.timezone,
        property_.currency,
        sorted({*property_.character.amenities, *outline.extras}),
        f"stay@{outline.slug}.example.com",
        property_.phone,
        property_.check_in,
        property_.check_out,
        property_.rounding,
        list(property_.character.children),
    )


def _room_types(property_: Property) -> Iterator[tuple[Any, ...]]:
    for sort, kind in enumerate(property_.room_types):
        outline = kind.outline
        yield (
            kind.id,
            property_.id,
            outline.code,
            kind.name,
            kind.description,
            *outline.persons,
            kind.extra_adult,
            list(kind.child_amounts),
            [{"type": bed, "count": beds} for bed, beds in outline.beds],
            outline.size,
            sorted(outline.amenities),
            sort,
        )


def _plans(property_: Property) -> Iterator[tuple[Any, ...]]:
    for sort, plan in enumerate(property_.plans):
        change = plan.adjustment
        yield (
            plan.id,
            property_.id,
            plan.code,
            plan.name,
            plan.description,
            plan.meal,
            plan.policy.id,
            plan.deposit.kind,
            plan.deposit.value,
            plan.parent,
            change.kind if change else None,
            change.value if change else None,
            change.per_person if change else False,
            plan.min_advance_days,
            plan.min_stay,
            sort,
        )


async def write_book(
    tx: Transaction,
    property_: Property,
    bookings: Sequence[BookingRow],
    terms: Iterable[tuple[UUID, object]],
    shelf: Shelf,
) -> None:
    """The property's bookings, their money, and who has which room."""
    await tx.copy("sale_terms", ("id", "body"), terms)
    await tx.copy(
        "guest",
        ("id", "given_name", "family_name", "email", "country", "created_at"),
        ((b.guest_id, *msgspec.structs.astuple(b.person), b.created_at) for b in bookings),
    )
    await tx.copy(
        "booking",
        "id reference property_id guest_id status currency total due_now requests access_hash source"
        " created_at hold_expires_at confirmed_at cancelled_at".split(),
        (
            (
                b.id, encode(b.reference), property_.id, b.guest_id, b.status, property_.currency, b.total,
                b.due_now, b.requests, b.access_hash, b.source, b.created_at, b.created_at + _HOLD,
                b.confirmed_at, b.cancelled_at,
            )
            for b in bookings
        ),
    )  # fmt: skip
    await tx.copy(
        "reservation",
        "id booking_id position room_type_id rate_plan_id arrival departure taken status adults children"
        " guest_name terms_id night_prices net tax total fee checked_in_at checked_out_at".split(),
        (row for booking in bookings for row in _reservations(booking)),
    )
    await _write_money(tx, property_, bookings)
    await tx.copy("room_use", ("room_id", "stay", "reservation_id", "reason"), _room_uses(bookings, shelf))


def _reservations(booking: BookingRow) -> Iterator[tuple[Any, ...]]:
    for position, stay in enumerate(booking.rooms, start=1):
        yield (
            stay.id, booking.id, position, stay.kind.id, stay.plan.id, booking.arrival, booking.departure,
            Range(*stay.taken) if stay.taken else None, booking.status, stay.adults, list(stay.children),
            stay.guest_name, stay.terms_id, stay.night_prices, stay.net, stay.tax, stay.total, stay.fee,
            booking.checked_in_at, booking.checked_out_at,
        )  # fmt: skip


async def _write_money(tx: Transaction, property_: Property, bookings: Sequence[BookingRow]) -> None:
    """Each booking was paid what was due, a guarantee where nothing was; refunds have gone back."""
    gateway = SandboxGateway.name
    await tx.copy(
        "payment",
        "id booking_id amount currency gateway status gateway_reference created_at updated_at".split(),
        (
            (
                b.payment_id, b.id, b.due_now, property_.currency, gateway, "captured",
                f"sandbox_{b.payment_id.hex}", b.confirmed_at, b.confirmed_at,
            )
            for b in bookings
        ),
    )  # fmt: skip
    returned = [b for b in bookings if b.refund]
    await tx.copy(
        "refund",
        ("id", "payment_id", "amount", "reason", "status", "created_at", "done_at"),
        (
            (b.refund_id, b.payment_id, b.refund, "cancelled", "done", b.cancelled_at, b.cancelled_at)
            for b in returned
        ),
    )
    columns = ("booking_id", "kind", "amount", "currency", "payment_id", "refund_id", "created_at")
    await tx.copy(
        "ledger_entry",
        columns,
        (
            (b.id, "payment", b.due_now, property_.currency, b.payment_id, None, b.confirmed_at)
            for b in bookings
            if b.due_now
        ),
    )
    await tx.copy(
        "ledger_entry",
        columns,
        (
            (b.id, "refund", -b.refund, property_.currency, b.payment_id, b.refund_id, b.cancelled_at)
            for b in returned
        ),
    )


def _room_uses(bookings: Sequence[BookingRow], shelf: Shelf) -> Iterator[tuple[Any, ...]]:
    """Blocks, and the rooms of guests who are or were staying: the first room that is free."""
    busy: dict[int, list[tuple[date, date]]] = {}
    for block in shelf.blocks:
        busy.setdefault(block.room.id, []).append((block.first, block.until))
        yield block.room.id, Range(block.first, block.until), None, block.reason
    stays = sorted(
        ((b.arrival, b.departure, stay) for b in bookings if b.checked_in_at for stay in b.rooms),
        key=lambda item: (item[0], item[2].id),
    )
    for arrival, departure, stay in stays:
        room = _free_room(stay, arrival, departure, busy)
        if room is not None:
            busy.setdefault(room.id, []).append((arrival, departure))
            yield room.id, Range(arrival, departure), stay.id, None


def _free_room(
    stay: StayRow, arrival: date, departure: date, busy: dict[int, list[tuple[date, date]]]
) -> Room | None:
    for room in stay.kind.rooms:
        if all(until <= arrival or departure <= since for since, until in busy.get(room.id, ())):
            return room
    return None
