"""A guest's booking, opened by the signed link of a mail: how it stands, and paying for it while it is
held."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.core.links import is_good
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.queries import booking_by_reference
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.http.access import public
from hotel_booking.http.metrics import note_booking
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page, see_other

# The token in the address opens the booking: it goes nowhere else.
_HEADERS = {"referrer-policy": "no-referrer"}
_CARDS = (
    ("tok_success", "A card that is accepted"),
    ("tok_decline", "A card that is declined"),
)
Token = Annotated[str, Parameter(max_length=200)]


@get("/booking/{reference:str}", opt=public(), include_in_schema=False)
async def show_booking(
    request: Request[Any, Any, State],
    reference: str,
    database: Database,
    settings: Settings,
    now: datetime,
    token: Token = "",
) -> Response[str]:
    """The booking, for whoever has its link. Any other link is answered as if there were no booking."""
    booking = await _opened(database, settings, reference, token)
    if booking is None:
        return page(request, "booking/unknown.html", status=404, headers=_HEADERS)
    return _shown(request, settings, booking, token, now, Form.of())


@post("/booking/{reference:str}/pay", opt=public(), include_in_schema=False)
async def pay(
    request: Request[Any, Any, State],
    reference: str,
    database: Database,
    settings: Settings,
    gateways: Gateways,
    now: datetime,
) -> Response[Any]:
    """Pay or guarantee a hold, and confirm it. Sent twice it charges once."""
    form = await read(request)
    token = form.value("token")
    booking = await _opened(database, settings, reference, token)
    if booking is None:
        return page(request, "booking/unknown.html", status=404, headers=_HEADERS)
    try:
        paid = await service.pay(
            database, gateways.card, booking_id=booking.id, token=form.value("card") or "guarantee", now=now
        )
    except DomainError as error:
        async with database.transaction() as tx:
            booking = await booking_by_reference(tx, booking.reference)
        return _shown(request, settings, booking, token, now, form.failed(error), status=422)
    if paid.status == "confirmed" and booking.status == "held":
        note_booking(request, "confirmed")
    notices = {"confirmed": "Your booking is confirmed.", "pending": "The bank has not answered yet."}
    return see_other(
        request,
        f"{_path(booking)}?token={token}",
        notice=notices.get(paid.status, "One more step is needed."),
    )


async def _opened(database: Database, settings: Settings, reference: str, token: str) -> Booking | None:
    normal = normalise(reference)
    if normal is None or not is_good(settings.secret_key, f"/booking/{normal}", token):
        return None
    async with database.transaction() as tx:
        try:
            return await booking_by_reference(tx, normal)
        except BookingNotFound:
            return None


def _shown(
    request: Request[Any, Any, State],
    settings: Settings,
    booking: Booking,
    token: str,
    now: datetime,
    form: Form,
    status: int = 200,
) -> Response[str]:
    payable = booking.status == "held" and booking.hold_expires_at > now
    return page(
        request,
        "booking/booking.html",
        status=status,
        headers=_HEADERS,
        booking=booking,
        token=token,
        form=form,
        payable=payable,
        lapsed=booking.status == "expired" or (booking.status == "held" and not payable),
        cards=_CARDS if settings.gateway == "sandbox" else (),
    )


def _path(booking: Booking) -> str:
    return f"/booking/{booking.reference}"


handlers = [show_booking, pay]
