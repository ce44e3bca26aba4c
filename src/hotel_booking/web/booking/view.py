"""A booking as its guest sees it: how it stands, who comes, what it costs, what cancelling gives back, where
the hotel is. Composed in one place for the pages that show it again with an error."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.locales import locale_of
from hotel_booking.domains.bookings import money_back, notes
from hotel_booking.domains.bookings.due import (
    PaymentSchedule,
    RefundStage,
    not_arriving,
    payment_schedule,
    refund_stages,
    still_open,
)
from hotel_booking.domains.bookings.pricing import price_of
from hotel_booking.domains.bookings.service import cancellation_at
from hotel_booking.domains.bookings.types import Booking, Reservation
from hotel_booking.domains.payments.queries import saved_card
from hotel_booking.domains.properties.called import city_called
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.hits import RankedHit
from hotel_booking.domains.properties.places import place_by_id
from hotel_booking.domains.properties.queries import property_by_slug
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.area import distance_km
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form
from hotel_booking.web.booking.amend import may_amend
from hotel_booking.web.booking.money_back import MoneyBackWords
from hotel_booking.web.booking.quotes import again_of
from hotel_booking.web.i18n.conditions import Conditions, RoomPrice
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.maps.city import NEAR_KM, CityPlan, city_plan
from hotel_booking.web.site import language_of, site

_OVER = ("cancelled", "no_show")


class RoomView(msgspec.Struct, frozen=True):
    """A room of a booking: who sleeps in it, what they eat, and what it costs, in the guest's words;
    `giving_up` where it can be cancelled while others stay."""

    room: Reservation
    guests: str
    meal: str
    breakdown: RoomPrice
    giving_up: GivingUp | None = None


class GivingUp(msgspec.Struct, frozen=True):
    """What cancelling one room alone costs, and what the booking comes to then; minor units. `what` and
    `beside` say what it means for the guest's money."""

    fee: int
    total: int
    what: str
    beside: str


class Whereabouts(msgspec.Struct, frozen=True):
    """Where the hotel lies in its city, as a plan and as a distance from the middle."""

    plan: CityPlan
    city: str
    distance: str


async def booking_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    booking: Booking,
    now: datetime,
    form: Form,
    status: int = 200,
) -> Response[Any]:
    """The page. At most 9 statements."""
    language = language_of(request)
    texts = translations(language)
    phrases = Phrases(language, texts)
    words = MoneyBackWords(language, texts, await saved_card(tx, booking.id))
    stages = refund_stages(booking, now) if booking.status == "confirmed" else []
    rest = payment_schedule(booking, now)
    came = await money_back.what_came_back(tx, booking)
    would: list[str] = []
    if stages:
        foreseen = await money_back.foresee(tx, booking, cancellation_at(booking, now), now=now)
        would = words.before(foreseen)
    hotel = await property_by_slug(tx, booking.property_slug)
    place = await place_by_id(tx, hotel.place_id) if hotel.place_id else None
    if place is not None:
        named = city_called(hotel.city, place.hit.name, place.names, language)
        hotel = msgspec.structs.replace(hotel, city=named)
    return site(
        request,
        "manage/booking.html",
        status=status,
        private=True,
        booking=booking,
        rooms=[_room(room, language, _giving_up(booking, room, words, now)) for room in booking.reservations],
        stages=[(stage, *words.stage(stage, booking.currency)) for stage in stages],
        not_arriving=_not_arriving(booking, language) if stages else "",
        came=came,
        over=words.after(came, timezone=booking.timezone, no_show=booking.status == "no_show")
        if booking.status in _OVER
        else [],
        returned=words.returned(came, timezone=booking.timezone) if booking.status not in _OVER else [],
        would=would,
        open_amount=still_open(booking),
        rest=_rest(booking, rest, language),
        due_now=rest.now,
        may_amend=may_amend(booking, now),
        phrases=phrases,
        lapsed=booking.status in ("expired", "held"),
        written=await notes.of_guest(tx, booking.id),
        form=form,
        again=again_of(request, booking, now),
        hotel=hotel,
        hotel_country=locale_of(language).territories.get(hotel.country, hotel.country),
        country=locale_of(language).territories.get(booking.country or "", booking.country),
        plan=_plan(place, hotel, language, phrases),
    )


def _rest(booking: Booking, rest: PaymentSchedule, language: str) -> list[str]:
    """When and where the open part of the price is paid, as long as the hotel may take it at check-out."""
    if booking.status not in ("confirmed", "checked_in"):
        return []
    conditions = Conditions(language, translations(language))
    return conditions.rest(rest, booking.total, booking.currency)


def _not_arriving(booking: Booking, language: str) -> str:
    fee = not_arriving(booking)
    total = sum(room.total for room in booking.staying)
    return Conditions(language, translations(language)).not_arriving(fee, total, booking.currency)


def _giving_up(booking: Booking, room: Reservation, words: MoneyBackWords, now: datetime) -> GivingUp | None:
    if booking.status != "confirmed" or len(booking.staying) < 2 or room.status != "confirmed":
        return None
    cost = cancellation_at(booking, now, rooms=[room.position])
    stage = RefundStage(None, cost.fee, cost.refund + cost.released)
    total = booking.total - room.total + cost.fee
    return GivingUp(cost.fee, total, *words.stage(stage, booking.currency))


def _room(room: Reservation, language: str, giving_up: GivingUp | None) -> RoomView:
    texts = translations(language)
    conditions, phrases = Conditions(language, texts), Phrases(language, texts)
    names = {
        ("room_type", room.room_type): room.room_type_name,
        ("rate_plan", room.rate_plan): room.rate_plan_name,
    }
    return RoomView(
        room=room,
        guests=phrases.occupancy(Occupancy(room.adults, room.children)),
        meal=conditions.meal(room.terms.meal),
        breakdown=conditions.breakdown(price_of(room, room.terms).lines, room.total, names),
        giving_up=giving_up,
    )


def _plan(place: RankedHit | None, hotel: Property, language: str, phrases: Phrases) -> Whereabouts | None:
    """Where the hotel lies in its city; None where it lies outside of one."""
    if place is None:
        return None
    city = place.called_in(language)
    far = distance_km(city.lat, city.lon, hotel.lat, hotel.lon)
    if far > NEAR_KM:
        return None
    plan = city_plan((city.lat, city.lon), (hotel.lat, hotel.lon), phrases.kilometres)
    return Whereabouts(plan, city.name, phrases.kilometres(far))
