"""The rooms of a booking as a change would have them: nights that stay keep the price they were sold at, new
ones have today's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from hotel_booking.core.dates import Stay
from hotel_booking.domains.bookings.errors import StayNotSold
from hotel_booking.domains.bookings.pricing import recompute
from hotel_booking.domains.bookings.service.quote import check_codes, not_sold, reasons_against, sale_terms
from hotel_booking.domains.bookings.types import Reservation, RoomChange, RoomRequest, SaleTerms
from hotel_booking.domains.rates.queries import Calendars, Catalogue
from hotel_booking.domains.rates.restrictions import NightState, Reason, ReasonCode
from hotel_booking.domains.rates.types import NightPrice, Price

# Guests who are in the room have arrived, fit into it, and have the nights that they have.
_IN_THE_ROOM = ("occupancy", "closed_to_arrival", "sold_out")

# A reservation, with what is asked for it, and when.
Target = tuple[Reservation, RoomRequest, Stay]


class PlannedRoom(msgspec.Struct):
    """One reservation as it will be."""

    old: Reservation
    request: RoomRequest
    terms: SaleTerms
    stay: Stay
    night_prices: tuple[NightPrice, ...]
    price: Price


def together(refused: Sequence[tuple[int, StayNotSold]], *, several: bool) -> StayNotSold:
    """The refusals of rooms as one, each in `rooms` by its position, if the booking has `several`."""
    first = refused[0][1]
    if not several:
        return first
    fixes = dict.fromkeys(error.fix for _, error in refused if error.fix)
    rooms = [{"position": position, "fix": error.fix, **error.extra} for position, error in refused]
    return StayNotSold(
        first.code,
        "; ".join(f"room {position}: {error.detail}" for position, error in refused),
        field=first.field,
        fix="; ".join(fixes) or None,
        extra={**first.extra, "rooms": rooms},
    )


def target(
    old: Reservation, change: RoomChange | None, arrival: date | None, departure: date | None
) -> tuple[RoomRequest, Stay]:
    """What is asked for one room, and when: what the change leaves out stays."""
    change = change or RoomChange(old.position)
    return (
        RoomRequest(
            room_type=change.room_type or old.room_type,
            rate_plan=change.rate_plan or old.rate_plan,
            adults=change.adults or old.adults,
            children=old.children if change.children is None else change.children,
        ),
        Stay(arrival or old.arrival, departure or old.departure),
    )


def as_request(old: Reservation) -> RoomRequest:
    """The room as it was asked for."""
    return RoomRequest(old.room_type, old.rate_plan, old.adults, old.children)


def stay_of(old: Reservation) -> Stay:
    """The nights that it has."""
    return Stay(old.arrival, old.departure)


def with_own_nights(calendars: Calendars, own: Sequence[Reservation], *, alone: bool) -> Calendars:
    """The calendars as they would be without this booking's own rooms; `alone`: no other nights are sold,
    as the hotel is off sale."""
    freed: dict[tuple[int, date], int] = {}
    for room in own:
        for night in stay_of(room):
            freed[room.room_type_id, night] = freed.get((room.room_type_id, night), 0) + 1
    for (room_type_id, _plan_id), calendar in calendars.items():
        for night, state in list(calendar.nights.items()):
            more = freed.get((room_type_id, night))
            if more:
                calendar.nights[night] = _with_rooms(state, state.rooms_left + more)
            elif alone:
                del calendar.nights[night]
    return calendars


def _with_rooms(state: NightState, rooms_left: int) -> NightState:
    return msgspec.structs.replace(state, rooms_left=rooms_left)


def new_room(
    catalogue: Catalogue,
    calendars: Calendars,
    old: Reservation,
    request: RoomRequest,
    stay: Stay,
    rooms: int,
    today: date,
    *,
    begun: bool = False,
    passing: frozenset[ReasonCode] = frozenset(),
) -> PlannedRoom:
    """The reservation as it will be; `rooms` of its type are wanted together. The stay has `begun` once
    guests of the booking are in the house. Reasons of the codes `passing`
    are passed over. Raises `StayNotSold`."""
    had = old.room_type, old.rate_plan
    same_sale = (request.room_type, request.rate_plan) == had
    field = f"rooms[{old.position - 1}]"
    check_codes(catalogue, request.room_type, request.rate_plan, field, had=had)
    reasons = [
        reason
        for reason in reasons_against(catalogue, calendars, request, stay, rooms, today)
        if reason.code not in passing and not (same_sale and _sold_already(old, stay, reason, begun))
    ]
    if reasons:
        raise not_sold(catalogue, calendars, request, stay, rooms, today, reasons, field)
    terms = old.terms if same_sale else sale_terms(catalogue, request.room_type, request.rate_plan)
    sold = {item.night: item for item in old.night_prices} if same_sale else {}
    key = catalogue.room_types[request.room_type].id, catalogue.plans[request.rate_plan].id
    nights = tuple(sold.get(night) or calendars[key].prices[night] for night in stay)
    return PlannedRoom(
        old, request, terms, stay, nights, recompute(terms, nights, request.adults, request.children)
    )


def _sold_already(old: Reservation, stay: Stay, reason: Reason, begun: bool) -> bool:
    """Whether the reason speaks of something that the guest has bought: rules that came later do not take
    it away."""
    if stay == stay_of(old):
        return reason.code != "occupancy"
    if begun and reason.code in _IN_THE_ROOM:
        return reason.code != "sold_out" or _owned(old, reason)
    if reason.code in ("advance_purchase", "advance_maximum", "in_the_past"):
        return stay.arrival == old.arrival
    return _owned(old, reason) and reason.code in ("closed", "no_price", "not_on_sale")


def _owned(old: Reservation, reason: Reason) -> bool:
    return reason.night is not None and old.arrival <= reason.night < old.departure
