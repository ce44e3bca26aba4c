"""A room that is being bought as its guest reads of it before the button that buys it: who sleeps in it, what
cancelling costs, what is paid when, and what makes up its price."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec

from hotel_booking.core.dates import business_date
from hotel_booking.domains.bookings.pricing import recompute
from hotel_booking.domains.bookings.queries import QuoteSeen, RoomSeen
from hotel_booking.domains.bookings.types import Booking, Reservation
from hotel_booking.domains.rates.cancellation import describe, due_on_booking
from hotel_booking.domains.rates.pricing import night_totals
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.web.i18n.conditions import Cancellation, Conditions, RoomPrice
from hotel_booking.web.i18n.phrases import Phrases


class SoldRoom(msgspec.Struct, frozen=True):
    """A room with who sleeps in it, its price and its conditions in the guest's words."""

    room: RoomSeen | Reservation
    guests: str
    cancellation: Cancellation
    payment: tuple[str, ...]
    breakdown: RoomPrice
    meal: str


class _Sale(msgspec.Struct, frozen=True):
    """What all rooms of a sale have alike; `priced_at` is when it was said what is due on booking."""

    arrival: date
    timezone: str
    day_end_time: time
    currency: str
    priced_at: datetime


def of_quote(room: RoomSeen, quote: QuoteSeen, language: str, now: datetime) -> SoldRoom:
    """A room of a quote."""
    sale = _Sale(quote.arrival, quote.timezone, quote.day_end_time, quote.currency, now)
    return _sold(room, sale, language, now)


def of_booking(room: Reservation, booking: Booking, language: str, now: datetime) -> SoldRoom:
    """A room of a booking that is not paid yet."""
    sale = _Sale(room.arrival, booking.timezone, booking.day_end_time, booking.currency, booking.created_at)
    return _sold(room, sale, language, now)


def _sold(room: RoomSeen | Reservation, sale: _Sale, language: str, now: datetime) -> SoldRoom:
    texts = translations(language)
    conditions = Conditions(language, texts)
    price = recompute(room.terms, room.night_prices, room.adults, room.children)
    nights = night_totals(price)
    policy = describe(
        room.terms.policy,
        arrival=sale.arrival,
        timezone=sale.timezone,
        currency=sale.currency,
        total=room.total,
        night_totals=nights,
        at=now,
    )
    names = {
        ("room_type", room.terms.rules.room_type): room.room_type_name,
        ("rate_plan", room.terms.rules.rate_plan): room.rate_plan_name,
    }
    return SoldRoom(
        room=room,
        guests=Phrases(language, texts).occupancy(Occupancy(room.adults, room.children)),
        cancellation=conditions.cancellation(
            policy, total=room.total, currency=sale.currency, timezone=sale.timezone
        ),
        payment=_payment(room, sale, nights, conditions, now),
        breakdown=conditions.breakdown(price.lines, room.total, names),
        meal=conditions.meal(room.terms.meal),
    )


def _payment(
    room: RoomSeen | Reservation, sale: _Sale, nights: list[int], conditions: Conditions, now: datetime
) -> tuple[str, ...]:
    deposit, balance_on = room.terms.deposit, None
    if deposit.balance_days is not None:
        today = business_date(now, sale.timezone, sale.day_end_time)
        balance_on = max(sale.arrival - timedelta(days=deposit.balance_days), today)
    due = due_on_booking(
        deposit,
        room.total,
        nights,
        currency=sale.currency,
        arrival=sale.arrival,
        timezone=sale.timezone,
        at=sale.priced_at,
    )
    return conditions.payment(
        due, room.total, sale.currency, reserved=deposit.capture == "check_in", balance_on=balance_on
    )
