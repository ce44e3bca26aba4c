"""Quotes, bookings and reservations as the services hand them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated, Final, Literal, NotRequired, TypedDict
from uuid import UUID

import msgspec

from hotel_booking.core.names import full_name
from hotel_booking.domains.rates.types import (
    MAX_CHILD_AGE,
    MAX_CHILDREN,
    MAX_PERSONS,
    CancellationPolicy,
    Deposit,
    Line,
    NightPrice,
    Rules,
)

Status = Literal["held", "expired", "confirmed", "cancelled", "no_show", "checked_in", "checked_out"]
# Sold, and neither given up nor forfeited.
STANDING: Final = ("confirmed", "checked_in", "checked_out")
# Rooms whose guests have left, or will not come.
OVER: Final = ("checked_out", "no_show", "cancelled")
# Those that can owe money. A hold is confirmed first: until then it is no sale that money could be for.
OWING: Final = (*STANDING, "no_show", "cancelled")
# A party's own limit is `rates.party`'s; more persons come at an agreed price, up to what a room may take.
Adults = Annotated[int, msgspec.Meta(ge=1, le=MAX_PERSONS)]
Age = Annotated[int, msgspec.Meta(ge=0, le=MAX_CHILD_AGE)]
Ages = Annotated[tuple[Age, ...], msgspec.Meta(max_length=MAX_CHILDREN)]


class RoomRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One room asked for: a room type and a rate plan by their codes, and who sleeps in it."""

    room_type: str
    rate_plan: str
    adults: Adults = 2
    children: Ages = ()


class SaleTerms(msgspec.Struct, frozen=True):
    """Everything a sale was made on, besides its nights and persons; immutable and stored by its hash.

    `versions` are the versions of the rows that the terms were read from, such as
    `{"rate_plan": 3, "room_type": 1, "property": 2, "policy": 1}`.
    """

    rules: Rules
    policy: CancellationPolicy
    deposit: Deposit
    meal: int
    versions: dict[str, int]


class QuotedRoom(msgspec.Struct, frozen=True):
    """One room of a quote. Amounts are minor units of the quote's currency."""

    room_type_id: int
    rate_plan_id: int
    room_type: str
    rate_plan: str
    adults: int
    children: tuple[int, ...]
    terms_id: UUID
    night_prices: tuple[NightPrice, ...]
    net: int
    tax: int
    total: int


class Quote(msgspec.Struct, frozen=True):
    """A price and a cancellation policy, guaranteed until `expires_at`; the rooms are not."""

    id: UUID
    property_id: int
    property_slug: str
    timezone: str
    arrival: date
    departure: date
    currency: str
    total: int
    due_now: int
    rooms: tuple[QuotedRoom, ...]
    terms: tuple[SaleTerms, ...]
    lines: tuple[tuple[Line, ...], ...]
    created_at: datetime
    expires_at: datetime


class Reservation(msgspec.Struct, frozen=True):
    """One room-stay of a booking."""

    id: UUID
    position: int
    status: Status
    room_type_id: int
    room_type: str
    room_type_name: str
    rate_plan_id: int
    rate_plan: str
    rate_plan_name: str
    arrival: date
    departure: date
    adults: int
    children: tuple[int, ...]
    guest_name: str | None
    terms: SaleTerms
    night_prices: tuple[NightPrice, ...]
    net: int
    tax: int
    total: int
    fee: int
    room: str | None
    checked_in_at: datetime | None = None
    checked_out_at: datetime | None = None

    @property
    def owed(self) -> int:
        """What it comes to: its price, or the fee of one that was cancelled or whose guests did not come;
        minor units."""
        return self.fee if self.status in ("cancelled", "no_show") else self.total


class Booking(msgspec.Struct, frozen=True):
    """One purchase. `paid` is what we hold of the guest's money: payments less refunds, refunds that are
    on their way included. `reserved` is what the gateway keeps for us and will be taken. `goodwill` is what
    the hotel let go of the price, or of the fee: it is not owed.

    The guests of its rooms may come and leave one after the other. It is `checked_in` from the first who come
    until nobody is there or still expected; a room whose guests did not come while others did is `no_show`,
    one that was given up before the others `cancelled`, and both count in `total` with their fee instead of
    their price."""

    id: UUID
    reference: str
    status: Status
    property_id: int
    property_slug: str
    property_name: str
    timezone: str
    currency: str
    total: int
    due_now: int
    paid: int
    reserved: int
    goodwill: int
    requests: str | None
    given_name: str
    family_name: str
    email: str
    phone: str | None
    country: str | None
    access_hash: bytes
    created_at: datetime
    hold_expires_at: datetime
    confirmed_at: datetime | None
    cancelled_at: datetime | None
    source: str
    language: str
    address: str
    check_in_time: time
    check_out_time: time
    day_end_time: time
    reservations: tuple[Reservation, ...]

    @property
    def name(self) -> str:
        """Who booked it."""
        return full_name(self.given_name, self.family_name)

    @property
    def fee(self) -> int:
        """What is charged for its rooms where it was cancelled or its guests did not come; minor units."""
        return sum(room.fee for room in self.reservations)

    @property
    def kept(self) -> tuple[Reservation, ...]:
        """Its rooms without those that were cancelled before the others; all of them once it is cancelled."""
        if self.status == "cancelled":
            return self.reservations
        return tuple(room for room in self.reservations if room.status != "cancelled")

    @property
    def arrival(self) -> date:
        """The day on which the first of its guests arrive."""
        return min(room.arrival for room in self.kept)

    @property
    def departure(self) -> date:
        """The day on which the last of its guests leave."""
        return max(room.departure for room in self.kept)

    @property
    def staying(self) -> tuple[Reservation, ...]:
        """Its rooms whose guests are in the house or still expected."""
        return tuple(room for room in self.reservations if room.status not in OVER)

    @property
    def coming(self) -> tuple[Reservation, ...]:
        """Those of `kept` but the rooms that nobody came to; all of them where nobody came at all."""
        return tuple(room for room in self.kept if room.status != "no_show") or self.kept

    @property
    def inside(self) -> tuple[Reservation, ...]:
        """The rooms whose guests are in the house."""
        return tuple(room for room in self.reservations if room.status == "checked_in")

    @property
    def expected(self) -> tuple[Reservation, ...]:
        """The rooms that are confirmed and whose guests have not come yet."""
        return tuple(room for room in self.reservations if room.status == "confirmed")

    @property
    def left(self) -> tuple[Reservation, ...]:
        """The rooms whose guests have checked out or did not come, and those that were cancelled."""
        return tuple(room for room in self.reservations if room.status in OVER)


class HeldBooking(msgspec.Struct, frozen=True):
    """A fresh hold and the guest's secret to it, which is stored only as a hash."""

    booking: Booking
    access_token: str


class Cancellation(msgspec.Struct, frozen=True):
    """What cancelling costs at one instant: `fee` stays with the hotel, `refund` goes back, `released` was
    only reserved and is let go, `owed` is the part of the fee that was never paid. Minor units."""

    fee: int
    refund: int
    owed: int
    currency: str
    released: int = 0


class RoomChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes in one room of a booking; what is left out stays."""

    position: Annotated[int, msgspec.Meta(ge=1)]
    room_type: str | None = None
    rate_plan: str | None = None
    adults: Adults | None = None
    children: Ages | None = None


class StayChange(TypedDict):
    """What `amend` is asked for, and `preview_amend` alike: their arguments, so that what is made is what was
    shown."""

    booking_id: UUID
    now: datetime
    arrival: date | None
    departure: date | None
    rooms: Sequence[RoomChange]
    by_guest: bool
    override: NotRequired[str | None]
    waive: NotRequired[bool]


class Amendment(msgspec.Struct, frozen=True):
    """A changed booking and what it costs: the new total, the difference to the old one, what goes back, and
    what is to be paid at once. `waived` is what the booking's conditions would keep beyond the new total of a
    stay that ends early, and the hotel lets go."""

    booking_total: int
    difference: int
    refund: int
    due_now: int
    currency: str
    reservations: tuple[AmendedReservation, ...]
    waived: int = 0


class AmendedReservation(msgspec.Struct, frozen=True):
    """One room as it will be."""

    position: int
    arrival: date
    departure: date
    room_type: str
    rate_plan: str
    adults: int
    children: tuple[int, ...]
    total: int
    lines: tuple[Line, ...]
