"""A guest changes the days or the party of a booking: first what it would cost, then the change at exactly
that price."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State

from hotel_booking.core.dates import MAX_NIGHTS, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.typed_numbers import number_list, plain_digits
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import cancellation_fee
from hotel_booking.domains.bookings.errors import PriceChanged, StayNotSold, WhyNotSold
from hotel_booking.domains.bookings.types import Amendment, Booking, Reservation, RoomChange, StayChange
from hotel_booking.domains.rates.types import MAX_ADULTS, MAX_CHILD_AGE, MAX_CHILDREN
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import Caution, see_other
from hotel_booking.web.booking.addresses import page_of
from hotel_booking.web.booking.messages import why, why_of
from hotel_booking.web.booking.ownership import open_own, reread
from hotel_booking.web.i18n.conditions import Conditions
from hotel_booking.web.i18n.refusals import Refusals, longest_stay
from hotel_booking.web.refused import reason_of, sent_to
from hotel_booking.web.search.query import day_like, day_typed
from hotel_booking.web.site import language_of, link, site


@get("/booking/{reference:str}/amend", opt=public(), include_in_schema=False)
async def show_amend(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """The stay as it is, or as a suggestion in the address would have it; with what the change in the address
    would cost, or why it can't be had: also where the change itself was refused."""
    booking = await open_own(request, tx, reference, now)
    if booking.status != "confirmed":
        return see_other(request, page_of(request, booking))
    if request.query_params.get("act") == "preview":
        typed = {name: request.query_params.getall(name) for name in request.query_params}
        days = _typed_days(Form(typed), language_of(request))
        form = Form(typed | {name: [day] for name, day in days.items()})
        return await _looked_at(request, tx, booking, form, now)
    suggested = {
        name: request.query_params[name][:10]
        for name in ("arrival", "departure")
        if name in request.query_params
    }
    return _page(request, booking, _as_it_is(booking, language_of(request), **suggested), now)


@post("/booking/{reference:str}/amend", opt=public(), include_in_schema=False)
async def amend(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """Make a change, at the total that was shown. Sent twice it changes once: the second time nothing is left
    to change. What it would cost, and why it can't be had, is shown at an address of its own; there leads
    also whoever changed the fields after looking, and pressed Enter."""
    booking = await open_own(request, tx, reference, now)
    form = await read(request)
    language = language_of(request)
    typed = {name: form.value(name)[:100] for name in _fields(booking)} | _typed_days(form, language)
    look = link(language, f"booking/{booking.reference}/amend", **typed, act="preview")
    if form.value("act") != "confirm" or form.value("seen") not in ("", _seen(form, booking)):
        return see_other(request, look)
    try:
        agreed = form.shown_amount("agreed")
        wanted = _wanted(request, form, booking, now)
        if agreed is None:
            return see_other(request, look)
        async with tx.savepoint():
            await service.amend(tx, **wanted, expected_total=agreed)
    except DomainError as error:
        if error.code == "nothing_to_amend":
            return see_other(request, page_of(request, booking))
        if (await reread(request, tx, booking)).status != "confirmed":
            told = Caution(why(error, translations(language_of(request))))
            return see_other(request, page_of(request, booking), notice=told)
        return sent_to(request, look, error.code)
    notice = translations(language_of(request)).gettext("Your booking has been changed.")
    return see_other(request, page_of(request, booking), notice=notice)


async def _looked_at(
    request: Request[Any, Any, State], tx: Transaction, booking: Booking, form: Form, now: datetime
) -> Response[Any]:
    """What a change would cost; in an address it can be loaded anew and come back to."""
    try:
        wanted = _wanted(request, form, booking, now)
        preview = await service.preview_amend(tx, **wanted)
    except StayNotSold as error:
        return _page(request, booking, form, now, refused=error)
    except DomainError as error:
        if not form.errors:
            form.errors[""] = _why_not(request, error)
        return _page(request, booking, form, now)
    if reason_of(request) == PriceChanged.code:  # any other reason would stand against it still
        form.errors[""] = why_of(PriceChanged.code, translations(language_of(request)))
    return _page(request, booking, form, now, preview=preview)


def _fields(booking: Booking) -> list[str]:
    rooms = (f"{name}-{room.position}" for room in booking.staying for name in ("adults", "children"))
    return ["arrival", "departure", *rooms]


def _seen(form: Form, booking: Booking) -> str:
    """What stood in the fields for which a price was shown."""
    return " | ".join(form.value(name) for name in _fields(booking))


def _wanted(request: Request[Any, Any, State], form: Form, booking: Booking, now: datetime) -> StayChange:
    """The change that a form asks for. Raises `FormProblems`."""
    arrival, departure = _days(request, form, booking, now)
    rooms = [_room(request, form, room.position) for room in booking.staying]
    form.check()
    return {
        "booking_id": booking.id,
        "now": now,
        "arrival": arrival,
        "departure": departure,
        "rooms": rooms,
        "by_guest": True,
    }


def _why_not(request: Request[Any, Any, State], error: DomainError) -> str:
    texts = translations(language_of(request))
    _, ngettext = texts.gettext, texts.ngettext
    match error.code:
        case "sold_out":
            return _(
                "Someone else has just booked the last room for these nights. Your booking hasn’t changed: "
                "please choose other dates, or contact the hotel."
            )
        case "invalid_party":
            adults = ngettext("{number} adult", "{number} adults", MAX_ADULTS)
            children = ngettext("{number} child", "{number} children", MAX_CHILDREN)
            return _(
                "The most you can book for is {adults} and {children}. For more, please contact the hotel."
            ).format(adults=adults.format(number=MAX_ADULTS), children=children.format(number=MAX_CHILDREN))
    return why(error, texts)


def may_amend(booking: Booking, now: datetime) -> bool:
    """Whether a guest may change it without asking the hotel."""
    return booking.status == "confirmed" and not any(
        cancellation_fee(booking, room, now) for room in booking.staying
    )


def _as_it_is(booking: Booking, language: str, **days: str) -> Form:
    first = booking.staying[0]
    shown: dict[str, Any] = {"arrival": first.arrival, "departure": first.departure} | days
    for room in booking.staying:
        shown[f"adults-{room.position}"] = room.adults
        shown[f"children-{room.position}"] = joined(map(str, room.children), language)
    return Form.of(**shown)


def _typed_days(form: Form, language: str) -> dict[str, str]:
    """What was typed as a date, as date fields and addresses have it; what is none is left out."""
    days = {name: day_typed(form.value(name), language) for name in ("arrival", "departure")}
    return {name: day.isoformat() for name, day in days.items() if day is not None}


def _day(request: Request[Any, Any, State], form: Form, name: str, today: date) -> date | None:
    language = language_of(request)
    found = day_typed(form.value(name), language)
    if found is None and form.value(name).strip():
        form.wrong(name, day_like(today, language))
    elif found is None:
        form.wrong(name, translations(language).gettext("Please choose a date."))
    return found


def _days(
    request: Request[Any, Any, State], form: Form, booking: Booking, now: datetime
) -> tuple[date | None, date | None]:
    """The stay's first day and the day of departure; what cannot be is said beside the fields."""
    texts = translations(language_of(request))
    _ = texts.gettext
    today = business_date(now, booking.timezone, booking.day_end_time)
    arrival, departure = (_day(request, form, name, today) for name in ("arrival", "departure"))
    earliest = min(today, booking.arrival)
    if arrival is not None and arrival < earliest:
        form.wrong("arrival", _("This date has already passed at the hotel. Please choose today or later."))
    if arrival is not None and departure is not None:
        if departure <= arrival:
            form.wrong("departure", _("Your departure date must be after your arrival date."))
        elif (departure - arrival).days > MAX_NIGHTS:
            form.wrong("departure", longest_stay(texts))
    return arrival, departure


def _room(request: Request[Any, Any, State], form: Form, position: int) -> RoomChange:
    texts = translations(language_of(request))
    _, ngettext = texts.gettext, texts.ngettext
    adults, children = (
        plain_digits(form.value(f"adults-{position}").strip()),
        form.value(f"children-{position}"),
    )
    if not (adults.isascii() and adults.isdecimal() and 1 <= int(adults[:4]) <= MAX_ADULTS):
        form.wrong(f"adults-{position}", _("From 1 to {number} adults, please.").format(number=MAX_ADULTS))
        adults = "1"
    ages = number_list(children)
    if not all(age.isascii() and age.isdecimal() and int(age[:4]) <= MAX_CHILD_AGE for age in ages):
        form.wrong(
            f"children-{position}",
            _("Please enter each child’s age, from 0 to {number}, for example 4, 9.").format(
                number=MAX_CHILD_AGE
            ),
        )
        ages = []
    elif len(ages) > MAX_CHILDREN:
        form.wrong(
            f"children-{position}",
            ngettext(
                "You can book for up to {number} child. For more, please contact the hotel.",
                "You can book for up to {number} children. For more, please contact the hotel.",
                MAX_CHILDREN,
            ).format(number=MAX_CHILDREN),
        )
        ages = []
    return RoomChange(position, adults=int(adults[:4]), children=tuple(int(age) for age in ages))


class RefusedRoom(msgspec.Struct, frozen=True):
    """What stands against the change in one room, what would work, and where that is one click away."""

    room: Reservation | None
    reasons: list[str]
    alternative: str
    link: tuple[str, str] | None = None


def _whys(
    request: Request[Any, Any, State], booking: Booking, form: Form, refused: StayNotSold
) -> list[RefusedRoom]:
    language = language_of(request)
    texts = translations(language)
    refusals = Refusals(language, texts)
    rooms = {room.position: room for room in booking.reservations}
    whys = []
    for refusal in refused.why.rooms or (refused.why,):
        limits = refusal.limits
        sleeps = (limits.guests, limits.adults, limits.children) if limits is not None else None
        room = rooms.get(refusal.position)
        kind = (room or booking.reservations[0]).room_type
        fix = refusal.suggestion
        where = None
        if fix is not None and fix.room_type == kind:
            party = [f"{name}-{number}" for number in rooms for name in ("adults", "children")]
            asked = {name: form.value(name)[:100] for name in party}
            asked |= {"arrival": fix.arrival.isoformat(), "departure": fix.departure.isoformat()}
            address = link(language, f"booking/{booking.reference}/amend", **asked, act="preview")
            names = {("room_type", kind): kind}
            where = (
                address,
                refusals.fix(fix, room_type=kind, arrival=date.min, departure=date.min, names=names),
            )
        whys.append(
            RefusedRoom(
                room,
                refusals.reasons(refusal.reasons, sleeps=sleeps),
                "" if where is not None else _alternative(language, refusal),
                where,
            )
        )
    return whys


def _alternative(language: str, refusal: WhyNotSold) -> str:
    """What would work where the same room at other days does not."""
    texts = translations(language)
    _ = texts.gettext
    if refusal.suggestion is not None:
        # Another kind of room, which the hotel gives: a guest changes days and guests alone.
        return _("Another room at the hotel would suit you. Please contact the hotel.")
    if refusal.fitting:
        return _("These rooms have space for your party: {rooms}. Please contact the hotel.").format(
            rooms=joined(refusal.fitting.values(), language)
        )
    if refusal.rooms_needed is not None:
        return texts.ngettext(
            "No room at this hotel sleeps that many: you’ll need {number} room.",
            "No room at this hotel sleeps that many: you’ll need {number} rooms.",
            refusal.rooms_needed,
        ).format(number=refusal.rooms_needed)
    if refusal.limits is not None:
        return _("No room at this hotel suits your party. Please contact the hotel.")
    return _(
        "Nothing suitable is available within 14 days of these dates. Please try other dates, or contact the "
        "hotel."
    )


def _page(
    request: Request[Any, Any, State],
    booking: Booking,
    form: Form,
    now: datetime,
    *,
    preview: Amendment | None = None,
    refused: StayNotSold | None = None,
) -> Response[Any]:
    language = language_of(request)
    texts = translations(language)
    names = {("room_type", room.room_type): room.room_type_name for room in booking.reservations}
    names |= {("rate_plan", room.rate_plan): room.rate_plan_name for room in booking.reservations}
    conditions = Conditions(language, texts)
    return site(
        request,
        "manage/amend.html",
        private=True,
        booking=booking,
        form=form,
        free=may_amend(booking, now),
        preview=preview,
        seen=_seen(form, booking),
        rooms=[(room, conditions.breakdown(room.lines, room.total, names)) for room in preview.reservations]
        if preview is not None
        else [],
        refused=refused is not None,
        whys=_whys(request, booking, form, refused) if refused is not None else [],
        today=business_date(now, booking.timezone, booking.day_end_time),
    )


handlers = [show_amend, amend]
