"""Why a booking did not happen or did not change."""

from __future__ import annotations

import msgspec

from hotel_booking.core.code_names import is_a
from hotel_booking.core.errors import Conflict, Invalid, NotFound
from hotel_booking.domains.rates.nearest_fix import Fix
from hotel_booking.domains.rates.restrictions import Reason


class BookingNotFound(NotFound):
    """No such booking, or not one the caller may see; the two look the same from outside."""

    code = "booking_not_found"


class QuoteNotFound(NotFound):
    """No such quote."""

    code = "quote_not_found"


class QuoteExpired(Conflict):
    """The quote's price is no longer guaranteed. Nothing was taken."""

    code = "quote_expired"


class QuoteUsed(Conflict):
    """This quote has already been booked. Nothing was taken."""

    code = "quote_used"


class HoldExpired(Conflict):
    """The hold has expired and its rooms are available to others. Nothing was charged."""

    code = "hold_expired"


class OccupancyLimits(msgspec.Struct, frozen=True):
    """How many a room type takes: all guests, and of them adults and children."""

    guests: int
    adults: int
    children: int


class WhyNotSold(msgspec.Struct, frozen=True):
    """Why a room is not sold, and what would be instead: the nearest stay, else the room types (by code, with
    their names) that would take its party, else how many rooms that needs. `position` is the room's, where
    one of several was changed; `rooms` are all those that are not sold then."""

    reasons: tuple[Reason, ...]
    limits: OccupancyLimits | None = None
    suggestion: Fix | None = None
    fitting: dict[str, str] = {}
    rooms_needed: int | None = None
    position: int = 0
    rooms: tuple[WhyNotSold, ...] = ()


class StayNotSold(Conflict):
    """The stay is not sold under the hotel's rules. `code` is the first reason's; `reasons` lists all."""

    code = "not_sold"

    def __init__(self, code: str, detail: str, **more: object) -> None:
        super().__init__(detail, **more)  # type: ignore[arg-type]  # handed through as they came
        self.code = code  # type: ignore[misc]  # one class, the reasons' own codes

    @property
    def why(self) -> WhyNotSold:
        """What the answer says of it, as data."""
        return msgspec.convert(self.extra, WhyNotSold)


class WrongState(Conflict):
    """The booking's state does not allow this. Nothing changed."""

    code = "wrong_state"


def gone(position: int, status: str) -> str:
    """That nobody is in a room of the booking any more: they have left, or never came, or it was given up."""
    if status == "cancelled":
        return f"room {position} of the booking is cancelled"
    what = "did not come" if status == "no_show" else "have checked out"
    return f"the guests of room {position} {what}"


def not_changeable(status: str) -> WrongState:
    """Why a booking of this status is not changed."""
    return WrongState(f"the booking is {is_a(status)}; only a confirmed one can be changed")


class TooEarly(Conflict):
    """This can only be done from the arrival day on. Nothing changed."""

    code = "too_early"
    passes = True


class TooManyOpenHolds(Conflict):
    """An unknown guest holds too many unpaid rooms: pay for one, cancel it, or wait. Nothing was taken."""

    code = "too_many_open_holds"
    passes = True


class RoomNeeded(Conflict):
    """A reservation has no physical room yet, and its guests would be checked in without one. Nothing
    changed."""

    code = "room_needed"
    passes = True


class RoomOccupied(Conflict):
    """Other guests are still in the room. Nothing changed."""

    code = "room_occupied"
    passes = True


class BalanceOpen(Conflict):
    """Part of the price is neither paid nor reserved. Nothing changed."""

    code = "balance_open"
    passes = True


class FeeKept(Conflict):
    """The booking's conditions keep more than the shortened stay costs. Nothing changed."""

    code = "fee_kept"
    passes = True


class TooManyMessages(Conflict):
    """The guest has reached the daily limit of messages. Nothing was sent."""

    code = "too_many_messages"


class AmendNotAllowed(Conflict):
    """The guest can no longer change the stay without the hotel. Nothing changed."""

    code = "amend_not_allowed"


class PriceChanged(Conflict):
    """The price is not the one the caller agreed to. Nothing changed."""

    code = "price_changed"


class NothingToAmend(Invalid):
    """The requested change changes nothing."""

    code = "nothing_to_amend"
