"""A quote: the price of a stay, line by line, guaranteed for a while. It takes no room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import uuid4

import msgspec

from hotel_booking.core.code_names import called
from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import MAX_AMOUNT, check_charged
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.bookings.errors import StayNotSold
from hotel_booking.domains.bookings.pricing import terms_key
from hotel_booking.domains.bookings.types import (
    Quote,
    QuotedRoom,
    RoomRequest,
    SaleTerms,
)
from hotel_booking.domains.rates.cancellation import due_on_booking
from hotel_booking.domains.rates.nearest_fix import RoomTypeCalendar, nearest_fix
from hotel_booking.domains.rates.party import check_size, rooms_that_fit
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.queries import Calendars, Catalogue, load_catalogue
from hotel_booking.domains.rates.restrictions import Reason, occupancy_reasons, refusals, window
from hotel_booking.domains.rates.types import NightPrice, Occupancy, Price

_INSERT = """
WITH terms AS (
    INSERT INTO sale_terms (id, body)
    SELECT t.id, t.body FROM unnest($10::uuid[], $11::jsonb[]) AS t(id, body)
    ON CONFLICT DO NOTHING
)
INSERT INTO quote
    (id, property_id, arrival, departure, currency, total, due_now, rooms, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $12)
"""


async def quote(
    tx: Transaction,
    *,
    property_slug: str,
    stay: Stay,
    rooms: Sequence[RoomRequest],
    now: datetime,
    lifetime: timedelta = timedelta(minutes=20),
    agreed_price: int | None = None,
) -> Quote:
    """Price the rooms and keep the price and its rules for `lifetime`.

    `agreed_price` (minor units per room-night, before taxes that are added) replaces the plan's prices,
    restrictions, occupancy rules and limit of persons: a negotiated rate. Nights that are over are sold at
    no price. Raises `StayNotSold` with every
    reason and the nearest stay that is sold, `Invalid` for unknown codes, `NotFound` for the property.
    """
    if agreed_price is None:  # larger parties are what a price is agreed for
        check_size([Occupancy(room.adults, room.children) for room in rooms], field="rooms")
    if agreed_price is not None and not 0 <= agreed_price <= MAX_AMOUNT:
        raise Invalid("the agreed price is out of range", field="agreed_price")
    catalogue = await load_catalogue(tx, property_slug, field="property")
    if agreed_price is not None:
        check_charged(agreed_price, catalogue.property.currency, field="agreed_price")
        today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
        if stay.arrival < today:
            raise Invalid(
                f"the arrival must not be before today, {today}",
                field="arrival",
                fix=f"arrive on {today} or later",
            )
    for index, room in enumerate(rooms):
        check_codes(catalogue, room.room_type, room.rate_plan, f"rooms[{index}]")
    if agreed_price is None:
        nights = await _sold_nights(tx, catalogue, stay, rooms, now)
    else:
        nights = [tuple(NightPrice(night, agreed_price) for night in stay)] * len(rooms)
    sales = [_sale(catalogue, room, agreed=agreed_price is not None) for room in rooms]
    prices = [
        price(sale.rules, night_prices, Occupancy(room.adults, room.children))
        for room, sale, night_prices in zip(rooms, sales, nights, strict=True)
    ]
    quoted = tuple(quoted_room(catalogue, *each) for each in zip(rooms, sales, nights, prices, strict=True))
    result = Quote(
        id=uuid4(),
        property_id=catalogue.property.id,
        property_slug=property_slug,
        timezone=catalogue.property.timezone,
        arrival=stay.arrival,
        departure=stay.departure,
        currency=catalogue.property.currency,
        total=sum(room.total for room in quoted),
        due_now=sum(
            _due_now(catalogue, sale, amount, stay, now) for sale, amount in zip(sales, prices, strict=True)
        ),
        rooms=quoted,
        terms=tuple(sales),
        lines=tuple(amount.lines for amount in prices),
        created_at=now,
        expires_at=now + lifetime,
    )
    await _store(tx, result)
    return result


def _sale(catalogue: Catalogue, room: RoomRequest, *, agreed: bool) -> SaleTerms:
    terms = sale_terms(catalogue, room.room_type, room.rate_plan)
    return _agreed(terms, room.adults + len(room.children)) if agreed else terms


def _due_now(catalogue: Catalogue, sale: SaleTerms, amount: Price, stay: Stay, now: datetime) -> int:
    """What of a room's price is due when booking, in minor units."""
    return due_on_booking(
        sale.deposit,
        amount.total,
        night_totals(amount),
        currency=amount.currency,
        arrival=stay.arrival,
        timezone=catalogue.property.timezone,
        at=now,
    )


def check_codes(
    catalogue: Catalogue, room_type: str, rate_plan: str, field: str, *, had: Collection[str] = ()
) -> None:
    """Raise `Invalid` where the property sells no such room type or rate plan, or no longer; who `had` one
    keeps it."""
    for kind, code, known in (
        ("room_type", room_type, catalogue.room_types),
        ("rate_plan", rate_plan, catalogue.plans),
    ):
        sold = [own for own, one in known.items() if one.active or own in had]
        if code not in sold:
            raise Invalid(
                f"the property {catalogue.property.slug!r} sells no {called(kind, 'object')} {code!r}",
                field=f"{field}.{kind}",
                fix=f"it sells {', '.join(sorted(sold)) or 'none yet'}",
            )


def sale_terms(catalogue: Catalogue, room_type: str, rate_plan: str) -> SaleTerms:
    """The rules that a sale of this room type on this plan is made on, as they are now."""
    kind, plan = catalogue.room_types[room_type], catalogue.plans[rate_plan]
    return SaleTerms(
        rules=catalogue.rules(kind, plan),
        policy=catalogue.policy(plan),
        deposit=plan.deposit,
        meal=plan.meal,
        versions=catalogue.versions(kind, plan),
    )


def quoted_room(
    catalogue: Catalogue,
    room: RoomRequest,
    terms: SaleTerms,
    night_prices: Sequence[NightPrice],
    amount: Price,
) -> QuotedRoom:
    """One priced room as it is stored with the quote."""
    return QuotedRoom(
        room_type_id=catalogue.room_types[room.room_type].id,
        rate_plan_id=catalogue.plans[room.rate_plan].id,
        room_type=room.room_type,
        rate_plan=room.rate_plan,
        adults=room.adults,
        children=room.children,
        terms_id=terms_key(terms)[0],
        night_prices=tuple(night_prices),
        net=amount.net,
        tax=amount.tax,
        total=amount.total,
    )


async def _sold_nights(
    tx: Transaction, catalogue: Catalogue, stay: Stay, rooms: Sequence[RoomRequest], now: datetime
) -> list[tuple[NightPrice, ...]]:
    """The nightly prices of every room asked for, or `StayNotSold`."""
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    calendars = await load_calendar(tx, catalogue, stay.arrival, stay.departure, now)
    wanted = Counter(room.room_type for room in rooms)
    for index, room in enumerate(rooms):
        reasons = reasons_against(catalogue, calendars, room, stay, wanted[room.room_type], today)
        if reasons:
            first, last = window(stay, today)
            wide = await load_calendar(tx, catalogue, first, last, now)
            raise not_sold(
                catalogue, wide, room, stay, wanted[room.room_type], today, reasons, f"rooms[{index}]"
            )
    return [nights_of(catalogue, calendars, room.room_type, room.rate_plan, stay) for room in rooms]


def nights_of(
    catalogue: Catalogue, calendars: Calendars, room_type: str, rate_plan: str, stay: Stay
) -> tuple[NightPrice, ...]:
    """The stay's nightly prices; every night must have one (`refusals` has said so)."""
    calendar = calendars[catalogue.room_types[room_type].id, catalogue.plans[rate_plan].id]
    return tuple(calendar.prices[night] for night in stay)


def reasons_against(
    catalogue: Catalogue, calendars: Calendars, room: RoomRequest, stay: Stay, rooms: int, today: date
) -> list[Reason]:
    """Why this room is not sold for this stay; empty where it is."""
    kind, plan = catalogue.room_types[room.room_type], catalogue.plans[room.rate_plan]
    return refusals(
        calendars[kind.id, plan.id].nights,
        catalogue.terms(plan),
        catalogue.occupancy(kind),
        Occupancy(room.adults, room.children),
        stay,
        rooms,
        today,
    )


def not_sold(
    catalogue: Catalogue,
    calendars: Calendars,
    room: RoomRequest,
    stay: Stay,
    rooms: int,
    today: date,
    reasons: Sequence[Reason],
    field: str,
) -> StayNotSold:
    """The refusal with every reason and the nearest stay that would be sold."""
    plan = catalogue.plans[room.rate_plan]
    fix = nearest_fix(
        [
            RoomTypeCalendar(code, kind.name, catalogue.occupancy(kind), calendars[kind.id, plan.id].nights)
            for code, kind in catalogue.room_types.items()
            if kind.active or code == room.room_type
        ],
        room_type=room.room_type,
        terms=catalogue.terms(plan),
        occupancy=Occupancy(room.adults, room.children),
        stay=stay,
        rooms=rooms,
        today=today,
    )
    extra: dict[str, object] = {"reasons": [msgspec.to_builtins(reason) for reason in reasons]}
    if any(reason.code == "occupancy" for reason in reasons):
        limits = catalogue.occupancy(catalogue.room_types[room.room_type])
        extra["limits"] = {
            "guests": limits.max_occupancy,
            "adults": limits.max_adults,
            "children": limits.max_children,
        }
    if fix is not None:
        extra["suggestion"] = msgspec.to_builtins(fix)
    return StayNotSold(
        reasons[0].code,
        "; ".join(reason.detail for reason in reasons),
        field=field,
        fix=fix.change if fix is not None else _no_fix(catalogue, room, extra, reasons),
        extra=extra,
    )


def _no_fix(
    catalogue: Catalogue, room: RoomRequest, extra: dict[str, object], reasons: Sequence[Reason]
) -> str:
    """What would work where no stay close by does: for a party that the room does not take, the rooms that
    would, which also go into `extra`, or how many rooms it needs."""
    if all(reason.code != "occupancy" for reason in reasons):
        return "nothing is available within 14 days of these dates; try other dates"
    persons = Occupancy(room.adults, room.children)
    kinds = {kind.code: catalogue.occupancy(kind) for kind in catalogue.room_types.values() if kind.active}
    fitting = {
        code: catalogue.room_types[code].name
        for code, rules in kinds.items()
        if not occupancy_reasons(rules, persons)
    }
    if fitting:
        extra["fitting"] = fitting
        names = ", ".join(fitting.values())
        return f"for this party there is {names}, but not on these dates; try other dates"
    needed = rooms_that_fit(list(kinds.values()), room.adults, room.children)
    if needed is None:
        return "this hotel can't accommodate this party, even in several rooms; contact the hotel"
    extra["rooms_needed"] = needed
    return f"no room at this hotel sleeps that many; split the party over {needed} rooms"


def _agreed(terms: SaleTerms, persons: int) -> SaleTerms:
    """The same terms with one price per room-night for whoever comes."""
    rules = msgspec.structs.replace(
        terms.rules,
        base_occupancy=persons,
        extra_adult=0,
        child_bands=(),
        child_amounts=(),
        adjustment=None,
    )
    return msgspec.structs.replace(terms, rules=rules)


async def _store(tx: Transaction, result: Quote) -> None:
    # In one order, so that two quotes that are the first to use the same terms queue, not deadlock.
    bodies = dict(sorted(dict(map(terms_key, result.terms)).items()))
    await tx.execute(
        _INSERT,
        result.id,
        result.property_id,
        result.arrival,
        result.departure,
        result.currency,
        result.total,
        result.due_now,
        msgspec.to_builtins(result.rooms),
        result.created_at,
        list(bodies),
        list(bodies.values()),
        result.expires_at,
    )
