"""Guests who are in the house stay longer or leave earlier: what can be changed then, what a reason passes
over, and what the booking's conditions keep of nights that are given back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from hotel_booking.core.errors import Conflict, Invalid
from hotel_booking.core.formats import english
from hotel_booking.domains.bookings import overrides
from hotel_booking.domains.bookings.due import agreed_fee, charged
from hotel_booking.domains.bookings.errors import FeeKept, StayNotSold
from hotel_booking.domains.bookings.service.new_rooms import PlannedRoom, Target, as_request
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.rates.restrictions import ReasonCode
from hotel_booking.domains.rates.wording import day

# Rules of the hotel's own making. That there is no room, or no price, is none.
_PASSABLE: frozenset[ReasonCode] = frozenset(
    {"closed", "min_stay_arrival", "min_stay_through", "max_stay", "closed_to_departure"}
)


def check_departure_alone(targets: Sequence[Target], today: date) -> None:
    """Raises `Invalid` where more than the departure of guests in the house would change, or they would have
    left before the hotel's `today`."""
    for old, request, stay in targets:
        if request != as_request(old) or stay.arrival != old.arrival:
            raise Invalid(
                "the guests are in the house: only their departure can be changed",
                field="rooms" if stay.arrival == old.arrival else "arrival",
                fix="assign another room, or check them out and make a new booking",
            )
        if stay.departure < today:
            raise Invalid(
                f"the departure must not be before today, {today}",
                field="departure",
                fix=f"choose {today} or later",
            )


def plan(
    planned: Callable[[frozenset[ReasonCode]], list[PlannedRoom]], override: str | None
) -> tuple[list[PlannedRoom], list[Conflict]]:
    """The rooms as they will be, with the refusal that a reason passes over, if there is one. Raises
    `StayNotSold` for what no reason passes over, and as `overrides.checked_reason`."""
    try:
        return planned(frozenset()), []
    except StayNotSold as error:
        refusal = error
    try:
        new = planned(_PASSABLE)
    except StayNotSold as error:
        raise _advised(error) from None
    refusal.extra.pop("suggestion", None)  # it is another stay, and these guests have arrived
    refusal.fix = "choose another departure, or give a reason to override this"
    overrides.checked_reason(refusal, override)
    return new, [refusal]


def fee_let_go(booking: Booking, total: int, now: datetime) -> int:
    """What the conditions that the booking was sold on keep beyond the price `total` of a stay that ends
    earlier, minor units."""
    if total >= booking.total:
        return 0
    kept = sum(room.owed for room in booking.left) + sum(
        agreed_fee(booking, room, now) for room in booking.staying
    )
    return max(charged(booking, kept) - charged(booking, total), 0)


def fee_kept(booking: Booking, waived: int, override: str | None, *, waive: bool) -> FeeKept:
    """The refusal to let that go, for which there is a reason. Raises it where there is none, or where
    whoever asks must not `waive` a fee."""
    refusal = FeeKept(
        f"the booking's conditions keep {english(waived, booking.currency)} more than the shortened stay"
        " costs",
        field="departure",
        fix="check the guests out when they leave: the price stays, and the nights are back on sale",
        extra={"kept": {"amount": waived, "currency": booking.currency}},
    )
    if not waive:
        raise refusal
    refusal.fix = f"{refusal.fix}; or give a reason to waive it"
    overrides.checked_reason(refusal, override)
    return refusal


def _advised(refusal: StayNotSold) -> StayNotSold:
    """The refusal with what guests can do who have arrived: not stay on other dates."""
    refusal.extra.pop("suggestion", None)
    nights = [
        reason.night
        for room in (refusal.why, *refusal.why.rooms)
        for reason in room.reasons
        if reason.night is not None and reason.code in ("sold_out", "no_price", "not_on_sale")
    ]
    until = f"they can stay until {day(min(nights))} at the latest; " if nights else ""
    refusal.fix = f"{until}for more nights make a new booking for another room type"
    return refusal
