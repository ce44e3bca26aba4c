"""A guest corrects who they are while their room is held: a slip in the address would cost the
confirmation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import browsers, service
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.language import countries
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution
from hotel_booking.web.booking.guest_form import about_phone, as_typed, guest_of, wishes
from hotel_booking.web.booking.messages import why, with_error
from hotel_booking.web.booking.ownership import open_own, remember
from hotel_booking.web.booking.quotes import keep_typed, to_booking, typed_before
from hotel_booking.web.booking.refused import back_to, with_reason
from hotel_booking.web.refused import reason_of
from hotel_booking.web.site import carry, language_of, link, site


@get("/booking/{reference:str}/contact", opt=public(), include_in_schema=False)
async def show_contact(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """The details as they are; a booking that is paid or over leads to its page."""
    booking = await open_own(request, tx, reference, now)
    if booking.status != "held" or booking.hold_expires_at <= now:
        return to_booking(request, booking.reference)
    form = Form.of(**as_typed(booking), requests=booking.requests)
    if reason_of(request) and (typed := await typed_before(request, tx, now)) is not None:
        rooms = len(booking.reservations)
        form = with_reason(request, Form.of(**typed), lambda form: _typed(request, form), rooms)
    return _page(request, booking, form, now)


@post("/booking/{reference:str}/contact", opt=public(), include_in_schema=False)
async def correct(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """Write them anew; sent twice it is the same."""
    booking = await open_own(request, tx, reference, now)
    form = await read(request)
    try:
        guest, requests = _typed(request, form)
        async with tx.savepoint():
            corrected = await service.correct_contact(
                tx, booking_id=booking.id, guest=guest, requests=requests, now=now
            )
    except DomainError as error:
        if error.code in ("wrong_state", "hold_expired"):
            told = Caution(why(error, translations(language_of(request)), len(booking.reservations)))
            return to_booking(request, booking.reference, notice=told)
        if await keep_typed(request, tx, {name: form.value(name) for name in form.names()}, now):
            page = f"booking/{booking.reference}/contact"
            return back_to(request, link(language_of(request), page) + carry(request.scope), error)
        if not form.errors:
            form = with_error(request, form, error, len(booking.reservations))
        return _page(request, booking, form, now, status=422)
    notice = translations(language_of(request)).gettext("Your details have been updated.")
    read_as = about_phone(request, guest, corrected.phone)
    notice = Caution(f"{notice} {read_as}") if read_as else notice
    answer = to_booking(request, booking.reference, notice=notice)
    # Whose address it was before may have opened it in a browser, and opens it no more; this one does.
    browser = await remember(request, tx, answer, booking=corrected, now=now)
    await browsers.forget_draft(tx, browser=browser)
    return answer


def _typed(request: Request[Any, Any, State], form: Form) -> tuple[GuestDetails, str | None]:
    requests = wishes(request, form)
    return guest_of(request, form), requests


def _page(
    request: Request[Any, Any, State], booking: Booking, form: Form, now: datetime, status: int = 200
) -> Response[Any]:
    return site(
        request,
        "checkout/contact.html",
        status=status,
        private=True,
        booking=booking,
        form=form,
        now=now,
        countries=countries(language_of(request)),
    )


handlers = [show_contact, correct]
