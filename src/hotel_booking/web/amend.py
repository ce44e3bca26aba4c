"""A guest changes the days or the party of a booking: first what it would cost, then the change at exactly
that price."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import cancellation_fee
from hotel_booking.domains.bookings.errors import StayNotSold
from hotel_booking.domains.bookings.queries import booking_by_reference
from hotel_booking.domains.bookings.types import Amendment, Booking, RoomChange
from hotel_booking.domains.rates.nearest_fix import Fix
from hotel_booking.domains.rates.restrictions import Reason
from hotel_booking.domains.search.party import MAX_ADULTS
from hotel_booking.http.access import public
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.checkout_words import why
from hotel_booking.web.conditions import Conditions
from hotel_booking.web.own_bookings import open_own
from hotel_booking.web.property_refusals import Refusals
from hotel_booking.web.site import language_of, link, site, texts_of

_OLDEST_CHILD = 17


@get("/booking/{reference:str}/amend", opt=public(), include_in_schema=False)
async def show_amend(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """The stay as it is, or as a suggestion in the address would have it."""
    booking = await open_own(request, tx, reference, now)
    if booking.status != "confirmed":
        return see_other(request, _page_of(request, booking))
    suggested = {
        name: request.query_params[name][:10]
        for name in ("arrival", "departure")
        if name in request.query_params
    }
    return _page(request, booking, _as_it_is(booking, **suggested), now)


@post("/booking/{reference:str}/amend", opt=public(), include_in_schema=False)
async def amend(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """Show what the change costs; or make it, at the total that was shown. Sent twice it changes once: the
    second time nothing is left to change."""
    booking = await open_own(request, tx, reference, now)
    form = await read(request)
    try:
        arrival, departure = _day(request, form, "arrival"), _day(request, form, "departure")
        rooms = [_room(request, form, room.position) for room in booking.reservations]
        agreed = form.whole("agreed", 0, 2**50) if form.value("act") == "confirm" else None
        form.check()
        wanted: dict[str, Any] = {
            "booking_id": booking.id,
            "now": now,
            "arrival": arrival,
            "departure": departure,
            "rooms": rooms,
        }
        if agreed is None:
            return _page(request, booking, form, now, preview=await service.preview_amend(tx, **wanted))
        async with tx.savepoint():
            await service.amend(tx, **wanted, expected_total=agreed)
    except StayNotSold as error:
        return _page(request, booking, form, now, refused=error, status=422)
    except DomainError as error:
        if error.code == "nothing_to_amend" and form.value("act") == "confirm":
            return see_other(request, _page_of(request, booking))
        if not form.errors:
            form.errors[""] = why(error, texts_of(language_of(request)))
        booking = await booking_by_reference(tx, booking.reference)
        return _page(request, booking, form, now, status=422)
    notice = texts_of(language_of(request)).gettext("Your booking is changed.")
    return see_other(request, _page_of(request, booking), notice=notice)


def may_amend(booking: Booking, now: datetime) -> bool:
    """Whether a guest may change it without asking the hotel."""
    return booking.status == "confirmed" and not any(
        cancellation_fee(booking, room, now) for room in booking.reservations
    )


def _page_of(request: Request[Any, Any, State], booking: Booking) -> str:
    return link(language_of(request), f"booking/{booking.reference}")


def _as_it_is(booking: Booking, **days: str) -> Form:
    first = booking.reservations[0]
    shown: dict[str, Any] = {"arrival": first.arrival, "departure": first.departure} | days
    for room in booking.reservations:
        shown[f"adults-{room.position}"] = room.adults
        shown[f"children-{room.position}"] = ", ".join(map(str, room.children))
    return Form.of(**shown)


def _day(request: Request[Any, Any, State], form: Form, name: str) -> date | None:
    _ = texts_of(language_of(request)).gettext
    try:
        return date.fromisoformat(form.value(name))
    except ValueError:
        form.wrong(name, _("Please give a day."))
        return None


def _room(request: Request[Any, Any, State], form: Form, position: int) -> RoomChange:
    _ = texts_of(language_of(request)).gettext
    adults, children = form.value(f"adults-{position}"), form.value(f"children-{position}")
    if not (adults.isascii() and adults.isdecimal() and 1 <= int(adults[:4]) <= MAX_ADULTS):
        form.wrong(f"adults-{position}", _("At least one adult, in figures."))
        adults = "1"
    ages = children.replace(",", " ").split()
    if not all(age.isascii() and age.isdecimal() and int(age[:4]) <= _OLDEST_CHILD for age in ages[:50]):
        form.wrong(f"children-{position}", _("Their ages in years, up to 17, such as 4, 9."))
        ages = []
    return RoomChange(position, adults=int(adults[:4]), children=tuple(int(age) for age in ages[:50]))


def _page(
    request: Request[Any, Any, State],
    booking: Booking,
    form: Form,
    now: datetime,
    *,
    preview: Amendment | None = None,
    refused: StayNotSold | None = None,
    status: int = 200,
) -> Response[Any]:
    language = language_of(request)
    texts = texts_of(language)
    names = {("room_type", room.room_type): room.room_type_name for room in booking.reservations}
    names |= {("rate_plan", room.rate_plan): room.rate_plan_name for room in booking.reservations}
    reasons, way_out = [], None
    if refused is not None:
        say = Refusals(language, texts)
        reasons = say.reasons(msgspec.convert(refused.extra.get("reasons", []), list[Reason]))
        fix = msgspec.convert(refused.extra.get("suggestion"), Fix | None)
        kind = booking.reservations[0].room_type
        if fix is not None and fix.room_type == kind:
            label = say.fix(fix, room_type=kind, arrival=date.min, departure=date.min, names=names)
            where = link(
                language,
                f"booking/{booking.reference}/amend",
                arrival=fix.arrival.isoformat(),
                departure=fix.departure.isoformat(),
            )
            way_out = (where, label)
    tell = Conditions(language, texts)
    return site(
        request,
        "manage/amend.html",
        status=status,
        headers={"cache-control": "no-store"},
        booking=booking,
        form=form,
        free=may_amend(booking, now),
        preview=preview,
        rooms=[(room, tell.breakdown(room.lines, room.total, names)) for room in preview.reservations]
        if preview is not None
        else [],
        reasons=reasons,
        way_out=way_out,
        today=now.date(),
    )


handlers = [show_amend, amend]
