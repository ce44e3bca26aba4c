"""The states of a stay, for staff: check-in, check-out, no-show."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import post

from hotel_booking.api.booking_access import open_booking
from hotel_booking.api.booking_answers import BookingAnswer, booking_answer
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.http.access import needs
from hotel_booking.http.examples import ARRIVAL, example, later

_DESK = needs(Scope.FRONTDESK_WRITE)


class CheckInRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rooms` gives physical rooms by the reservation's position: `{"1": "204"}`."""

    rooms: dict[Annotated[int, msgspec.Meta(ge=1, le=9)], str] = {}


class CheckOutRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`departed` is the day the guests left; without it, the property's today."""

    departed: date | None = None


class NoShowRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`on` is the day from which the nights are free again; without it, the property's today."""

    on: date | None = None


@post(
    "/bookings/{reference:str}/check-in",
    opt=_DESK | example(lambda _: {"rooms": {"1": "101"}}),
    tags=["Front desk"],
    summary="Check in",
    status_code=200,
)
async def check_in(
    reference: str, tx: Transaction, now: datetime, caller: Caller, data: CheckInRequest | None = None
) -> BookingAnswer:
    """The guests are in the house; optionally with the physical rooms they got."""
    booking = await open_booking(tx, reference, caller)
    rooms = data.rooms if data else {}
    return booking_answer(await service.check_in(tx, booking_id=booking.id, now=now, rooms=rooms), now)


@post(
    "/bookings/{reference:str}/check-out",
    opt=_DESK | example(lambda today: {"departed": later(today, ARRIVAL + 1)}),
    tags=["Front desk"],
    summary="Check out",
    status_code=200,
)
async def check_out(
    reference: str, tx: Transaction, now: datetime, caller: Caller, data: CheckOutRequest | None = None
) -> BookingAnswer:
    """The guests have left. Nights that they did not sleep are free to sell again; the price stays."""
    booking = await open_booking(tx, reference, caller)
    departed = data.departed if data else None
    return booking_answer(await service.check_out(tx, booking_id=booking.id, now=now, departed=departed), now)


@post(
    "/bookings/{reference:str}/no-show",
    opt=_DESK | example(lambda today: {"on": later(today, ARRIVAL)}),
    tags=["Front desk"],
    summary="No-show",
    status_code=200,
)
async def no_show(
    reference: str, tx: Transaction, now: datetime, caller: Caller, data: NoShowRequest | None = None
) -> BookingAnswer:
    """The guests did not come: the remaining nights are free again, the policy's no-show fee is noted."""
    booking = await open_booking(tx, reference, caller)
    on = data.on if data else None
    return booking_answer(await service.no_show(tx, booking_id=booking.id, now=now, on=on), now)


handlers = [check_in, check_out, no_show]
