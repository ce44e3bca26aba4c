"""At the desk: guests who did not come, all of a booking or those of some of its rooms. What it costs is said
before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.bookings import booking_page, chosen_rooms, room_choice
from hotel_booking.admin.fee_words import fee_sentence
from hotel_booking.admin.stays import carried_out, named, sent
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import no_show_fee
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form
from hotel_booking.http.ui.render import money, page

_MANAGE = staff(Permission.STAYS_MANAGE)


@get("/bookings/{reference:str}/no-show", opt=_MANAGE)
async def show_no_show(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """What a no-show charges, gives back and leaves open: of all who are expected, or of some of them."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)
    form = Form({"rooms": request.query_params.getall("rooms", [])})
    return await _asked(request, tx, caller, booking, now, form)


@post("/bookings/{reference:str}/no-show", opt=_MANAGE)
async def no_show(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The guests did not come."""
    booking = await open_booking(tx, reference, caller, Permission.STAYS_MANAGE)
    form = await sent(request)

    async def act() -> str:
        seen = form.shown_amount("fee")
        rooms = chosen_rooms(form, booking)
        form.check()
        missing = len(rooms or booking.expected)
        gone = await service.no_show(tx, booking_id=booking.id, now=now, rooms=rooms, expected_fee=seen)
        back = booking.paid - gone.paid
        rest = f" {money(back, booking.currency)} will be refunded." if back > 0 else ""
        if gone.status != "no_show":
            who = named(rooms or [room.position for room in booking.expected])
            total = money(gone.total, gone.currency)
            verb = "are" if missing > 1 else "is"
            return (
                f"{who[0].upper()}{who[1:]} {verb} marked as a no-show; the booking comes to {total}.{rest}"
            )
        fee_text = fee_sentence(await service.fee_outcome(tx, gone), gone.currency)
        return f"The booking is marked as a no-show. {fee_text}{rest}"

    async def refused(form: Form) -> Response[str]:
        return await _asked(request, tx, caller, booking, now, form, status=422)

    return await carried_out(request, tx, caller, booking, now, form, act, refused=refused)


async def _asked(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    booking: Booking,
    now: datetime,
    form: Form,
    status: int = 200,
) -> Response[str]:
    try:
        rooms = chosen_rooms(form, booking)
        seen = await service.preview_no_show(tx, booking_id=booking.id, now=now, rooms=rooms or None)
    except DomainError as error:
        # The booking's page has no field of these.
        return await booking_page(request, tx, caller, booking, now, form=Form.of().failed(error), status=422)
    several = booking.status == "checked_in" and len(booking.expected) > 1
    return page(
        request,
        "bookings/no_show.html",
        status=422 if form.errors else status,
        booking=booking,
        form=form,
        seen=seen,
        part=booking.status == "checked_in",
        missing=named([room.position for room in seen.rooms]),
        choices=[
            room_choice(room, f"fee {money(no_show_fee(room), booking.currency)}")
            for room in booking.expected
            if several
        ],
        chosen=[str(room.position) for room in seen.rooms],
    )


handlers = [show_no_show, no_show]
