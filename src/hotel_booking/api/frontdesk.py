"""The states of a stay, for staff: check-in and undoing it, rooms, check-out, no-show."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from hotel_booking.api.booking_access import open_booking, open_to_change
from hotel_booking.api.booking_answers import BookingAnswer, booking_answer
from hotel_booking.api.positions import Position, Positions, positions
from hotel_booking.core.dates import Instant
from hotel_booking.core.db import Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.overrides import LONGEST, SHORTEST
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.http.access import needs, simulates_time
from hotel_booking.http.examples import ARRIVAL, example, later
from hotel_booking.http.openapi import PROBLEMS
from hotel_booking.http.preconditions import IfMatch

_DESK = needs(Scope.FRONTDESK_WRITE)
Reason = Annotated[str, msgspec.Meta(min_length=SHORTEST, max_length=LONGEST)]
RoomNumbers = dict[Position, str]


class CheckInRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rooms` gives physical rooms by the reservation's position: `{"1": "204"}`. `positions` are the
    reservations whose guests have come, where others come later or not at all: `[1, 2]`; without it, all that
    are still expected. `override_reason` checks in although a reservation has no room (`room_needed`) or
    other guests are still in it (`room_occupied`); it is kept with the booking."""

    rooms: RoomNumbers = {}
    positions: Positions | None = None
    override_reason: Reason | None = None


class RoomsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Physical rooms by the reservation's position: `{"1": "204"}`. `override_reason` gives a room to guests
    in the house although others are still in it (`room_occupied`)."""

    rooms: RoomNumbers
    override_reason: Reason | None = None


class CheckOutRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rooms` are the rooms whose guests leave, by the reservation's position: `[2]`; without it, all that
    are still in house. `departed` is the day the guests left, at the latest the property's current date;
    without it, that date. `override_reason` lets the last of them leave although a part of the price is open
    (`balance_open`); it is kept with the booking."""

    rooms: Positions | None = None
    departed: date | None = None
    override_reason: Reason | None = None


class NoShowRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rooms` are the rooms that nobody came to, by the reservation's position, where guests of others are in
    the house: `[3]`; without it, all whose guests are still expected. `on` is the day from which the nights
    are free again, at the latest the property's current date; without it, that date.
    `expected_fee` (minor units) is what was shown; another fee is refused with `price_changed`."""

    rooms: Positions | None = None
    on: date | None = None
    expected_fee: Annotated[int, msgspec.Meta(ge=0)] | None = None


class NoShowAnswer(msgspec.Struct, frozen=True):
    """What a no-show would cost: of what was paid and reserved `fee` is kept, `refund` goes back and
    `released` is let go on the card. `owed` was never paid: it is charged to the guest's card where one was
    kept (`chargeable`), and stays open otherwise. Guests may come until `can_arrive_until`, and be checked in
    as long as nobody has marked them.

    Where others of the booking have come, `fee` takes the place of the price of the rooms that nobody came
    to, `total` is what the booking comes to then, and `owed` what is open of that: nothing of it is
    charged by itself while others stay."""

    fee: Money
    total: Money
    refund: Money
    released: Money
    owed: Money
    chargeable: bool
    can_arrive_until: Instant


@post(
    "/bookings/{reference:str}/check-in",
    opt=_DESK
    | example(lambda _: {"rooms": {"1": "101"}, "override_reason": "The guests before left unseen"}),
    tags=["Front desk"],
    summary="Check in",
    status_code=200,
)
async def check_in(
    reference: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    if_match: IfMatch,
    data: CheckInRequest | None = None,
) -> BookingAnswer:
    """Checks the guests in, each reservation to its own physical room; of some rooms before those of others,
    too: the booking is `checked_in` with the first. What was reserved on a card is taken. Until the
    property's day ends (`day_end_time`), also after midnight of the arrival day."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    asked = data or CheckInRequest()
    inside = await service.check_in(
        tx,
        booking_id=booking.id,
        now=now,
        rooms=asked.rooms,
        arriving=asked.positions,
        override=asked.override_reason,
    )
    return booking_answer(inside, now)


@post(
    "/bookings/{reference:str}/undo-check-in",
    opt=_DESK,
    tags=["Front desk"],
    summary="Undo a check-in",
    status_code=200,
)
async def undo_check_in(
    reference: str, tx: Transaction, now: datetime, caller: Caller, if_match: IfMatch
) -> BookingAnswer:
    """The wrong guests were checked in: the booking is confirmed again, or those who came last are expected
    again while others stay. Until the property's day ends (`day_end_time`), and unless something was paid
    since. Rooms stay given, and what was charged stays paid."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    undone = await service.undo_check_in(tx, booking_id=booking.id, now=now)
    return booking_answer(undone, now)


@post(
    "/bookings/{reference:str}/rooms",
    opt=_DESK | example(lambda _: {"rooms": {"1": "102"}}),
    tags=["Front desk"],
    summary="Assign rooms",
    status_code=200,
)
async def give_rooms(
    reference: str, tx: Transaction, now: datetime, caller: Caller, if_match: IfMatch, data: RoomsRequest
) -> BookingAnswer:
    """Assign physical rooms before arrival, or while the guests are in house."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    given = await service.give_rooms(
        tx, booking_id=booking.id, now=now, rooms=data.rooms, override=data.override_reason
    )
    return booking_answer(given, now)


@post(
    "/bookings/{reference:str}/check-out",
    opt=_DESK
    | example(
        lambda today: {
            "departed": later(today, ARRIVAL + 1),
            "override_reason": "The company pays by invoice",
        }
    ),
    tags=["Front desk"],
    summary="Check out",
    status_code=200,
)
async def check_out(
    reference: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    if_match: IfMatch,
    data: CheckOutRequest | None = None,
) -> BookingAnswer:
    """Checks the guests out, of all rooms or of some. Nights they did not use are on sale again; the price
    stays, and nothing is charged: `balance` of the booking is what must be paid before the last of them
    leave. Until then the booking stays `checked_in`, also while others are still expected, and the
    reservations of those who left are `checked_out`."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    asked = data or CheckOutRequest()
    gone = await service.check_out(
        tx,
        booking_id=booking.id,
        now=now,
        rooms=asked.rooms,
        departed=asked.departed,
        override=asked.override_reason,
    )
    return booking_answer(gone, now)


@get(
    "/bookings/{reference:str}/no-show",
    opt=_DESK | {PROBLEMS: (409,)},
    tags=["Front desk"],
    summary="Preview a no-show",
)
async def preview_no_show(
    reference: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    rooms: Annotated[
        str | None,
        QueryParameter(
            description="The rooms that nobody came to, by position: `2,3`. Without it, all whose guests are"
            " still expected.",
            max_length=60,
        ),
    ] = None,
) -> NoShowAnswer:
    """What a no-show would charge, refund and leave open. Changes nothing."""
    booking = await open_booking(tx, reference, caller)
    seen = await service.preview_no_show(tx, booking_id=booking.id, now=now, rooms=positions(rooms))
    cost = seen.cost
    fee, total, refund, released, owed = (
        Money(amount, cost.currency)
        for amount in (cost.fee, seen.total, cost.refund, cost.released, cost.owed)
    )
    return NoShowAnswer(fee, total, refund, released, owed, seen.chargeable, seen.can_arrive_until)


@post(
    "/bookings/{reference:str}/no-show",
    opt=_DESK | example(lambda today: {"on": later(today, ARRIVAL)}),
    tags=["Front desk"],
    summary="No-show",
    status_code=200,
)
async def no_show(
    request: Request[Any, Any, State],
    reference: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    if_match: IfMatch,
    data: NoShowRequest | None = None,
) -> BookingAnswer:
    """Marks a no-show: the remaining nights are on sale again, and the policy's no-show fee is kept from
    what was paid or charged to the card on file. `balance` is what of it is still open. Where guests of other
    rooms are in the house, the booking stays `checked_in`, its `total` has the fee in place of the price of
    the rooms that nobody came to, and what was paid beyond it goes back."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    asked = data or NoShowRequest()
    gone = await service.no_show(
        tx,
        booking_id=booking.id,
        now=now,
        on=asked.on,
        rooms=asked.rooms,
        expected_fee=asked.expected_fee,
        early=simulates_time(request.scope),
    )
    return booking_answer(gone, now)


handlers = [check_in, undo_check_in, give_rooms, check_out, preview_no_show, no_show]
