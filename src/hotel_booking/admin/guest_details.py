"""Who a booking is for, as the desk types it, and corrects it: an address with a slip in it gets no mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.acts import carry_out
from hotel_booking.admin.booking_access import open_booking
from hotel_booking.admin.phone_words import with_phone
from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import read_email
from hotel_booking.core.errors import DomainError, Invalid
from hotel_booking.core.iso_codes import check_country
from hotel_booking.core.names import clean_name
from hotel_booking.core.phone import phone_to_keep
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.service.contact import details
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.guests.types import LONGEST_NAME, DeskGuest
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import page

GUEST_FIELDS = ("given_name", "family_name", "email", "phone", "country")
_AMEND = staff(Permission.BOOKINGS_AMEND)


@get("/bookings/{reference:str}/guest", opt=_AMEND)
async def show_guest(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, reference: str
) -> Response[str]:
    """The guest as they are, to be corrected."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_AMEND)
    return _form(request, booking, Form.of(**dict(zip(GUEST_FIELDS, details(booking), strict=True))))


@post("/bookings/{reference:str}/guest", opt=_AMEND)
async def correct_guest(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, reference: str
) -> Response[Any]:
    """Write the details anew; what a colleague has changed meanwhile is shown first."""
    booking = await open_booking(tx, reference, caller, Permission.BOOKINGS_AMEND)
    form = await read(request)

    async def act() -> str:
        seen = [form.value(f"was-{name}") for name in GUEST_FIELDS]
        for name, was, current in zip(GUEST_FIELDS, seen, details(booking), strict=True):
            if current not in (was, form.value(name).strip()):
                form.wrong(name, f"somebody has changed this meanwhile: it is now {current or 'empty'}")
        guest = guest_of(form)
        changed = await service.correct_guest(tx, booking_id=booking.id, guest=guest, seen=seen, now=now)
        return with_phone("The guest’s details have been corrected.", changed.phone, typed=guest.phone)

    async def refused(error: DomainError) -> Response[str]:
        return _form(request, await booking_by_id(tx, booking.id), form.failed(error), status=422)

    return await carry_out(request, tx, act, to=f"/admin/bookings/{booking.reference}", refused=refused)


def _form(
    request: Request[Any, Any, State], booking: Booking, form: Form, *, status: int = 200
) -> Response[str]:
    return page(
        request,
        "bookings/correct_guest.html",
        status=status,
        booking=booking,
        form=form,
        seen=dict(zip(GUEST_FIELDS, details(booking), strict=True)),
    )


def guest_of(form: Form) -> DeskGuest:
    """The guest that a form names. Raises `FormProblems` with all that is wrong. A telephone number that
    cannot be read, but is written as one, is kept as typed, and staff are told."""
    values = {name: form.value(name).strip() for name in GUEST_FIELDS}
    for name in ("given_name", "family_name"):
        try:
            clean_name(values[name], field=name, longest=LONGEST_NAME)
        except Invalid as error:
            form.wrong(name, error.detail)
    try:
        if values["email"]:
            read_email(values["email"])
    except Invalid as error:
        form.wrong("email", error.detail)
    country = values["country"].upper()
    if country:
        try:
            check_country(country)
        except Invalid as error:
            form.failed(error)
    try:
        phone_to_keep(values["phone"])
    except Invalid as error:
        form.failed(error)
    form.check()
    return DeskGuest(
        values["given_name"], values["family_name"], values["email"], values["phone"] or None, country or None
    )


handlers = [show_guest, correct_guest]
