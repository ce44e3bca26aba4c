"""Reading bookings: one statement for one, whatever its size."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from hashlib import sha256
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Row, Transaction
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking, QuotedRoom, Reservation, SaleTerms
from hotel_booking.domains.rates.types import NightPrice

_BY_DAY = time(9), time(21)  # on the property's clocks: nobody is written to in the night

_BOOKING = "SELECT * FROM booking_seen "


async def booking_by_id(tx: Transaction, booking_id: UUID) -> Booking:
    """The booking with its reservations. Raises `BookingNotFound`."""
    return loaded(await tx.fetchrow(_BOOKING + "WHERE id = $1", booking_id))


async def lock_and_load(tx: Transaction, booking_id: UUID) -> Booking:
    """The booking with its reservations, locked until the transaction ends, in one round trip. Raises
    `BookingNotFound`.

    Always before any room-night is locked: bookings first, nights second, everywhere.
    """
    return loaded(await tx.fetchrow("SELECT * FROM booking_locked($1)", booking_id))


async def booking_by_reference(tx: Transaction, reference: str) -> Booking:
    """The booking with its reservations; `reference` in its one form. Raises `BookingNotFound`."""
    return loaded(await tx.fetchrow(_BOOKING + "WHERE reference = $1", reference))


async def id_of_reference(tx: Transaction, text: str) -> UUID | None:
    """The booking that somebody means by a reference, however they type it; None where there is none."""
    reference = normalise(text)
    if reference is None:
        return None
    booking_id: UUID | None = await tx.fetchval("SELECT id FROM booking WHERE reference = $1", reference)
    return booking_id


class Written(msgspec.Struct, frozen=True):
    """A booking, and the address that is written to about it; "": none."""

    id: UUID
    reference: str
    email: str


async def written(tx: Transaction, references: list[str]) -> list[Written]:
    """The bookings of these references (in their one form), in their order; those that there are."""
    return await tx.fetch_as(
        Written,
        "SELECT b.id, b.reference, g.email FROM unnest($1::text[]) WITH ORDINALITY AS r(reference, place)"
        "  JOIN booking b ON b.reference = r.reference JOIN guest g ON g.id = b.guest_id ORDER BY r.place",
        references,
    )


async def written_elsewhere(tx: Transaction, booking_id: UUID) -> bool:
    """Whether the guest was written to at another address than theirs is now."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM mail_message m JOIN booking b ON b.id = m.booking_id"
            "                 JOIN guest g ON g.id = b.guest_id"
            "                WHERE m.booking_id = $1 AND m.template <> 'guest_message'"
            "                  AND small(m.recipient) <> small(g.email))",
            booking_id,
        )
    )


class QuoteSeen(msgspec.Struct, frozen=True):
    """A quote as it is seen before a guest's name is taken; `booking_id` and `reference` are those of the
    booking made from it. Amounts are minor units of `currency`."""

    property_id: int
    slug: str
    property_name: str
    currency: str
    arrival: date
    departure: date
    total: int
    due_now: int
    rooms: tuple[QuotedRoom, ...]
    expires_at: datetime
    booking_id: UUID | None
    reference: str | None
    timezone: str
    day_end_time: time


async def quote_seen(tx: Transaction, quote_id: UUID) -> QuoteSeen | None:
    """A quote with its property; None where there is none, or no more."""
    return await tx.fetchrow_as(
        QuoteSeen,
        "SELECT q.property_id, p.slug, p.name AS property_name, q.currency, q.arrival, q.departure, q.total,"
        "       q.due_now, q.rooms, q.expires_at, q.booking_id, b.reference, p.timezone, p.day_end_time"
        "  FROM quote q JOIN property p ON p.id = q.property_id LEFT JOIN booking b ON b.id = q.booking_id"
        " WHERE q.id = $1",
        quote_id,
    )


class RoomSeen(msgspec.Struct, frozen=True):
    """A room of a quote as its guest sees it before booking."""

    room_type_id: int
    room_type_name: str
    rate_plan_id: int
    rate_plan_name: str
    adults: int
    children: tuple[int, ...]
    total: int
    terms: SaleTerms
    night_prices: tuple[NightPrice, ...]


async def rooms_of_quote(tx: Transaction, quote_id: UUID) -> list[RoomSeen]:
    """The quote's rooms in their order, with the terms that they are sold on."""
    return await tx.fetch_as(
        RoomSeen,
        "SELECT t.id AS room_type_id, t.name AS room_type_name, p.id AS rate_plan_id,"
        "       p.name AS rate_plan_name, (r.room ->> 'adults')::int AS adults,"
        "       r.room -> 'children' AS children, (r.room ->> 'total')::bigint AS total, s.body AS terms,"
        "       r.room -> 'night_prices' AS night_prices"
        "  FROM quote q, jsonb_array_elements(q.rooms) WITH ORDINALITY AS r(room, position)"
        "  JOIN room_type t ON t.id = (r.room ->> 'room_type_id')::int"
        "  JOIN rate_plan p ON p.id = (r.room ->> 'rate_plan_id')::int"
        "  JOIN sale_terms s ON s.id = (r.room ->> 'terms_id')::uuid"
        " WHERE q.id = $1 ORDER BY r.position",
        quote_id,
    )


async def free_rooms(
    tx: Transaction, room: Reservation, *, since: date = date.min, limit: int = 300
) -> list[str]:
    """Numbers of the physical rooms of the sold type that are free for the whole stay, or for what is left of
    it `since` a day, and that no guests are in who have not checked out."""
    rows = await tx.fetch(
        "SELECT r.number FROM room r WHERE r.room_type_id = $1 AND r.active AND NOT EXISTS"
        "   (SELECT FROM room_use u WHERE u.room_id = r.id AND u.stay && daterange($2, $3))"
        " AND NOT EXISTS (SELECT FROM room_use u JOIN reservation g ON g.id = u.reservation_id"
        "                  WHERE u.room_id = r.id AND g.status = 'checked_in')"
        " ORDER BY length(r.number), r.number LIMIT $4",
        room.room_type_id,
        max(room.arrival, min(since, room.departure - date.resolution)),
        room.departure,
        limit,
    )
    return [row["number"] for row in rows]


async def lock_booking(tx: Transaction, booking_id: UUID) -> str:
    """Lock the booking's row until the transaction ends; its status. Raises `BookingNotFound`.

    Always before any room-night is locked: bookings first, nights second, everywhere.
    """
    status = await tx.fetchval("SELECT status FROM booking WHERE id = $1 FOR UPDATE", booking_id)
    if status is None:
        raise BookingNotFound("there is no such booking")
    return str(status)


async def to_collect(tx: Transaction, *, now: datetime, limit: int) -> list[UUID]:
    """Bookings of which a part is to be collected by now, the longest overdue first."""
    rows = await tx.fetch(
        "SELECT id FROM booking WHERE collect_at <= $1 ORDER BY collect_at LIMIT $2", now, limit
    )
    return [row["id"] for row in rows]


async def expired_holds(
    tx: Transaction, *, now: datetime, limit: int, after: tuple[datetime, UUID] | None = None
) -> list[tuple[datetime, UUID]]:
    """Holds that have expired at `now` and still have their nights: since when, and their ids, oldest first,
    from the position `after`."""
    rows = await tx.fetch(
        "SELECT hold_expires_at, id FROM booking"
        " WHERE status = 'held' AND hold_expires_at <= $1 AND hold_expires_at >= $3"
        "   AND (hold_expires_at, id) > ($3, $4)"
        " ORDER BY hold_expires_at, id LIMIT $2",
        now,
        limit,
        *(after or (datetime.min.replace(tzinfo=UTC), UUID(int=0))),
    )
    return [(row["hold_expires_at"], row["id"]) for row in rows]


async def unpaid_untold(
    tx: Transaction, *, now: datetime, made_before: datetime, limit: int
) -> list[tuple[datetime, UUID]]:
    """Holds that were made before `made_before` and not looked at before, that have not expired, and whose
    guests got no link to pay: when they were made, and their ids, the first made first."""
    rows = await tx.fetch(
        "SELECT b.created_at, b.id FROM booking b"
        " WHERE b.status = 'held' AND b.hold_expires_at > $1 AND b.created_at < $2"
        # A mark of the future is a simulated clock's.
        "   AND b.created_at >= coalesce((SELECT told_until FROM hold_telling WHERE told_until < $2),"
        "                                '-infinity')"
        "   AND NOT EXISTS (SELECT FROM mail_message m WHERE m.event_key = 'booking:' || b.id || ':held')"
        " ORDER BY b.created_at, b.id LIMIT $3",
        now,
        made_before,
        limit,
    )
    return [(row["created_at"], row["id"]) for row in rows]


async def note_told(tx: Transaction, *, until: datetime) -> None:
    """Holds made before `until` need no looking at any more: see `unpaid_untold`."""
    await tx.execute("UPDATE hold_telling SET told_until = $1", until)


async def arriving_untold(
    tx: Transaction,
    *,
    now: datetime,
    days: int,
    booked_before: datetime,
    after: tuple[date, UUID] | None,
    limit: int,
) -> list[tuple[date, UUID]]:
    """Confirmed bookings that arrive within so many days by the calendar of their property, where it is not
    night, which were made before `booked_before` and have had no word about it; from the position `after`."""
    local_dates = [
        (row["id"], business_date(now, row["timezone"], row["day_end_time"]))
        for row in await tx.fetch("SELECT id, timezone, day_end_time FROM property")
        if _BY_DAY[0] <= now.astimezone(ZoneInfo(row["timezone"])).time() <= _BY_DAY[1]
    ]
    if not local_dates:
        return []
    todays = [today for _, today in local_dates]
    rows = await tx.fetch(
        "SELECT e.arrival, e.booking_id FROM booking_entry e"
        "  JOIN unnest($7::int[], $8::date[]) AS here(property_id, today) ON here.property_id = e.property_id"
        # Whatever the property, these days are all that come into question.
        " WHERE e.arrival BETWEEN $1::date AND $9::date + $2::int"
        "   AND e.arrival > here.today AND e.arrival <= here.today + $2::int"
        "   AND e.status = 'confirmed' AND e.created_at < $3"
        "   AND (e.arrival, e.booking_id) > ($4, $5)"
        "   AND NOT EXISTS (SELECT FROM mail_message m"
        "                    WHERE m.event_key = 'booking:' || e.booking_id || ':before_arrival')"
        " ORDER BY e.arrival, e.booking_id LIMIT $6",
        min(todays),
        days,
        booked_before,
        *(after or (date.min, UUID(int=0))),
        limit,
        [number for number, _ in local_dates],
        todays,
        max(todays),
    )
    return [(row["arrival"], row["booking_id"]) for row in rows]


async def purge_quotes(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Forget unused quotes that expired before `before`, at most `limit`. Returns how many."""
    return await tx.execute(
        "DELETE FROM quote WHERE id = ANY (ARRAY("
        "SELECT id FROM quote WHERE expires_at < $1 AND booking_id IS NULL ORDER BY expires_at LIMIT $2))",
        before,
        limit,
    )


def token_hash(token: str) -> bytes:
    """What is stored of an access token: its SHA-256 (256 random bits need no slow hash)."""
    return sha256(token.encode()).digest()


def loaded(row: Row | None) -> Booking:
    """A row of `booking_seen` as the booking it is. Raises `BookingNotFound` for none."""
    if row is None:
        raise BookingNotFound("there is no such booking", fix="check the reference and the access token")
    fields = {name: row[name] for name in Booking.__struct_fields__}
    fields["reservations"] = msgspec.convert(row["reservations"] or [], tuple[Reservation, ...])
    return Booking(**fields)


async def changes(tx: Transaction, booking_id: UUID) -> int:
    """How many changes of a booking the audit log holds: a number that never falls."""
    return int(await tx.fetchval("SELECT count(*) FROM audit_entry WHERE booking_id = $1", booking_id))
