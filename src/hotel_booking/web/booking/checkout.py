"""From a quote to a hold: who is coming. The page can be reloaded, and its form may be sent twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import browsers, guest_bookings, service
from hotel_booking.domains.bookings.errors import QuoteUsed
from hotel_booking.domains.bookings.names import quote_in
from hotel_booking.domains.bookings.queries import (
    QuoteSeen,
    booking_by_id,
    quote_seen,
    rooms_of_quote,
)
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.http.access import public
from hotel_booking.http.holder import holder_of
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.language import countries
from hotel_booking.http.metrics import note_booking
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.web.account.session import current_guest
from hotel_booking.web.booking import sold_room
from hotel_booking.web.booking.guest_form import (
    about_phone,
    as_typed,
    guest_of,
    room_guests,
    wishes,
)
from hotel_booking.web.booking.messages import with_error
from hotel_booking.web.booking.ownership import own_ids, remember
from hotel_booking.web.booking.quotes import (
    booked,
    keep_typed,
    question_of,
    renewed,
    to_booking,
    typed_before,
)
from hotel_booking.web.booking.refused import back_to, with_reason
from hotel_booking.web.browser import browser_of, named
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.site import carry, language_of, link, site


@get("/book/{quote_id:uuid}", opt=public(), include_in_schema=False)
async def show_details(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, quote_id: UUID
) -> Response[Any]:
    """Who is coming? A quote that was booked already leads to its booking, whoever may open that."""
    quote = await quote_seen(tx, quote_id)
    if quote is None or quote.booking_id is not None:
        return await booked(request, tx, quote, now)
    form = await _known(request, tx, now)
    form = with_reason(request, form, lambda form: _typed(request, form, quote), len(quote.rooms))
    answer = await _details(request, tx, quote_id, quote, form, now)
    named(request, answer)
    return answer


@post("/book/{quote_id:uuid}", opt=public(), include_in_schema=False)
async def book(
    request: Request[Any, Any, State],
    tx: Transaction,
    settings: Settings,
    now: datetime,
    quote_id: UUID,
) -> Response[Any]:
    """Hold the rooms; sent twice it is the same booking. What was typed outlives whatever goes wrong."""
    quote = await quote_seen(tx, quote_id)
    if quote is None:
        return await booked(request, tx, quote, now)
    form = await read(request)
    try:
        guest, names, requests = _typed(request, form, quote)
        async with tx.savepoint():
            held = await service.hold(
                tx,
                quote_id=quote_id,
                guest=guest,
                guest_names=names,
                requests=requests,
                lifetime=timedelta(minutes=settings.hold_minutes),
                language=language_of(request),
                holder=holder_of(request, settings, browser_of(request)),
                now=now,
            )
            account = current_guest(request)
            if account is not None:
                await guest_bookings.remember(tx, account_id=account.id, booking_id=held.booking.id)
    except QuoteUsed:
        return await booked(request, tx, await quote_seen(tx, quote_id), now)
    except DomainError as error:
        kept = await keep_typed(request, tx, {name: form.value(name) for name in form.names()}, now)
        if error.code == "sold_out":
            note_booking(request, "sold_out")
        if error.code == "quote_expired":
            return await renewed(request, tx, settings, quote, now)
        if kept:
            where = link(language_of(request), f"book/{quote_id}") + carry(request.scope)
            return back_to(request, where, error)
        if not form.errors:
            form = with_error(request, form, error, len(quote.rooms))
        return await _details(request, tx, quote_id, quote, form, now, status=422)
    note_booking(request, "held", held.booking.reference)
    booking = held.booking
    answer = to_booking(request, booking.reference, notice=about_phone(request, guest, booking.phone))
    browser = await remember(request, tx, answer, booking=booking, now=now)
    await browsers.forget_draft(tx, browser=browser)
    return answer


def _typed(
    request: Request[Any, Any, State], form: Form, quote: QuoteSeen
) -> tuple[GuestDetails, list[str | None], str | None]:
    """Who books, who comes into which room, and what is wished for."""
    names = room_guests(request, form, len(quote.rooms))
    requests = wishes(request, form)
    return guest_of(request, form), names, requests


async def _known(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> Form:
    """The form as far as it is known: what was typed last and led to no booking, the account's details, or
    those of this browser's latest booking."""
    typed = await typed_before(request, tx, now)
    if typed is not None:
        return Form.of(**typed)
    account = current_guest(request)
    if account is not None:
        return Form.of(**as_typed(account), requests=account.wishes)
    for booking_id in (await own_ids(request, tx, now))[:1]:
        return Form.of(**as_typed(await booking_by_id(tx, booking_id)))
    return Form.of()


async def _details(
    request: Request[Any, Any, State],
    tx: Transaction,
    quote_id: UUID,
    quote: QuoteSeen,
    form: Form,
    now: datetime,
    status: int = 200,
) -> Response[Any]:
    language = language_of(request)
    texts = translations(language)
    quote, rooms = await quote_in(tx, quote, await rooms_of_quote(tx, quote_id), language)
    stay = Stay(quote.arrival, quote.departure)
    again = link(language, f"hotels/{quote.slug}") + question_of(request, stay, rooms, now).query()
    again += "#rooms"
    if quote.expires_at <= now:
        return site(request, "checkout/gone.html", status=410, expired=True, quote_id=quote_id, again=again)
    return site(
        request,
        "checkout/details.html",
        status=status,
        private=True,
        quote=quote,
        quote_id=quote_id,
        rooms=[sold_room.of_quote(room, quote, language, now) for room in rooms],
        stay=stay,
        phrases=Phrases(language, texts),
        form=form,
        again=again,
        countries=countries(language),
    )


handlers = [show_details, book]
