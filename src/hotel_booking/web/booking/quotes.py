"""From an offer to a quote: a guaranteed price for it, once more when the guarantee or a hold is over, and
the way back where the room is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.dates import Stay, earliest_business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError, Invalid, NotFound
from hotel_booking.core.typed_numbers import number_list, plain_digits
from hotel_booking.domains.bookings import browsers, service
from hotel_booking.domains.bookings.errors import StayNotSold
from hotel_booking.domains.bookings.queries import QuoteSeen, RoomSeen, quote_seen, written
from hotel_booking.domains.bookings.types import Booking, Reservation, RoomRequest
from hotel_booking.domains.rates.types import MAX_ROOMS, Occupancy
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution, see_other
from hotel_booking.web.booking.addresses import page_of
from hotel_booking.web.booking.guest_form import FIELDS
from hotel_booking.web.booking.ownership import open_own, opens, remember
from hotel_booking.web.browser import browser_of, named
from hotel_booking.web.i18n.refusals import Refusals
from hotel_booking.web.search import query
from hotel_booking.web.search.query import Asked
from hotel_booking.web.site import CARRIED, carried, carry, language_of, link, query_of, site

_KEPT = frozenset({*FIELDS, "requests", *(f"guest-{number}" for number in range(1, MAX_ROOMS + 1))})
# Characters of a field that are kept: more than are taken, so that what was too long still is.
_SOLD_OUT = frozenset({"sold_out", "not_on_sale", "closed", "no_price"})  # to a guest it is all one
_LONGEST_TYPED, _LONGEST_WISHES = 300, 5000


@post("/book", opt=public(), include_in_schema=False)
async def take_offer(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime
) -> Response[Any]:
    """A guaranteed price for the offer. What is gone by now leads back to the hotel's page, with why; a price
    that is no longer the one that was seen is said."""
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
    except (StayNotSold, Invalid, NotFound) as error:
        if not isinstance(error, StayNotSold) and not (slug.isascii() and slug.replace("-", "").isalnum()):
            raise
        return _gone(request, slug, _question(form, language, now), error)
    kept = carried({name: form.many(name) for name in CARRIED})
    seen = plain_digits(form.value("seen"))
    said = seen.isascii() and seen.isdecimal()
    notice = _price_changed(language) if said and seen != str(quote.total) else None
    answer = see_other(request, link(language, f"book/{quote.id}") + query_of(kept), notice=notice)
    named(request, answer)
    return answer


@post("/book/{quote_id:uuid}/again", opt=public(), include_in_schema=False)
async def renew(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime, quote_id: UUID
) -> Response[Any]:
    """The same rooms at the price of now, once the guarantee is over."""
    quote = await quote_seen(tx, quote_id)
    if quote is None or quote.booking_id is not None:
        return await booked(request, tx, quote, now)
    return await renewed(request, tx, settings, quote, now)


async def renewed(
    request: Request[Any, Any, State],
    tx: Transaction,
    settings: Settings,
    quote: QuoteSeen,
    now: datetime,
) -> Response[Any]:
    """A fresh quote for an old one's rooms; what was typed comes along with the browser."""
    rooms = [RoomRequest(room.room_type, room.rate_plan, room.adults, room.children) for room in quote.rooms]
    stay = Stay(quote.arrival, quote.departure)
    try:
        async with tx.savepoint():
            fresh = await service.quote(
                tx,
                property_slug=quote.slug,
                stay=stay,
                rooms=rooms,
                now=now,
                lifetime=timedelta(minutes=settings.quote_minutes),
            )
    except DomainError as error:
        return _gone(request, quote.slug, question_of(request, stay, rooms, now), error)
    language = language_of(request)
    _ = translations(language).gettext
    notice = Caution(_("The price was no longer guaranteed. This is the price now."))
    return see_other(request, link(language, f"book/{fresh.id}") + carry(request.scope), notice=notice)


async def booked(
    request: Request[Any, Any, State], tx: Transaction, quote: QuoteSeen | None, now: datetime
) -> Response[Any]:
    """A quote that there is not, or that has become a booking: for whoever may open that, the booking."""
    if quote is not None and quote.reference is not None:
        for booking in await written(tx, [quote.reference]):
            if await opens(request, tx, booking, now):
                return to_booking(request, booking.reference)
    return site(request, "checkout/gone.html", status=404, expired=False, quote_id=None)


async def keep_typed(
    request: Request[Any, Any, State], tx: Transaction, typed: Mapping[str, str], now: datetime
) -> bool:
    """Keep what was typed for this browser: who takes a lapsed room again, or another one, types nothing
    twice. False for a browser without a name: it takes no cookies."""
    browser = browser_of(request)
    if browser is None:
        return False
    kept = {
        name: text.replace("\x00", "")[: _LONGEST_WISHES if name == "requests" else _LONGEST_TYPED]
        for name, text in typed.items()
        if name in _KEPT
    }
    await browsers.keep_draft(tx, browser=browser, details=kept, now=now)
    return True


async def typed_before(
    request: Request[Any, Any, State], tx: Transaction, now: datetime
) -> dict[str, str] | None:
    """What was typed last in this browser and led to no booking."""
    browser = browser_of(request)
    return await browsers.draft_of(tx, browser=browser, now=now) if browser is not None else None


def to_booking(
    request: Request[Any, Any, State], reference: str, *, notice: str | None = None
) -> Response[Any]:
    """To the payment of a hold; its page leads on where there is nothing to pay."""
    where = link(language_of(request), f"booking/{reference}/pay") + carry(request.scope)
    return see_other(request, where, notice=notice)


def _question(form: Form, language: str, now: datetime) -> Asked:
    """The search behind an offer's form, however little of it can be read."""
    rooms = form.many("adults")
    adults = sum(int(number) for number in map(plain_digits, rooms) if number.isdecimal() and len(number) < 4)
    ages = ",".join(age for age in form.many("children") if age)
    asked = {name: form.value(name) for name in ("arrival", "departure", *CARRIED)}
    asked |= {"adults": str(adults or 2), "children": ages, "rooms": str(len(rooms) or 1)}
    typed = {name: [text[:200]] for name, text in asked.items()}
    return query.read(typed, today=earliest_business_date(now), language=language)


def question_of(
    request: Request[Any, Any, State],
    stay: Stay,
    rooms: Iterable[RoomRequest | RoomSeen | Reservation],
    now: datetime,
) -> Asked:
    """The search that led to these rooms: their dates and party, and what the address carries along."""
    return query.for_rooms(
        stay,
        [Occupancy(room.adults, room.children) for room in rooms],
        request.query_params.dict(),
        today=earliest_business_date(now),
        language=language_of(request),
    )


def again_of(request: Request[Any, Any, State], booking: Booking, now: datetime) -> str:
    """The hotel's page with the search that led to the booking."""
    rooms = booking.reservations
    stay = Stay(min(room.arrival for room in rooms), max(room.departure for room in rooms))
    asked = question_of(request, stay, rooms, now)
    return link(language_of(request), f"hotels/{booking.property_slug}") + asked.query() + "#rooms"


@post("/booking/{reference:str}/again", opt=public(), include_in_schema=False)
async def take_again(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime, reference: str
) -> Response[Any]:
    """A lapsed hold once more: the same rooms for the same stay at the price of today. What is gone by now
    leads to what the hotel has left."""
    booking = await open_own(request, tx, reference, now)
    language = language_of(request)
    if booking.status == "confirmed" or (booking.status == "held" and booking.hold_expires_at > now):
        return see_other(request, page_of(request, booking))
    rooms = booking.reservations
    wanted = [RoomRequest(room.room_type, room.rate_plan, room.adults, room.children) for room in rooms]
    stay = Stay(rooms[0].arrival, rooms[0].departure)
    try:
        quote = await service.quote(
            tx,
            property_slug=booking.property_slug,
            stay=stay,
            rooms=wanted,
            now=now,
            lifetime=timedelta(minutes=settings.quote_minutes),
        )
    except DomainError as error:
        return _gone(request, booking.property_slug, question_of(request, stay, wanted, now), error)
    notice = _price_changed(language) if quote.total != booking.total else None
    answer = see_other(request, link(language, f"book/{quote.id}") + carry(request.scope), notice=notice)
    await remember(request, tx, answer, booking=booking, now=now)
    typed = {name: getattr(booking, name) or "" for name in FIELDS} | {"requests": booking.requests or ""}
    typed |= {f"guest-{room.position}": room.guest_name or "" for room in rooms}
    await keep_typed(request, tx, typed, now)
    return answer


def _price_changed(language: str) -> Caution:
    _ = translations(language).gettext
    return Caution(_("The price has changed in the meantime. This is the price now."))


def _gone(request: Request[Any, Any, State], slug: str, asked: Asked, error: DomainError) -> Response[Any]:
    """To the hotel's page, which shows what is left, and why the offer is not."""
    language = language_of(request)
    texts = translations(language)
    said = texts.gettext("This offer has just sold out. Here’s what’s still available.")
    if isinstance(error, NotFound):
        said = texts.gettext("This hotel no longer takes bookings here. Please choose another one.")
    elif isinstance(error, StayNotSold):
        others = [reason for reason in error.why.reasons if reason.code not in _SOLD_OUT]
        if others:  # the day is over, the rule is a new one
            said = Refusals(language, texts).reasons(others)[0]
    where = link(language, f"hotels/{slug}") + asked.query() + "#rooms"
    return see_other(request, where, notice=Caution(said))


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
                    "children": [int(age) for age in number_list(children)],
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


handlers = [take_offer, renew, take_again]
