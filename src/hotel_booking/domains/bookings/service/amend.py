"""Change the dates, rooms or guests of a confirmed booking, or the departure of guests who are in the house.

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

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict, Invalid
from hotel_booking.domains.bookings import mail, overrides
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.bookings.due import (
    balance,
    cancellation_fee,
    charged,
    due_of_room,
    open_of,
    still_open,
)
from hotel_booking.domains.bookings.errors import (
    AmendNotAllowed,
    NothingToAmend,
    PriceChanged,
    StayNotSold,
    WrongState,
    gone,
    not_changeable,
)
from hotel_booking.domains.bookings.pricing import terms_key
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service import given_rooms, in_house
from hotel_booking.domains.bookings.service.collect import collect_soon
from hotel_booking.domains.bookings.service.new_rooms import (
    PlannedRoom,
    Target,
    as_request,
    new_room,
    stay_of,
    target,
    together,
    with_own_nights,
)
from hotel_booking.domains.bookings.types import OVER, AmendedReservation, Amendment, Booking, RoomChange
from hotel_booking.domains.inventory.service import sold_out
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.rates.cancellation import due_on_booking
from hotel_booking.domains.rates.party import check_size
from hotel_booking.domains.rates.pricing import night_totals
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.rates.restrictions import ReasonCode, window
from hotel_booking.domains.rates.types import Occupancy


class _Change(msgspec.Struct, frozen=True):
    """What is asked for, by whom, and what is passed over for which reason."""

    arrival: date | None
    departure: date | None
    rooms: Sequence[RoomChange]
    by_guest: bool
    override: str | None
    waive: bool


class _Plan(msgspec.Struct, frozen=True):
    """The rooms as they will be, and the refusals that a reason passes over."""

    rooms: list[PlannedRoom]
    passed: list[Conflict]
    waived: int


async def preview_amend(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    arrival: date | None = None,
    departure: date | None = None,
    rooms: Sequence[RoomChange] = (),
    by_guest: bool = True,
    override: str | None = None,
    waive: bool = False,
) -> Amendment:
    """What the change would cost. Changes nothing; raises what `amend` would raise, save `SoldOut` for a
    room that somebody takes in between."""
    booking = await booking_by_id(tx, booking_id)
    change = _Change(arrival, departure, rooms, by_guest, override, waive)
    plan = await _plan(tx, booking, change, now)
    return _summary(booking, plan, now)


async def amend(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    arrival: date | None = None,
    departure: date | None = None,
    rooms: Sequence[RoomChange] = (),
    by_guest: bool = True,
    override: str | None = None,
    waive: bool = False,
    expected_total: int | None = None,
) -> Amendment:
    """Make the change: all rooms or none. What is paid beyond the new total goes back.

    `expected_total` (minor units) is the price the caller saw in the preview; another one raises
    `PriceChanged`. Raises `WrongState` unless confirmed, `AmendNotAllowed` once a cancellation fee is due
    and the guest asks, `StayNotSold` (to guests also for further nights of a hotel that is off sale),
    `SoldOut`, `NothingToAmend`.

    Of guests who are in the house only the departure can be changed, and by the hotel alone: of all who have
    not left yet, those who are still expected included. They stay in their rooms: `RoomInUse` where one is
    given to somebody else on a further night. `override` is the reason for which the hotel's rules on lengths
    of stay and departures are passed over; with `waive` also for which the hotel lets go what the booking's
    conditions would keep (`FeeKept`).
    """
    await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    change = _Change(arrival, departure, rooms, by_guest, override, waive)
    plan = await _plan(tx, booking, change, now)
    new, result = plan.rooms, _summary(booking, plan, now)
    if expected_total is not None and expected_total != result.booking_total:
        raise PriceChanged(
            "the price has changed since the preview",
            fix="check the new preview and confirm it",
            field="expected_total",
        )
    for refusal in plan.passed:
        await overrides.unless_overridden(tx, refusal, booking_id=booking_id, reason=override, now=now)
    await _move_nights(tx, new, now)
    await _store(tx, booking, new, result)
    await given_rooms.follow(tx, booking, new, now)
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
    await mail.amended(tx, changed, refund=result.refund, now=now)
    return result


async def _plan(tx: Transaction, booking: Booking, change: _Change, now: datetime) -> _Plan:
    inside = booking.status == "checked_in"
    _check_state(booking, change)
    catalogue = await load_catalogue(tx, booking.property_slug, active_only=False)
    today = business_date(now, booking.timezone, booking.day_end_time)
    changes = {room.position: room for room in change.rooms}
    targets = [
        (old, *target(old, changes.get(old.position), change.arrival, change.departure))
        for old in booking.staying
    ]
    if all(request == as_request(old) and stay == stay_of(old) for old, request, stay in targets):
        raise NothingToAmend("the booking already matches this", fix="name at least one change")
    if inside:
        in_house.check_departure_alone(targets, today)
    else:
        _check_change(booking, targets, today, now, by_guest=change.by_guest)
    first = min(window(stay, today)[0] for _, _, stay in targets)
    last = max(window(stay, today)[1] for _, _, stay in targets)
    # Of a hotel that is off sale only its own staff sell further nights.
    alone = change.by_guest and not catalogue.property.active
    calendars = await load_calendar(tx, catalogue, first, last, now)
    calendars = with_own_nights(calendars, booking.staying, alone=alone)
    wanted = Counter(request.room_type for _, request, _ in targets)

    def planned(passing: frozenset[ReasonCode]) -> list[PlannedRoom]:
        new: list[PlannedRoom] = []
        refused: list[tuple[int, StayNotSold]] = []
        for old, request, stay in targets:
            try:
                of_type = wanted[request.room_type]
                new.append(
                    new_room(
                        catalogue,
                        calendars,
                        old,
                        request,
                        stay,
                        of_type,
                        today,
                        begun=inside,
                        passing=passing,
                    )
                )
            except StayNotSold as error:
                refused.append((old.position, error))
        if refused:
            raise together(refused, several=len(targets) > 1)
        return new

    if not inside:
        return _Plan(planned(frozenset()), [], 0)
    new, passed = in_house.plan(planned, change.override)
    await given_rooms.check_further_nights(tx, new, today)
    waived = in_house.fee_let_go(booking, _total(booking, new), now)
    if waived:
        passed.append(in_house.fee_kept(booking, waived, change.override, waive=change.waive))
    return _Plan(new, passed, waived)


def _check_state(booking: Booking, asked: _Change) -> None:
    inside = booking.status == "checked_in"
    if booking.status != "confirmed" and (asked.by_guest or not inside):
        raise not_changeable(booking.status)
    if asked.override is not None and not inside:
        raise Invalid(
            "a reason overrides something only once the guests are in the house",
            field="override_reason",
            fix="leave it out",
        )
    known = {room.position: room.status for room in booking.reservations}
    seen: set[int] = set()
    for index, change in enumerate(asked.rooms):
        field = f"rooms[{index}].position"
        if change.position not in known:
            raise Invalid(f"the booking has no room {change.position}", field=field)
        if known[change.position] in OVER:
            raise WrongState(gone(change.position, known[change.position]), field=field)
        if change.position in seen:
            raise Invalid(f"room {change.position} is changed twice", field=field, fix="name each room once")
        seen.add(change.position)


def _check_change(
    booking: Booking, targets: Sequence[Target], today: date, now: datetime, *, by_guest: bool
) -> None:
    check_size([Occupancy(request.adults, request.children) for _, request, _ in targets], field="rooms")
    if by_guest and any(cancellation_fee(booking, room, now) for room in booking.staying):
        raise AmendNotAllowed(
            "the deadline for changes without the hotel has passed",
            fix="contact the hotel, or cancel under the booking's policy",
        )
    if any(stay.arrival < min(today, old.arrival) for old, _, stay in targets):
        raise Invalid(
            f"the arrival must not be before today, {today}",
            field="arrival",
            fix=f"arrive on {today} or later",
        )


def _summary(booking: Booking, plan: _Plan, now: datetime) -> Amendment:
    new = plan.rooms
    total = _total(booking, new)
    due = sum(due_of_room(booking, room, now) for room in booking.left)
    due += sum(
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
        waived=plan.waived,
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


def _total(booking: Booking, new: Sequence[PlannedRoom]) -> int:
    """What the booking will cost. Nothing changes of rooms whose guests have left before the others, or did
    not come, or that were cancelled."""
    return sum(room.price.total for room in new) + sum(room.owed for room in booking.left)


async def _move_nights(tx: Transaction, new: Sequence[PlannedRoom], now: datetime) -> None:
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


async def _store(tx: Transaction, booking: Booking, new: Sequence[PlannedRoom], result: Amendment) -> None:
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
