"""Change the dates, rooms or guests of a confirmed booking.

Nights that stay keep the price they were sold at; new nights are sold at today's price, by the rules and the
cancellation policy of the sale. The old nights are kept until the new ones are taken: both happen in one
statement, so a refused change leaves everything as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from hotel_booking.core.code_names import called
from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.bookings.due import balance, cancellation_fee, charged, open_of, still_open
from hotel_booking.domains.bookings.errors import (
    AmendNotAllowed,
    NothingToAmend,
    PriceChanged,
    StayNotSold,
    WrongState,
)
from hotel_booking.domains.bookings.pricing import recompute, terms_key
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.collect import collect_soon
from hotel_booking.domains.bookings.service.quote import (
    check_codes,
    not_sold,
    reasons_against,
    sale_terms,
)
from hotel_booking.domains.bookings.types import (
    AmendedReservation,
    Amendment,
    Booking,
    Reservation,
    RoomChange,
    RoomRequest,
    SaleTerms,
)
from hotel_booking.domains.inventory.service import sold_out
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.rates.cancellation import due_on_booking
from hotel_booking.domains.rates.party import check_size
from hotel_booking.domains.rates.pricing import night_totals
from hotel_booking.domains.rates.queries import Calendars, Catalogue, load_catalogue
from hotel_booking.domains.rates.restrictions import NightState, Reason, window
from hotel_booking.domains.rates.types import NightPrice, Occupancy, Price


class _NewRoom(msgspec.Struct):
    """One reservation as it will be."""

    old: Reservation
    request: RoomRequest
    terms: SaleTerms
    stay: Stay
    night_prices: tuple[NightPrice, ...]
    price: Price


async def preview_amend(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    arrival: date | None = None,
    departure: date | None = None,
    rooms: Sequence[RoomChange] = (),
    by_guest: bool = True,
) -> Amendment:
    """What the change would cost. Changes nothing; raises what `amend` would raise, save `SoldOut` for a
    room that somebody takes in between."""
    booking = await booking_by_id(tx, booking_id)
    new = await _plan(tx, booking, now, arrival, departure, rooms, by_guest)
    return _summary(booking, new, now)


async def amend(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    arrival: date | None = None,
    departure: date | None = None,
    rooms: Sequence[RoomChange] = (),
    by_guest: bool = True,
    expected_total: int | None = None,
) -> Amendment:
    """Make the change: all rooms or none. What is paid beyond the new total goes back.

    `expected_total` (minor units) is the price the caller saw in the preview; another one raises
    `PriceChanged`. Raises `WrongState` unless confirmed, `AmendNotAllowed` once a cancellation fee is due
    and the guest asks, `StayNotSold`, `SoldOut`, `NothingToAmend`.
    """
    await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    new = await _plan(tx, booking, now, arrival, departure, rooms, by_guest)
    result = _summary(booking, new, now)
    if expected_total is not None and expected_total != result.booking_total:
        raise PriceChanged(
            "the price has changed since the preview",
            fix="check the new preview and confirm it",
            field="expected_total",
        )
    await _move_nights(tx, new, now)
    await _store(tx, booking, new, result)
    await tx.execute("SELECT charge_settle($1, $2)", booking_id, now)
    changed = await booking_by_id(tx, booking_id)
    if changed.reserved:
        # What is reserved follows what is owed: it was asked for the price before.
        await payments.keep_reserved(tx, booking_id=booking_id, keep=balance(changed), now=now)
        changed = await booking_by_id(tx, booking_id)
    if result.refund:
        await payments.refund(tx, booking_id=booking_id, amount=result.refund, reason="amended", now=now)
    elif still_open(changed, now):
        await collect_soon(tx, booking_id=booking_id, now=now)
    await mail.amended(tx, changed, result, now=now)
    return result


async def _plan(
    tx: Transaction,
    booking: Booking,
    now: datetime,
    arrival: date | None,
    departure: date | None,
    rooms: Sequence[RoomChange],
    by_guest: bool,
) -> list[_NewRoom]:
    if booking.status != "confirmed":
        raise WrongState(
            f"the booking is {called(booking.status, 'booking')}; only a confirmed one can be changed"
        )
    changes = {change.position: change for change in rooms}
    unknown = changes.keys() - {room.position for room in booking.reservations}
    if unknown:
        raise Invalid(f"the booking has no room {min(unknown)}", field="rooms")
    catalogue = await load_catalogue(tx, booking.property_slug, active_only=False)
    targets = [
        (old, *_target(old, changes.get(old.position), arrival, departure)) for old in booking.reservations
    ]
    if all(request == _as_request(old) and stay == _stay(old) for old, request, stay in targets):
        raise NothingToAmend("the booking already matches this", fix="name at least one change")
    check_size([Occupancy(request.adults, request.children) for _, request, _ in targets], field="rooms")
    if by_guest and any(cancellation_fee(booking, room, now) for room in booking.reservations):
        raise AmendNotAllowed(
            "the deadline for changes without the hotel has passed",
            fix="contact the hotel, or cancel under the booking's policy",
        )
    today = business_date(now, booking.timezone, booking.day_end_time)
    if any(stay.arrival < min(today, old.arrival) for old, _, stay in targets):
        raise Invalid(
            f"the arrival must not be before today, {today}",
            field="arrival",
            fix=f"arrive on {today} or later",
        )
    first = min(window(stay, today)[0] for _, _, stay in targets)
    last = max(window(stay, today)[1] for _, _, stay in targets)
    calendars = _with_own_nights(await load_calendar(tx, catalogue, first, last, now), booking.reservations)
    wanted = Counter(request.room_type for _, request, _ in targets)
    new: list[_NewRoom] = []
    refused: list[tuple[int, StayNotSold]] = []
    for old, request, stay in targets:
        try:
            rooms_wanted = wanted[request.room_type]
            new.append(_new_room(catalogue, calendars, old, request, stay, rooms_wanted, today))
        except StayNotSold as error:
            refused.append((old.position, error))
    if refused:
        raise _together(refused)
    return new


def _together(refused: Sequence[tuple[int, StayNotSold]]) -> StayNotSold:
    """The refusals of several rooms as one, each in `rooms` by its position."""
    first = refused[0][1]
    if len(refused) == 1:
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


def _target(
    old: Reservation, change: RoomChange | None, arrival: date | None, departure: date | None
) -> tuple[RoomRequest, Stay]:
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


def _as_request(old: Reservation) -> RoomRequest:
    return RoomRequest(old.room_type, old.rate_plan, old.adults, old.children)


def _stay(old: Reservation) -> Stay:
    return Stay(old.arrival, old.departure)


def _with_own_nights(calendars: Calendars, own: Sequence[Reservation]) -> Calendars:
    """The calendars as they would be without this booking's own rooms."""
    freed: dict[tuple[int, date], int] = {}
    for room in own:
        for night in _stay(room):
            freed[room.room_type_id, night] = freed.get((room.room_type_id, night), 0) + 1
    for (room_type_id, _plan_id), calendar in calendars.items():
        for night, state in list(calendar.nights.items()):
            more = freed.get((room_type_id, night))
            if more:
                calendar.nights[night] = _with_rooms(state, state.rooms_left + more)
    return calendars


def _with_rooms(state: NightState, rooms_left: int) -> NightState:
    return msgspec.structs.replace(state, rooms_left=rooms_left)


def _new_room(
    catalogue: Catalogue,
    calendars: Calendars,
    old: Reservation,
    request: RoomRequest,
    stay: Stay,
    rooms: int,
    today: date,
) -> _NewRoom:
    """The reservation as it will be; `rooms` of its type are wanted together."""
    had = old.room_type, old.rate_plan
    same_sale = (request.room_type, request.rate_plan) == had
    field = f"rooms[{old.position - 1}]"
    check_codes(catalogue, request.room_type, request.rate_plan, field, had=had)
    reasons = [
        reason
        for reason in reasons_against(catalogue, calendars, request, stay, rooms, today)
        if not (same_sale and _sold_already(old, stay, reason))
    ]
    if reasons:
        raise not_sold(catalogue, calendars, request, stay, rooms, today, reasons, field)
    terms = old.terms if same_sale else sale_terms(catalogue, request.room_type, request.rate_plan)
    sold = {item.night: item for item in old.night_prices} if same_sale else {}
    key = catalogue.room_types[request.room_type].id, catalogue.plans[request.rate_plan].id
    nights = tuple(sold.get(night) or calendars[key].prices[night] for night in stay)
    return _NewRoom(
        old, request, terms, stay, nights, recompute(terms, nights, request.adults, request.children)
    )


def _sold_already(old: Reservation, stay: Stay, reason: Reason) -> bool:
    """Whether the reason speaks of something that the guest has bought: rules that came later do not take
    it away."""
    if stay == _stay(old):
        return reason.code != "occupancy"
    if reason.code in ("advance_purchase", "advance_maximum", "in_the_past"):
        return stay.arrival == old.arrival
    owned = reason.night is not None and old.arrival <= reason.night < old.departure
    return owned and reason.code in ("closed", "no_price", "not_on_sale")


def _summary(booking: Booking, new: Sequence[_NewRoom], now: datetime) -> Amendment:
    total = sum(room.price.total for room in new)
    due = sum(
        due_on_booking(
            room.terms.deposit,
            room.price.total,
            night_totals(room.price),
            currency=booking.currency,
            arrival=room.stay.arrival,
            timezone=booking.timezone,
            at=now,
        )
        for room in new
    )
    return Amendment(
        booking_total=total,
        difference=total - booking.total,
        refund=max(booking.paid - charged(booking, total), 0),
        due_now=open_of(booking, due, total=total),
        currency=booking.currency,
        reservations=tuple(
            AmendedReservation(
                position=room.old.position,
                arrival=room.stay.arrival,
                departure=room.stay.departure,
                room_type=room.request.room_type,
                rate_plan=room.request.rate_plan,
                adults=room.request.adults,
                children=room.request.children,
                total=room.price.total,
                lines=room.price.lines,
            )
            for room in new
        ),
    )


async def _move_nights(tx: Transaction, new: Sequence[_NewRoom], now: datetime) -> None:
    ids = {
        row["code"]: row["id"]
        for row in await tx.fetch(
            "SELECT code, id FROM room_type WHERE property_id ="
            " (SELECT property_id FROM room_type WHERE id = $1)",
            new[0].old.room_type_id,
        )
    }
    try:
        await tx.execute(
            "SELECT booking_take_nights($1, $2, $3, $4, $5)",
            now,
            [room.old.room_type_id for room in new] + [ids[room.request.room_type] for room in new],
            [room.old.arrival for room in new] + [room.stay.arrival for room in new],
            [room.old.departure for room in new] + [room.stay.departure for room in new],
            [-1] * len(new) + [1] * len(new),
        )
    except asyncpg.PostgresError as error:
        if error.sqlstate == "HB001":
            raise sold_out(error) from None
        raise


async def _store(tx: Transaction, booking: Booking, new: Sequence[_NewRoom], result: Amendment) -> None:
    keys = [terms_key(room.terms) for room in new]
    await tx.execute(
        "INSERT INTO sale_terms (id, body)"
        " SELECT t.id, t.body FROM unnest($1::uuid[], $2::jsonb[]) AS t(id, body)"
        " ON CONFLICT DO NOTHING",
        *zip(*sorted(dict(keys).items()), strict=True),
    )
    for room, (terms_id, _) in zip(new, keys, strict=True):
        await tx.execute(
            "UPDATE reservation r SET arrival = $2, departure = $3, taken = daterange($2, $3), adults = $4,"
            "       children = $5, terms_id = $6, night_prices = $7, net = $8, tax = $9, total = $10,"
            "       room_type_id = rt.id, rate_plan_id = rp.id"
            "  FROM room_type rt, rate_plan rp"
            " WHERE r.id = $1 AND rt.property_id = $11 AND rt.code = $12"
            "   AND rp.property_id = $11 AND rp.code = $13",
            room.old.id,
            room.stay.arrival,
            room.stay.departure,
            room.request.adults,
            list(room.request.children),
            terms_id,
            msgspec.to_builtins(room.night_prices),
            room.price.net,
            room.price.tax,
            room.price.total,
            booking.property_id,
            room.request.room_type,
            room.request.rate_plan,
        )
    await tx.execute("UPDATE booking SET total = $2 WHERE id = $1", booking.id, result.booking_total)
