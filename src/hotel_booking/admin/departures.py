"""Guests who are in the house stay longer or leave earlier: what it costs first, then the change at that
price."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.bookings import booking_page
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import overrides, service
from hotel_booking.domains.bookings.errors import WrongState
from hotel_booking.domains.bookings.types import Amendment, Booking, StayChange
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.identity.service.confirmation import require_recent
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import money, page, see_other

_AMEND = staff(Permission.BOOKINGS_AMEND)


@get("/bookings/{reference:str}/departure", opt=_AMEND)
async def show_departure(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """The departure as it is, to be changed."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_AMEND)
    if booking.status != "checked_in":
        return see_other(
            request, f"/admin/bookings/{booking.reference}", notice="Its guests are not in the house."
        )
    departure = max(room.departure for room in booking.staying)
    return _departure_page(request, booking, now, Form.of(departure=departure))


@post("/bookings/{reference:str}/departure", opt=_AMEND)
async def change_departure(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """Preview another departure, or make it at the total that was shown."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_AMEND)
    form = await read(request)
    if booking.status != "checked_in":
        form.failed(WrongState("only the departure of guests who are in the house is changed here"))
        return await booking_page(request, tx, caller, booking, now, form=form, status=422)
    try:
        departure = form.day("departure", required=True)
        reason = form.text("override_reason", longest=overrides.LONGEST) or None
        agreed = form.shown_amount("agreed_total") if form.value("act") == "confirm" else None
        form.check()
        wanted: StayChange = {
            "booking_id": booking.id,
            "now": now,
            "arrival": None,
            "departure": departure,
            "rooms": (),
            "by_guest": False,
            "override": reason,
            "waive": caller.may(Permission.BOOKINGS_WAIVE, booking.property_id),
        }
        preview = await service.preview_amend(tx, **wanted)
    except DomainError as error:
        return _departure_page(request, booking, now, form.failed(error), status=422)
    if agreed is None:
        return _departure_page(request, booking, now, form, preview=preview)
    if preview.waived:
        require_recent(caller, now)  # as for every fee that is waived
    try:
        async with tx.savepoint():
            made = await service.amend(tx, **wanted, expected_total=agreed)
    except DomainError as error:
        return _departure_page(request, booking, now, form.failed(error), status=422)
    return see_other(request, f"/admin/bookings/{booking.reference}", notice=_done(made))


def _done(made: Amendment) -> str:
    if made.refund:
        return f"The departure has been changed; {money(made.refund, made.currency)} will be refunded."
    if made.due_now:
        return f"The departure has been changed; {money(made.due_now, made.currency)} is being collected."
    return "The departure has been changed."


def _departure_page(
    request: Request[Any, Any, State],
    booking: Booking,
    now: datetime,
    form: Form,
    *,
    preview: Amendment | None = None,
    status: int = 200,
) -> Response[str]:
    return page(
        request,
        "bookings/departure.html",
        status=status,
        booking=booking,
        form=form,
        preview=preview,
        departure=max(room.departure for room in booking.staying),
        today=business_date(now, booking.timezone, booking.day_end_time),
    )


handlers = [show_departure, change_departure]
