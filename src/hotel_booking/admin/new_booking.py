"""A new booking at the desk or by telephone: the same offers, prices, explanations and fixes as everywhere
else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.admin.booking_changes import ages
from hotel_booking.admin.chosen_property import no_property_yet
from hotel_booking.admin.guest_details import guest_of
from hotel_booking.admin.phone_words import with_phone
from hotel_booking.core.config import Settings
from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError, Invalid
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import QuoteNotFound
from hotel_booking.domains.bookings.queries import QuoteSeen, booking_by_reference, quote_seen, rooms_of_quote
from hotel_booking.domains.bookings.types import RoomRequest
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.properties.choices import Choice, properties_within
from hotel_booking.domains.rates.party import spread
from hotel_booking.domains.rates.types import MAX_ADULTS, MAX_ROOMS, Occupancy
from hotel_booking.domains.search.offers import offers
from hotel_booking.domains.search.types import Offers
from hotel_booking.http.access import staff
from hotel_booking.http.metrics import note_booking
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution, page, query, see_other

_CREATE = staff(Permission.BOOKINGS_CREATE)
_ASKED = ("property", "arrival", "departure", "adults", "children", "rooms", "walk_in")
_HELD_FOR = timedelta(hours=24)  # while a guest who was sent the link finds their card


@get("/bookings/new", opt=_CREATE)
async def choose(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime
) -> Response[str]:
    """Dates and party; with them, everything that is sold, and why the rest is not."""
    properties = await properties_within(tx, caller.properties_for(Permission.BOOKINGS_CREATE))
    if not properties:
        return no_property_yet(request, "New booking")
    form = Form({name: request.query_params.getall(name, []) for name in _ASKED})
    asked = bool(form.value("departure"))
    property_ = next((row for row in properties if row.slug == form.value("property")), None)
    if not asked:
        form = _at_first(properties, now, chosen=form.value("property"), walk_in=form.flag("walk_in"))
    found: Offers | None = None
    if asked:
        try:
            if property_ is None:
                form.wrong("property", "must be one of your properties")
            stay, party = _stay(form, property_, now), _party(form)
            form.check()
            if property_ is not None and stay is not None:
                found = await offers(tx, property_.slug, stay, party, explain=True, now=now)
        except DomainError as error:
            form.failed(error)
    return page(
        request,
        "bookings/new.html",
        status=422 if form.errors else 200,
        form=form,
        properties=[(row.slug, row.name) for row in properties if row.active],
        most_adults=MAX_ADULTS,
        most_rooms=MAX_ROOMS,
        property=property_,
        found=found,
        walk_in=form.flag("walk_in"),
    )


@post("/bookings/quotes", opt=_CREATE)
async def take_offer(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, settings: Settings
) -> Response[Any]:
    """Keep the price of an offer and ask for the guest."""
    form = await read(request)
    properties = await properties_within(tx, caller.properties_for(Permission.BOOKINGS_CREATE))
    property_ = next((row for row in properties if row.slug == form.value("property")), None)
    try:
        if property_ is None:
            form.wrong("property", "must be one of your properties")
        stay, party = _stay(form, property_, now), _party(form)
        room_type = form.text("room_type", required=True, longest=40)
        rate_plan = form.text("rate_plan", required=True, longest=40)
        form.check()
        if property_ is None or stay is None:
            raise QuoteNotFound("there is no such offer")
        quote = await service.quote(
            tx,
            property_slug=property_.slug,
            stay=stay,
            rooms=[RoomRequest(room_type, rate_plan, room.adults, room.children) for room in party],
            now=now,
            lifetime=timedelta(minutes=settings.quote_minutes),
        )
    except DomainError as error:
        return page(
            request,
            "bookings/new.html",
            status=422,
            form=form.failed(error),
            properties=[(row.slug, row.name) for row in properties if row.active],
            most_adults=MAX_ADULTS,
            most_rooms=MAX_ROOMS,
            property=property_,
            found=None,
            walk_in=form.flag("walk_in"),
        )
    walk_in = "?walk_in=true" if form.flag("walk_in") else ""
    return see_other(request, f"/admin/bookings/quotes/{quote.id}{walk_in}")


@get("/bookings/quotes/{quote_id:uuid}", opt=_CREATE)
async def ask_guest(
    request: Request[Any, Any, State],
    tx: Transaction,
    caller: Caller,
    now: datetime,
    quote_id: UUID,
    walk_in: bool = False,
) -> Response[Any]:
    """Who is it for, and how is it paid."""
    quote = await _own_quote(tx, caller, quote_id)
    if quote.reference is not None:
        return see_other(request, f"/admin/bookings/{quote.reference}")
    form = Form.of(guarantee="hotel", walk_in=walk_in)
    return await _guest_page(request, tx, quote_id, quote, form, now)


@post("/bookings/quotes/{quote_id:uuid}", opt=_CREATE)
async def book(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, now: datetime, quote_id: UUID
) -> Response[Any]:
    """Book. Sent twice it books once: a quote makes one booking."""
    quote = await _own_quote(tx, caller, quote_id)
    form = await read(request)
    if quote.reference is not None:
        told = await _not_changed(tx, quote.reference, form)
        return see_other(request, f"/admin/bookings/{quote.reference}", notice=told)
    try:
        guest = guest_of(form)
        how = form.choice("guarantee", ("hotel", "link"))
        requests = form.text("requests", longest=2000) or None
        if how == "link" and not guest.email:
            form.wrong("email", "is needed to send a payment link")
        form.check()
        walk_in = form.flag("walk_in")
        async with tx.savepoint():
            held = await service.hold(
                tx,
                quote_id=quote_id,
                guest=guest,
                now=now,
                lifetime=_HELD_FOR,
                requests=requests,
                source="walk_in" if walk_in else "desk",
            )
            note_booking(request, "held", held.booking.reference)
            if how == "hotel":
                await service.guarantee(tx, booking_id=held.booking.id, now=now)
                note_booking(request, "confirmed")
    except DomainError as error:
        if error.code == "sold_out":
            note_booking(request, "sold_out")
        return await _guest_page(request, tx, quote_id, quote, form.failed(error), now, status=422)
    notice = (
        "The booking is confirmed; the guest pays at the hotel."
        if how == "hotel"
        else "The rooms are held for a day; the guest gets a payment link."
    )
    notice = with_phone(notice, held.booking.phone, typed=guest.phone)
    return see_other(request, f"/admin/bookings/{held.booking.reference}", notice=notice)


async def _not_changed(tx: Transaction, reference: str, form: Form) -> Caution | None:
    """What is said to those who went back and sent the form again with another guest; None to those who only
    sent it twice."""
    booking = await booking_by_reference(tx, reference)
    try:
        guest = guest_of(form)
    except Invalid:
        guest = None
    if guest is not None and (guest.given_name, guest.family_name, guest.email) == (
        booking.given_name,
        booking.family_name,
        booking.email,
    ):
        return None
    return Caution(
        "This offer had been booked already, as shown here. What you have typed since changed nothing."
    )


async def _guest_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    quote_id: UUID,
    quote: QuoteSeen,
    form: Form,
    now: datetime,
    status: int = 200,
) -> Response[str]:
    rooms = await rooms_of_quote(tx, quote_id)
    asked = {
        "property": quote.slug,
        "arrival": quote.arrival,
        "departure": quote.departure,
        "adults": sum(room.adults for room in rooms),
        "children": ", ".join(str(age) for room in rooms for age in room.children),
        "rooms": len(rooms),
        "walk_in": "true" if form.flag("walk_in") else "",
    }
    return page(
        request,
        "bookings/guest.html",
        status=status,
        quote_id=quote_id,
        quote=quote,
        rooms=rooms,
        offers=query("/admin/bookings/new", **asked),
        expired=quote.expires_at <= now,
        form=form,
    )


async def _own_quote(tx: Transaction, caller: Caller, quote_id: UUID) -> QuoteSeen:
    quote = await quote_seen(tx, quote_id)
    if quote is None or not caller.may(Permission.BOOKINGS_CREATE, quote.property_id):
        raise QuoteNotFound("there is no such quote", fix="choose an offer again")
    return quote


def _at_first(properties: Sequence[Choice], now: datetime, *, chosen: str, walk_in: bool) -> Form:
    named = next((row for row in properties if row.slug == chosen), None)
    property_ = named or next((row for row in properties if row.active), None)
    today = business_date(now, property_.timezone, property_.day_end_time) if property_ is not None else None
    # Whoever has no property yet has no date either: what today is, the property says.
    return Form.of(
        property=property_.slug if property_ is not None and (named or len(properties) == 1) else "",
        arrival=today,
        departure=today and today + timedelta(days=1),
        adults=2,
        rooms=1,
        walk_in=walk_in,
    )


def _stay(form: Form, property_: Choice | None, now: datetime) -> Stay | None:
    arrival: date | None = form.day("arrival", required=not form.flag("walk_in"))
    if form.flag("walk_in") and property_ is not None:
        arrival = business_date(now, property_.timezone, property_.day_end_time)
    departure = form.day("departure", required=True)
    if arrival is None or departure is None:
        return None
    try:
        return Stay(arrival, departure)
    except Invalid as error:
        form.failed(error)
        return None


def _party(form: Form) -> tuple[Occupancy, ...]:
    adults = form.whole("adults", 1, MAX_ADULTS, required=True)
    rooms = form.whole("rooms", 1, MAX_ROOMS, required=True)
    children = ages(form, "children")
    if adults is None or rooms is None:
        return ()
    try:
        return spread(adults, children, rooms)
    except Invalid as error:
        form.failed(error)
        return ()


handlers = [choose, take_offer, ask_guest, book]
