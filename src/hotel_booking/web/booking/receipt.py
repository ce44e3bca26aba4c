"""What a stay cost and how it was paid, on one sheet to print: for the books of whoever travels on business.

It is a receipt and says so: the platform numbers no invoices and knows no hotel's tax number.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.dates import calendar_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.locales import locale_of
from hotel_booking.domains.bookings.due import balance, charged
from hotel_booking.domains.bookings.pricing import price_of
from hotel_booking.domains.bookings.types import OWING, Booking, Reservation
from hotel_booking.domains.payments import returns
from hotel_booking.domains.payments.queries import money_taken
from hotel_booking.domains.properties.queries import postal_address, property_by_slug
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.booking.addresses import page_of
from hotel_booking.web.booking.ownership import open_own
from hotel_booking.web.i18n.conditions import Charge, Conditions, RoomPrice
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.site import language_of, site


class ReceiptRoom(msgspec.Struct, frozen=True):
    """A room of a receipt: its price line by line, or else the fee of one that was given up or that nobody
    came to (`fee` says which)."""

    room: Reservation
    guests: str
    breakdown: RoomPrice | None
    fee: str


class Paid(msgspec.Struct, frozen=True):
    """Money that came, or went back (below nothing), in minor units, and on which day at the hotel."""

    day: date
    how: str
    amount: int


@get("/booking/{reference:str}/receipt", opt=public(), include_in_schema=False)
async def show_receipt(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, reference: str
) -> Response[Any]:
    """The receipt; where nothing was ever paid there is none, and the booking's page says how it stands. At
    most 8 statements."""
    booking = await open_own(request, tx, reference, now)
    taken = await money_taken(tx, booking.id)
    if not taken or booking.status not in OWING:
        return see_other(request, page_of(request, booking))
    language = language_of(request)
    hotel = await property_by_slug(tx, booking.property_slug)
    where, country = await postal_address(tx, hotel.id, language)
    zone = ZoneInfo(booking.timezone)
    payments = [_paid(one.at, returns.way_of(one.gateway), one.amount, zone, language) for one in taken]
    payments += [
        _paid(one.since, one.way, -one.amount, zone, language)
        for one in await returns.of_booking(tx, booking.id)
        if one.state in ("due", "sent")
    ]
    rooms = [_room(room, language) for room in booking.reservations]
    gross = sum(one.room.owed for one in rooms)
    return site(
        request,
        "manage/receipt.html",
        private=True,
        booking=booking,
        hotel=hotel,
        where=[*where, locale_of(language).territories.get(country, country)],
        rooms=rooms,
        total=gross,
        let_go=gross - charged(booking, gross),
        taxes=_taxes(rooms, booking, language),
        payments=sorted(payments, key=lambda one: one.day),
        open_amount=balance(booking),
        issued=calendar_date(now, booking.timezone),
        booked=booking.created_at.astimezone(zone).date(),
    )


def _room(room: Reservation, language: str) -> ReceiptRoom:
    texts = translations(language)
    _ = texts.gettext
    guests = Phrases(language, texts).occupancy(Occupancy(room.adults, room.children))
    if room.status in ("cancelled", "no_show"):
        fee = _("Cancellation fee") if room.status == "cancelled" else _("No-show fee")
        return ReceiptRoom(room, guests, None, fee)
    names = {
        ("room_type", room.room_type): room.room_type_name,
        ("rate_plan", room.rate_plan): room.rate_plan_name,
    }
    price = price_of(room, room.terms)
    return ReceiptRoom(
        room, guests, Conditions(language, texts).breakdown(price.lines, room.total, names), ""
    )


def _taxes(rooms: list[ReceiptRoom], booking: Booking, language: str) -> list[Charge]:
    """The taxes of all rooms together. None where a fee was charged or something was let go: nobody has said
    what of that is tax."""
    if booking.goodwill or any(one.breakdown is None for one in rooms):
        return []
    conditions = Conditions(language, translations(language))
    found: dict[str, int] = {}
    for one in rooms:
        for line in price_of(one.room, one.room.terms).lines:
            if line.kind == "tax":
                name = conditions.tax(line.name, line.rate)
                found[name] = found.get(name, 0) + line.amount
    return [Charge(name, amount) for name, amount in found.items() if amount]


def _paid(at: datetime, way: returns.Way, amount: int, zone: ZoneInfo, language: str) -> Paid:
    _ = translations(language).gettext
    back = amount < 0
    if way == "transfer":
        how = _("Refund by bank transfer") if back else _("Paid by bank transfer")
    elif way == "cash":
        how = _("Refund in cash") if back else _("Paid in cash")
    else:
        how = _("Refund to card") if back else _("Paid by card")
    return Paid(at.astimezone(zone).date(), how, amount)


handlers = [show_receipt]
