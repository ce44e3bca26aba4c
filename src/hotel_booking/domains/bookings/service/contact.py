"""Correct who a booking is for, as long as it is not paid: an address with a slip in it gets no
confirmation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotel_booking.core.code_names import is_a
from hotel_booking.core.db import Transaction
from hotel_booking.core.names import clean_text
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.errors import HoldExpired, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.hold import LONGEST_REQUESTS
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.notifications import redirection


async def correct_contact(
    tx: Transaction, *, booking_id: UUID, guest: GuestDetails, requests: str | None, now: datetime
) -> Booking:
    """Write the guest's details and wishes anew; the booking as it is then. Messages that wait go to the new
    address, and the link to pay is sent there too where it went to the old one. The audit log notes who did
    it, without what was written. The same details change nothing.

    Raises `WrongState` for a booking that is paid or over, `HoldExpired`, `BookingNotFound`.
    """
    requests = clean_text(requests or "", field="requests", longest=LONGEST_REQUESTS) or None
    status = await lock_booking(tx, booking_id)
    before = await booking_by_id(tx, booking_id)
    if status == "expired" or (status == "held" and before.hold_expires_at <= now):
        raise HoldExpired("the hold has expired", fix="book the room again")
    if status != "held":
        raise WrongState(
            f"the booking is {is_a(status)}: only the hotel can change its guest",
            fix="contact the hotel",
        )
    country = await tx.fetchval("SELECT country FROM property WHERE id = $1", before.property_id)
    guest = guest.reached_in(country)
    await tx.execute(
        "UPDATE guest SET given_name = $2, family_name = $3, email = $4, phone = $5, country = $6"
        " WHERE id = (SELECT guest_id FROM booking WHERE id = $1)"
        "   AND (given_name, family_name, email, phone, country) IS DISTINCT FROM ($2, $3, $4, $5, $6)",
        booking_id,
        guest.given_name,
        guest.family_name,
        guest.email,
        guest.phone,
        guest.country,
    )
    await tx.execute(
        "UPDATE booking SET requests = $2 WHERE id = $1 AND requests IS DISTINCT FROM $2",
        booking_id,
        requests,
    )
    after = await booking_by_id(tx, booking_id)
    if after.email != before.email:
        went = await redirection.readdress(tx, booking_id=booking_id, old=before.email, new=after.email)
        if went:
            await mail.link_to_pay_again(tx, after, now=now)
    return after
