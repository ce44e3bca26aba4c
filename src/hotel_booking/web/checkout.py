"""From an offer to a booking: the quote, the guest's details, the hold, the payment.

Every step is a page that can be reloaded, and a form that may be sent twice.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.errors import DomainError, Invalid
from hotel_booking.domains.bookings import guest_bookings, service
from hotel_booking.domains.bookings.errors import BookingNotFound, QuoteUsed, StayNotSold
from hotel_booking.domains.bookings.pricing import recompute
from hotel_booking.domains.bookings.queries import RoomSeen, booking_by_reference, quote_seen, rooms_of_quote
from hotel_booking.domains.bookings.types import RoomRequest
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.rates.cancellation import describe
from hotel_booking.domains.rates.pricing import night_totals
from hotel_booking.http.access import public
from hotel_booking.http.metrics import note_booking
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.web import property_query
from hotel_booking.web.checkout_words import said
from hotel_booking.web.conditions import Conditions
from hotel_booking.web.guest_session import current_guest
from hotel_booking.web.language import countries
from hotel_booking.web.own_bookings import (
    open_own,
    own_references,
    owns_quote,
    remember,
    remember_quote,
)
from hotel_booking.web.property_saying import Saying
from hotel_booking.web.site import language_of, link, site, texts_of

_FIELDS = {"given_name": 100, "family_name": 100, "email": 254, "phone": 40, "country": 2}
_NEEDED = ("given_name", "family_name", "email")


@post("/book", opt=public(), include_in_schema=False)
async def take_offer(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime
) -> Response[Any]:
    """A guaranteed price for the offer. What is gone by now leads back to the hotel's page, with why."""
    language = language_of(request)
    form = await read(request)
    slug = form.value("property")[:80]
    try:
        stay, rooms = _asked(form)
        quote = await service.quote(
            tx,
            property_slug=slug,
            stay=stay,
            rooms=rooms,
            now=now,
            lifetime=timedelta(minutes=settings.quote_minutes),
        )
    except (StayNotSold, Invalid) as error:
        if isinstance(error, Invalid) and not slug.replace("-", "").isalnum():
            raise
        return _gone(request, slug, form, now)
    answer = see_other(request, link(language, f"book/{quote.id}"))
    answer.cookies.append(remember_quote(request, quote.id))
    return answer


@get("/book/{quote_id:uuid}", opt=public(), include_in_schema=False)
async def show_details(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, quote_id: UUID
) -> Response[Any]:
    """Who is coming? A quote that was booked already leads to its booking."""
    quote = await quote_seen(tx, quote_id)
    if quote is None or not owns_quote(request, quote_id):
        return site(request, "checkout/gone.html", status=404, expired=False, again=None)
    if quote["reference"] is not None:
        return _to_booking(request, quote["reference"])
    return await _details(request, tx, quote_id, quote, await _known(request, tx), now)


@post("/book/{quote_id:uuid}", opt=public(), include_in_schema=False)
async def book(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime, quote_id: UUID
) -> Response[Any]:
    """Hold the rooms; sent twice it is the same booking."""
    quote = await quote_seen(tx, quote_id)
    if quote is None or not owns_quote(request, quote_id):
        return site(request, "checkout/gone.html", status=404, expired=False, again=None)
    form = await read(request)
    try:
        guest = _guest(request, form)
        rooms = len(quote["rooms"])
        names = [form.text(f"guest-{number}", longest=200) or None for number in range(1, rooms + 1)]
        requests = form.text("requests", longest=2000) or None
        form.check()
        async with tx.savepoint():
            held = await service.hold(
                tx,
                quote_id=quote_id,
                guest=guest,
                guest_names=names,
                requests=requests,
                lifetime=timedelta(minutes=settings.hold_minutes),
                language=language_of(request),
                now=now,
            )
            account = current_guest(request)
            if account is not None:
                await guest_bookings.remember(tx, account_id=account.id, booking_id=held.booking.id)
    except QuoteUsed:
        quote = await quote_seen(tx, quote_id)
        return _to_booking(request, quote["reference"] if quote is not None else "")
    except DomainError as error:
        if error.field is None or error.code in ("sold_out", "quote_expired"):
            form = said(request, form, error)
        return await _details(request, tx, quote_id, quote, form, now, status=422)
    note_booking(request, "held")
    return _to_booking(request, held.booking.reference)


async def _known(request: Request[Any, Any, State], tx: Transaction) -> Form:
    """The form as far as the account fills it in, or else this browser's latest booking: who takes a lapsed
    room again, or books another one, types nothing twice."""
    account = current_guest(request)
    if account is not None:
        values = {name: getattr(account, name) or "" for name in _FIELDS}
        return Form.of(**values, requests=account.wishes)
    for reference in own_references(request)[:1]:
        try:
            booking = await booking_by_reference(tx, reference)
        except BookingNotFound:
            continue
        return Form.of(**{name: getattr(booking, name) or "" for name in _FIELDS})
    return Form.of()


def _question(form: Form, language: str, now: datetime) -> str:
    """What the guest asked the hotel's page, as its query: the same days and the same party."""
    rooms = form.many("adults")
    adults = sum(int(number) for number in rooms if number.isascii() and number.isdecimal())
    ages = ",".join(age for age in form.many("children") if age)
    asked = {"arrival": form.value("arrival"), "departure": form.value("departure")}
    asked |= {"adults": str(adults or 2), "children": ages, "rooms": str(len(rooms) or 1)}
    typed = {name: [text[:200]] for name, text in asked.items()}
    return property_query.read(typed, today=now.date(), texts=texts_of(language)).query()


@post("/booking/{reference:str}/again", opt=public(), include_in_schema=False)
async def take_again(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime, reference: str
) -> Response[Any]:
    """A lapsed hold once more: the same rooms for the same stay at the price of today. What is gone by now
    leads to what the hotel has left."""
    booking = await open_own(request, tx, reference)
    language = language_of(request)
    if booking.status == "confirmed" or (booking.status == "held" and booking.hold_expires_at > now):
        return see_other(request, link(language, f"booking/{booking.reference}"))
    rooms = booking.reservations
    stay = Stay(rooms[0].arrival, rooms[0].departure)
    try:
        quote = await service.quote(
            tx,
            property_slug=booking.property_slug,
            stay=stay,
            rooms=[RoomRequest(room.room_type, room.rate_plan, room.adults, room.children) for room in rooms],
            now=now,
            lifetime=timedelta(minutes=settings.quote_minutes),
        )
    except DomainError:
        form = Form.of(
            arrival=stay.arrival,
            departure=stay.departure,
            adults=[room.adults for room in rooms],
            children=[",".join(map(str, room.children)) for room in rooms],
        )
        return _gone(request, booking.property_slug, form, now)
    answer = see_other(request, link(language, f"book/{quote.id}"))
    answer.cookies += [remember_quote(request, quote.id), remember(request, booking.reference)]
    return answer


def _gone(request: Request[Any, Any, State], slug: str, form: Form, now: datetime) -> Response[Any]:
    language = language_of(request)
    return see_other(
        request,
        link(language, f"hotels/{slug}") + _question(form, language, now) + "#rooms",
        notice=texts_of(language).gettext("This offer has just gone. These are left."),
    )


def _asked(form: Form) -> tuple[Stay, list[RoomRequest]]:
    try:
        stay = Stay(date.fromisoformat(form.value("arrival")), date.fromisoformat(form.value("departure")))
        columns = [form.many(name) for name in ("room_type", "rate_plan", "adults", "children")]
        rooms = [
            msgspec.convert(
                {
                    "room_type": kind,
                    "rate_plan": plan,
                    "adults": int(adults),
                    "children": [int(age) for age in children.split(",") if age.strip()],
                },
                RoomRequest,
            )
            for kind, plan, adults, children in zip(*columns, strict=True)
        ]
    except (ValueError, msgspec.ValidationError):
        raise Invalid("the form cannot be read", fix="choose the offer again") from None
    if not rooms:
        raise Invalid("no room was chosen", fix="choose the offer again")
    return stay, rooms


def _guest(request: Request[Any, Any, State], form: Form) -> GuestDetails:
    _ = texts_of(language_of(request)).gettext
    values = {}
    for name, longest in _FIELDS.items():
        text = form.value(name).strip()
        if not text and name in _NEEDED:
            form.wrong(name, _("Please fill this in."))
        elif len(text) > longest or not text.isprintable():
            form.wrong(name, _("This cannot be right. Please check it."))
        values[name] = text.upper() if name == "country" else text
    form.check()
    try:
        return msgspec.convert({name: value for name, value in values.items() if value}, GuestDetails)
    except (msgspec.ValidationError, DomainError) as error:
        wrong = next((name for name in _FIELDS if name in str(error)), "email")
        form.wrong(wrong, _("This cannot be right. Please check it."))
        form.check()
        raise


def _to_booking(request: Request[Any, Any, State], reference: str) -> Response[Any]:
    answer = see_other(request, link(language_of(request), f"booking/{reference}/pay"))
    answer.cookies.append(remember(request, reference))
    return answer


async def _details(
    request: Request[Any, Any, State],
    tx: Transaction,
    quote_id: UUID,
    quote: Row,
    form: Form,
    now: datetime,
    status: int = 200,
) -> Response[Any]:
    language = language_of(request)
    texts = texts_of(language)
    rooms = await rooms_of_quote(tx, quote_id)
    asked = property_query.read(
        {name: [quote[name].isoformat()] for name in ("arrival", "departure")}, today=now.date(), texts=texts
    )
    again = link(language, f"hotels/{quote['slug']}") + asked.query() + "#rooms"
    if quote["expires_at"] <= now:
        return site(request, "checkout/gone.html", status=410, expired=True, again=again)
    return site(
        request,
        "checkout/details.html",
        status=status,
        headers={"cache-control": "no-store"},
        quote=quote,
        quote_id=quote_id,
        rooms=[shown_room(room, quote, language, now) for room in rooms],
        stay=Stay(quote["arrival"], quote["departure"]),
        say=Saying(language, texts),
        form=form,
        again=again,
        countries=countries(language),
    )


def shown_room(room: RoomSeen, quote: Row, language: str, now: datetime) -> dict[str, Any]:
    """A room with its price line by line and its conditions in the guest's words."""
    tell = Conditions(language, texts_of(language))
    price = recompute(room.terms, room.night_prices, room.adults, room.children)
    policy = describe(
        room.terms.policy,
        arrival=quote["arrival"],
        timezone=quote["timezone"],
        currency=quote["currency"],
        total=room.total,
        night_totals=night_totals(price),
        at=now,
    )
    names = {
        ("room_type", room.terms.rules.room_type): room.room_type_name,
        ("rate_plan", room.terms.rules.rate_plan): room.rate_plan_name,
    }
    return {
        "room": room,
        "cancellation": tell.cancellation(
            policy, total=room.total, currency=quote["currency"], timezone=quote["timezone"]
        ),
        "breakdown": tell.breakdown(price.lines, room.total, names),
        "meal": tell.meal(room.terms.meal),
    }


handlers = [take_offer, show_details, book, take_again]
