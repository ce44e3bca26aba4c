"""An account's bookings: those made while signed in, and those whose guest has the account's address, which a
mail that arrived there has proved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_keys
from hotel_booking.domains.bookings.types import Status
from hotel_booking.domains.guests.types import Account

_MOST = 500
_NO_ACCOUNT = 0

# The address is looked up in the index of words, whole, and compared as it is: folding may take two for one.
_THEIRS = """
    SELECT o.booking_id FROM guest_account_booking o WHERE o.account_id = $1
    UNION
    SELECT w.booking_id
      FROM booking_words w JOIN booking b ON b.id = w.booking_id JOIN guest g ON g.id = b.guest_id
     WHERE w.words @@ (SELECT string_agg(array_to_tsvector(ARRAY[folded(t)])::text, ' | ')::tsquery
                         FROM unnest($2::text[]) AS t)
       AND small(g.email) = ANY ($2::text[])
"""


# The property as it is called in a language, $3.
_LINES = """
    SELECT b.id, b.reference, b.status, p.slug AS property_slug, p.city,
           coalesce(n.content, p.name) AS property_name,
           p.timezone, p.day_end_time, e.arrival, e.departure,
           (SELECT count(*) FROM reservation r WHERE r.booking_id = b.id
               AND (r.status <> 'cancelled' OR b.status = 'cancelled'))::int AS rooms,
           b.currency, b.total, e.owed, e.refunding, b.created_at, b.hold_expires_at
      FROM booking b JOIN booking_entry e ON e.booking_id = b.id JOIN property p ON p.id = b.property_id
      LEFT JOIN translation n ON n.kind = 'property' AND n.object_id = p.id
                             AND n.language = $3 AND n.field = 'name'
"""


class GuestBooking(msgspec.Struct, frozen=True):
    """One line of the list. `owed` is what the guest has yet to pay, `refunding` what is on its way back."""

    id: UUID
    reference: str
    status: Status
    property_slug: str
    property_name: str
    city: str
    timezone: str
    day_end_time: time
    arrival: date
    departure: date
    rooms: int
    currency: str
    total: int
    owed: int
    refunding: int
    created_at: datetime
    hold_expires_at: datetime


async def remember(tx: Transaction, *, account_id: int, booking_id: UUID) -> None:
    """The booking was made while signed in. The first account keeps it."""
    await tx.execute(
        "INSERT INTO guest_account_booking (booking_id, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        booking_id,
        account_id,
    )


async def may_open(tx: Transaction, account: Account, booking_id: UUID) -> bool:
    """Whether a booking is one of the account's."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM guest_account_booking WHERE booking_id = $1 AND account_id = $2)"
            "    OR EXISTS (SELECT FROM booking b JOIN guest g ON g.id = b.guest_id"
            "                WHERE b.id = $1 AND small(g.email) = ANY ($3::text[]))",
            booking_id,
            account.id,
            email_keys(account.email),
        )
    )


async def ids_of(tx: Transaction, account: Account, *, lock: bool = False) -> list[UUID]:
    """The numbers of all its bookings, in their order; locked until the transaction ends where asked."""
    return await _ids(tx, account.id, account.email, lock=lock)


async def ids_of_address(tx: Transaction, email: str, *, lock: bool = False) -> list[UUID]:
    """The numbers of the bookings whose guest has this address, in its normal form; locked until the
    transaction ends where asked."""
    return await _ids(tx, _NO_ACCOUNT, email, lock=lock)


async def _ids(tx: Transaction, account_id: int, email: str, *, lock: bool) -> list[UUID]:
    rows = await tx.fetch(
        f"SELECT id FROM booking WHERE id IN ({_THEIRS}) ORDER BY id{' FOR UPDATE' if lock else ''}",
        account_id,
        email_keys(email),
    )
    return [row["id"] for row in rows]


async def bookings_of(tx: Transaction, account: Account, language: str = "en") -> list[GuestBooking]:
    """Its bookings, the last to arrive first, hotels by their names in the language. Holds that lapsed are
    none: nothing was booked."""
    return await list_bookings(tx, await ids_of(tx, account), language)


async def list_bookings(tx: Transaction, ids: Sequence[UUID], language: str) -> list[GuestBooking]:
    """Some bookings as lines of a list, the last to arrive first, at most 500; without lapsed holds."""
    return await tx.fetch_as(
        GuestBooking,
        f"{_LINES} WHERE b.id = ANY ($1) AND b.status <> 'expired' ORDER BY e.arrival DESC, b.id LIMIT $2",
        list(ids),
        _MOST,
        language,
    )


async def details_of(tx: Transaction, account: Account) -> list[dict[str, Any]]:
    """All that is kept of its bookings, for the guest's own copy of their data."""
    rows = await tx.fetch(
        "SELECT jsonb_build_object("
        "   'reference', b.reference, 'status', b.status, 'hotel', p.name, 'currency', b.currency,"
        "   'total_minor_units', b.total, 'booked_at', b.created_at, 'confirmed_at', b.confirmed_at,"
        "   'cancelled_at', b.cancelled_at, 'source', b.source, 'language', b.language,"
        "   'requests', b.requests,"
        "   'guest', jsonb_build_object('given_name', g.given_name, 'family_name', g.family_name,"
        "            'email', g.email, 'phone', g.phone, 'country', g.country),"
        "   'rooms', (SELECT jsonb_agg(jsonb_build_object('room_type', t.name, 'rate_plan', l.name,"
        "             'status', r.status, 'arrival', r.arrival, 'departure', r.departure, 'adults', r.adults,"
        "             'children', r.children, 'guest_name', r.guest_name, 'total_minor_units', r.total,"
        "             'checked_in_at', r.checked_in_at, 'checked_out_at', r.checked_out_at)"
        "             ORDER BY r.position) FROM reservation r JOIN room_type t ON t.id = r.room_type_id"
        "             JOIN rate_plan l ON l.id = r.rate_plan_id WHERE r.booking_id = b.id),"
        "   'messages_to_the_hotel', (SELECT jsonb_agg(jsonb_build_object('at', n.created_at, 'text', n.text)"
        "             ORDER BY n.created_at) FROM booking_note n"
        "             WHERE n.booking_id = b.id AND n.staff_id IS NULL),"
        "   'payments', (SELECT jsonb_agg(jsonb_build_object('at', y.created_at, 'status', y.status,"
        "                'amount_minor_units', y.amount, 'by', y.gateway) ORDER BY y.created_at)"
        "                FROM payment y WHERE y.booking_id = b.id),"
        "   'refunds', (SELECT jsonb_agg(jsonb_build_object('at', f.created_at, 'status', f.status,"
        "               'amount_minor_units', f.amount) ORDER BY f.created_at) FROM refund f"
        "               JOIN payment y ON y.id = f.payment_id WHERE y.booking_id = b.id)) AS whole"
        f" FROM booking b JOIN guest g ON g.id = b.guest_id JOIN property p ON p.id = b.property_id"
        f" WHERE b.id IN ({_THEIRS}) ORDER BY b.created_at",
        account.id,
        email_keys(account.email),
    )
    return [row["whole"] for row in rows]


async def messages_of(tx: Transaction, account: Account) -> list[dict[str, Any]]:
    """What was mailed about its bookings, and to its address."""
    rows = await tx.fetch(
        "SELECT jsonb_build_object('at', created_at, 'to', recipient, 'about', template, 'subject', subject,"
        "                          'status', status) AS whole FROM mail_message"
        # Each by its index: a plan for both at once reads all messages.
        f" WHERE id = ANY (ARRAY(SELECT id FROM mail_message WHERE booking_id = ANY (ARRAY({_THEIRS}))"
        "                  UNION SELECT id FROM mail_message WHERE small(recipient) = ANY ($2::text[])))"
        " ORDER BY created_at LIMIT 5000",
        account.id,
        email_keys(account.email),
    )
    return [row["whole"] for row in rows]
