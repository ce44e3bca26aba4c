"""A booking on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from hotel_booking.api.prices import (
    CancellationPolicyTerms,
    PriceLine,
    cancellation_terms,
    price_lines,
)
from hotel_booking.core.dates import Instant
from hotel_booking.core.money import Money
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.agreement import card_terms
from hotel_booking.domains.bookings.due import balance, highest_later_charge, refund_stages
from hotel_booking.domains.bookings.pricing import price_of
from hotel_booking.domains.bookings.types import Booking, Reservation, Status
from hotel_booking.domains.rates.cancellation import describe
from hotel_booking.domains.rates.pricing import night_totals


class GuestAnswer(msgspec.Struct, frozen=True):
    """Who booked. `email` is empty where the desk was given none."""

    given_name: str
    family_name: str
    email: str
    phone: str | None
    country: str | None


class ReservationAnswer(msgspec.Struct, frozen=True):
    """One room-stay of the booking, in a state of its own where it was cancelled before the others, and once
    guests have come. `fee` was charged for a
    cancellation or no-show, in place of `total`."""

    position: int
    status: Status
    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    arrival: date
    departure: date
    nights: int
    adults: int
    children: tuple[int, ...]
    guest_name: str | None
    room: str | None
    total: Money
    fee: Money
    lines: list[PriceLine]
    cancellation: CancellationPolicyTerms


class BookingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A booking: what was bought, for how much, and what was paid. `total` has the fee in place of the price
    of a room that was cancelled before the others (`cancelled`) or, once guests have come, that nobody came
    to (`no_show`). `balance` is still to be paid; `reserved`
    of it is authorised on the guest's card and captured later. `card_terms` are the words to accept before a
    card is kept for later charges; null if there will be none."""

    reference: str
    status: Status
    property: str
    property_name: str
    arrival: date
    departure: date
    total: Money
    due_now: Money
    paid: Money
    reserved: Money
    card_terms: str | None
    balance: Money
    hold_expires_at: Instant
    created_at: Instant
    confirmed_at: Instant | None
    cancelled_at: Instant | None
    guest: GuestAnswer
    requests: str | None
    reservations: list[ReservationAnswer]


class RefundStage(msgspec.Struct, frozen=True):
    """From `since` (null: from now on) cancelling costs `fee` and refunds `refund`."""

    since: Instant | None
    fee: Money
    refund: Money


class CancellationAnswer(msgspec.Struct, frozen=True):
    """What cancelling at `at` costs: `fee` is kept, `refund` goes back, `released` was only authorised on the
    card and is released, `owed` was never paid. `stages` say what cancelling all that is left will cost from
    each deadline on. Of some rooms, `fee` takes the place of their price in the booking's total, and `owed`
    is what is open of that: nothing of it is charged by itself."""

    at: Instant
    fee: Money
    refund: Money
    released: Money
    owed: Money
    stages: list[RefundStage]
    rooms: list[CancellationPolicyTerms]


def booking_answer(booking: Booking, now: datetime) -> BookingAnswer:
    """The booking as its guest and the staff see it."""
    currency = booking.currency
    return BookingAnswer(
        reference=booking.reference,
        status=booking.status,
        property=booking.property_slug,
        property_name=booking.property_name,
        arrival=booking.arrival,
        departure=booking.departure,
        total=Money(booking.total, currency),
        due_now=Money(booking.due_now, currency),
        paid=Money(booking.paid, currency),
        reserved=Money(booking.reserved, currency),
        card_terms=card_terms(booking) if highest_later_charge(booking) else None,
        balance=Money(balance(booking), currency),
        hold_expires_at=booking.hold_expires_at,
        created_at=booking.created_at,
        confirmed_at=booking.confirmed_at,
        cancelled_at=booking.cancelled_at,
        guest=GuestAnswer(
            booking.given_name, booking.family_name, booking.email, booking.phone, booking.country
        ),
        requests=booking.requests,
        reservations=[_reservation(booking, room, now) for room in booking.reservations],
    )


def cancellation_answer(
    booking: Booking, now: datetime, rooms: Sequence[int] | None = None
) -> CancellationAnswer:
    """What cancelling now would cost: all of it, or these rooms. Raises `WrongState` where it is too late."""
    cost = service.cancellation_at(booking, now, rooms=rooms)
    return CancellationAnswer(
        at=now,
        fee=Money(cost.fee, cost.currency),
        refund=Money(cost.refund, cost.currency),
        released=Money(cost.released, cost.currency),
        owed=Money(cost.owed, cost.currency),
        stages=[
            RefundStage(stage.since, Money(stage.fee, cost.currency), Money(stage.refund, cost.currency))
            for stage in refund_stages(booking, now)
        ],
        rooms=[_reservation(booking, room, now).cancellation for room in service.going_of(booking, rooms)],
    )


def _reservation(booking: Booking, room: Reservation, now: datetime) -> ReservationAnswer:
    currency = booking.currency
    price = price_of(room, room.terms)
    policy = describe(
        room.terms.policy,
        arrival=room.arrival,
        timezone=booking.timezone,
        currency=currency,
        total=room.total,
        night_totals=night_totals(price),
        at=now,
    )
    return ReservationAnswer(
        position=room.position,
        status=room.status,
        room_type=room.room_type,
        room_type_name=room.room_type_name,
        rate_plan=room.rate_plan,
        rate_plan_name=room.rate_plan_name,
        arrival=room.arrival,
        departure=room.departure,
        nights=(room.departure - room.arrival).days,
        adults=room.adults,
        children=room.children,
        guest_name=room.guest_name,
        room=room.room,
        total=Money(room.total, currency),
        fee=Money(room.fee, currency),
        lines=price_lines(price.lines, currency),
        cancellation=cancellation_terms(policy, currency, room.total),
    )
