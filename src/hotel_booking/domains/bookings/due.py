"""What is due of a booking, and when. Pure: the preview and the charge are computed by the same code.

Amounts are minor units of the booking's currency; instants are UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from hotel_booking.core.dates import local_instant
from hotel_booking.domains.bookings.pricing import nights_of
from hotel_booking.domains.bookings.types import STANDING, Booking, Reservation
from hotel_booking.domains.rates.cancellation import (
    balance_instant,
    deadlines,
    due_on_booking,
    fee_amount,
    fee_at,
)

_BEFORE_IT_LAPSES = timedelta(days=1)


class RefundStage(msgspec.Struct, frozen=True):
    """From `since` (None: from now on) cancelling costs `fee` and gives `refund` back, what was only reserved
    included."""

    since: datetime | None
    fee: int
    refund: int


class PaymentSchedule(msgspec.Struct, frozen=True):
    """What of a booking's price is neither paid nor reserved: `now` is due already, each of `later` on a day
    to come of the hotel's, and `at_hotel` is paid in the house."""

    now: int
    later: tuple[tuple[date, int], ...]
    at_hotel: int


def due_at(booking: Booking, at: datetime | None) -> int:
    """What the guest should have paid by the instant `at` (None: in the end): deposits, then the balance on
    its day; the fee of a booking that was cancelled or whose guests did not come. Never what the hotel let
    go."""
    if booking.status in ("cancelled", "no_show"):
        return charged(booking, booking.fee)
    if booking.status != "held" and booking.status not in STANDING:
        return 0
    whole = charged(booking, booking.total)
    if at is None or booking.status == "checked_out":
        return whole
    return min(sum(due_of_room(booking, room, at) for room in booking.reservations), whole)


def charged(booking: Booking, amount: int) -> int:
    """What of a price or a fee is owed, once the hotel's goodwill is taken off."""
    return max(amount - booking.goodwill, 0)


def still_open(booking: Booking, at: datetime | None = None) -> int:
    """What of that which is due by `at` (None: in the end) is neither paid nor reserved yet."""
    return max(due_at(booking, at) - booking.paid - booking.reserved, 0)


def open_of(booking: Booking, due: int, *, total: int) -> int:
    """What would be neither paid nor reserved yet of `due`, if the price were `total`."""
    return max(min(due, charged(booking, total)) - booking.paid - booking.reserved, 0)


def payment_schedule(booking: Booking, at: datetime) -> PaymentSchedule:
    """The open part of the price, by when it is due after the instant `at`."""
    known = due = still_open(booking, at)
    later = []
    for instant in _collections(booking):
        if instant > at and (open_then := still_open(booking, instant)) > known:
            day = instant.astimezone(ZoneInfo(booking.timezone)).date()
            later.append((day, open_then - known))
            known = open_then
    return PaymentSchedule(due, tuple(later), still_open(booking) - known)


def balance(booking: Booking) -> int:
    """What of the price, or of the fee of a booking that is over, is not paid yet, whether it is reserved or
    not."""
    return max(due_at(booking, None) - booking.paid, 0)


def overpaid(booking: Booking) -> int:
    """What was paid and is reserved beyond what is owed in the end."""
    return max(booking.paid + booking.reserved - due_at(booking, None), 0)


def due_of_room(booking: Booking, room: Reservation, at: datetime) -> int:
    """What the guest should have paid for one room of a booking that stands by the instant `at`. The fee of a
    room that was cancelled, or whose guests did not come, is for the others to pay, and due no earlier than
    the price was."""
    due = due_on_booking(
        room.terms.deposit,
        room.total,
        nights_of(room),
        currency=room.terms.rules.currency,
        arrival=room.arrival,
        timezone=booking.timezone,
        at=at,
    )
    return min(due, room.owed)


def next_collection(booking: Booking, now: datetime) -> datetime | None:
    """When the next part of the price is to be collected by itself; None: never. Parts that are due already
    are due at once."""
    for at in _collections(booking):
        if still_open(booking, max(at, now)):
            return max(at, now)
    return None


def _collections(booking: Booking) -> list[datetime]:
    return sorted(
        {
            at
            for room in booking.reservations
            if (at := balance_instant(room.terms.deposit, room.arrival, booking.timezone)) is not None
        }
    )


def capture_instant(booking: Booking, *, now: datetime, holds_for: timedelta) -> datetime:
    """When reserved money is taken: at once, or at check-in where every room was sold so, and then at the
    latest a day before the gateway would release it."""
    if any(room.terms.deposit.capture != "check_in" for room in booking.reservations):
        return now
    check_in = local_instant(booking.arrival, booking.check_in_time, booking.timezone)
    return max(now, min(check_in, now + holds_for - _BEFORE_IT_LAPSES))


def refund_stages(booking: Booking, at: datetime) -> list[RefundStage]:
    """What cancelling all that is left gives back now and from each deadline to come."""
    money = booking.paid + booking.reserved
    return [
        RefundStage(since, fee, money - min(fee, money))
        for since, fee in fees_by_deadline(booking, at, cancellation_fee)
    ]


def fees_by_deadline(
    booking: Booking, at: datetime, fee_of: Callable[[Booking, Reservation, datetime], int]
) -> list[tuple[datetime | None, int]]:
    """What is owed where all that is left is cancelled now and from each deadline to come that changes it, by
    the policy each room was sold with. The fee is the whole booking's, with that of rooms that were cancelled
    before, less what the hotel let go."""
    instants: list[datetime | None] = [None]
    instants += sorted(
        {
            since
            for room in booking.staying
            for since, _ in deadlines(room.terms.policy, room.arrival, booking.timezone)
            if since is not None and since > at
        }
    )
    before = sum(room.owed for room in booking.left)
    found: list[tuple[datetime | None, int]] = []
    for since in instants:
        fee = charged(booking, before + sum(fee_of(booking, room, since or at) for room in booking.staying))
        if not found or found[-1][1] != fee:
            found.append((since, fee))
    return found


def not_arriving(booking: Booking) -> int:
    """What it adds to the fees of rooms that were given up before if nobody comes to the others, less what
    the hotel let go."""
    before = sum(room.owed for room in booking.left)
    fee = sum(no_show_fee(room) for room in booking.staying)
    return charged(booking, before + fee) - charged(booking, before)


def cancellation_fee(booking: Booking, room: Reservation, at: datetime) -> int:
    """The fee for one room by its own sold policy, minor units; 0 unless it is confirmed."""
    return agreed_fee(booking, room, at) if room.status == "confirmed" else 0


def agreed_fee(booking: Booking, room: Reservation, at: datetime) -> int:
    """What the policy that one room was sold with keeps of its price where it is given up at the instant
    `at`, minor units."""
    return fee_at(
        room.terms.policy,
        arrival=room.arrival,
        timezone=booking.timezone,
        total=room.total,
        night_totals=nights_of(room),
        at=at,
        currency=booking.currency,
    )


def no_show_fee(room: Reservation) -> int:
    """What not coming costs for one room, minor units."""
    return fee_amount(
        room.terms.policy.no_show,
        total=room.total,
        night_totals=nights_of(room),
        currency=room.terms.rules.currency,
    )


def highest_later_charge(booking: Booking) -> int:
    """The most that could be charged to a kept card later: what the guest agrees to."""
    return max(booking.total - booking.due_now, 0)
