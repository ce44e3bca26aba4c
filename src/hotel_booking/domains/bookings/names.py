"""What a booking's or quote's property, room types and rate plans are called in a guest's language, where the
hotel says so."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.queries import QuoteSeen, RoomSeen
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.properties.queries import names_in


async def booking_in(tx: Transaction, booking: Booking, language: str) -> Booking:
    """The booking with the names in the language; those that are not translated stay. One statement."""
    names = await names_in(tx, booking.property_id, language)
    rooms = tuple(
        msgspec.structs.replace(
            room,
            room_type_name=names.get(("room_type", room.room_type_id), room.room_type_name),
            rate_plan_name=names.get(("rate_plan", room.rate_plan_id), room.rate_plan_name),
        )
        for room in booking.reservations
    )
    called = names.get(("property", booking.property_id), booking.property_name)
    return msgspec.structs.replace(booking, property_name=called, reservations=rooms)


async def quote_in(
    tx: Transaction, quote: QuoteSeen, rooms: Sequence[RoomSeen], language: str
) -> tuple[QuoteSeen, list[RoomSeen]]:
    """The same for a quote and its rooms."""
    names = await names_in(tx, quote.property_id, language)
    called = names.get(("property", quote.property_id), quote.property_name)
    return msgspec.structs.replace(quote, property_name=called), [
        msgspec.structs.replace(
            room,
            room_type_name=names.get(("room_type", room.room_type_id), room.room_type_name),
            rate_plan_name=names.get(("rate_plan", room.rate_plan_id), room.rate_plan_name),
        )
        for room in rooms
    ]
