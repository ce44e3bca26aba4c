"""A guest's booking: how it stands, its price, what cancelling gives back; and finding it again."""

from __future__ import annotations

import hmac
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.email_address import email_key
from hotel_booking.core.errors import DomainError
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.locales import locale_of
from hotel_booking.core.names import has_unshown
from hotel_booking.domains.authentication.errors import LockedOut
from hotel_booking.domains.authentication.service import lockout
from hotel_booking.domains.bookings import notes, service
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.queries import booking_by_id, booking_by_reference, changes, lock_booking
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.properties.queries import postal_address, property_by_slug
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.language import preferred
from hotel_booking.http.metrics import note_booking
from hotel_booking.http.signing_in import status_of, wait
from hotel_booking.http.ui.forms import Form, FormProblems, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.http.visitors import know_device, visitor_of
from hotel_booking.web.account.messages import reworded, words_of
from hotel_booking.web.booking.addresses import page_of
from hotel_booking.web.booking.ics import calendar_entry
from hotel_booking.web.booking.messages import why, why_of
from hotel_booking.web.booking.own_list import find_page
from hotel_booking.web.booking.ownership import (
    link_is_good,
    open_own,
    remember,
    remember_by_cookie,
    reread,
)
from hotel_booking.web.booking.view import booking_page
from hotel_booking.web.browser import named
from hotel_booking.web.i18n.refused_texts import not_shown
from hotel_booking.web.refused import Words, refused_before, sent_back
from hotel_booking.web.site import language_of, link


@get("/booking/{reference:str}", opt=public(), include_in_schema=False)
async def show_booking(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """The booking, for the browser that may see it; anybody else is asked for reference and address."""
    try:
        booking = await open_own(request, tx, reference, now)
    except BookingNotFound:
        return await find_page(request, tx, now, Form.of(reference=reference[:20]), status=404)
    if booking.status == "held" and booking.hold_expires_at > now:
        return see_other(request, link(language_of(request), f"booking/{booking.reference}/pay"))
    form = await refused_before(request, tx, now, _words(language_of(request))) or Form.of()
    answer = await booking_page(request, tx, booking, now, form)
    named(request, answer)
    return answer


def _words(language: str) -> Words:
    """Why a message was not sent, or the booking not cancelled, by the error's code."""
    texts = translations(language)

    def words(code: str, field: str, _seconds: int) -> str:
        if code == FormProblems.code:
            return _longest_message(language) if field == "text" else texts.gettext("Please fill this in.")
        return why_of(code, texts)

    return words


@get("/booking", opt=public(), include_in_schema=False)
async def show_find(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> Response[Any]:
    """One's own bookings; others by their reference and the address they were made with."""
    language = language_of(request)
    said = reworded(language)

    def words(code: str, field: str, seconds: int) -> str:
        return _no_such(language) if code == BookingNotFound.code else said(code, field, seconds)

    form = await refused_before(request, tx, now, words) or Form.of()
    lost = await refused_before(request, tx, now, words, part="lost")
    return await find_page(request, tx, now, form, lost=lost)


@post("/booking", opt=public(), include_in_schema=False)
async def find(request: Request[Any, Any, State], database: Database, now: datetime) -> Response[Any]:
    """Open a booking in this browser. Which of the two was wrong is never said, and guessing is slowed down
    per address and per reference."""
    form = await read(request)
    normal = normalise(form.value("reference")[:40])
    email = form.value("email").strip()[:400]
    try:
        attempt = await lockout.attempt(
            database,
            # What is no reference belongs to nobody: such attempts count only for the address they come from.
            email=None if normal is None else f"booking:{normal}",
            visitor=visitor_of(request),
            now=now,
            door="guest_",
        )
    except LockedOut as error:
        form.errors[""] = words_of(error, language_of(request))
        async with database.transaction() as tx:
            return await _not_found(request, tx, now, form, error)
    async with database.transaction() as tx:
        booking = await _meant(tx, normal, email)
        if booking is not None and await _is_still(tx, booking, email):
            await lockout.succeeded(tx, attempt, completely=True, now=now)
            answer = see_other(request, page_of(request, booking))
            await remember(request, tx, answer, booking=booking, now=now)
            return know_device(request, answer)
        form.errors[""] = _no_such(language_of(request))
        return await _not_found(request, tx, now, form, BookingNotFound("there is no such booking"))


async def _is_still(tx: Transaction, booking: Booking, email: str) -> bool:
    """Whether it is the guest's address until this transaction ends: one that is just being corrected lets
    nobody in."""
    await lock_booking(tx, booking.id)
    return _is_of(await booking_by_id(tx, booking.id), email)


async def _not_found(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, form: Form, error: DomainError
) -> Response[Any]:
    answer = await sent_back(request, tx, link(language_of(request), "booking"), form, error, now)
    return wait(answer or await find_page(request, tx, now, form, status=status_of(error)), error)


def _no_such(language: str) -> str:
    return translations(language).gettext(
        "We can’t find a booking with this reference and email address. Please check both against your "
        "confirmation."
    )


async def _meant(tx: Transaction, reference: str | None, email: str) -> Booking | None:
    if reference is None or not email:
        return None
    try:
        booking = await booking_by_reference(tx, reference)
    except BookingNotFound:
        return None
    if not booking.email:  # of the desk's: no address opens it
        return None
    return booking if _is_of(booking, email) else None


def _is_of(booking: Booking, email: str) -> bool:
    return hmac.compare_digest(email_key(booking.email).encode(), email_key(email).encode())


@get("/booking/{reference:str}/calendar.ics", opt=public(), include_in_schema=False)
async def calendar(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime, reference: str
) -> Response[bytes]:
    """The stay for the guest's own calendar; what takes it out again where it is not to be."""
    booking = await open_own(request, tx, reference, now)
    hotel = await property_by_slug(tx, booking.property_slug)
    language = language_of(request)
    page = link(language, f"booking/{booking.reference}")
    where, country = await postal_address(tx, hotel.id, language)
    return Response(
        calendar_entry(
            booking,
            now,
            sequence=await changes(tx, booking.id),
            organizer=hotel.email or parseaddr(settings.mail_from)[1],
            url=f"{settings.public_url.rstrip('/')}{page}",
            where=[*where, locale_of(language).territories.get(country, country)],
            about=translations(language).gettext("Booking %(reference)s") % {"reference": booking.reference},
        ),
        media_type="text/calendar",
        headers={
            "content-disposition": f'attachment; filename="{booking.reference}.ics"',
            "cache-control": "no-store",
        },
    )


@post("/booking/{reference:str}/cancel", opt=public(), include_in_schema=False)
async def cancel(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """Cancel at the fee that was shown: the booking, or single rooms of it."""
    booking = await open_own(request, tx, reference, now)
    form = await read(request)
    texts = translations(language_of(request))
    try:
        fee = form.shown_amount("fee", required=True)
        named = form.choices("rooms", [str(room.position) for room in booking.reservations])
        rooms = [int(text) for text in named] or None
        form.check()
        async with tx.savepoint():
            await service.cancel(tx, booking_id=booking.id, now=now, rooms=rooms, expected_fee=fee)
    except DomainError as error:
        booking = await reread(request, tx, booking)
        gone = {str(room.position) for room in booking.reservations if room.status == "cancelled"}
        # Sent twice, or from another tab: it is as the guest wants it.
        if booking.status == "cancelled" or ((named := form.many("rooms")) and gone.issuperset(named)):
            return see_other(request, page_of(request, booking))
        form.errors[""] = why(error, texts)
        return await _page_again(request, tx, booking, now, form, error)
    booking = await reread(request, tx, booking)
    if booking.status == "cancelled":
        note_booking(request, "cancelled")
        return see_other(request, page_of(request, booking))
    return see_other(request, page_of(request, booking), notice=texts.gettext("The room has been cancelled."))


async def _page_again(
    request: Request[Any, Any, State],
    tx: Transaction,
    booking: Booking,
    now: datetime,
    form: Form,
    error: DomainError,
) -> Response[Any]:
    page = page_of(request, booking)
    answer = await sent_back(request, tx, page, form, error, now)
    return answer or await booking_page(request, tx, booking, now, form, status=422)


def _longest_message(language: str) -> str:
    text = translations(language).ngettext(
        "Please write no more than {number} character.",
        "Please write no more than {number} characters.",
        notes.LONGEST,
    )
    return text.format(number=notes.LONGEST)


@post("/booking/{reference:str}/message", opt=public(), include_in_schema=False)
async def write(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """A message to the hotel."""
    booking = await open_own(request, tx, reference, now)
    form = await read(request)
    _ = translations(language_of(request)).gettext
    text = form.value("text").replace("\r\n", "\n").strip()
    try:
        if not text:
            form.wrong("text", _("Please fill this in."))
        elif len(text) > notes.LONGEST:
            form.wrong("text", _longest_message(language_of(request)))
        elif has_unshown(text):
            form.wrong("text", not_shown(language_of(request)))
        form.check()
        async with tx.savepoint():
            await notes.write_to_hotel(tx, booking, text=text, now=now)
    except DomainError as error:
        if not form.errors:
            form.wrong("text", why(error, translations(language_of(request))))
        return await _page_again(request, tx, booking, now, form, error)
    where = page_of(request, booking) + "#message"
    return see_other(request, where, notice=_("Your message has been sent to the hotel."))


@get("/booking/{reference:str}", opt=public(), include_in_schema=False)
async def from_mail(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str, token: str = ""
) -> Response[Any]:
    """A mail's link: its token is exchanged for the booking's cookie, and is gone from the address."""
    normal = normalise(reference)
    language = preferred(request.scope)
    if normal is None:
        return Response(b"", status_code=303, headers={"location": link(language, "booking")})
    try:
        booking = await booking_by_reference(tx, normal)
    except BookingNotFound:
        booking = None
    if booking is None or not await link_is_good(request, tx, booking, token[:200]):
        # As where a mail program has cut it off: this browser may know the booking, and else is asked for it.
        return Response(b"", status_code=303, headers={"location": link(language, f"booking/{normal}")})
    if booking.language in LANGUAGES:
        language = booking.language
    where = link(language, f"booking/{normal}")
    answer = Response(b"", status_code=303, headers={"location": where, "referrer-policy": "no-referrer"})
    remember_by_cookie(request, answer, booking, now)
    return answer


@get(
    ["/booking/{reference:str}/cancel", "/booking/{reference:str}/message", "/booking/{reference:str}/again"],
    opt=public(),
    include_in_schema=False,
    sync_to_thread=False,
)
def show_after_form(request: Request[Any, Any, State], reference: str) -> Response[Any]:
    """Where a form of the page was sent to: reloaded, or in another language, it is the page."""
    return see_other(request, link(language_of(request), f"booking/{reference[:20]}"))


handlers = [show_booking, show_find, find, calendar, cancel, write, show_after_form]
unprefixed = [from_mail]
