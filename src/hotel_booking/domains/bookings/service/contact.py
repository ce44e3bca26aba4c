"""Correct who a booking is for: an address with a slip in it gets no confirmation. Guests do it as long as
nothing is paid, the hotel at any time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from hotel_booking.core.code_names import is_a
from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_key
from hotel_booking.core.names import clean_text
from hotel_booking.domains.bookings import browsers, mail
from hotel_booking.domains.bookings.errors import HoldExpired, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.hold import LONGEST_REQUESTS
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.notifications import redirection
from hotel_booking.domains.notifications.erasure import NOBODY


async def correct_contact(
    tx: Transaction, *, booking_id: UUID, guest: GuestDetails, requests: str | None, now: datetime
) -> Booking:
    """Write the guest's details and wishes anew; the booking as it is then. Messages that wait go to the new
    address, and the link to pay is sent there too where it went to the old one; what is mailed there opens
    nothing any more. The audit log notes who did it, without what was written. The same details change
    nothing.

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
    await _write(tx, before, guest)
    await tx.execute(
        "UPDATE booking SET requests = $2 WHERE id = $1 AND requests IS DISTINCT FROM $2",
        booking_id,
        requests,
    )
    after = await booking_by_id(tx, booking_id)
    if email_key(after.email) != email_key(before.email):
        await browsers.forget_finders(tx, booking_id=booking_id)
    if after.email != before.email:
        went = await redirection.readdress(tx, booking_id=booking_id, old=before.email, new=after.email)
        if went:
            await mail.link_to_pay_again(tx, after, now=now)
    return after


async def correct_guest(
    tx: Transaction, *, booking_id: UUID, guest: GuestDetails, seen: Sequence[str], now: datetime
) -> Booking:
    """The hotel writes the guest's details anew, of a booking that is held, stands or owes; the booking as it
    is then. Messages that wait go to the new address, or are withdrawn where there is none any more; where
    some went to the old one, or there was none, the confirmation is sent as the booking is now, or the link
    to pay. What the old address was sent opens nothing any more. `seen` are the details as they were shown
    (`details`).

    Raises `WrongState` for a hold that has expired, a guest who was erased, and details that somebody else
    has changed since they were shown.
    """
    await lock_booking(tx, booking_id)
    before = await booking_by_id(tx, booking_id)
    if before.status == "expired":
        raise WrongState("the hold has expired", fix="book the room again")
    if before.email == NOBODY:
        raise WrongState("the guest has been erased: nothing more is kept of them")
    wanted = details(guest)
    if any(one not in both for one, *both in zip(details(before), seen, wanted, strict=True)):
        raise WrongState(
            "somebody has changed the guest’s details meanwhile; nothing was changed",
            fix="look at them as they are now, and correct them again",
        )
    await _write(tx, before, guest)
    after = await booking_by_id(tx, booking_id)
    if email_key(after.email) != email_key(before.email):
        await browsers.forget_finders(tx, booking_id=booking_id)
    if after.email != before.email:
        went = await redirection.readdress(tx, booking_id=booking_id, old=before.email, new=after.email)
        if went and after.status == "held":
            await mail.link_to_pay_again(tx, after, now=now)
        elif (went or not before.email) and after.status in ("confirmed", "checked_in"):
            await mail.confirmed(tx, after, now=now, again=True)
    return after


def details(of: Booking | GuestDetails) -> tuple[str, ...]:
    """Who a booking is for, as it is shown."""
    return (of.given_name, of.family_name, of.email, of.phone or "", of.country or "")


async def _write(tx: Transaction, booking: Booking, guest: GuestDetails) -> None:
    country = await tx.fetchval("SELECT country FROM property WHERE id = $1", booking.property_id)
    guest = guest.reached_in(country)
    await tx.execute(
        "UPDATE guest SET given_name = $2, family_name = $3, email = $4, phone = $5, country = $6"
        " WHERE id = (SELECT guest_id FROM booking WHERE id = $1)"
        "   AND (given_name, family_name, email, phone, country) IS DISTINCT FROM ($2, $3, $4, $5, $6)",
        booking.id,
        guest.given_name,
        guest.family_name,
        guest.email,
        guest.phone,
        guest.country,
    )
